// Faults of the answers to SYNC calls.
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <list>
#include <memory>
#include <set>

#include "conformance/faulty/decorators.h"
#include "conformance/faulty/forwarding_runtime.h"

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

// Does not notify the execution of a SYNC call when its caller goes away. Deadlines still end it.
class SyncCallerGoneUnnoticed final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (!is_async(request)) {
      answer = edited(std::move(answer), [](const InvokeFunctionResponse&) {}, Leaving::kWithheld);
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

// Only ASYNC executions take slots: starts every SYNC attempt at once, and an ASYNC attempt only
// while fewer than `slots` of them run.
class SyncWithoutASlot final : public ForwardingRuntime {
 public:
  SyncWithoutASlot(core::Runtime& inner, core::Environment& environment, int slots)
      : ForwardingRuntime(inner, environment), slots_(slots) {}

  void start(const core::AttemptSpec& attempt, core::AttemptListener& node) override {
    node_ = &node;
    if (!is_async(attempt.request)) return ForwardingRuntime::start(attempt, node);
    waiting_.push_back(attempt);
    start_waiting();
  }

  void kill(core::AttemptId attempt) override {
    if (std::erase_if(waiting_, [&](const auto& spec) { return spec.id == attempt; }) > 0) return;
    inner().kill(attempt);
    end(attempt);
  }

 protected:
  void on_finished(core::AttemptId attempt, core::Outcome&& outcome) override {
    ForwardingRuntime::on_finished(attempt, std::move(outcome));
    end(attempt);
  }

 private:
  void end(core::AttemptId attempt) {
    running_.erase(attempt);
    start_waiting();
  }

  void start_waiting() {
    while (!waiting_.empty() && static_cast<int>(running_.size()) < slots_) {
      const core::AttemptSpec next = waiting_.front();
      waiting_.pop_front();
      running_.insert(next.id);
      ForwardingRuntime::start(next, *node_);
    }
  }

  int slots_;
  core::AttemptListener* node_ = nullptr;
  std::list<core::AttemptSpec> waiting_;
  std::set<core::AttemptId> running_;
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
      {.name = "ids-in-lower-case",
       .about = "The execution_id of an answer is in lower case.",
       .origin = "for SYNC-3",
       .caught_by = {"SYNC-3"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  absl::AsciiStrToLower(response.mutable_execution_id());
                                }})},
      {.name = "error-code-of-the-function-lost",
       .about = "Every FAILED execution has the error_code FUNCTION_FAILED.",
       .origin = "for SYNC-7",
       .caught_by = {"SYNC-7"},
       .decorate = editing({.result =
                                [](auto& result) {
                                  if (result.status() != kFailed) return;
                                  result.set_error_code("FUNCTION_FAILED");
                                }})},
      {.name = "sync-caller-gone-unnoticed",
       .about = "A SYNC execution goes on when its caller goes away.",
       .origin = "for SYNC-8",
       .caught_by = {"SYNC-8"},
       .decorate = decorated_by<SyncCallerGoneUnnoticed>()},
      {.name = "sync-without-a-slot",
       .about = "SYNC executions run beside the slots, however many there are.",
       .origin = "for SYNC-9",
       .caught_by = {"SYNC-9"},
       .configure = [](core::NodeConfig& node) { node.slots = 1000; },
       .wrap_runtime =
           [](core::Runtime& inner, core::Environment& environment, const core::NodeConfig&) {
             constexpr int kSlots = 4;  // of the reference node
             return std::make_unique<SyncWithoutASlot>(inner, environment, kSlots);
           }},
  };
}

const RegisterFaults kSyncFaults(1, sync_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
