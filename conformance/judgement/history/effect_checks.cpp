#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <array>

#include "conformance/judgement/history/check.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::CancelExecutionRequest;
using spearlet::CancelExecutionResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;

bool before(const StatusObservation& observation, const RecordedCall& recorded) {
  return precedes(interval_of(observation), interval_of(recorded));
}

bool before(const RecordedCall& recorded, const StatusObservation& observation) {
  return precedes(interval_of(recorded), interval_of(observation));
}

bool before(const RecordedCall& a, const RecordedCall& b) {
  return precedes(interval_of(a), interval_of(b));
}

bool is_query(const StatusObservation& observation) {
  return observation.recorded->method == Method::kGetExecutionStatus;
}

bool is_from_list(const StatusObservation& observation) { return observation.info != nullptr; }

// ---- ASYNC --------------------------------------------------------------------------------------

// Whether the call was surely the first to use its id.
bool is_first(const ExecutionHistory& execution, const RecordedCall& invoke) {
  return execution.fresh && std::ranges::all_of(execution.invokes, [&](const RecordedCall* other) {
           return other == &invoke || before(invoke, *other);
         });
}

void first_answers_are_pending(const ExecutionHistory& execution, const Policies& policies,
                               Findings& findings) {
  for (const RecordedCall* invoke : execution.invokes) {
    if (!given_id(invoke->request_as<InvokeFunctionRequest>()).empty() &&
        is_first(execution, *invoke)) {
      judge_first_answer(*invoke, policies, findings);
    }
  }
}

void later_failures_have_a_code(const ExecutionHistory& execution, const Policies&,
                                Findings& findings) {
  if (execution.mode() != spearlet::EXECUTION_MODE_ASYNC) return;
  for (const StatusObservation& observation : execution.observations) {
    if (!is_query(observation) || observation.status != spearlet::EXECUTION_STATUS_FAILED) continue;
    if (observation.result->error_code().empty()) {
      findings.record_failure("ASYNC-8", {"a failure after acceptance has an error_code",
                                          fmt::format("'{}': {}, without an error_code",
                                                      execution.id, tell(observation)),
                                          numbers({observation.recorded})});
    } else {
      findings.record_pass("ASYNC-8");
    }
    return;
  }
}

// The clause about refusals of that kind.
std::string_view refusal_clause(absl::StatusCode code) {
  if (code == absl::StatusCode::kResourceExhausted) return "ASYNC-9";
  return code == absl::StatusCode::kNotFound ? "ASYNC-6" : "";
}

void refusals_leave_no_record(const ExecutionHistory& execution, const Policies&,
                              Findings& findings) {
  if (!execution.invokes.empty()) return;  // another call may have had more luck
  for (const RecordedCall* refused : execution.refused) {
    const std::string_view clause = refusal_clause(refused->status.code());
    if (clause.empty()) continue;
    const auto found = std::ranges::find_if(
        execution.observations,
        [&](const StatusObservation& observation) { return before(*refused, observation); });
    if (found != execution.observations.end()) {
      findings.record_failure(
          clause, {"what is refused leaves no record",
                   fmt::format("'{}': {}, was refused with {}; {}", execution.id, tell(*refused),
                               absl::StatusCodeToString(refused->status.code()), tell(*found)),
                   numbers({refused, found->recorded})});
    } else if (std::ranges::any_of(execution.misses, [&](const RecordedCall* miss) {
                 return before(*refused, *miss);
               })) {
      findings.record_pass(clause);
    }
  }
}

// ---- CANCEL -------------------------------------------------------------------------------------

bool succeeded(const RecordedCall& cancel) {
  return cancel.answered() && cancel.answer_as<CancelExecutionResponse>().success();
}

const StatusObservation* first_end(const ExecutionHistory& execution) {
  const StatusObservation* first = nullptr;
  for (const StatusObservation& observation : execution.observations) {
    if (!core::is_terminal(observation.status)) continue;
    if (first == nullptr || interval_of(observation).end < interval_of(*first).end)
      first = &observation;
  }
  return first;
}

void a_late_cancel_changes_nothing(const ExecutionHistory& execution, const Policies&,
                                   Findings& findings) {
  const StatusObservation* const end = first_end(execution);
  if (end == nullptr) return;
  for (const RecordedCall* cancel : execution.cancels) {
    if (!before(*end, *cancel) || cancel->returned >= execution.may_be_gone) continue;
    if (cancel->status.code() == absl::StatusCode::kNotFound ||
        (cancel->answered() && cancel->answer_as<CancelExecutionResponse>().final_status() ==
                                   spearlet::EXECUTION_STATUS_UNSPECIFIED)) {
      // What a SYNC caller was told need not be kept for others.
      if (!is_query(*end) && !is_from_list(*end)) continue;
      findings.record_failure(
          "CANCEL-2", {fmt::format("a cancel after the end is told {}", status_name(end->status)),
                       fmt::format("'{}': {}; {}, was told of nothing", execution.id, tell(*end),
                                   tell(*cancel)),
                       numbers({end->recorded, cancel})});
      return;
    }
    if (!cancel->answered()) continue;
    const auto changed =
        std::ranges::find_if(execution.observations, [&](const StatusObservation& observation) {
          return observation.status != end->status &&
                 (observation.recorded == cancel || before(*cancel, observation));
        });
    if (changed == execution.observations.end()) {
      findings.record_pass("CANCEL-2");
      continue;
    }
    findings.record_failure(
        "CANCEL-2",
        {fmt::format("a cancel after the end changes nothing and is told {}",
                     status_name(end->status)),
         fmt::format("'{}': {}; {}; {}", execution.id, tell(*end), tell(*cancel), tell(*changed)),
         numbers({end->recorded, cancel, changed->recorded})});
    return;
  }
}

void cancelled_does_not_complete(const ExecutionHistory& execution, const Policies&,
                                 Findings& findings) {
  const auto with_status = [&](spearlet::ExecutionStatus status) {
    return std::ranges::find(execution.observations, status, &StatusObservation::status);
  };
  const auto cancelled = with_status(kCancelled);
  const auto completed = with_status(spearlet::EXECUTION_STATUS_COMPLETED);
  const auto none = execution.observations.end();
  if (cancelled == none) return;
  if (completed != none) {
    findings.record_failure("CANCEL-3", {"what is called CANCELLED does not complete",
                                         tell_both(execution.id, *cancelled, *completed),
                                         numbers({cancelled->recorded, completed->recorded})});
  } else if (std::ranges::any_of(execution.observations, [&](const StatusObservation& observation) {
               return before(*cancelled->recorded, observation);
             })) {
    findings.record_pass("CANCEL-3");
  }
}

void success_is_an_effect(const ExecutionHistory& execution, const Policies&, Findings& findings) {
  const StatusObservation* const end = first_end(execution);
  if (end == nullptr) return;
  for (const RecordedCall* cancel : execution.cancels) {
    if (!succeeded(*cancel)) continue;
    const auto otherwise =
        std::ranges::find_if(execution.observations, [](const StatusObservation& observation) {
          return core::is_terminal(observation.status) && observation.status != kCancelled;
        });
    if (otherwise != execution.observations.end()) {
      findings.record_failure("CANCEL-3", {"a cancel that succeeds ends the execution as CANCELLED",
                                           fmt::format("'{}': {}, succeeded; {}", execution.id,
                                                       tell(*cancel), tell(*otherwise)),
                                           numbers({cancel, otherwise->recorded})});
      return;
    }
    if (before(*end, *cancel)) {
      findings.record_failure("CANCEL-3", {"a cancel of what has ended before does not succeed",
                                           fmt::format("'{}': {}; {}, after that, succeeded",
                                                       execution.id, tell(*end), tell(*cancel)),
                                           numbers({end->recorded, cancel})});
      return;
    }
    findings.record_pass("CANCEL-3");
  }
}

// Where a target may tell the reason.
bool tells(const StatusObservation& observation, std::string_view reason) {
  const auto in = [&](const std::string& text) { return text.find(reason) != text.npos; };
  const auto& answer = observation.recorded->answer_as<spearlet::GetExecutionStatusResponse>();
  return in(observation.result->error_message()) || in(observation.result->error_code()) ||
         in(answer.message()) ||
         std::ranges::any_of(observation.result->metrics(),
                             [&](const auto& metric) { return in(metric.second); });
}

// The reasons of which one has to be told; none if it may have been another's doing. One that is
// empty is told by any record.
std::vector<std::string> possible_reasons(const ExecutionHistory& execution) {
  // The leaving of a caller who waits is a cancel too.
  if (execution.may_be_deleted || std::ranges::any_of(execution.invokes, &RecordedCall::ambiguous))
    return {};
  std::vector<std::string> reasons;
  for (const RecordedCall* cancel : execution.cancels) {
    if (cancel->ended() && !cancel->ambiguous() && !succeeded(*cancel)) continue;
    reasons.push_back(cancel->request_as<CancelExecutionRequest>().reason());
  }
  return reasons;
}

void the_cancelled_stay_on_record(const ExecutionHistory& execution, const Policies&,
                                  Findings& findings) {
  const std::vector<std::string> reasons = possible_reasons(execution);
  for (const RecordedCall* cancel : execution.cancels) {
    if (!succeeded(*cancel)) continue;
    for (const RecordedCall* miss : execution.misses) {
      if (!before(*cancel, *miss) || miss->returned >= execution.may_be_gone) continue;
      findings.record_failure("CANCEL-5",
                              {"a cancelled execution's record stays",
                               fmt::format("'{}': {}, succeeded; {}, after that, was told "
                                           "found = false",
                                           execution.id, tell(*cancel), tell(*miss)),
                               numbers({cancel, miss})});
      return;
    }
    for (const StatusObservation& observation : execution.observations) {
      if (!is_query(observation) || observation.status != kCancelled ||
          !before(*cancel, observation))
        continue;
      if (!reasons.empty() && std::ranges::none_of(reasons, [&](const std::string& reason) {
            return tells(observation, reason);
          })) {
        findings.record_failure(
            "CANCEL-5", {fmt::format("the record of a cancelled execution tells the reason: '{}'",
                                     fmt::join(reasons, "' or '")),
                         fmt::format("'{}': {}, with error_message '{}'", execution.id,
                                     tell(observation), observation.error_message()),
                         numbers({cancel, observation.recorded})});
        return;
      }
      findings.record_pass("CANCEL-5");
    }
  }
}

// ---- IDEM ---------------------------------------------------------------------------------------

bool same_request(const RecordedCall& a, const RecordedCall& b) {
  const auto question = [](const RecordedCall& recorded) {
    auto request = recorded.request_as<InvokeFunctionRequest>();
    request.clear_execution_id();
    request.mutable_context()->clear_execution_id();
    return request;
  };
  return a.method == b.method &&
         google::protobuf::util::MessageDifferencer::Equals(question(a), question(b));
}

// The first call for the id that was accepted, if `second` came after it or beside it. Whatever
// else was sent: what is accepted under an id asks the same as the record that the id names.
const RecordedCall* accepted_before(const ExecutionHistory& execution, const RecordedCall& second,
                                    const Policies& policies) {
  for (const RecordedCall* other : execution.invokes) {
    if (other->number >= second.number) break;
    if (other->method == Method::kInvokeFunction && other->answered() &&
        !may_be_refusal(*other, policies)) {
      return other;
    }
  }
  return nullptr;
}

// Two observations of which one shows a beginning before the second call, the other another one
// after it.
std::optional<std::pair<const StatusObservation*, const StatusObservation*>> second_beginning(
    const ExecutionHistory& execution, const RecordedCall& first, const RecordedCall& second) {
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  for (const StatusObservation& a : execution.observations) {
    if (a.started_at() == nullptr || (a.recorded != &first && !before(a, second))) continue;
    for (const StatusObservation& b : execution.observations) {
      if (b.started_at() == nullptr || (b.recorded != &second && !before(second, b))) continue;
      const core::Duration apart = time_of(*b.started_at()) - time_of(*a.started_at());
      if (apart >= kRounding || -apart >= kRounding) return std::pair(&a, &b);
    }
  }
  return std::nullopt;
}

void judge_same_request(const ExecutionHistory& execution, const RecordedCall& first,
                        const RecordedCall& second, const Policies& policies, Findings& findings) {
  const bool in_flight =
      !before(first, second) ||
      std::ranges::any_of(execution.observations, [&](const StatusObservation& observation) {
        return is_live(observation.status) &&
               (observation.recorded == &second || before(second, observation));
      });
  const std::string_view clause = in_flight ? "IDEM-3" : "IDEM-1";
  const bool exists = second.status.code() == absl::StatusCode::kAlreadyExists;
  const auto record_failure = [&](std::string_view expected, std::string observed) {
    findings.record_failure(
        clause, {std::string(expected), std::move(observed), numbers({&first, &second})});
  };
  if (policies.duplicate_id == Policies::DuplicateId::kRefused) {
    if (exists) return findings.record_pass(clause);
    if (!second.answered() || may_be_refusal(second, policies)) return;
    return record_failure("an id that is in use is refused with ALREADY_EXISTS, as declared",
                          fmt::format("'{}': {}, was accepted again", execution.id, tell(second)));
  }
  if (exists) {
    return record_failure(
        "the same id with the same request names the same execution",
        fmt::format("'{}': {}, was refused with ALREADY_EXISTS", execution.id, tell(second)));
  }
  if (!second.answered() || may_be_refusal(second, policies)) return;
  const auto& a = first.answer_as<InvokeFunctionResponse>();
  const auto& b = second.answer_as<InvokeFunctionResponse>();
  if (!a.task_id().empty() && !b.task_id().empty() && a.task_id() != b.task_id()) {
    return record_failure("the same id with the same request is one record",
                          fmt::format("'{}': {} got task '{}', {} task '{}'", execution.id,
                                      tell(first), a.task_id(), tell(second), b.task_id()));
  }
  const bool retried = first.request_as<InvokeFunctionRequest>().context().max_retries() > 0;
  const auto two = retried ? std::nullopt : second_beginning(execution, first, second);
  if (two) {
    return record_failure(
        "the same id with the same request runs once",
        tell_both(execution.id, *two->first, *two->second) + ": they began at different times");
  }
  findings.record_pass(clause);
}

void ids_name_one_execution(const ExecutionHistory& execution, const Policies& policies,
                            Findings& findings) {
  std::vector<const RecordedCall*> calls = execution.invokes;
  for (const RecordedCall* refused : execution.refused) {
    if (refused->returned < execution.may_be_gone) calls.push_back(refused);
  }
  for (const RecordedCall* second : calls) {
    const auto& request = second->request_as<InvokeFunctionRequest>();
    if (second->method != Method::kInvokeFunction || !second->ended() || second->ambiguous() ||
        given_id(request).empty()) {
      continue;
    }
    const RecordedCall* const first = accepted_before(execution, *second, policies);
    if (first == nullptr) continue;
    if (same_request(*first, *second)) {
      judge_same_request(execution, *first, *second, policies, findings);
    } else if (second->answered() && !may_be_refusal(*second, policies)) {
      findings.record_failure("IDEM-2",
                              {"an id that another request uses is refused",
                               fmt::format("'{}': {} and {} asked for different things, and both "
                                           "were accepted",
                                           execution.id, tell(*first), tell(*second)),
                               numbers({first, second})});
    } else if (before(*first, *second)) {
      findings.record_pass("IDEM-2");
    }
  }
}

void records_expire(const ExecutionHistory& execution, const Policies& policies,
                    Findings& findings) {
  if (policies.retention == core::kForever) return;
  if (execution.renewed && execution.fresh && execution.beginning() != nullptr)
    findings.record_pass("IDEM-4");
  const StatusObservation* const end = first_end(execution);
  if (end == nullptr) return;
  const core::Instant gone = end->at + policies.retention + policies.grace;
  for (const StatusObservation& observation : execution.observations) {
    if (!is_query(observation) || observation.recorded->sent <= gone) continue;
    findings.record_failure("IDEM-4", {"past the retention a record is not found",
                                       tell_both(execution.id, *end, observation),
                                       numbers({end->recorded, observation.recorded})});
    return;
  }
  for (const RecordedCall* refused : execution.refused) {
    if (refused->sent <= gone || refused->status.code() != absl::StatusCode::kAlreadyExists) {
      continue;
    }
    findings.record_failure("IDEM-4", {"past the retention an id is free",
                                       fmt::format("'{}': {}; {}, was refused with ALREADY_EXISTS",
                                                   execution.id, tell(*end), tell(*refused)),
                                       numbers({end->recorded, refused})});
    return;
  }
  if (std::ranges::any_of(execution.misses,
                          [&](const RecordedCall* miss) { return miss->sent > gone; })) {
    findings.record_pass("IDEM-4");
  }
}

constexpr auto kChecks = std::to_array<LifeCheck>(
    {first_answers_are_pending, later_failures_have_a_code, refusals_leave_no_record,
     a_late_cancel_changes_nothing, cancelled_does_not_complete, success_is_an_effect,
     the_cancelled_stay_on_record, ids_name_one_execution, records_expire});

}  // namespace

void judge_first_answer(const RecordedCall& invoke, const Policies& policies, Findings& findings) {
  if (invoke.method != Method::kInvokeFunction || !invoke.answered() ||
      may_be_refusal(invoke, policies) ||
      !wants_async(invoke.request_as<InvokeFunctionRequest>())) {
    return;
  }
  const auto& answer = invoke.answer_as<InvokeFunctionResponse>();
  const auto& result = answer.result();
  const auto record_failure = [&](std::string observed) {
    findings.record_failure("ASYNC-1",
                            {"the first answer is PENDING, without payload and without an end",
                             tell(invoke) + ": " + std::move(observed), numbers({&invoke})});
  };
  if (!answer.has_result()) return record_failure("the answer has no result");
  if (result.status() != spearlet::EXECUTION_STATUS_PENDING) {
    return record_failure("the answer says " + status_name(result.status()));
  }
  if (result.has_completed_at()) return record_failure("the answer has a completed_at");
  if (accounts_of(invoke).front().has_payload()) return record_failure("the answer has a payload");
  findings.record_pass("ASYNC-1");
}

std::span<const LifeCheck> effect_checks() { return kChecks; }

}  // namespace quintain::conformance
