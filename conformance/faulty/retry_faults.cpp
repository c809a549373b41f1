// Faults of retries.
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;

bool may_retry(const InvokeFunctionRequest& request) {
  return request.context().max_retries() > 0 && !given_id(request).empty();
}

// Runs a request that allows retries again after it has COMPLETED.
class CompletedRunsAgain final : public RerunService {
 public:
  using RerunService::RerunService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = may_retry(request) ? given_id(request) : "";
    RerunService::InvokeFunction(std::move(request), call, std::move(answer));
    if (id.empty()) return;
    timers().after(100ms, [this, id] {
      if (look_up(id).result().status() == kCompleted) rerun(id);
    });
  }
};

// Lets a cancel of an execution with retries wait, as long as a pause may last.
class CancelWaitsForThePause final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (may_retry(request) && request.function_name() == "fail")
      retrying_.insert(given_id(request));
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (request.force() || !retrying_.contains(request.execution_id())) {
      return inner().CancelExecution(request, std::move(answer));
    }
    auto postponed = std::make_shared<PostponedAnswer<CancelExecutionResponse>>(std::move(answer));
    timers().after(kPause, [this, postponed, request] {
      inner().CancelExecution(request,
                              Relay<CancelExecutionResponse>::between(
                                  discarded_answer<CancelExecutionResponse>(), Leaving::kWithheld,
                                  [postponed](absl::StatusOr<CancelExecutionResponse> reply,
                                              Answer<CancelExecutionResponse> outer) {
                                    CancelExecutionResponse response;
                                    if (reply.ok()) response = *std::move(reply);
                                    postponed->send(CancelExecutionResponse(response));
                                    std::move(outer).send(std::move(response));
                                  }));
    });
  }

 private:
  static constexpr core::Duration kPause = 2500ms;

  std::set<std::string> retrying_;
};

// Lets the timeout of an execution with retries wait for the end of a pause.
void wait_for_the_pause(InvokeFunctionRequest& request) {
  constexpr std::int64_t kPauseMs = 1600;
  if (request.function_name() != "fail" || request.context().max_retries() < 100) return;
  const std::int64_t timeout_ms = request.context().timeout_ms();
  if (timeout_ms > std::numeric_limits<std::int64_t>::max() - kPauseMs) return;
  request.mutable_context()->set_timeout_ms(timeout_ms + kPauseMs);
}

std::vector<FaultyCore> retry_faults() {
  return {
      {.name = "no-retries",
       .about = "A function that fails is not attempted again.",
       .origin = "for RETRY-1",
       .caught_by = {"RETRY-1"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.context().max_retries() <= 0) return;
                                  request.mutable_context()->set_max_retries(0);
                                }})},
      {.name = "completed-runs-again",
       .about = "A function with retries is attempted again after it has COMPLETED.",
       .origin = "for RETRY-2",
       .caught_by = {"RETRY-2"},
       .decorate = decorated_by<CompletedRunsAgain>()},
      {.name = "retry-without-a-pause",
       .about = "A function that fails is attempted again after a millisecond, each time.",
       .origin = "for RETRY-3",
       .caught_by = {"RETRY-3"},
       .configure =
           [](core::NodeConfig& node) {
             node.retry.initial = 1ms;
             node.retry.multiplier = 1.0;
           }},
      {.name = "pauses-do-not-grow",
       .about = "The pauses before retries all have the same length.",
       .origin = "for RETRY-3",
       .caught_by = {"RETRY-3"},
       .configure = [](core::NodeConfig& node) { node.retry.multiplier = 1.0; }},
      {.name = "cancel-waits-for-the-pause",
       .about = "A cancel in the pause before a retry acts at the end of the pause.",
       .origin = "for RETRY-4",
       .caught_by = {"RETRY-4"},
       .decorate = decorated_by<CancelWaitsForThePause>()},
      {.name = "timeout-waits-for-the-pause",
       .about = "A timeout in the pause before a retry acts at the end of the pause.",
       .origin = "for RETRY-4",
       .caught_by = {"RETRY-4"},
       .decorate = editing({.invocation = wait_for_the_pause})},
      {.name = "negative-retries-accepted",
       .about = "A negative max_retries counts as 0.",
       .origin = "for RETRY-5",
       .caught_by = {"RETRY-5"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.context().max_retries() >= 0) return;
                                  request.mutable_context()->set_max_retries(0);
                                }})},
      {.name = "retries-overflow",
       .about = "One more attempt than the greatest max_retries is a negative number: none.",
       .origin = "for RETRY-5",
       .caught_by = {"RETRY-5"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
                                  if (request.context().max_retries() != kMost) return;
                                  request.mutable_context()->set_max_retries(0);
                                }})},
  };
}

const RegisterFaults kRetryFaults(12, retry_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
