#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>

#include "conformance/judgement/history/check.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Timestamp;

bool is_query(const StatusObservation& observation) {
  return observation.recorded->method == Method::kGetExecutionStatus;
}

bool includes_result(const StatusObservation& observation) {
  return !is_query(observation) ||
         observation.recorded->request_as<spearlet::GetExecutionStatusRequest>().include_result();
}

// Queries read one record, so they agree to the last digit. Other answers may come from elsewhere
// (a SYNC answer from memory, an entry from an index), where times may be kept in milliseconds.
bool same_time(const Timestamp& a, const Timestamp& b, bool exactly) {
  const core::Duration apart = time_of(a) - time_of(b);
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  return exactly ? apart == core::Duration::zero() : apart < kRounding && -apart < kRounding;
}

std::string text_of(const Timestamp* time) {
  return time == nullptr ? "unset" : google::protobuf::util::TimeUtil::ToString(*time);
}

// What one observation says differently from another: "completed_at 12:00 and 12:01".
struct Difference {
  std::string text{};
  // It is about a time.
  bool of_time = false;
};

std::optional<Difference> time_difference(std::string_view name, const Timestamp* a,
                                          const Timestamp* b, bool exactly) {
  if (a == nullptr && b == nullptr) return std::nullopt;
  if (a != nullptr && b != nullptr && same_time(*a, *b, exactly)) return std::nullopt;
  return Difference{fmt::format("{} is {} and {}", name, text_of(a), text_of(b)), true};
}

// How two observations of an execution's end differ, apart from the status and the payload.
std::optional<Difference> difference(const StatusObservation& a, const StatusObservation& b) {
  const bool exactly = is_query(a) && is_query(b);
  if (auto found = time_difference("started_at", a.started_at(), b.started_at(), exactly)) {
    return found;
  }
  if (auto found = time_difference("completed_at", a.completed_at(), b.completed_at(), exactly)) {
    return found;
  }
  if (a.result != nullptr && b.result != nullptr &&
      a.result->error_code() != b.result->error_code()) {
    return Difference{
        fmt::format("error_code is '{}' and '{}'", a.result->error_code(), b.result->error_code())};
  }
  // A list may leave the text out.
  const bool in_list = a.info != nullptr || b.info != nullptr;
  if (in_list && (a.error_message().empty() || b.error_message().empty())) return std::nullopt;
  if (a.error_message() != b.error_message()) {
    return Difference{
        fmt::format("error_message is '{}' and '{}'", a.error_message(), b.error_message())};
  }
  return std::nullopt;
}

// The observations that describe the end: all but mere statuses and streams' messages.
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

void the_end_is_told_alike(const ExecutionHistory& execution, const Policies& policies,
                           Findings& findings) {
  std::vector<const StatusObservation*> ends = ends_of(execution);
  // Something that was never accepted has no record to agree with.
  std::erase_if(ends, [&](const StatusObservation* end) {
    return end->recorded->method == Method::kInvokeFunction &&
           may_be_refusal(*end->recorded, policies);
  });
  if (ends.size() < 2) return;
  // Agreeing to the last digit is transitive, so one query stands for all of them.
  const auto query =
      std::ranges::find_if(ends, [](const StatusObservation* end) { return is_query(*end); });
  const StatusObservation& standard = query != ends.end() ? **query : *ends.front();
  bool cut_agrees = false;
  for (const StatusObservation* end : ends) {
    if (end == &standard || end->status != standard.status) continue;
    const bool cut = includes_result(*end) != includes_result(standard);
    const auto found = difference(standard, *end);
    if (!found) {
      cut_agrees = cut_agrees || cut;
      continue;
    }
    const Violation violation = {"what is told of an execution that has ended does not change",
                                 tell_both(execution.id, standard, *end) + ": " + found->text,
                                 numbers({standard.recorded, end->recorded})};
    findings.record_failure("STATE-2", violation);
    if (found->of_time) findings.record_failure("STATE-6", violation);
    if (cut) findings.record_failure("STATE-9", violation);
    return;
  }
  findings.record_pass("STATE-2");
  if (cut_agrees) findings.record_pass("STATE-9");
}

void started_at_stays(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  // Of repeated attempts it may be the first or the last that counts.
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
    findings.record_failure(
        "STATE-6",
        {"started_at does not move once it is set",
         fmt::format("{}: started_at is {} and {}", tell_both(execution.id, *first, observation),
                     text_of(first->started_at()), text_of(observation.started_at())),
         numbers({first->recorded, observation.recorded})});
    return;
  }
}

void the_payload_is_one(const ExecutionHistory& execution, const Policies&, Findings& findings) {
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
    const auto size = [](const StatusObservation& told, const google::protobuf::Any& any) {
      return told.has_payload() ? fmt::format("{} bytes of {}", any.value().size(), any.type_url())
                                : std::string("nothing");
    };
    const Violation violation = {
        "the result that is told is the same for everybody who asks for it",
        fmt::format("{}: the result is {} and {}", tell_both(execution.id, *first, observation),
                    size(*first, a), size(observation, b)),
        numbers({first->recorded, observation.recorded})};
    findings.record_failure("STATE-9", violation);
    if (is_query(*first) && is_query(observation)) findings.record_failure("STATE-2", violation);
    return;
  }
  if (compared) findings.record_pass("STATE-9");
}

void lists_name_what_was_asked_for(const ExecutionHistory& execution, const Policies&,
                                   Findings& findings) {
  const RecordedCall* const beginning = execution.beginning();
  if (beginning == nullptr || !execution.fresh || execution.invokes.size() > 1) return;
  const auto& request = beginning->request_as<spearlet::InvokeFunctionRequest>();
  const bool names_a_task = request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK &&
                            !request.create_if_not_exists() && !request.task_id().empty();
  for (const StatusObservation& observation : execution.observations) {
    if (observation.info == nullptr) continue;
    const auto& info = *observation.info;
    const bool task_fits =
        !names_a_task || info.task_id().empty() || info.task_id() == request.task_id();
    const bool function_fits = info.function_name().empty() || request.function_name().empty() ||
                               info.function_name() == request.function_name();
    if (task_fits && function_fits) {
      findings.record_pass("SYNC-6");
      return;
    }
    findings.record_failure(
        "SYNC-6", {fmt::format("'{}' is of task '{}', function '{}', as it was asked for",
                               execution.id, request.task_id(), request.function_name()),
                   fmt::format("{}: task '{}', function '{}'", tell(observation), info.task_id(),
                               info.function_name()),
                   numbers({beginning, observation.recorded})});
    return;
  }
}

constexpr auto kChecks = std::to_array<LifeCheck>(
    {the_end_is_told_alike, started_at_stays, the_payload_is_one, lists_name_what_was_asked_for});

}  // namespace

std::span<const LifeCheck> record_checks() { return kChecks; }

}  // namespace quintain::conformance
