// Checks of the effects of calls on an execution: first answers, refusals, cancels, repeated ids
// and the expiry of records.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <array>

#include "conformance/judgement/history/execution_history.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::CancelExecutionRequest;
using spearlet::CancelExecutionResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;

// ---- ASYNC --------------------------------------------------------------------------------------

// Whether the call was certainly the first one with its id.
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

void failures_have_an_error_code(const ExecutionHistory& execution, const Policies&,
                                 Findings& findings) {
  if (execution.mode() != spearlet::EXECUTION_MODE_ASYNC) return;
  for (const StatusObservation& observation : execution.observations) {
    if (!is_query(observation) || observation.status != spearlet::EXECUTION_STATUS_FAILED) continue;
    if (observation.result->error_code().empty()) {
      findings.record_failure("ASYNC-8",
                              violation(execution, "", {{observation, ", without an error_code"}}));
    } else {
      findings.record_pass("ASYNC-8");
    }
    return;
  }
}

// The clause that covers refusals with this code; empty if none does.
std::string_view refusal_clause(absl::StatusCode code) {
  if (code == absl::StatusCode::kResourceExhausted) return "ASYNC-9";
  return code == absl::StatusCode::kNotFound ? "ASYNC-6" : "";
}

void refusals_leave_no_record(const ExecutionHistory& execution, const Policies&,
                              Findings& findings) {
  if (!execution.invokes.empty()) return;  // another call with this id may have been accepted
  for (const RecordedCall* refused : execution.refused) {
    const std::string_view clause = refusal_clause(refused->status.code());
    if (clause.empty()) continue;
    const auto found = std::ranges::find_if(
        execution.observations,
        [&](const StatusObservation& observation) { return before(*refused, observation); });
    if (found != execution.observations.end()) {
      const std::string code = absl::StatusCodeToString(refused->status.code());
      findings.record_failure(clause,
                              violation(execution, "a refused call leaves no record",
                                        {{*refused, ", was refused with " + code}, *found}));
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

void late_cancel_changes_nothing(const ExecutionHistory& execution, const Policies&,
                                 Findings& findings) {
  const StatusObservation* const end = first_end(execution);
  if (end == nullptr) return;
  for (const RecordedCall* cancel : execution.cancels) {
    if (!before(*end, *cancel) || cancel->returned >= execution.may_be_gone) continue;
    if (cancel->status.code() == absl::StatusCode::kNotFound ||
        (cancel->answered() && cancel->answer_as<CancelExecutionResponse>().final_status() ==
                                   spearlet::EXECUTION_STATUS_UNSPECIFIED)) {
      // The record of a SYNC execution need not be visible to others.
      if (!is_query(*end) && end->info == nullptr) continue;
      findings.record_failure("CANCEL-2",
                              violation(execution,
                                        fmt::format("a cancel after the end is answered with {}",
                                                    status_name(end->status)),
                                        {*end, {*cancel, ", was answered as for an unknown id"}}));
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
        violation(execution,
                  fmt::format("a cancel after the end changes nothing and is answered with {}",
                              status_name(end->status)),
                  {*end, *cancel, *changed}));
    return;
  }
}

void cancelled_does_not_complete(const ExecutionHistory& execution, const Policies&,
                                 Findings& findings) {
  const auto& all = execution.observations;
  const auto cancelled = std::ranges::find(all, kCancelled, &StatusObservation::status);
  const auto completed =
      std::ranges::find(all, spearlet::EXECUTION_STATUS_COMPLETED, &StatusObservation::status);
  if (cancelled == all.end()) return;
  if (completed != all.end()) {
    findings.record_failure(
        "CANCEL-3", contradiction(execution, "an execution reported as CANCELLED does not complete",
                                  *cancelled, *completed));
  } else if (std::ranges::any_of(all, [&](const StatusObservation& observation) {
               return before(*cancelled->recorded, observation);
             })) {
    findings.record_pass("CANCEL-3");
  }
}

void successful_cancel_has_an_effect(const ExecutionHistory& execution, const Policies&,
                                     Findings& findings) {
  const StatusObservation* const end = first_end(execution);
  if (end == nullptr) return;
  for (const RecordedCall* cancel : execution.cancels) {
    if (!succeeded(*cancel)) continue;
    const auto otherwise =
        std::ranges::find_if(execution.observations, [](const StatusObservation& observation) {
          return core::is_terminal(observation.status) && observation.status != kCancelled;
        });
    if (otherwise != execution.observations.end()) {
      findings.record_failure(
          "CANCEL-3", violation(execution, "a cancel that succeeds ends the execution as CANCELLED",
                                {{*cancel, ", succeeded"}, *otherwise}));
      return;
    }
    if (before(*end, *cancel)) {
      findings.record_failure("CANCEL-3",
                              violation(execution, "a cancel after the end does not succeed",
                                        {*end, {*cancel, ", after that, succeeded"}}));
      return;
    }
    findings.record_pass("CANCEL-3");
  }
}

// Whether the answer contains the reason of the cancel, in any of the fields that may have it.
bool contains_reason(const StatusObservation& observation, std::string_view reason) {
  const auto in = [&](const std::string& text) { return contains(text, reason); };
  const auto& answer = observation.recorded->answer_as<spearlet::GetExecutionStatusResponse>();
  return in(observation.result->error_message()) || in(observation.result->error_code()) ||
         in(answer.message()) ||
         std::ranges::any_of(observation.result->metrics(),
                             [&](const auto& metric) { return in(metric.second); });
}

// The reasons of the cancels that may have ended the execution; its record must contain one of
// them. None if something else may have ended it. An empty reason is contained in every record.
std::vector<std::string> possible_reasons(const ExecutionHistory& execution) {
  // A waiting caller that disconnects cancels the execution too; of an execution that no answered
  // call has started, the caller may have.
  if (execution.may_be_deleted || execution.invokes.empty() ||
      std::ranges::any_of(execution.invokes, &RecordedCall::ambiguous)) {
    return {};
  }
  std::vector<std::string> reasons;
  for (const RecordedCall* cancel : execution.cancels) {
    if (cancel->ended() && !cancel->ambiguous() && !succeeded(*cancel)) continue;
    reasons.push_back(cancel->request_as<CancelExecutionRequest>().reason());
  }
  return reasons;
}

void cancelled_record_is_kept(const ExecutionHistory& execution, const Policies&,
                              Findings& findings) {
  const std::vector<std::string> reasons = possible_reasons(execution);
  for (const RecordedCall* cancel : execution.cancels) {
    if (!succeeded(*cancel)) continue;
    for (const RecordedCall* miss : execution.misses) {
      if (!before(*cancel, *miss) || miss->returned >= execution.may_be_gone) continue;
      findings.record_failure(
          "CANCEL-5",
          violation(execution, "the record of a cancelled execution is kept",
                    {{*cancel, ", succeeded"}, {*miss, ", after that, returned found = false"}}));
      return;
    }
    for (const StatusObservation& observation : execution.observations) {
      if (!is_query(observation) || observation.status != kCancelled ||
          !before(*cancel, observation)) {
        continue;
      }
      if (!reasons.empty() && std::ranges::none_of(reasons, [&](const std::string& reason) {
            return contains_reason(observation, reason);
          })) {
        const std::string expected =
            fmt::format("the record of a cancelled execution contains the reason: '{}'",
                        fmt::join(reasons, "' or '"));
        const std::string addition =
            fmt::format(", with error_message '{}'", observation.error_message());
        findings.record_failure("CANCEL-5",
                                violation(execution, expected, {*cancel, {observation, addition}}));
        return;
      }
      findings.record_pass("CANCEL-5");
    }
  }
}

// A cancel of an id that no call of the case has used, and that was not found before.
void unknown_cancel_reports_no_status(const ExecutionHistory& execution, const Policies&,
                                      Findings& findings) {
  if (!execution.invokes.empty()) return;
  for (const RecordedCall* cancel : execution.cancels) {
    const bool unknown = std::ranges::any_of(
        execution.misses, [&](const RecordedCall* miss) { return before(*miss, *cancel); });
    if (!unknown || !cancel->answered()) continue;
    const auto status = cancel->answer_as<CancelExecutionResponse>().final_status();
    if (status == spearlet::EXECUTION_STATUS_UNSPECIFIED) {
      findings.record_pass("CANCEL-10");
      continue;
    }
    findings.record_failure(
        "CANCEL-10",
        violation(execution, "",
                  {{*cancel, ", was answered with final_status " + status_name(status)}}));
    return;
  }
}

// ---- TIME ---------------------------------------------------------------------------------------

// An execution with a timeout is not TIMEOUT before it has passed, and has ended soon after. A
// query that was sent later shows that it has not.
void timeout_is_obeyed(const ExecutionHistory& execution, const Policies& policies,
                       Findings& findings) {
  const RecordedCall* const invoke = execution.first_invoke();
  if (invoke == nullptr || !execution.fresh || execution.invokes.size() > 1 ||
      policies.timeout_from != Policies::TimeoutFrom::kAcceptance) {
    return;
  }
  const auto& request = invoke->request_as<InvokeFunctionRequest>();
  const core::Duration timeout = core::saturating_milliseconds(request.context().timeout_ms());
  if (timeout <= core::Duration::zero()) return;
  // The maximum of the node and the deadline of a call may be less than the timeout; both are more
  // than a second if there is one.
  const core::Duration at_least = std::min<core::Duration>(timeout, std::chrono::seconds(1));
  const core::Instant last = invoke->returned + timeout + policies.grace;
  for (const StatusObservation& observation : execution.observations) {
    const bool early = observation.status == spearlet::EXECUTION_STATUS_TIMEOUT &&
                       invoke->deadline.is_never() && observation.at < invoke->sent + at_least;
    const bool late = is_live(observation.status) && is_query(observation) &&
                      !invoke->returned.is_never() && observation.recorded->sent > last;
    if (!early && !late) continue;
    findings.record_failure(
        "TIME-1", violation(execution,
                            fmt::format("an execution with a timeout of {} ms ends then, as "
                                        "TIMEOUT, and not earlier",
                                        request.context().timeout_ms()),
                            {*invoke, observation}));
    return;
  }
}

// ---- IDEM ---------------------------------------------------------------------------------------

bool same_request(const RecordedCall& a, const RecordedCall& b) {
  const auto without_id = [](const RecordedCall& recorded) {
    auto request = recorded.request_as<InvokeFunctionRequest>();
    request.clear_execution_id();
    request.mutable_context()->clear_execution_id();
    return request;
  };
  return a.method == b.method &&
         google::protobuf::util::MessageDifferencer::Equals(without_id(a), without_id(b));
}

// The first accepted call with the id, if it was sent before `second`; nullptr otherwise. All
// accepted calls with one id must have equal requests, so it does not matter which of them is
// compared.
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

// Two observations with different times of the start, one from before the second call and one from
// after it; nullopt if there are none. Takes linear time: a list may have any number of entries
// with this id.
std::optional<std::pair<const StatusObservation*, const StatusObservation*>> two_starts(
    const ExecutionHistory& execution, const RecordedCall& first, const RecordedCall& second) {
  constexpr core::Duration kRounding = std::chrono::milliseconds(1);
  const auto start_of = [](const StatusObservation* seen) { return time_of(*seen->started_at()); };
  std::vector<const StatusObservation*> earlier;
  std::vector<const StatusObservation*> later;
  for (const StatusObservation& seen : execution.observations) {
    if (seen.started_at() == nullptr) continue;
    if (seen.recorded == &first || before(seen, second)) earlier.push_back(&seen);
    if (seen.recorded == &second || before(second, seen)) later.push_back(&seen);
  }
  if (earlier.empty() || later.empty()) return std::nullopt;
  const auto [least, greatest] = std::ranges::minmax_element(later, {}, start_of);
  for (const StatusObservation* a : earlier) {
    for (const StatusObservation* b : {*least, *greatest}) {
      const core::Duration apart = start_of(b) - start_of(a);
      if (apart >= kRounding || apart <= -kRounding) return std::pair(a, b);
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
  const auto fail = [&](std::string_view expected, std::string_view addition) {
    findings.record_failure(
        clause, violation(execution, std::string(expected), {first, {second, addition}}));
  };
  if (policies.duplicate_id == Policies::DuplicateId::kRefused) {
    if (exists) return findings.record_pass(clause);
    if (!second.answered() || may_be_refusal(second, policies)) return;
    return fail("a repeated id is refused with ALREADY_EXISTS, as declared",
                ", was accepted again");
  }
  if (exists) {
    return fail("a repeated id with an equal request returns the existing execution",
                ", was refused with ALREADY_EXISTS");
  }
  if (!second.answered() || may_be_refusal(second, policies)) return;
  const auto& a = first.answer_as<InvokeFunctionResponse>();
  const auto& b = second.answer_as<InvokeFunctionResponse>();
  if (!a.task_id().empty() && !b.task_id().empty() && a.task_id() != b.task_id()) {
    return fail("a repeated id with an equal request returns the existing record",
                fmt::format(", has task '{}' instead of '{}'", b.task_id(), a.task_id()));
  }
  const bool retried = first.request_as<InvokeFunctionRequest>().context().max_retries() > 0;
  const auto starts = retried ? std::nullopt : two_starts(execution, first, second);
  if (starts) {
    Violation found =
        contradiction(execution, "a repeated id with an equal request does not run again",
                      *starts->first, *starts->second, "they have different starts");
    found.recorded_calls = {first.number, second.number};
    return findings.record_failure(clause, std::move(found));
  }
  findings.record_pass(clause);
}

void repeated_ids_are_handled(const ExecutionHistory& execution, const Policies& policies,
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
      // No request equals one that came without an id; a node that thinks otherwise does no harm.
      if (!given_id(first->request_as<InvokeFunctionRequest>()).empty()) {
        judge_same_request(execution, *first, *second, policies, findings);
      }
    } else if (second->answered() && !may_be_refusal(*second, policies)) {
      findings.record_failure(
          "IDEM-2", violation(execution, "a repeated id with a different request is refused",
                              {*first, {*second, ", with a different request, was accepted too"}}));
    } else if (before(*first, *second)) {
      findings.record_pass("IDEM-2");
    }
  }
}

// Whether a refusal with ALREADY_EXISTS may be about the task that the call was to make.
bool may_be_about_task(const RecordedCall& refused) {
  const auto& request = refused.request_as<InvokeFunctionRequest>();
  return request.invocation_type() == spearlet::INVOCATION_TYPE_NEW_TASK &&
         !request.create_if_not_exists();
}

void records_expire(const ExecutionHistory& execution, const Policies& policies,
                    Findings& findings) {
  if (policies.retention == core::kForever) return;
  if (execution.id_reused && execution.fresh && execution.first_invoke() != nullptr) {
    findings.record_pass("IDEM-4");
  }
  const StatusObservation* const end = first_end(execution);
  if (end == nullptr) return;
  const core::Instant gone = end->at + policies.retention + policies.grace;
  for (const StatusObservation& observation : execution.observations) {
    if (!is_query(observation) || observation.recorded->sent <= gone) continue;
    findings.record_failure(
        "IDEM-4", contradiction(execution, "after the retention period a record is not found", *end,
                                observation));
    return;
  }
  for (const RecordedCall* refused : execution.refused) {
    if (refused->sent <= gone || refused->status.code() != absl::StatusCode::kAlreadyExists ||
        may_be_about_task(*refused)) {
      continue;
    }
    findings.record_failure("IDEM-4",
                            violation(execution, "after the retention period an id is free",
                                      {*end, {*refused, ", was refused with ALREADY_EXISTS"}}));
    return;
  }
  if (std::ranges::any_of(execution.misses,
                          [&](const RecordedCall* miss) { return miss->sent > gone; })) {
    findings.record_pass("IDEM-4");
  }
}

// An entry of a list that was requested after the retention period.
void expired_records_are_not_listed(const ExecutionHistory& execution, const Policies& policies,
                                    Findings& findings) {
  const StatusObservation* const end = first_end(execution);
  if (policies.retention == core::kForever || end == nullptr) return;
  const core::Instant gone = end->at + policies.retention + policies.grace;
  for (const StatusObservation& observation : execution.observations) {
    if (observation.info == nullptr || observation.recorded->sent <= gone) continue;
    findings.record_failure(
        "LIST-9", contradiction(execution, "after the retention period an execution is not listed",
                                *end, observation));
    return;
  }
}

// ---- SYNC ---------------------------------------------------------------------------------------

void sync_record_is_found(const ExecutionHistory& execution, const Policies& policies,
                          Findings& findings) {
  const RecordedCall* const invoke = execution.first_invoke();
  if (invoke == nullptr || invoke->method != Method::kInvokeFunction || !invoke->answered() ||
      may_be_refusal(*invoke, policies) ||
      !wants_sync(invoke->request_as<InvokeFunctionRequest>(), policies)) {
    return;
  }
  for (const RecordedCall* miss : execution.misses) {
    if (!before(*invoke, *miss) || miss->returned >= execution.may_be_gone) continue;
    findings.record_failure(
        "STATE-11", violation(execution, "the record of a SYNC execution is found after its answer",
                              {*invoke, {*miss, ", after that, returned found = false"}}));
    return;
  }
  if (std::ranges::any_of(execution.observations, [&](const StatusObservation& observation) {
        return is_query(observation) && before(*invoke, observation);
      })) {
    findings.record_pass("STATE-11");
  }
}

constexpr auto kEffectChecks = std::to_array<HistoryCheck>(
    {first_answers_are_pending, failures_have_an_error_code, refusals_leave_no_record,
     late_cancel_changes_nothing, cancelled_does_not_complete, successful_cancel_has_an_effect,
     cancelled_record_is_kept, unknown_cancel_reports_no_status, timeout_is_obeyed,
     repeated_ids_are_handled, records_expire, expired_records_are_not_listed,
     sync_record_is_found});

}  // namespace

namespace {

void judge_first_estimate(const RecordedCall& invoke, const Policies& policies,
                          Findings& findings) {
  constexpr double kP90 = 0.9;
  const auto& answer = invoke.answer_as<InvokeFunctionResponse>();
  const auto p90 = metric(answer.result(), "eta_p90_ms");
  const auto estimator = answer.result().metrics().find("eta_estimator");
  // The estimate is counted from the acceptance, and the percentile may be from the answer, which
  // comes a little later on a busy target.
  const core::Duration between = invoke.clock_tolerance > core::Duration::zero()
                                     ? invoke.returned - invoke.sent
                                     : core::Duration::zero();
  std::string observed;
  if (!p90 || *p90 <= 0) {
    observed = "eta_p90_ms is missing or not positive";
  } else if (policies.eta_quantile <= kP90 &&
             *p90 + static_cast<double>(core::floor_milliseconds(between)) <
                 static_cast<double>(answer.estimated_completion_ms())) {
    observed = fmt::format("eta_p90_ms is {}, less than the estimate, {}", *p90,
                           answer.estimated_completion_ms());
  } else if (estimator == answer.result().metrics().end() || estimator->second.empty()) {
    observed = "eta_estimator is missing or empty";
  } else {
    return findings.record_pass("ETA-5");
  }
  findings.record_failure("ETA-5", {.observed = fmt::format("{}: {}", cite(invoke), observed),
                                    .recorded_calls = {invoke.number}});
}

}  // namespace

void judge_first_answer(const RecordedCall& invoke, const Policies& policies, Findings& findings) {
  if (invoke.method != Method::kInvokeFunction || !invoke.answered() ||
      may_be_refusal(invoke, policies) ||
      !wants_async(invoke.request_as<InvokeFunctionRequest>())) {
    return;
  }
  const auto& answer = invoke.answer_as<InvokeFunctionResponse>();
  const auto& result = answer.result();
  const auto fail = [&](std::string_view observed) {
    findings.record_failure("ASYNC-1", {.observed = fmt::format("{}: {}", cite(invoke), observed),
                                        .recorded_calls = {invoke.number}});
  };
  if (!answer.has_result()) return fail("the answer has no result");
  if (result.status() != spearlet::EXECUTION_STATUS_PENDING) {
    return fail("the answer has status " + status_name(result.status()));
  }
  if (result.has_completed_at()) return fail("the answer has a completed_at");
  if (observations_of(invoke).front().has_payload()) return fail("the answer has a payload");
  findings.record_pass("ASYNC-1");
  judge_first_estimate(invoke, policies, findings);
}

std::span<const HistoryCheck> effect_checks() { return kEffectChecks; }

}  // namespace quintain::conformance
