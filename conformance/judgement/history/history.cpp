#include "conformance/judgement/history/history.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>

#include "conformance/judgement/history/check.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

// Something that proves that the execution was on record before the list was asked for.
const StatusObservation* known_before(const ExecutionHistory& execution, const RecordedCall& list,
                                      const Policies& policies) {
  for (const StatusObservation& observation : execution.observations) {
    const bool accepted = observation.recorded->method == Method::kInvokeFunction &&
                          wants_async(observation.recorded->request_as<InvokeFunctionRequest>()) &&
                          !may_be_refusal(*observation.recorded, policies);
    if ((accepted || observation.recorded->method == Method::kGetExecutionStatus) &&
        precedes(interval_of(observation), interval_of(list))) {
      return &observation;
    }
  }
  return nullptr;
}

bool is_of_task(const ExecutionHistory& execution, const std::string& task_id) {
  if (task_id.empty()) return true;
  const RecordedCall* const beginning = execution.beginning();
  if (beginning == nullptr) return false;
  const auto& request = beginning->request_as<InvokeFunctionRequest>();
  return request.task_id() == task_id &&
         request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK;
}

// A list that is whole in one page has every execution that was known before it was asked for.
void judge_whole_list(const RecordedCall& list, std::span<const ExecutionHistory> executions,
                      const Policies& policies, Findings& findings) {
  if (list.method != Method::kListExecutions || !list.answered()) return;
  const auto& request = list.request_as<spearlet::ListExecutionsRequest>();
  const auto& answer = list.answer_as<spearlet::ListExecutionsResponse>();
  if (!request.start_after().empty() || answer.has_more() ||
      request.status_filter() != spearlet::EXECUTION_STATUS_UNSPECIFIED) {
    return;
  }
  absl::flat_hash_set<std::string_view> listed;
  for (const auto& info : answer.executions()) listed.insert(info.execution_id());
  bool asked = false;
  for (const ExecutionHistory& execution : executions) {
    if (execution.may_be_deleted || list.returned >= execution.may_be_gone ||
        !is_of_task(execution, request.task_id())) {
      continue;
    }
    const StatusObservation* const known = known_before(execution, list, policies);
    if (known == nullptr) continue;
    asked = true;
    if (listed.contains(execution.id)) continue;
    findings.record_failure("LIST-1",
                            {"a list whose has_more is false has every execution that matches",
                             fmt::format("'{}': {}; {}, after that, does not list it", execution.id,
                                         tell(*known), tell(list)),
                             numbers({known->recorded, &list})});
    return;
  }
  if (asked) findings.record_pass("LIST-1");
}

}  // namespace

void judge_history(std::span<const RecordedCall> recorded_calls, const Policies& policies,
                   Findings& findings) {
  const std::vector<ExecutionHistory> executions = split_by_execution(recorded_calls, policies);
  for (const ExecutionHistory& execution : executions) {
    for (const auto checks : {order_checks(), record_checks(), effect_checks()}) {
      for (const LifeCheck check : checks) check(execution, policies, findings);
    }
  }
  for (const RecordedCall& recorded : recorded_calls) {
    judge_whole_list(recorded, executions, policies, findings);
    // Without an id of the caller's, every call is the first of its execution.
    if (recorded.method == Method::kInvokeFunction &&
        given_id(recorded.request_as<InvokeFunctionRequest>()).empty()) {
      judge_first_answer(recorded, policies, findings);
    }
  }
}

}  // namespace quintain::conformance
