#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <array>

#include "conformance/history/check.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::CancelExecutionRequest;
using spearlet::CancelExecutionResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;

bool before(const Account& account, const Exchange& exchange) {
  return precedes(interval_of(account), interval_of(exchange));
}

bool before(const Exchange& exchange, const Account& account) {
  return precedes(interval_of(exchange), interval_of(account));
}

bool before(const Exchange& a, const Exchange& b) {
  return precedes(interval_of(a), interval_of(b));
}

bool is_query(const Account& account) {
  return account.exchange->method == Method::kGetExecutionStatus;
}

bool is_from_list(const Account& account) { return account.info != nullptr; }

// ---- ASYNC --------------------------------------------------------------------------------------

// Whether the call was surely the first to use its id.
bool is_first(const Life& life, const Exchange& invoke) {
  return life.fresh && std::ranges::all_of(life.invokes, [&](const Exchange* other) {
           return other == &invoke || before(invoke, *other);
         });
}

void first_answers_are_pending(const Life& life, const Policies& policies, Findings& findings) {
  for (const Exchange* invoke : life.invokes) {
    if (!given_id(invoke->request_as<InvokeFunctionRequest>()).empty() && is_first(life, *invoke)) {
      judge_first_answer(*invoke, policies, findings);
    }
  }
}

void later_failures_have_a_code(const Life& life, const Policies&, Findings& findings) {
  if (life.mode() != spearlet::EXECUTION_MODE_ASYNC) return;
  for (const Account& account : life.accounts) {
    if (!is_query(account) || account.status != spearlet::EXECUTION_STATUS_FAILED) continue;
    if (account.result->error_code().empty()) {
      findings.broken("ASYNC-8",
                      {"a failure after acceptance has an error_code",
                       fmt::format("'{}': {}, without an error_code", life.id, tell(account)),
                       numbers({account.exchange})});
    } else {
      findings.held("ASYNC-8");
    }
    return;
  }
}

// The clause about refusals of that kind.
std::string_view refusal_clause(absl::StatusCode code) {
  if (code == absl::StatusCode::kResourceExhausted) return "ASYNC-9";
  return code == absl::StatusCode::kNotFound ? "ASYNC-6" : "";
}

void refusals_leave_no_record(const Life& life, const Policies&, Findings& findings) {
  if (!life.invokes.empty()) return;  // another call may have had more luck
  for (const Exchange* refused : life.refused) {
    const std::string_view clause = refusal_clause(refused->status.code());
    if (clause.empty()) continue;
    const auto found = std::ranges::find_if(
        life.accounts, [&](const Account& account) { return before(*refused, account); });
    if (found != life.accounts.end()) {
      findings.broken(clause,
                      {"what is refused leaves no record",
                       fmt::format("'{}': {}, was refused with {}; {}", life.id, tell(*refused),
                                   absl::StatusCodeToString(refused->status.code()), tell(*found)),
                       numbers({refused, found->exchange})});
    } else if (std::ranges::any_of(life.misses,
                                   [&](const Exchange* miss) { return before(*refused, *miss); })) {
      findings.held(clause);
    }
  }
}

// ---- CANCEL -------------------------------------------------------------------------------------

bool succeeded(const Exchange& cancel) {
  return cancel.answered() && cancel.answer_as<CancelExecutionResponse>().success();
}

const Account* first_end(const Life& life) {
  const Account* first = nullptr;
  for (const Account& account : life.accounts) {
    if (!core::is_terminal(account.status)) continue;
    if (first == nullptr || interval_of(account).end < interval_of(*first).end) first = &account;
  }
  return first;
}

void a_late_cancel_changes_nothing(const Life& life, const Policies&, Findings& findings) {
  const Account* const end = first_end(life);
  if (end == nullptr) return;
  for (const Exchange* cancel : life.cancels) {
    if (!before(*end, *cancel) || cancel->returned >= life.may_be_gone) continue;
    if (cancel->status.code() == absl::StatusCode::kNotFound ||
        (cancel->answered() && cancel->answer_as<CancelExecutionResponse>().final_status() ==
                                   spearlet::EXECUTION_STATUS_UNSPECIFIED)) {
      // What a SYNC caller was told need not be kept for others.
      if (!is_query(*end) && !is_from_list(*end)) continue;
      findings.broken(
          "CANCEL-2",
          {fmt::format("a cancel after the end is told {}", status_name(end->status)),
           fmt::format("'{}': {}; {}, was told of nothing", life.id, tell(*end), tell(*cancel)),
           numbers({end->exchange, cancel})});
      return;
    }
    if (!cancel->answered()) continue;
    const auto changed = std::ranges::find_if(life.accounts, [&](const Account& account) {
      return account.status != end->status &&
             (account.exchange == cancel || before(*cancel, account));
    });
    if (changed == life.accounts.end()) {
      findings.held("CANCEL-2");
      continue;
    }
    findings.broken(
        "CANCEL-2",
        {fmt::format("a cancel after the end changes nothing and is told {}",
                     status_name(end->status)),
         fmt::format("'{}': {}; {}; {}", life.id, tell(*end), tell(*cancel), tell(*changed)),
         numbers({end->exchange, cancel, changed->exchange})});
    return;
  }
}

void cancelled_does_not_complete(const Life& life, const Policies&, Findings& findings) {
  const auto with_status = [&](spearlet::ExecutionStatus status) {
    return std::ranges::find(life.accounts, status, &Account::status);
  };
  const auto cancelled = with_status(kCancelled);
  const auto completed = with_status(spearlet::EXECUTION_STATUS_COMPLETED);
  const auto none = life.accounts.end();
  if (cancelled == none) return;
  if (completed != none) {
    findings.broken("CANCEL-3", {"what is called CANCELLED does not complete",
                                 tell_both(life.id, *cancelled, *completed),
                                 numbers({cancelled->exchange, completed->exchange})});
  } else if (std::ranges::any_of(life.accounts, [&](const Account& account) {
               return before(*cancelled->exchange, account);
             })) {
    findings.held("CANCEL-3");
  }
}

void success_is_an_effect(const Life& life, const Policies&, Findings& findings) {
  const Account* const end = first_end(life);
  if (end == nullptr) return;
  for (const Exchange* cancel : life.cancels) {
    if (!succeeded(*cancel)) continue;
    const auto otherwise = std::ranges::find_if(life.accounts, [](const Account& account) {
      return core::is_terminal(account.status) && account.status != kCancelled;
    });
    if (otherwise != life.accounts.end()) {
      findings.broken("CANCEL-3", {"a cancel that succeeds ends the execution as CANCELLED",
                                   fmt::format("'{}': {}, succeeded; {}", life.id, tell(*cancel),
                                               tell(*otherwise)),
                                   numbers({cancel, otherwise->exchange})});
      return;
    }
    if (before(*end, *cancel)) {
      findings.broken("CANCEL-3", {"a cancel of what has ended before does not succeed",
                                   fmt::format("'{}': {}; {}, after that, succeeded", life.id,
                                               tell(*end), tell(*cancel)),
                                   numbers({end->exchange, cancel})});
      return;
    }
    findings.held("CANCEL-3");
  }
}

// Where a target may tell the reason.
bool tells(const Account& account, std::string_view reason) {
  const auto in = [&](const std::string& text) { return text.find(reason) != text.npos; };
  const auto& answer = account.exchange->answer_as<spearlet::GetExecutionStatusResponse>();
  return in(account.result->error_message()) || in(account.result->error_code()) ||
         in(answer.message()) ||
         std::ranges::any_of(account.result->metrics(),
                             [&](const auto& metric) { return in(metric.second); });
}

// The reasons of which one has to be told; none if it may have been another's doing. One that is
// empty is told by any record.
std::vector<std::string> possible_reasons(const Life& life) {
  // The leaving of a caller who waits is a cancel too.
  if (life.may_be_deleted || std::ranges::any_of(life.invokes, &Exchange::ambiguous)) return {};
  std::vector<std::string> reasons;
  for (const Exchange* cancel : life.cancels) {
    if (cancel->ended() && !cancel->ambiguous() && !succeeded(*cancel)) continue;
    reasons.push_back(cancel->request_as<CancelExecutionRequest>().reason());
  }
  return reasons;
}

void the_cancelled_stay_on_record(const Life& life, const Policies&, Findings& findings) {
  const std::vector<std::string> reasons = possible_reasons(life);
  for (const Exchange* cancel : life.cancels) {
    if (!succeeded(*cancel)) continue;
    for (const Exchange* miss : life.misses) {
      if (!before(*cancel, *miss) || miss->returned >= life.may_be_gone) continue;
      findings.broken("CANCEL-5", {"a cancelled execution's record stays",
                                   fmt::format("'{}': {}, succeeded; {}, after that, was told "
                                               "found = false",
                                               life.id, tell(*cancel), tell(*miss)),
                                   numbers({cancel, miss})});
      return;
    }
    for (const Account& account : life.accounts) {
      if (!is_query(account) || account.status != kCancelled || !before(*cancel, account)) continue;
      if (!reasons.empty() && std::ranges::none_of(reasons, [&](const std::string& reason) {
            return tells(account, reason);
          })) {
        findings.broken("CANCEL-5",
                        {fmt::format("the record of a cancelled execution tells the reason: '{}'",
                                     fmt::join(reasons, "' or '")),
                         fmt::format("'{}': {}, with error_message '{}'", life.id, tell(account),
                                     account.error_message()),
                         numbers({cancel, account.exchange})});
        return;
      }
      findings.held("CANCEL-5");
    }
  }
}

// ---- IDEM ---------------------------------------------------------------------------------------

bool same_request(const Exchange& a, const Exchange& b) {
  const auto question = [](const Exchange& exchange) {
    auto request = exchange.request_as<InvokeFunctionRequest>();
    request.clear_execution_id();
    request.mutable_context()->clear_execution_id();
    return request;
  };
  return a.method == b.method &&
         google::protobuf::util::MessageDifferencer::Equals(question(a), question(b));
}

// The first call for the id that was accepted, if `second` came after it or beside it. Whatever
// else was sent: what is accepted under an id asks the same as the record that the id names.
const Exchange* accepted_before(const Life& life, const Exchange& second,
                                const Policies& policies) {
  for (const Exchange* other : life.invokes) {
    if (other->number >= second.number) break;
    if (other->method == Method::kInvokeFunction && other->answered() &&
        !may_be_refusal(*other, policies)) {
      return other;
    }
  }
  return nullptr;
}

// Two accounts of which one shows a beginning before the second call, the other another one after
// it.
std::optional<std::pair<const Account*, const Account*>> second_beginning(const Life& life,
                                                                          const Exchange& first,
                                                                          const Exchange& second) {
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  for (const Account& a : life.accounts) {
    if (a.started_at() == nullptr || (a.exchange != &first && !before(a, second))) continue;
    for (const Account& b : life.accounts) {
      if (b.started_at() == nullptr || (b.exchange != &second && !before(second, b))) continue;
      const core::Duration apart = time_of(*b.started_at()) - time_of(*a.started_at());
      if (apart >= kRounding || -apart >= kRounding) return std::pair(&a, &b);
    }
  }
  return std::nullopt;
}

void judge_same_request(const Life& life, const Exchange& first, const Exchange& second,
                        const Policies& policies, Findings& findings) {
  const bool in_flight =
      !before(first, second) || std::ranges::any_of(life.accounts, [&](const Account& account) {
        return is_live(account.status) && (account.exchange == &second || before(second, account));
      });
  const std::string_view clause = in_flight ? "IDEM-3" : "IDEM-1";
  const bool exists = second.status.code() == absl::StatusCode::kAlreadyExists;
  const auto broken = [&](std::string_view expected, std::string observed) {
    findings.broken(clause,
                    {std::string(expected), std::move(observed), numbers({&first, &second})});
  };
  if (policies.duplicate_id == Policies::DuplicateId::kRefused) {
    if (exists) return findings.held(clause);
    if (!second.answered() || may_be_refusal(second, policies)) return;
    return broken("an id that is in use is refused with ALREADY_EXISTS, as declared",
                  fmt::format("'{}': {}, was accepted again", life.id, tell(second)));
  }
  if (exists) {
    return broken("the same id with the same request names the same execution",
                  fmt::format("'{}': {}, was refused with ALREADY_EXISTS", life.id, tell(second)));
  }
  if (!second.answered() || may_be_refusal(second, policies)) return;
  const auto& a = first.answer_as<InvokeFunctionResponse>();
  const auto& b = second.answer_as<InvokeFunctionResponse>();
  if (!a.task_id().empty() && !b.task_id().empty() && a.task_id() != b.task_id()) {
    return broken("the same id with the same request is one record",
                  fmt::format("'{}': {} got task '{}', {} task '{}'", life.id, tell(first),
                              a.task_id(), tell(second), b.task_id()));
  }
  const bool retried = first.request_as<InvokeFunctionRequest>().context().max_retries() > 0;
  const auto two = retried ? std::nullopt : second_beginning(life, first, second);
  if (two) {
    return broken(
        "the same id with the same request runs once",
        tell_both(life.id, *two->first, *two->second) + ": they began at different times");
  }
  findings.held(clause);
}

void ids_name_one_execution(const Life& life, const Policies& policies, Findings& findings) {
  std::vector<const Exchange*> calls = life.invokes;
  for (const Exchange* refused : life.refused) {
    if (refused->returned < life.may_be_gone) calls.push_back(refused);
  }
  for (const Exchange* second : calls) {
    const auto& request = second->request_as<InvokeFunctionRequest>();
    if (second->method != Method::kInvokeFunction || !second->ended() || second->ambiguous() ||
        given_id(request).empty()) {
      continue;
    }
    const Exchange* const first = accepted_before(life, *second, policies);
    if (first == nullptr) continue;
    if (same_request(*first, *second)) {
      judge_same_request(life, *first, *second, policies, findings);
    } else if (second->answered() && !may_be_refusal(*second, policies)) {
      findings.broken("IDEM-2", {"an id that another request uses is refused",
                                 fmt::format("'{}': {} and {} asked for different things, and both "
                                             "were accepted",
                                             life.id, tell(*first), tell(*second)),
                                 numbers({first, second})});
    } else if (before(*first, *second)) {
      findings.held("IDEM-2");
    }
  }
}

void records_expire(const Life& life, const Policies& policies, Findings& findings) {
  if (policies.retention == core::kForever) return;
  if (life.renewed && life.fresh && life.beginning() != nullptr) findings.held("IDEM-4");
  const Account* const end = first_end(life);
  if (end == nullptr) return;
  const core::Instant gone = end->at + policies.retention + policies.grace;
  for (const Account& account : life.accounts) {
    if (!is_query(account) || account.exchange->sent <= gone) continue;
    findings.broken("IDEM-4",
                    {"past the retention a record is not found", tell_both(life.id, *end, account),
                     numbers({end->exchange, account.exchange})});
    return;
  }
  for (const Exchange* refused : life.refused) {
    if (refused->sent <= gone || refused->status.code() != absl::StatusCode::kAlreadyExists) {
      continue;
    }
    findings.broken("IDEM-4", {"past the retention an id is free",
                               fmt::format("'{}': {}; {}, was refused with ALREADY_EXISTS", life.id,
                                           tell(*end), tell(*refused)),
                               numbers({end->exchange, refused})});
    return;
  }
  if (std::ranges::any_of(life.misses, [&](const Exchange* miss) { return miss->sent > gone; })) {
    findings.held("IDEM-4");
  }
}

constexpr auto kChecks = std::to_array<LifeCheck>(
    {first_answers_are_pending, later_failures_have_a_code, refusals_leave_no_record,
     a_late_cancel_changes_nothing, cancelled_does_not_complete, success_is_an_effect,
     the_cancelled_stay_on_record, ids_name_one_execution, records_expire});

}  // namespace

void judge_first_answer(const Exchange& invoke, const Policies& policies, Findings& findings) {
  if (invoke.method != Method::kInvokeFunction || !invoke.answered() ||
      may_be_refusal(invoke, policies) ||
      !wants_async(invoke.request_as<InvokeFunctionRequest>())) {
    return;
  }
  const auto& answer = invoke.answer_as<InvokeFunctionResponse>();
  const auto& result = answer.result();
  const auto broken = [&](std::string observed) {
    findings.broken("ASYNC-1", {"the first answer is PENDING, without payload and without an end",
                                tell(invoke) + ": " + std::move(observed), numbers({&invoke})});
  };
  if (!answer.has_result()) return broken("the answer has no result");
  if (result.status() != spearlet::EXECUTION_STATUS_PENDING) {
    return broken("the answer says " + status_name(result.status()));
  }
  if (result.has_completed_at()) return broken("the answer has a completed_at");
  if (accounts_of(invoke).front().has_payload()) return broken("the answer has a payload");
  findings.held("ASYNC-1");
}

std::span<const LifeCheck> effect_checks() { return kChecks; }

}  // namespace quintain::conformance
