// Checks that all answers report the same times, error and payload for an execution, and the task
// and function of its request.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "conformance/judgement/history/execution_history.h"
#include "core/base/duration_text.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Timestamp;

bool includes_result(const StatusObservation& observation) {
  return !is_query(observation) ||
         observation.recorded->request_as<spearlet::GetExecutionStatusRequest>().include_result();
}

// Queries read the same record, so their times are equal. Other answers may have another source (a
// SYNC answer from memory, a list entry from an index) with times truncated to milliseconds.
bool same_time(const Timestamp& a, const Timestamp& b, bool exactly) {
  const core::Duration apart = time_of(a) - time_of(b);
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  return exactly ? apart == core::Duration::zero() : apart < kRounding && -apart < kRounding;
}

std::string text_of(const Timestamp* time) {
  return time == nullptr ? "unset" : google::protobuf::util::TimeUtil::ToString(*time);
}

// A field in which two observations differ: "completed_at is 12:00 and 12:01".
struct Difference {
  std::string text{};
  bool is_time = false;
};

std::optional<Difference> time_difference(std::string_view name, const Timestamp* a,
                                          const Timestamp* b, bool exactly) {
  if (a == nullptr && b == nullptr) return std::nullopt;
  if (a != nullptr && b != nullptr && same_time(*a, *b, exactly)) return std::nullopt;
  return Difference{fmt::format("{} is {} and {}", name, text_of(a), text_of(b)), true};
}

std::optional<Difference> number_difference(std::string_view name, std::int64_t a, std::int64_t b) {
  if (a == b) return std::nullopt;
  return Difference{fmt::format("{} is {} and {}", name, a, b)};
}

// Requires: both observations have a result, or both have an info.
const google::protobuf::Map<std::string, std::string>& extras(
    const StatusObservation& observation) {
  return observation.result != nullptr ? observation.result->metrics()
                                       : observation.info->metadata();
}

std::optional<Difference> extras_difference(const StatusObservation& a,
                                            const StatusObservation& b) {
  // An answer to an invocation may have more to say than the record.
  const bool comparable = (is_query(a) && is_query(b)) || (a.info != nullptr && b.info != nullptr);
  if (!comparable) return std::nullopt;
  const auto& in_a = extras(a);
  const auto& in_b = extras(b);
  for (const auto& [name, value] : in_a) {
    const auto found = in_b.find(name);
    if (found == in_b.end()) return Difference{fmt::format("'{}' is in only one of them", name)};
    if (found->second != value) {
      return Difference{fmt::format("'{}' is '{}' and '{}'", name, value, found->second)};
    }
  }
  if (in_a.size() == in_b.size()) return std::nullopt;
  return Difference{fmt::format("one has {} metrics, the other {}", in_a.size(), in_b.size())};
}

// The first difference between two observations of an ended execution, apart from the status and
// the payload.
std::optional<Difference> difference(const StatusObservation& a, const StatusObservation& b) {
  const bool exactly = is_query(a) && is_query(b);
  if (auto found = time_difference("started_at", a.started_at(), b.started_at(), exactly)) {
    return found;
  }
  if (auto found = time_difference("completed_at", a.completed_at(), b.completed_at(), exactly)) {
    return found;
  }
  if (auto found =
          number_difference("execution_time_ms", a.execution_time_ms(), b.execution_time_ms())) {
    return found;
  }
  if (auto found =
          number_difference("memory_used_bytes", a.memory_used_bytes(), b.memory_used_bytes())) {
    return found;
  }
  if (auto found = extras_difference(a, b)) return found;
  if (a.result != nullptr && b.result != nullptr &&
      a.result->error_code() != b.result->error_code()) {
    return Difference{
        fmt::format("error_code is '{}' and '{}'", a.result->error_code(), b.result->error_code())};
  }
  // A list may omit the message.
  const bool in_list = a.info != nullptr || b.info != nullptr;
  if (in_list && (a.error_message().empty() || b.error_message().empty())) return std::nullopt;
  if (a.error_message() != b.error_message()) {
    return Difference{
        fmt::format("error_message is '{}' and '{}'", a.error_message(), b.error_message())};
  }
  return std::nullopt;
}

// The observations of the ended execution with times and error: no bare statuses and no messages of
// streams.
std::vector<const StatusObservation*> ends_of(const ExecutionHistory& execution) {
  std::vector<const StatusObservation*> ends;
  for (const StatusObservation& observation : execution.observations) {
    if (core::is_terminal(observation.status) &&
        (observation.result != nullptr || observation.info != nullptr)) {
      ends.push_back(&observation);
    }
  }
  std::ranges::stable_sort(ends, {},
                           [](const StatusObservation* end) { return interval_of(*end).end; });
  return ends;
}

void ended_record_is_constant(const ExecutionHistory& execution, const Policies& policies,
                              Findings& findings) {
  std::vector<const StatusObservation*> ends = ends_of(execution);
  // A refused call has no record to agree with.
  std::erase_if(ends, [&](const StatusObservation* end) {
    return end->recorded->method == Method::kInvokeFunction &&
           may_be_refusal(*end->recorded, policies);
  });
  if (ends.size() < 2) return;
  // Exact equality is transitive, so comparing all with one query is enough.
  const auto query =
      std::ranges::find_if(ends, [](const StatusObservation* end) { return is_query(*end); });
  const StatusObservation& reference = query != ends.end() ? **query : *ends.front();
  bool omission_agrees = false;
  for (const StatusObservation* end : ends) {
    if (end == &reference || end->status != reference.status) continue;
    const bool omits = includes_result(*end) != includes_result(reference);
    const auto found = difference(reference, *end);
    if (!found) {
      omission_agrees = omission_agrees || omits;
      continue;
    }
    const Violation found_violation =
        contradiction(execution, "what answers report of an ended execution does not change",
                      reference, *end, found->text);
    findings.record_failure("STATE-2", found_violation);
    if (found->is_time) findings.record_failure("STATE-6", found_violation);
    if (omits) findings.record_failure("STATE-9", found_violation);
    return;
  }
  findings.record_pass("STATE-2");
  if (omission_agrees) findings.record_pass("STATE-9");
}

void started_at_is_constant(const ExecutionHistory& execution, const Policies&,
                            Findings& findings) {
  // With retries it may be the start of the first or of the last attempt.
  for (const RecordedCall* invoke : execution.invokes) {
    if (invoke->request_as<spearlet::InvokeFunctionRequest>().context().max_retries() > 0) return;
  }
  const StatusObservation* first = nullptr;
  for (const StatusObservation& observation : execution.observations) {
    if (observation.started_at() == nullptr) continue;
    if (first == nullptr) {
      first = &observation;
      continue;
    }
    if (core::is_terminal(first->status) && core::is_terminal(observation.status)) continue;
    if (same_time(*first->started_at(), *observation.started_at(),
                  is_query(*first) && is_query(observation))) {
      continue;
    }
    const std::string difference = fmt::format(
        "started_at is {} and {}", text_of(first->started_at()), text_of(observation.started_at()));
    findings.record_failure(
        "STATE-6", contradiction(execution, "started_at does not change once it is set", *first,
                                 observation, difference));
    return;
  }
}

void payload_is_constant(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  const StatusObservation* first = nullptr;
  bool compared = false;
  for (const StatusObservation& observation : execution.observations) {
    if (observation.result == nullptr ||
        observation.status != spearlet::EXECUTION_STATUS_COMPLETED ||
        !includes_result(observation)) {
      continue;
    }
    if (first == nullptr) {
      first = &observation;
      continue;
    }
    const auto& a = first->result->result();
    const auto& b = observation.result->result();
    compared = true;
    if (a.type_url() == b.type_url() && a.value() == b.value()) continue;
    const auto size = [](const StatusObservation& seen, const google::protobuf::Any& any) {
      return seen.has_payload() ? fmt::format("{} bytes of {}", any.value().size(), any.type_url())
                                : std::string("nothing");
    };
    const Violation found_violation = contradiction(
        execution, "every answer with a result has the same one", *first, observation,
        fmt::format("the result is {} and {}", size(*first, a), size(observation, b)));
    findings.record_failure("STATE-9", found_violation);
    if (is_query(*first) && is_query(observation))
      findings.record_failure("STATE-2", found_violation);
    return;
  }
  if (compared) findings.record_pass("STATE-9");
}

void lists_match_the_request(const ExecutionHistory& execution, const Policies&,
                             Findings& findings) {
  const RecordedCall* const invoke = execution.first_invoke();
  if (invoke == nullptr || !execution.fresh || execution.invokes.size() > 1) return;
  const auto& request = invoke->request_as<spearlet::InvokeFunctionRequest>();
  const bool names_a_task = request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK &&
                            !request.create_if_not_exists() && !request.task_id().empty();
  for (const StatusObservation& observation : execution.observations) {
    if (observation.info == nullptr) continue;
    const auto& info = *observation.info;
    const bool task_matches =
        !names_a_task || info.task_id().empty() || info.task_id() == request.task_id();
    const bool function_matches = info.function_name().empty() || request.function_name().empty() ||
                                  info.function_name() == request.function_name();
    if (task_matches && function_matches) {
      findings.record_pass("SYNC-6");
      return;
    }
    const std::string expected =
        fmt::format("the task is '{}' and the function '{}', as in the request", request.task_id(),
                    request.function_name());
    const std::string addition =
        fmt::format(", with task '{}' and function '{}'", info.task_id(), info.function_name());
    findings.record_failure("SYNC-6",
                            violation(execution, expected, {*invoke, {observation, addition}}));
    return;
  }
}

// How an entry of a list contradicts a status query that shows the same end; empty if it does not.
std::string difference_to_query(const spearlet::ExecutionInfo& info,
                                const spearlet::ExecutionResult& result) {
  // Each may be truncated to milliseconds.
  if (std::abs(info.execution_time_ms() - result.execution_time_ms()) > 1) {
    return fmt::format("execution_time_ms is {} and {}", info.execution_time_ms(),
                       result.execution_time_ms());
  }
  if (info.error_message() != result.error_message()) {
    return fmt::format("error_message is '{}' and '{}'", info.error_message(),
                       result.error_message());
  }
  return {};
}

void entries_agree_with_the_request(const ExecutionHistory& execution, const Policies&,
                                    Findings& findings) {
  const RecordedCall* const invoke = execution.first_invoke();
  if (invoke == nullptr || !execution.fresh) return;
  const auto& request = invoke->request_as<spearlet::InvokeFunctionRequest>();
  for (const StatusObservation& observation : execution.observations) {
    if (observation.info == nullptr) continue;
    const auto& info = *observation.info;
    const auto mode = request.execution_mode();
    const bool is_known_mode = mode == spearlet::EXECUTION_MODE_SYNC ||
                               mode == spearlet::EXECUTION_MODE_ASYNC ||
                               mode == spearlet::EXECUTION_MODE_STREAM;
    if ((!is_known_mode || info.execution_mode() == mode) &&
        info.function_name() == request.function_name()) {
      findings.record_pass("LIST-8");
      continue;
    }
    const std::string addition =
        fmt::format(", with function '{}' and mode {}", info.function_name(),
                    static_cast<int>(info.execution_mode()));
    findings.record_failure(
        "LIST-8", violation(execution, "an entry has the function and the mode of the request",
                            {*invoke, {observation, addition}}));
    return;
  }
}

void entries_agree_with_queries(const ExecutionHistory& execution, const Policies&,
                                Findings& findings) {
  const std::vector<const StatusObservation*> ends = ends_of(execution);
  const auto query =
      std::ranges::find_if(ends, [](const StatusObservation* end) { return is_query(*end); });
  if (query == ends.end()) return;
  for (const StatusObservation* end : ends) {
    if (end->info == nullptr || end->status != (*query)->status) continue;
    const std::string found = difference_to_query(*end->info, *(*query)->result);
    if (found.empty()) {
      findings.record_pass("LIST-8");
      continue;
    }
    findings.record_failure(
        "LIST-8", contradiction(execution, "an entry reports what a status query reports", **query,
                                *end, found));
    return;
  }
}

void times_are_after_acceptance(const ExecutionHistory& execution, const Policies&,
                                Findings& findings) {
  const RecordedCall* const invoke = execution.first_invoke();
  if (invoke == nullptr || !execution.fresh || !invoke->wall_sent) return;
  // Times may be truncated to milliseconds.
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  const core::Duration earliest =
      invoke->wall_sent->since_epoch - invoke->clock_tolerance - kRounding;
  for (const StatusObservation& observation : execution.observations) {
    const Timestamp* const started = observation.started_at();
    const Timestamp* const completed = observation.completed_at();
    if (started == nullptr && completed == nullptr) continue;
    const Timestamp& first = started != nullptr ? *started : *completed;
    if (time_of(first) >= earliest) {
      findings.record_pass("STATE-13");
      continue;
    }
    const std::string addition = fmt::format(", with a time {} before the call",
                                             core::format_duration(earliest - time_of(first)));
    const Violation found = violation(
        execution, "an execution does not start or end before the call that started it was sent",
        {*invoke, {observation, addition}});
    findings.record_failure("STATE-13", found);
    if (started != nullptr) findings.record_failure("STATE-6", found);
    return;
  }
}

constexpr auto kRecordChecks = std::to_array<HistoryCheck>(
    {ended_record_is_constant, started_at_is_constant, payload_is_constant, lists_match_the_request,
     entries_agree_with_the_request, entries_agree_with_queries, times_are_after_acceptance});

}  // namespace

std::span<const HistoryCheck> record_checks() { return kRecordChecks; }

}  // namespace quintain::conformance
