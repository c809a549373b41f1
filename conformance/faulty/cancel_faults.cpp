// Faults of cancels.
#include <chrono>
#include <map>
#include <set>
#include <string>

#include "conformance/faulty/decorators.h"
#include "conformance/faulty/forwarding_runtime.h"
#include "core/transitions.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;
using core::is_terminal;

void report_success(Answer<CancelExecutionResponse> answer) {
  CancelExecutionResponse response;
  response.set_success(true);
  response.set_final_status(kCancelled);
  response.set_message("cancelled");
  std::move(answer).send(std::move(response));
}

// Answers success for any id and does nothing.
class CancelClaimsSuccess final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest&,
                       Answer<CancelExecutionResponse> answer) override {
    report_success(std::move(answer));
  }
};

// Answers success to a cancel of a RUNNING execution and does nothing, unless it is forced.
class RunningCancelWithoutEffect final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (!request.force() && look_up(request.execution_id()).result().status() == kRunning) {
      return report_success(std::move(answer));
    }
    inner().CancelExecution(request, std::move(answer));
  }
};

// Shows every execution with a cancel as CANCELLED, a finished one too.
class CancelOverwritesTheEnd final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (is_terminal(look_up(request.execution_id()).result().status())) {
      reasons_.emplace(request.execution_id(), request.reason());
      return report_success(std::move(answer));
    }
    inner().CancelExecution(request, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const auto overwritten = reasons_.find(request.execution_id());
    if (overwritten != reasons_.end()) {
      answer = edited(std::move(answer),
                      [reason = overwritten->second](GetExecutionStatusResponse& response) {
                        ExecutionResult& result = *response.mutable_result();
                        result.set_status(kCancelled);
                        result.clear_result();
                        result.set_error_code("CANCELLED");
                        result.set_error_message(reason);
                      });
    }
    inner().GetExecutionStatus(request, std::move(answer));
  }

 private:
  std::map<std::string, std::string> reasons_;
};

// Refuses the second cancel of an execution with INTERNAL.
class SecondCancelIsAnError final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (cancelled_.contains(request.execution_id())) {
      return std::move(answer).refuse(absl::InternalError("no cancel token"));
    }
    if (look_up(request.execution_id()).found()) cancelled_.insert(request.execution_id());
    inner().CancelExecution(request, std::move(answer));
  }

 private:
  std::set<std::string> cancelled_;
};

// Runs an execution that was cancelled while PENDING when a slot is free.
class CancelledPendingRuns final : public RerunService {
 public:
  using RerunService::RerunService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    const bool pending = look_up(request.execution_id()).result().status() == kPending;
    inner().CancelExecution(request, std::move(answer));
    if (pending) rerun(request.execution_id());
  }
};

// Hides the record of a cancelled execution.
class CancelledRecordDropped final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(request,
                               edited(std::move(answer), [](GetExecutionStatusResponse& response) {
                                 if (response.result().status() == kCancelled) response.Clear();
                               }));
  }
};

// Answers success to a cancel soon after acceptance and loses it.
class CancelLostAtTheStart final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    answer = noting_id(request, std::move(answer),
                       [this](const std::string& id) { accepted_.emplace(id, now()); });
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    const auto accepted = accepted_.find(request.execution_id());
    if (accepted != accepted_.end() && now() < accepted->second + kStart &&
        !is_terminal(look_up(request.execution_id()).result().status())) {
      return report_success(std::move(answer));
    }
    inner().CancelExecution(request, std::move(answer));
  }

 private:
  // Longer than a live client needs to send a cancel after the invocation.
  static constexpr core::Duration kStart = 20ms;

  std::map<std::string, core::Instant> accepted_;
};

// Refuses a SYNC call with the gRPC status CANCELLED instead of answering with that status.
class SyncCallerGetsAnError final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    inner().InvokeFunction(
        std::move(request), call,
        reply_edited(std::move(answer), [](absl::StatusOr<InvokeFunctionResponse>& reply) {
          if (reply.ok() && reply->result().status() == kCancelled) {
            reply = absl::CancelledError("execution cancelled");
          }
        }));
  }
};

// Never asks functions to stop.
class StopNotPassedOn final : public ForwardingRuntime {
 public:
  using ForwardingRuntime::ForwardingRuntime;
  void stop(core::AttemptId) override {}
};

// Reports CANCELLED, without success, for ids that it does not know.
class UnknownReportedCancelled final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    inner().CancelExecution(request,
                            edited(std::move(answer), [](CancelExecutionResponse& response) {
                              if (response.final_status() == 0) {
                                response.set_final_status(kCancelled);
                              }
                            }));
  }
};

// Starts the grace again with each cancel. The node's own grace never ends.
class GraceProlonged final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    const int cancels = ++cancels_[request.execution_id()];
    timers().after(kGrace, [this, cancels, id = request.execution_id(), why = request.reason()] {
      if (cancels_[id] == cancels) cancel_by_force(id, why);
    });
    inner().CancelExecution(request, std::move(answer));
  }

 private:
  static constexpr core::Duration kGrace = 3s;  // that of the reference node

  std::map<std::string, int> cancels_;
};

// Shows the reason of the last cancel that came before the end.
class LastReasonWins final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    const GetExecutionStatusResponse now = look_up(request.execution_id());
    if (now.found() && !is_terminal(now.result().status())) {
      reasons_[request.execution_id()] = request.reason();
    }
    inner().CancelExecution(request, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const auto reason = reasons_.find(request.execution_id());
    if (reason != reasons_.end() && !reason->second.empty()) {
      answer =
          edited(std::move(answer), [text = reason->second](GetExecutionStatusResponse& response) {
            if (response.result().status() != kCancelled) return;
            response.mutable_result()->set_error_message(text);
          });
    }
    inner().GetExecutionStatus(request, std::move(answer));
  }

 private:
  std::map<std::string, std::string> reasons_;
};

std::vector<FaultyCore> cancel_faults() {
  return {
      {.name = "cancel-claims-success",
       .about = "A cancel is answered with success for any id and does nothing.",
       .origin = "seen in Spear",
       .caught_by = {"CANCEL-1", "CANCEL-3"},
       .decorate = decorated_by<CancelClaimsSuccess>()},
      {.name = "cancel-overwrites-the-end",
       .about = "A cancel of a finished execution makes its record CANCELLED.",
       .origin = "seen in Spear",
       .caught_by = {"CANCEL-2", "STATE-3"},
       .decorate = decorated_by<CancelOverwritesTheEnd>()},
      {.name = "running-cancel-without-effect",
       .about =
           "A cancel of a RUNNING execution reports success without effect, unless it is forced.",
       .origin = "for CANCEL-3",
       .caught_by = {"CANCEL-3", "CANCEL-7"},
       .decorate = decorated_by<RunningCancelWithoutEffect>()},
      {.name = "second-cancel-is-an-error",
       .about = "The second cancel of an execution is answered with INTERNAL.",
       .origin = "for CANCEL-4",
       .caught_by = {"CANCEL-4"},
       .decorate = decorated_by<SecondCancelIsAnError>()},
      {.name = "cancelled-record-dropped",
       .about = "A cancelled execution is not found.",
       .origin = "for CANCEL-5",
       .caught_by = {"CANCEL-5"},
       .decorate = decorated_by<CancelledRecordDropped>()},
      {.name = "cancel-reason-lost",
       .about = "A cancelled execution's record does not have the reason.",
       .origin = "for CANCEL-5",
       .caught_by = {"CANCEL-5"},
       .decorate = editing({.result =
                                [](auto& result) {
                                  if (result.status() == kCancelled) result.clear_error_message();
                                }})},
      {.name = "cancelled-pending-runs",
       .about = "An execution that was cancelled in the queue runs when a slot is free.",
       .origin = "for CANCEL-6",
       .caught_by = {"CANCEL-6"},
       .decorate = decorated_by<CancelledPendingRuns>()},
      {.name = "stop-not-passed-on",
       .about = "A cancelled function is not asked to stop, only killed when the grace ends.",
       .origin = "for CANCEL-7",
       .caught_by = {"CANCEL-7"},
       .wrap_runtime = wrapped_by<StopNotPassedOn>()},
      {.name = "grace-too-long",
       .about = "A cancelled function that ignores the signal may run for five times the grace.",
       .origin = "for CANCEL-7",
       .caught_by = {"CANCEL-7"},
       .configure = [](core::NodeConfig& node) { node.cancel_grace *= 5; }},
      {.name = "slot-held-after-cancel",
       .about = "The slot of a function that was asked to stop is busy until 10 s after its end.",
       .origin = "for CANCEL-7",
       .caught_by = {"CANCEL-7"},
       .wrap_runtime = leaking_slots(LeakAfter::kStop, 10s)},
      {.name = "cancel-lost-at-the-start",
       .about = "A cancel during the start of its execution reports success and is lost.",
       .origin = "for CANCEL-8",
       .caught_by = {"CANCEL-8"},
       .decorate = decorated_by<CancelLostAtTheStart>()},
      {.name = "cancelled-sync-caller-gets-an-error",
       .about = "A SYNC caller whose execution is cancelled gets the gRPC status CANCELLED.",
       .origin = "for CANCEL-9",
       .caught_by = {"CANCEL-9"},
       .decorate = decorated_by<SyncCallerGetsAnError>()},
      {.name = "unknown-reported-cancelled",
       .about = "A cancel of an unknown id has no success, but the final_status CANCELLED.",
       .origin = "for CANCEL-10",
       .caught_by = {"CANCEL-10"},
       .decorate = decorated_by<UnknownReportedCancelled>()},
      {.name = "grace-prolonged",
       .about = "Each cancel starts the grace period again.",
       .origin = "for CANCEL-11",
       .caught_by = {"CANCEL-11"},
       .configure = [](core::NodeConfig& node) { node.cancel_grace = std::chrono::hours(1); },
       .decorate = decorated_by<GraceProlonged>()},
      {.name = "last-reason-wins",
       .about = "The record has the reason of the last cancel.",
       .origin = "for CANCEL-12",
       .caught_by = {"CANCEL-12"},
       .decorate = decorated_by<LastReasonWins>()},
      {.name = "cancelled-and-timeout-shown-failed",
       .about = "There is no CANCELLED and no TIMEOUT: both are shown as FAILED.",
       .origin = "seen in Spear",
       .caught_by = {"CANCEL-5", "CANCEL-9", "TIME-1"},
       .decorate = editing({.any_status =
                                [](ExecutionStatus status) {
                                  const bool missing = status == kCancelled || status == kTimeout;
                                  return missing ? kFailed : status;
                                }})},
  };
}

const RegisterFaults kCancelFaults(5, cancel_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
