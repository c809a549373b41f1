// Checks of the order in which observations of one execution show its status, and of the order in
// which its record is found and not found.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "conformance/judgement/history/execution_history.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

// The position of a status in the life cycle; nullopt for UNSPECIFIED and unknown statuses.
std::optional<int> stage_of(spearlet::ExecutionStatus status) {
  if (status == spearlet::EXECUTION_STATUS_PENDING) return 0;
  if (status == spearlet::EXECUTION_STATUS_RUNNING) return 1;
  return core::is_terminal(status) ? std::optional(2) : std::nullopt;
}

// Whether some read ended before another started. Otherwise every order is possible, and there is
// nothing to judge.
bool any_ordered(const std::vector<Read>& reads) {
  if (reads.empty()) return false;
  const Moment first_end = std::ranges::min(reads, {}, &Read::end).end;
  return first_end <= std::ranges::max(reads, {}, &Read::start).start;
}

void statuses_advance(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  std::vector<const StatusObservation*> observations;
  std::vector<Read> reads;
  for (const StatusObservation& observation : execution.observations) {
    if (const auto stage = stage_of(observation.status)) {
      observations.push_back(&observation);
      reads.push_back(interval_of(observation, *stage));
    }
  }
  const auto found = find_contradiction(reads);
  if (!found) {
    if (!any_ordered(reads)) return;
    findings.record_pass("STATE-1");
    findings.record_pass("STATE-4");
    return;
  }
  const StatusObservation& earlier = *observations[found->earlier];
  const StatusObservation& later = *observations[found->later];
  const auto fail = [&](std::string_view clause, std::string expected) {
    findings.record_failure(clause, contradiction(execution, std::move(expected), earlier, later));
  };
  const std::string from = status_name(earlier.status);
  const std::string to = status_name(later.status);
  fail("STATE-1", fmt::format("the status never goes from {} back to {}", from, to));
  fail("STATE-4",
       fmt::format("after a read has returned {}, no read that starts later returns {}", from, to));
  if (core::is_terminal(earlier.status)) {
    fail("STATE-2", fmt::format("the final status {} never changes", from));
  }
}

// The messages of one stream arrive in order, which their intervals alone do not show.
void streams_advance(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  const StatusObservation* last = nullptr;
  for (const StatusObservation& observation : execution.observations) {
    if (observation.chunk == nullptr || !stage_of(observation.status)) continue;
    if (last != nullptr && last->recorded == observation.recorded &&
        *stage_of(last->status) > *stage_of(observation.status)) {
      const std::string to = status_name(observation.status);
      findings.record_failure(
          "STATE-1",
          violation(execution,
                    fmt::format("the status never goes from {} back to {}",
                                status_name(last->status), to),
                    {{*last, fmt::format(", and then {} in a later message of the stream", to)}}));
      return;
    }
    last = &observation;
  }
}

void outcome_is_unique(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  std::vector<const StatusObservation*> ends;
  for (const StatusObservation& observation : execution.observations) {
    if (core::is_terminal(observation.status)) ends.push_back(&observation);
  }
  if (ends.size() < 2) return;
  std::ranges::stable_sort(ends, {},
                           [](const StatusObservation* end) { return interval_of(*end).end; });
  const StatusObservation& first = *ends.front();
  const auto other = std::ranges::find_if(
      ends, [&](const StatusObservation* end) { return end->status != first.status; });
  if (other == ends.end()) {
    findings.record_pass("STATE-2");
    findings.record_pass("STATE-3");
    return;
  }
  findings.record_failure("STATE-3", contradiction(execution, "", first, **other));
  if (before(first, **other)) {
    findings.record_failure(
        "STATE-2",
        contradiction(execution,
                      fmt::format("the final status {} never changes", status_name(first.status)),
                      first, **other));
  }
}

// Whether the answer was certainly read from the stored record.
bool shows_the_record(const StatusObservation& observation) {
  switch (observation.recorded->method) {
    case Method::kGetExecutionStatus:
    case Method::kListExecutions:
    case Method::kGetTask:
      return true;
    case Method::kInvokeFunction:
      // The record of a SYNC execution need not be visible to others.
      return observation.recorded->request_as<spearlet::InvokeFunctionRequest>().execution_mode() ==
             spearlet::EXECUTION_MODE_ASYNC;
    default:
      return false;
  }
}

void existing_record_is_found(const ExecutionHistory& execution, const Policies& policies,
                              Findings& findings) {
  // Parallel arrays; a miss has no observation.
  std::vector<const StatusObservation*> observations;
  std::vector<const RecordedCall*> recorded_calls;
  std::vector<Read> reads;
  const auto add = [&](const RecordedCall* recorded, const StatusObservation* observation,
                       const Read& read) {
    recorded_calls.push_back(recorded);
    observations.push_back(observation);
    reads.push_back(read);
  };
  bool accepted_async = false;
  for (const StatusObservation& observation : execution.observations) {
    if (!shows_the_record(observation)) continue;
    const bool is_invoke = observation.recorded->method == Method::kInvokeFunction;
    if (is_invoke && may_be_refusal(*observation.recorded, policies)) continue;
    accepted_async = accepted_async || is_invoke;
    add(observation.recorded, &observation, interval_of(observation, 1));
  }
  for (const RecordedCall* miss : execution.misses) {
    if (miss->returned < execution.may_be_gone) add(miss, nullptr, interval_of(*miss, 0));
  }
  const std::string_view clause = accepted_async ? "ASYNC-4" : "STATE-2";
  const auto found = find_contradiction(reads);
  if (found) {
    const StatusObservation& seen = *observations[found->earlier];
    const RecordedCall& miss = *recorded_calls[found->later];
    findings.record_failure(
        clause,
        violation(execution,
                  "an execution that was accepted or seen is found by every later status query",
                  {seen, {miss, ", after that, returned found = false"}}));
  } else if (accepted_async && any_ordered(reads)) {
    findings.record_pass("ASYNC-4");
  }
}

void unused_id_is_not_found(const ExecutionHistory& execution, const Policies&,
                            Findings& findings) {
  // An id that the target chose is not known before.
  if (execution.invokes.empty() || !execution.fresh) return;
  const RecordedCall& first = *execution.invokes.front();
  if (given_id(first.request_as<spearlet::InvokeFunctionRequest>()).empty()) return;
  const Read first_use = interval_of(first);
  for (const StatusObservation& observation : execution.observations) {
    // A cancel of an unknown id is judged by CANCEL-1.
    if (observation.recorded->method == Method::kCancelExecution) continue;
    if (!precedes(interval_of(observation), first_use)) continue;
    findings.record_failure("STATE-10",
                            violation(execution, "an id that was not used yet is not found",
                                      {observation, {first, ", was the first to use the id"}}));
    return;
  }
  const bool queried_before = std::ranges::any_of(execution.misses, [&](const RecordedCall* miss) {
    return precedes(interval_of(*miss), first_use);
  });
  if (queried_before) findings.record_pass("STATE-10");
}

constexpr auto kOrderChecks =
    std::to_array<HistoryCheck>({statuses_advance, streams_advance, outcome_is_unique,
                                 existing_record_is_found, unused_id_is_not_found});

}  // namespace

std::span<const HistoryCheck> order_checks() { return kOrderChecks; }

}  // namespace quintain::conformance
