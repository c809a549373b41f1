// Faults of cancelling.
#include <chrono>
#include <map>
#include <set>
#include <string>

#include "conformance/faulty/edits.h"
#include "conformance/faulty/families.h"
#include "conformance/faulty/forwarding_runtime.h"
#include "conformance/faulty/forwarding_service.h"
#include "conformance/faulty/rerun.h"
#include "core/transitions.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;
using core::Answer;
using core::CallContext;
using core::is_terminal;
using spearlet::CancelExecutionRequest;
using spearlet::CancelExecutionResponse;
using spearlet::ExecutionResult;
using spearlet::GetExecutionStatusRequest;
using spearlet::GetExecutionStatusResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

constexpr auto kPending = spearlet::EXECUTION_STATUS_PENDING;
constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;

void claim_success(Answer<CancelExecutionResponse> answer) {
  CancelExecutionResponse response;
  response.set_success(true);
  response.set_final_status(kCancelled);
  response.set_message("cancelled");
  std::move(answer).send(std::move(response));
}

/// Success for any id; nothing is done.
class CancelClaimsSuccess final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest&,
                       Answer<CancelExecutionResponse> answer) override {
    claim_success(std::move(answer));
  }
};

/// A cancel of what is RUNNING claims success and does nothing, unless it is forced.
class RunningCancelWithoutEffect final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (!request.force() &&
        look_up(request.execution_id()).result().status() == spearlet::EXECUTION_STATUS_RUNNING) {
      return claim_success(std::move(answer));
    }
    inner().CancelExecution(request, std::move(answer));
  }
};

/// A cancel turns whatever is on record into CANCELLED.
class CancelOverwritesTheEnd final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (is_terminal(look_up(request.execution_id()).result().status())) {
      reasons_.emplace(request.execution_id(), request.reason());
      return claim_success(std::move(answer));
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

/// The second cancel of one execution is an INTERNAL error.
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

/// What was cancelled while PENDING runs when its turn comes.
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

/// The record of what was cancelled is dropped.
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

/// A cancel soon after acceptance meets no cancel token yet: it claims success and is lost.
class CancelLostAtTheStart final : public ForwardingService {
 public:
  CancelLostAtTheStart(core::FunctionService& inner, core::Environment& environment)
      : ForwardingService(inner), environment_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (!given_id(request).empty()) {
      accepted_.emplace(given_id(request), environment_.now());
    } else if (is_async(request)) {
      answer = edited(std::move(answer), [this](const InvokeFunctionResponse& response) {
        accepted_.emplace(response.execution_id(), environment_.now());
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    const auto accepted = accepted_.find(request.execution_id());
    if (accepted != accepted_.end() && environment_.now() < accepted->second + kStart &&
        !is_terminal(look_up(request.execution_id()).result().status())) {
      return claim_success(std::move(answer));
    }
    inner().CancelExecution(request, std::move(answer));
  }

 private:
  // Longer than a live client needs to send the cancel behind the invocation.
  static constexpr core::Duration kStart = 20ms;

  core::Environment& environment_;
  std::map<std::string, core::Instant> accepted_;
};

/// A SYNC caller gets the gRPC status CANCELLED in place of an answer that says so.
class SyncCallerGetsAnError final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    inner().InvokeFunction(
        std::move(request), call,
        Relay<InvokeFunctionResponse>::between(
            std::move(answer), Leaving::kPassedOn,
            [](absl::StatusOr<InvokeFunctionResponse> reply, Answer<InvokeFunctionResponse> outer) {
              if (reply.ok() && reply->result().status() == kCancelled) {
                reply = absl::CancelledError("execution cancelled");
              }
              pass_on(std::move(reply), std::move(outer));
            }));
  }
};

/// Functions are never asked to stop.
class StopNotPassedOn final : public ForwardingRuntime {
 public:
  using ForwardingRuntime::ForwardingRuntime;
  void stop(core::AttemptId) override {}
};

}  // namespace

std::vector<FaultyCore> cancel_faults() {
  return {
      {.name = "cancel-claims-success",
       .about = "A cancel answers success for any id and does nothing.",
       .origin = "seen in Spear",
       .caught_by = {"CANCEL-1", "CANCEL-3"},
       .decorate = decorated_by<CancelClaimsSuccess>()},
      {.name = "cancel-overwrites-the-end",
       .about = "A cancel of a finished execution makes its record CANCELLED.",
       .origin = "seen in Spear",
       .caught_by = {"CANCEL-2", "STATE-3"},
       .decorate = decorated_by<CancelOverwritesTheEnd>()},
      {.name = "running-cancel-without-effect",
       .about = "A cancel of what is RUNNING claims success without effect, unless it is forced.",
       .origin = "for CANCEL-3",
       .caught_by = {"CANCEL-3", "CANCEL-7"},
       .decorate = decorated_by<RunningCancelWithoutEffect>()},
      {.name = "second-cancel-is-an-error",
       .about = "The second cancel of an execution is answered with INTERNAL.",
       .origin = "for CANCEL-4",
       .caught_by = {"CANCEL-4"},
       .decorate = decorated_by<SecondCancelIsAnError>()},
      {.name = "cancelled-record-dropped",
       .about = "What was cancelled is not found any more.",
       .origin = "for CANCEL-5",
       .caught_by = {"CANCEL-5"},
       .decorate = decorated_by<CancelledRecordDropped>()},
      {.name = "cancel-reason-lost",
       .about = "A cancelled execution's record does not say why.",
       .origin = "for CANCEL-5",
       .caught_by = {"CANCEL-5"},
       .decorate = editing({.result =
                                [](ExecutionResult& result) {
                                  if (result.status() == kCancelled) result.clear_error_message();
                                }})},
      {.name = "cancelled-pending-runs",
       .about = "What was cancelled while it waited runs when its turn comes.",
       .origin = "for CANCEL-6",
       .caught_by = {"CANCEL-6"},
       .decorate = decorated_by<CancelledPendingRuns>()},
      {.name = "stop-not-passed-on",
       .about = "A cancelled function is not asked to stop, only killed when the grace is over.",
       .origin = "for CANCEL-7",
       .caught_by = {"CANCEL-7"},
       .wrap_runtime =
           [](core::Runtime& inner, core::Environment&, const core::NodeConfig&) {
             return std::make_unique<StopNotPassedOn>(inner);
           }},
      {.name = "grace-too-long",
       .about = "A cancelled function that does not heed it may run for five times the grace.",
       .origin = "for CANCEL-7",
       .caught_by = {"CANCEL-7"},
       .configure = [](core::NodeConfig& node) { node.cancel_grace *= 5; }},
      {.name = "slot-held-after-cancel",
       .about =
           "The slot of a function that was told to stop is free only ten seconds after its end.",
       .origin = "for CANCEL-7",
       .caught_by = {"CANCEL-7"},
       .wrap_runtime = leaking_slots(LeakAfter::kCancel, 10s)},
      {.name = "cancel-lost-at-the-start",
       .about = "A cancel that meets the start of its execution claims success and is lost.",
       .origin = "for CANCEL-8",
       .caught_by = {"CANCEL-8"},
       .decorate = decorated_in_time_by<CancelLostAtTheStart>()},
      {.name = "cancelled-sync-caller-gets-an-error",
       .about = "A SYNC caller whose execution is cancelled gets the gRPC status CANCELLED.",
       .origin = "for CANCEL-9",
       .caught_by = {"CANCEL-9"},
       .decorate = decorated_by<SyncCallerGetsAnError>()},
      {.name = "cancelled-and-timeout-shown-failed",
       .about = "CANCELLED and TIMEOUT do not exist: both are shown as FAILED.",
       .origin = "seen in Spear",
       .caught_by = {"CANCEL-5", "CANCEL-9", "TIME-1"},
       .decorate = editing({.any_status =
                                [](spearlet::ExecutionStatus status) {
                                  const bool missing = status == kCancelled ||
                                                       status == spearlet::EXECUTION_STATUS_TIMEOUT;
                                  return missing ? spearlet::EXECUTION_STATUS_FAILED : status;
                                }})},
  };
}

}  // namespace quintain::conformance::faulty
