#include <fmt/format.h>

#include <array>

#include "conformance/judgement/rules/rule.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

// The request and the answer of an InvokeFunction that was answered.
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

// An answer that owes what ASYNC answers owe. One for an id that was used before tells the present
// state of the first execution; once that has ended, nobody says what becomes of endpoint and
// estimate.
bool is_async(const RecordedCall& recorded, const Policies& policies) {
  if (!is_answered_invocation(recorded) || may_be_refusal(recorded, policies)) return false;
  const auto [request, answer] = invocation(recorded);
  return wants_async(request) &&
         (given_id(request).empty() || !core::is_terminal(answer.result().status()));
}

std::string quoted(std::string_view text) { return fmt::format("'{}'", text); }

void sync_has_no_status_endpoint(const RecordedCall& recorded, const Policies& policies,
                                 Opinion& opinion) {
  if (!is_sync(recorded, policies)) return;
  const auto& answer = invocation(recorded).answer;
  opinion.require(answer.status_endpoint().empty(), "a SYNC answer has no status_endpoint",
                  [&] { return "status_endpoint is " + quoted(answer.status_endpoint()); });
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

void sync_names_the_execution(const RecordedCall& recorded, const Policies& policies,
                              Opinion& opinion) {
  if (!is_sync(recorded, policies)) return;
  const auto [request, answer] = invocation(recorded);
  // What was refused may have got no id.
  if (answer.execution_id().empty() && may_be_refusal(recorded, policies)) return;
  opinion.require(!answer.execution_id().empty(), "an answer names its execution",
                  [] { return "execution_id is empty"; });
  const std::string_view given = given_id(request);
  if (given.empty() || answer.execution_id().empty()) return;
  opinion.require(answer.execution_id() == given,
                  fmt::format("execution_id is {}, as the caller gave it", quoted(given)),
                  [&, id = answer.execution_id()] { return "it is " + quoted(id); });
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
    opinion.require(answer.success(), "success is true, since the call was served", observed);
    return;
  }
  const bool completed = answer.result().status() == spearlet::EXECUTION_STATUS_COMPLETED;
  opinion.require(answer.success() == completed, "success is true exactly when COMPLETED",
                  observed);
}

void answer_names_the_task_asked_for(const RecordedCall& recorded, const Policies& policies,
                                     Opinion& opinion) {
  if (!is_answered_invocation(recorded) || may_be_refusal(recorded, policies)) return;
  const auto [request, answer] = invocation(recorded);
  // A new task may get another id than was proposed.
  const bool names_a_task = !request.task_id().empty() &&
                            request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK &&
                            !request.create_if_not_exists();
  if (!names_a_task || answer.task_id().empty()) return;
  opinion.require(answer.task_id() == request.task_id(),
                  fmt::format("task_id is {}, as it was asked for", quoted(request.task_id())),
                  [&, id = answer.task_id()] { return "it is " + quoted(id); });
}

void async_says_where_to_look(const RecordedCall& recorded, const Policies& policies,
                              Opinion& opinion) {
  if (!is_async(recorded, policies)) return;
  const auto [request, answer] = invocation(recorded);
  opinion.require(!answer.execution_id().empty(), "an ASYNC answer names its execution",
                  [] { return "execution_id is empty"; });
  const std::string_view given = given_id(request);
  if (!given.empty() && !answer.execution_id().empty()) {
    opinion.require(answer.execution_id() == given,
                    fmt::format("execution_id is {}, as the caller gave it", quoted(given)),
                    [&, id = answer.execution_id()] { return "it is " + quoted(id); });
  }
  const std::string& endpoint = answer.status_endpoint();
  opinion.require(!endpoint.empty(), "an ASYNC answer has a status_endpoint",
                  [] { return "status_endpoint is empty"; });
  if (endpoint.empty() || answer.execution_id().empty()) return;
  opinion.require(endpoint.find(answer.execution_id()) != std::string::npos,
                  fmt::format("status_endpoint holds the id {}", quoted(answer.execution_id())),
                  [&] { return "it is " + quoted(endpoint); });
}

// Milliseconds since 1970 have been above this since 1980, and nobody waits ten years for a
// function. (Seconds since 1970 would pass as some three weeks: size alone can't tell those apart.)
constexpr std::int64_t kTenYearsMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;

void async_estimates_a_duration(const RecordedCall& recorded, const Policies& policies,
                                Opinion& opinion) {
  if (!is_async(recorded, policies)) return;
  const std::int64_t estimate = invocation(recorded).answer.estimated_completion_ms();
  opinion.require(estimate > 0 && estimate < kTenYearsMs,
                  "estimated_completion_ms is a length of time: positive, and less than ten years",
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

constexpr auto kRules = std::to_array<Rule>({
    {"SYNC-1", sync_has_no_status_endpoint},
    {"SYNC-2", sync_answer_is_final},
    {"SYNC-3", sync_names_the_execution},
    {"SYNC-5", sync_succeeds_exactly_when_completed},
    {"SYNC-6", answer_names_the_task_asked_for},
    {"ASYNC-2", async_says_where_to_look},
    {"ASYNC-5", async_estimates_a_duration},
    {"ETA-1", estimate_fits_the_mode},
});

}  // namespace

std::span<const Rule> invoke_rules() { return kRules; }

}  // namespace quintain::conformance
