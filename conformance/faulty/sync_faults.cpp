// Faults of the answers to SYNC calls.
#include <fmt/format.h>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

constexpr std::int64_t kSyncEstimateMs = 5000;

// Runs a SYNC call as ASYNC and answers in the shape of SYNC.
class SyncAnswersAtOnce final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (request.execution_mode() == spearlet::EXECUTION_MODE_SYNC) {
      request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
      answer = edited(std::move(answer), [](InvokeFunctionResponse& response) {
        response.clear_status_endpoint();
        response.clear_estimated_completion_ms();
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

// Puts a fresh id in place of the task's id in every answer.
class TaskIdsInvented final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    inner().InvokeFunction(
        std::move(request), call,
        edited(std::move(answer), [this](InvokeFunctionResponse& response) {
          response.set_task_id(fmt::format("task-{:08x}", ++invented_ * 0x9e3779b1U));
        }));
  }

 private:
  std::uint32_t invented_ = 0;
};

std::vector<FaultyCore> sync_faults() {
  return {
      {.name = "endpoint-in-sync-mode",
       .about = "A SYNC answer has a status_endpoint.",
       .origin = "M1",
       .caught_by = {"SYNC-1"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  response.set_status_endpoint("/status/" +
                                                               response.execution_id());
                                }})},
      {.name = "estimate-in-sync-mode",
       .about = "A SYNC answer has an estimate.",
       .origin = "for SYNC-1",
       .caught_by = {"SYNC-1", "ETA-1"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  response.set_estimated_completion_ms(kSyncEstimateMs);
                                }})},
      {.name = "always-failed",
       .about = "Every invocation is answered with success = false and FAILED, although it runs.",
       .origin = "M3",
       .caught_by = {"SYNC-2", "ASYNC-1"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  response.set_success(false);
                                  auto& result = *response.mutable_result();
                                  result.Clear();
                                  result.set_status(kFailed);
                                  result.set_error_code("EXECUTION_FAILED");
                                  result.set_error_message("execution failed");
                                }})},
      {.name = "sync-answers-before-the-end",
       .about = "A SYNC call is answered at acceptance, with PENDING.",
       .origin = "for SYNC-2",
       .caught_by = {"SYNC-2"},
       .decorate = decorated_by<SyncAnswersAtOnce>()},
      {.name = "sync-result-left-out",
       .about =
           "A SYNC answer is COMPLETED without the payload, which only a status query returns.",
       .origin = "for SYNC-2",
       .caught_by = {"SYNC-2"},
       .decorate = editing(
           {.invoked = [](auto&, auto& response) { response.mutable_result()->clear_result(); }})},
      {.name = "execution-id-missing",
       .about = "A SYNC answer has no execution_id.",
       .origin = "for SYNC-3",
       .caught_by = {"SYNC-3"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (!is_async(request)) response.clear_execution_id();
                                }})},
      {.name = "error-code-missing",
       .about = "A FAILED execution has a message but no error_code.",
       .origin = "for SYNC-4",
       .caught_by = {"SYNC-4", "ASYNC-8"},
       .decorate = editing({.result = [](auto& result) { result.clear_error_code(); }})},
      {.name = "sync-success-with-failed",
       .about = "A SYNC answer has success = true although the function FAILED.",
       .origin = "seen in Spear",
       .caught_by = {"SYNC-5"},
       .decorate = editing({.invoked = [](auto&, auto& response) { response.set_success(true); }})},
      {.name = "task-id-invented",
       .about = "The task_id of an answer is a fresh one instead of the requested one.",
       .origin = "seen in Spear",
       .caught_by = {"SYNC-6"},
       .decorate = decorated_by<TaskIdsInvented>()},
  };
}

const RegisterFaults kSyncFaults(1, sync_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
