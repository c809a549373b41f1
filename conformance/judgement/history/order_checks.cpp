#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "conformance/judgement/history/check.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

// How far an execution has come; nothing for what is no status.
std::optional<int> stage_of(spearlet::ExecutionStatus status) {
  if (status == spearlet::EXECUTION_STATUS_PENDING) return 0;
  if (status == spearlet::EXECUTION_STATUS_RUNNING) return 1;
  return core::is_terminal(status) ? std::optional(2) : std::nullopt;
}

// Whether some read was over before another began: without that there is no order to get wrong.
bool any_ordered(const std::vector<Read>& reads) {
  if (reads.empty()) return false;
  const Moment first_end = std::ranges::min(reads, {}, &Read::end).end;
  return first_end <= std::ranges::max(reads, {}, &Read::begin).begin;
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
  const auto contradiction = find_contradiction(reads);
  if (!contradiction) {
    if (!any_ordered(reads)) return;
    findings.record_pass("STATE-1");
    findings.record_pass("STATE-4");
    return;
  }
  const StatusObservation& earlier = *observations[contradiction->earlier];
  const StatusObservation& later = *observations[contradiction->later];
  const std::string observed = tell_both(execution.id, earlier, later);
  const auto calls = numbers({earlier.recorded, later.recorded});
  findings.record_failure(
      "STATE-1", {fmt::format("nothing leads from {} back to {}", status_name(earlier.status),
                              status_name(later.status)),
                  observed, calls});
  findings.record_failure("STATE-4",
                          {fmt::format("once a read has returned {}, no read that begins later "
                                       "returns {}",
                                       status_name(earlier.status), status_name(later.status)),
                           observed, calls});
  if (core::is_terminal(earlier.status)) {
    findings.record_failure(
        "STATE-2",
        {fmt::format("a final status stays: {}", status_name(earlier.status)), observed, calls});
  }
}

// The messages of one stream come in their order, which their intervals alone don't tell.
void streams_advance(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  const StatusObservation* last = nullptr;
  for (const StatusObservation& observation : execution.observations) {
    if (observation.chunk == nullptr || !stage_of(observation.status)) continue;
    if (last != nullptr && last->recorded == observation.recorded &&
        *stage_of(last->status) > *stage_of(observation.status)) {
      findings.record_failure(
          "STATE-1", {fmt::format("nothing leads from {} back to {}", status_name(last->status),
                                  status_name(observation.status)),
                      fmt::format("'{}': {}, and in a later message of that stream {}",
                                  execution.id, tell(*last), status_name(observation.status)),
                      numbers({observation.recorded})});
      return;
    }
    last = &observation;
  }
}

void there_is_one_outcome(const ExecutionHistory& execution, const Policies&, Findings& findings) {
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
  const std::string observed = tell_both(execution.id, first, **other);
  const auto calls = numbers({first.recorded, (*other)->recorded});
  findings.record_failure("STATE-3",
                          {"an execution ends in one way, whoever tells of it", observed, calls});
  if (precedes(interval_of(first), interval_of(**other))) {
    findings.record_failure(
        "STATE-2",
        {fmt::format("a final status stays: {}", status_name(first.status)), observed, calls});
  }
}

// Of which calls it is certain that they saw the record itself.
bool shows_the_record(const StatusObservation& observation) {
  switch (observation.recorded->method) {
    case Method::kGetExecutionStatus:
    case Method::kListExecutions:
    case Method::kGetTask:
      return true;
    case Method::kInvokeFunction:
      // What a SYNC caller was told need not be kept for others.
      return observation.recorded->request_as<spearlet::InvokeFunctionRequest>().execution_mode() ==
             spearlet::EXECUTION_MODE_ASYNC;
    default:
      return false;
  }
}

void what_is_there_is_found(const ExecutionHistory& execution, const Policies& policies,
                            Findings& findings) {
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
  const auto contradiction = find_contradiction(reads);
  if (contradiction) {
    const StatusObservation& seen = *observations[contradiction->earlier];
    const RecordedCall& miss = *recorded_calls[contradiction->later];
    findings.record_failure(
        clause, {"what has been accepted or seen is found by every later status query",
                 fmt::format("'{}': {}; {}, after that, was told found = false", execution.id,
                             tell(seen), tell(miss)),
                 numbers({seen.recorded, &miss})});
  } else if (accepted_async && any_ordered(reads)) {
    findings.record_pass("ASYNC-4");
  }
}

void nothing_is_found_before_it_is_there(const ExecutionHistory& execution, const Policies&,
                                         Findings& findings) {
  // Ids that nobody chose can't be known before.
  if (execution.invokes.empty() || !execution.fresh) return;
  const RecordedCall& first = *execution.invokes.front();
  if (given_id(first.request_as<spearlet::InvokeFunctionRequest>()).empty()) return;
  const Read beginning = interval_of(first);
  for (const StatusObservation& observation : execution.observations) {
    if (!precedes(interval_of(observation), beginning)) continue;
    findings.record_failure("STATE-10",
                            {"an id that was not used yet names nothing",
                             fmt::format("'{}': {}; {} was the first to use the id, after that",
                                         execution.id, tell(observation), tell(first)),
                             numbers({observation.recorded, &first})});
    return;
  }
  const bool asked_before = std::ranges::any_of(execution.misses, [&](const RecordedCall* miss) {
    return precedes(interval_of(*miss), beginning);
  });
  if (asked_before) findings.record_pass("STATE-10");
}

constexpr auto kChecks =
    std::to_array<LifeCheck>({statuses_advance, streams_advance, there_is_one_outcome,
                              what_is_there_is_found, nothing_is_found_before_it_is_there});

}  // namespace

std::span<const LifeCheck> order_checks() { return kChecks; }

}  // namespace quintain::conformance
