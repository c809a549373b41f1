#include "conformance/history/history.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>

#include "conformance/history/check.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

// Something that proves that the execution was on record before the list was asked for.
const Account* known_before(const Life& life, const Exchange& list, const Policies& policies) {
  for (const Account& account : life.accounts) {
    const bool accepted = account.exchange->method == Method::kInvokeFunction &&
                          wants_async(account.exchange->request_as<InvokeFunctionRequest>()) &&
                          !may_be_refusal(*account.exchange, policies);
    if ((accepted || account.exchange->method == Method::kGetExecutionStatus) &&
        precedes(interval_of(account), interval_of(list))) {
      return &account;
    }
  }
  return nullptr;
}

bool is_of_task(const Life& life, const std::string& task_id) {
  if (task_id.empty()) return true;
  const Exchange* const beginning = life.beginning();
  if (beginning == nullptr) return false;
  const auto& request = beginning->request_as<InvokeFunctionRequest>();
  return request.task_id() == task_id &&
         request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK;
}

// A list that is whole in one page has every execution that was known before it was asked for.
void judge_whole_list(const Exchange& list, std::span<const Life> lives, const Policies& policies,
                      Findings& findings) {
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
  for (const Life& life : lives) {
    if (life.may_be_deleted || list.returned >= life.may_be_gone ||
        !is_of_task(life, request.task_id())) {
      continue;
    }
    const Account* const known = known_before(life, list, policies);
    if (known == nullptr) continue;
    asked = true;
    if (listed.contains(life.id)) continue;
    findings.broken("LIST-1", {"a list whose has_more is false has every execution that matches",
                               fmt::format("'{}': {}; {}, after that, does not list it", life.id,
                                           tell(*known), tell(list)),
                               numbers({known->exchange, &list})});
    return;
  }
  if (asked) findings.held("LIST-1");
}

}  // namespace

void judge_history(std::span<const Exchange> exchanges, const Policies& policies,
                   Findings& findings) {
  const std::vector<Life> lives = lives_of(exchanges, policies);
  for (const Life& life : lives) {
    for (const auto checks : {order_checks(), record_checks(), effect_checks()}) {
      for (const LifeCheck check : checks) check(life, policies, findings);
    }
  }
  for (const Exchange& exchange : exchanges) {
    judge_whole_list(exchange, lives, policies, findings);
    // Without an id of the caller's, every call is the first of its execution.
    if (exchange.method == Method::kInvokeFunction &&
        given_id(exchange.request_as<InvokeFunctionRequest>()).empty()) {
      judge_first_answer(exchange, policies, findings);
    }
  }
}

}  // namespace quintain::conformance
