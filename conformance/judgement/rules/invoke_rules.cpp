// Rules for InvokeFunction answers: the shape that SYNC and ASYNC answers must have, and the
// estimate.
#include <fmt/format.h>

#include <array>

#include "conformance/judgement/rules/rules.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

// The request and the answer of an answered InvokeFunction call.
struct Invocation {
  const InvokeFunctionRequest& request;
  const InvokeFunctionResponse& answer;
};

bool is_answered_invocation(const RecordedCall& recorded) {
  return recorded.method == Method::kInvokeFunction && recorded.answered();
}

Invocation invocation(const RecordedCall& recorded) {
  return {recorded.request_as<InvokeFunctionRequest>(),
          recorded.answer_as<InvokeFunctionResponse>()};
}

bool is_sync(const RecordedCall& recorded, const Policies& policies) {
  return is_answered_invocation(recorded) &&
         wants_sync(recorded.request_as<InvokeFunctionRequest>(), policies);
}

// Whether the requirements on ASYNC answers apply. The answer for a repeated id shows the current
// state of the existing execution; once that has ended, the contract leaves endpoint and estimate
// open.
bool is_async(const RecordedCall& recorded, const Policies& policies) {
  if (!is_answered_invocation(recorded) || may_be_refusal(recorded, policies)) return false;
  const auto [request, answer] = invocation(recorded);
  return wants_async(request) &&
         (given_id(request).empty() || !core::is_terminal(answer.result().status()));
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", text); }

void require_execution_id(std::string_view expected, const InvokeFunctionRequest& request,
                          const InvokeFunctionResponse& answer, Opinion& opinion) {
  const std::string& id = answer.execution_id();
  opinion.require(!id.empty(), expected, [] { return "execution_id is empty"; });
  const std::string_view given = given_id(request);
  if (given.empty() || id.empty()) return;
  opinion.require(id == given,
                  fmt::format("execution_id is {}, as in the request", in_quotes(given)),
                  [&] { return "it is " + in_quotes(id); });
}

void sync_has_no_status_endpoint(const RecordedCall& recorded, const Policies& policies,
                                 Opinion& opinion) {
  if (!is_sync(recorded, policies)) return;
  const auto& answer = invocation(recorded).answer;
  opinion.require(answer.status_endpoint().empty(), "a SYNC answer has no status_endpoint",
                  [&] { return "status_endpoint is " + in_quotes(answer.status_endpoint()); });
  opinion.require(
      answer.estimated_completion_ms() == 0, "a SYNC answer has estimated_completion_ms 0", [&] {
        return fmt::format("estimated_completion_ms is {}", answer.estimated_completion_ms());
      });
}

void sync_answer_is_final(const RecordedCall& recorded, const Policies& policies,
                          Opinion& opinion) {
  if (!is_sync(recorded, policies)) return;
  const auto& answer = invocation(recorded).answer;
  opinion.require(answer.has_result(), "a SYNC answer has a result",
                  [] { return "it has no result"; });
  opinion.require(!answer.has_result() || core::is_terminal(answer.result().status()),
                  "a SYNC answer's status is COMPLETED, FAILED, CANCELLED or TIMEOUT",
                  [&] { return "it is " + status_name(answer.result().status()); });
}

void sync_has_the_execution_id(const RecordedCall& recorded, const Policies& policies,
                               Opinion& opinion) {
  if (!is_sync(recorded, policies)) return;
  const auto [request, answer] = invocation(recorded);
  // A refused call may have no id.
  if (answer.execution_id().empty() && may_be_refusal(recorded, policies)) return;
  require_execution_id("a SYNC answer has an execution_id", request, answer, opinion);
}

void sync_succeeds_exactly_when_completed(const RecordedCall& recorded, const Policies& policies,
                                          Opinion& opinion) {
  if (!is_sync(recorded, policies)) return;
  const auto& answer = invocation(recorded).answer;
  const auto observed = [&] {
    return fmt::format("success is {} with {}", answer.success(),
                       status_name(answer.result().status()));
  };
  if (policies.success_sync == Policies::SuccessSync::kServed) {
    if (may_be_refusal(recorded, policies)) return;
    opinion.require(answer.success(), "success is true for every call that was served, as declared",
                    observed);
    return;
  }
  const bool completed = answer.result().status() == spearlet::EXECUTION_STATUS_COMPLETED;
  opinion.require(answer.success() == completed, observed);
}

void answer_has_the_requested_task(const RecordedCall& recorded, const Policies& policies,
                                   Opinion& opinion) {
  if (!is_answered_invocation(recorded) || may_be_refusal(recorded, policies)) return;
  const auto [request, answer] = invocation(recorded);
  // A new task may get another id than the proposed one.
  const bool names_a_task = !request.task_id().empty() &&
                            request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK &&
                            !request.create_if_not_exists();
  if (!names_a_task || answer.task_id().empty()) return;
  opinion.require(answer.task_id() == request.task_id(),
                  fmt::format("task_id is {}, as in the request", in_quotes(request.task_id())),
                  [&, id = answer.task_id()] { return "it is " + in_quotes(id); });
}

void async_has_a_status_endpoint(const RecordedCall& recorded, const Policies& policies,
                                 Opinion& opinion) {
  if (!is_async(recorded, policies)) return;
  const auto [request, answer] = invocation(recorded);
  require_execution_id("an ASYNC answer has an execution_id", request, answer, opinion);
  const std::string& endpoint = answer.status_endpoint();
  opinion.require(!endpoint.empty(), "an ASYNC answer has a status_endpoint",
                  [] { return "status_endpoint is empty"; });
  if (endpoint.empty() || answer.execution_id().empty()) return;
  opinion.require(
      contains(endpoint, answer.execution_id()),
      fmt::format("status_endpoint contains the id {}", in_quotes(answer.execution_id())),
      [&] { return "it is " + in_quotes(endpoint); });
}

void accepted_async_succeeds(const RecordedCall& recorded, const Policies& policies,
                             Opinion& opinion) {
  if (!is_async(recorded, policies)) return;
  opinion.require(invocation(recorded).answer.success(),
                  [] { return "the call was accepted and success is false"; });
}

// A Unix time in milliseconds has exceeded this since 1980, and no function runs for ten years. (A
// Unix time in seconds would pass as a duration of about three weeks; the value alone cannot show
// that.)
constexpr std::int64_t kTenYearsMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;

void async_estimates_a_duration(const RecordedCall& recorded, const Policies& policies,
                                Opinion& opinion) {
  if (!is_async(recorded, policies)) return;
  const std::int64_t estimate = invocation(recorded).answer.estimated_completion_ms();
  opinion.require(estimate > 0 && estimate < kTenYearsMs,
                  "estimated_completion_ms is a duration: positive and less than ten years",
                  [&] { return fmt::format("estimated_completion_ms is {}", estimate); });
}

void estimate_fits_the_mode(const RecordedCall& recorded, const Policies& policies,
                            Opinion& opinion) {
  if (!is_answered_invocation(recorded)) return;
  const std::int64_t estimate = invocation(recorded).answer.estimated_completion_ms();
  const auto observed = [&] { return fmt::format("estimated_completion_ms is {}", estimate); };
  if (is_sync(recorded, policies)) {
    opinion.require(estimate == 0, "the estimate of a SYNC answer is 0", observed);
  } else if (is_async(recorded, policies)) {
    opinion.require(estimate > 0, "the estimate of an ASYNC answer is positive", observed);
  }
}

constexpr auto kInvokeRules = std::to_array<Rule>({
    {"SYNC-1", sync_has_no_status_endpoint},
    {"SYNC-2", sync_answer_is_final},
    {"SYNC-3", sync_has_the_execution_id},
    {"SYNC-5", sync_succeeds_exactly_when_completed},
    {"SYNC-6", answer_has_the_requested_task},
    {"ASYNC-2", async_has_a_status_endpoint},
    {"ASYNC-5", async_estimates_a_duration},
    {"ASYNC-11", accepted_async_succeeds},
    {"ETA-1", estimate_fits_the_mode},
});

}  // namespace

std::span<const Rule> invoke_rules() { return kInvokeRules; }

}  // namespace quintain::conformance
