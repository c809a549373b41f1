// Runs the checks of all executions of a case, and checks that lists are complete.
#include "conformance/judgement/history/execution_history.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>

#include "conformance/judgement/judge.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

// An observation that proves that the record existed before the list was requested, or nullptr.
const StatusObservation* known_before(const ExecutionHistory& execution, const RecordedCall& list,
                                      const Policies& policies) {
  for (const StatusObservation& observation : execution.observations) {
    const bool accepted = observation.recorded->method == Method::kInvokeFunction &&
                          wants_async(observation.recorded->request_as<InvokeFunctionRequest>()) &&
                          !may_be_refusal(*observation.recorded, policies);
    if ((accepted || observation.recorded->method == Method::kGetExecutionStatus) &&
        before(observation, list)) {
      return &observation;
    }
  }
  return nullptr;
}

bool is_of_task(const ExecutionHistory& execution, const std::string& task_id) {
  if (task_id.empty()) return true;
  const RecordedCall* const invoke = execution.first_invoke();
  if (invoke == nullptr) return false;
  const auto& request = invoke->request_as<InvokeFunctionRequest>();
  return request.task_id() == task_id &&
         request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK;
}

// A list without a next page contains every execution that was known before it was requested.
void judge_complete_list(const RecordedCall& list, std::span<const ExecutionHistory> executions,
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
  bool judged = false;
  for (const ExecutionHistory& execution : executions) {
    if (execution.may_be_deleted || list.returned >= execution.may_be_gone ||
        !is_of_task(execution, request.task_id())) {
      continue;
    }
    const StatusObservation* const known = known_before(execution, list, policies);
    if (known == nullptr) continue;
    judged = true;
    if (listed.contains(execution.id)) continue;
    findings.record_failure(
        "LIST-1",
        violation(execution, "a list with has_more = false contains every execution that matches",
                  {*known, {list, ", after that, does not contain it"}}));
    return;
  }
  if (judged) findings.record_pass("LIST-1");
}

}  // namespace

void judge_history(std::span<const RecordedCall> recorded_calls, const Policies& policies,
                   Findings& findings) {
  const std::vector<ExecutionHistory> executions = split_by_execution(recorded_calls, policies);
  for (const ExecutionHistory& execution : executions) {
    for (const auto checks : {order_checks(), record_checks(), effect_checks()}) {
      for (const HistoryCheck check : checks) check(execution, policies, findings);
    }
  }
  for (const RecordedCall& recorded : recorded_calls) {
    judge_complete_list(recorded, executions, policies, findings);
    // A call without an id always starts a new execution.
    if (recorded.method == Method::kInvokeFunction &&
        given_id(recorded.request_as<InvokeFunctionRequest>()).empty()) {
      judge_first_answer(recorded, policies, findings);
    }
  }
}

}  // namespace quintain::conformance
