// Runs the checks of all executions of a case, and checks that lists are complete.
#include "conformance/judgement/history/execution_history.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

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

// The executions of a case by id, without those whose id named another execution too.
using ExecutionsById = absl::flat_hash_map<std::string_view, const ExecutionHistory*>;

ExecutionsById by_unique_id(std::span<const ExecutionHistory> executions) {
  ExecutionsById by_id;
  for (const ExecutionHistory& execution : executions) {
    const auto [position, is_new] = by_id.try_emplace(execution.id, &execution);
    if (!is_new) position->second = nullptr;
  }
  return by_id;
}

// Judges that entries are in the order of acceptance. What is known of it: a call was accepted
// while it was open, so of two calls that do not overlap the earlier one was accepted first.
template <class Entries>
void judge_order(const RecordedCall& list, const Entries& entries, const ExecutionsById& executions,
                 std::string_view clause, std::string_view expected, Findings& findings) {
  // Of the entries so far, the one whose call was sent last.
  const ExecutionHistory* latest = nullptr;
  bool judged = false;
  for (const spearlet::ExecutionInfo& info : entries) {
    const auto found = executions.find(info.execution_id());
    const ExecutionHistory* const execution = found == executions.end() ? nullptr : found->second;
    if (execution == nullptr || execution->first_invoke() == nullptr || !execution->fresh) continue;
    if (latest == nullptr) {
      latest = execution;
      continue;
    }
    const Read earlier = interval_of(*latest->first_invoke());
    const Read later = interval_of(*execution->first_invoke());
    judged = judged || precedes(earlier, later);
    if (precedes(later, earlier)) {
      findings.record_failure(
          clause,
          violation(*execution, std::string(expected),
                    {{*execution->first_invoke(), ", was answered first"},
                     {*latest->first_invoke(), ", was sent after that"},
                     {list, fmt::format(", lists '{}' before '{}'", latest->id, execution->id)}}));
      return;
    }
    if (earlier.start < later.start) latest = execution;
  }
  if (judged) findings.record_pass(clause);
}

void judge_order_of_list(const RecordedCall& list, const ExecutionsById& executions,
                         Findings& findings) {
  if (!list.answered()) return;
  if (list.method == Method::kListExecutions) {
    judge_order(list, list.answer_as<spearlet::ListExecutionsResponse>().executions(), executions,
                "LIST-6", "executions are listed in the order of acceptance", findings);
  } else if (list.method == Method::kGetTask) {
    const auto& newest_first = list.answer_as<spearlet::GetTaskResponse>().executions();
    judge_order(list, std::vector(newest_first.rbegin(), newest_first.rend()), executions, "TASK-5",
                "the executions of a task are listed newest first", findings);
  }
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
  judge_delays(executions, policies, findings);
  const ExecutionsById by_id = by_unique_id(executions);
  for (const RecordedCall& recorded : recorded_calls) {
    judge_order_of_list(recorded, by_id, findings);
    judge_complete_list(recorded, executions, policies, findings);
    // A call without an id always starts a new execution.
    if (recorded.method == Method::kInvokeFunction &&
        given_id(recorded.request_as<InvokeFunctionRequest>()).empty()) {
      judge_first_answer(recorded, policies, findings);
    }
  }
}

}  // namespace quintain::conformance
