// Faults of what an ASYNC call is answered, and of what follows.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "conformance/faulty/agenda.h"
#include "conformance/faulty/edits.h"
#include "conformance/faulty/families.h"
#include "conformance/faulty/forwarding_service.h"
#include "core/transitions.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;
using core::Answer;
using core::CallContext;
using spearlet::GetExecutionStatusRequest;
using spearlet::GetExecutionStatusResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

constexpr std::int64_t kEstimateMs = 1000;
// 2025-01-01T00:00:00Z.
constexpr std::int64_t kEpochMs = 1'735'689'600'000;

void make_accepted(std::string id, InvokeFunctionResponse& response) {
  response.set_success(true);
  response.set_message("accepted");
  response.set_status_endpoint("/status/" + id);
  response.set_estimated_completion_ms(kEstimateMs);
  response.set_execution_id(std::move(id));
  response.mutable_result()->Clear();
  response.mutable_result()->set_status(spearlet::EXECUTION_STATUS_PENDING);
}

/// Runs it as SYNC and answers, at the end, in the shape of ASYNC.
class AsyncBlocks final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) {
      request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
      answer = edited(std::move(answer), [](InvokeFunctionResponse& response) {
        make_accepted(response.execution_id(), response);
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

/// The answer waits a moment, and tells the end if that has come meanwhile.
class QuickWorkAnsweredFinished final : public ForwardingService {
 public:
  QuickWorkAnsweredFinished(core::FunctionService& inner, core::Environment& environment)
      : ForwardingService(inner), agenda_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) answer = finished_if_quick(std::move(answer));
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  static constexpr core::Duration kMoment = 2ms;

  Answer<InvokeFunctionResponse> finished_if_quick(Answer<InvokeFunctionResponse> answer) {
    return Relay<InvokeFunctionResponse>::between(
        std::move(answer), Leaving::kPassedOn,
        [this](absl::StatusOr<InvokeFunctionResponse> reply, Answer<InvokeFunctionResponse> outer) {
          if (!reply.ok()) return pass_on(std::move(reply), std::move(outer));
          auto held = std::make_shared<Held<InvokeFunctionResponse>>(std::move(outer));
          agenda_.after(kMoment, [this, held, response = *std::move(reply)]() mutable {
            GetExecutionStatusResponse now = look_up(response.execution_id());
            if (core::is_terminal(now.result().status())) {
              *response.mutable_result() = std::move(*now.mutable_result());
            }
            held->send(std::move(response));
          });
        });
  }

  Agenda agenda_;
};

/// A task that does not exist is accepted, and the execution, which never was, shows as FAILED.
class UnknownTaskAccepted final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) {
      answer = Relay<InvokeFunctionResponse>::between(
          std::move(answer), Leaving::kPassedOn,
          [this, id = given_id(request), task = request.task_id()](
              absl::StatusOr<InvokeFunctionResponse> reply, Answer<InvokeFunctionResponse> outer) {
            if (absl::IsNotFound(reply.status())) {
              const std::string name = id.empty() ? fmt::format("lost-{}", lost_.size() + 1) : id;
              lost_.insert(name);
              reply = InvokeFunctionResponse();
              make_accepted(name, *reply);
              reply->set_task_id(task);
            }
            pass_on(std::move(reply), std::move(outer));
          });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    if (!lost_.contains(request.execution_id())) {
      return inner().GetExecutionStatus(request, std::move(answer));
    }
    GetExecutionStatusResponse response;
    response.set_found(true);
    response.mutable_result()->set_status(spearlet::EXECUTION_STATUS_FAILED);
    response.mutable_result()->set_error_code("TASK_NOT_FOUND");
    response.mutable_result()->set_error_message("task not found");
    std::move(answer).send(std::move(response));
  }

 private:
  std::set<std::string> lost_;
};

/// The record can be found only some time after the answer.
class RecordComesLate final : public ForwardingService {
 public:
  RecordComesLate(core::FunctionService& inner, core::Environment& environment)
      : ForwardingService(inner), environment_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) {
      answer = edited(std::move(answer), [this](const InvokeFunctionResponse& response) {
        accepted_.emplace(response.execution_id(), environment_.now());
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const auto accepted = accepted_.find(request.execution_id());
    if (accepted != accepted_.end() && environment_.now() < accepted->second + kDelay) {
      return std::move(answer).send({});
    }
    inner().GetExecutionStatus(request, std::move(answer));
  }

 private:
  // Longer than a live client needs for its first query.
  static constexpr core::Duration kDelay = 50ms;

  core::Environment& environment_;
  std::map<std::string, core::Instant> accepted_;
};

/// What an ASYNC call began ends at the call's deadline, though it was answered long before.
class AsyncBoundToItsCall final : public ForwardingService {
 public:
  AsyncBoundToItsCall(core::FunctionService& inner, core::Environment& environment)
      : ForwardingService(inner), environment_(environment), agenda_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request) && !call.deadline.is_never()) {
      const core::Duration rest = call.deadline - environment_.now();
      answer = edited(std::move(answer), [this, rest](const InvokeFunctionResponse& response) {
        agenda_.after(
            rest, [this, id = response.execution_id()] { cancel_unheard(id, "the call is over"); });
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  core::Environment& environment_;
  Agenda agenda_;
};

}  // namespace

std::vector<FaultyCore> async_faults() {
  return {
      {.name = "async-answers-finished",
       .about = "Work that is over at once is answered COMPLETED in the first ASYNC answer.",
       .origin = "for ASYNC-1",
       .caught_by = {"ASYNC-1"},
       .decorate = decorated_in_time_by<QuickWorkAnsweredFinished>()},
      {.name = "endpoint-of-nobody",
       .about = "The status_endpoint does not say which execution it is of.",
       .origin = "for ASYNC-2",
       .caught_by = {"ASYNC-2"},
       .decorate =
           editing({.invoked =
                        [](const InvokeFunctionRequest& request, InvokeFunctionResponse& response) {
                          if (is_async(request)) response.set_status_endpoint("/status/latest");
                        }})},
      {.name = "async-blocks",
       .about = "An ASYNC call is answered only when the function has ended.",
       .origin = "M6",
       .caught_by = {"ASYNC-3"},
       .decorate = decorated_by<AsyncBlocks>()},
      {.name = "record-comes-late",
       .about = "A status query that follows the ASYNC answer at once misses the record.",
       .origin = "seen in Spear",
       .caught_by = {"ASYNC-4"},
       .decorate = decorated_in_time_by<RecordComesLate>()},
      {.name = "status-never-found",
       .about = "Every status query is answered found = false.",
       .origin = "M5",
       .caught_by = {"ASYNC-4"},
       .decorate =
           editing({.status = [](GetExecutionStatusResponse& response) { response.Clear(); }})},
      {.name = "estimate-always-zero",
       .about = "The estimate of an ASYNC answer is 0.",
       .origin = "M2",
       .caught_by = {"ASYNC-5", "ETA-1"},
       .decorate = editing({.invoked =
                                [](const InvokeFunctionRequest&, InvokeFunctionResponse& response) {
                                  response.clear_estimated_completion_ms();
                                }})},
      {.name = "estimate-is-a-point-in-time",
       .about = "The estimate of an ASYNC answer is milliseconds since 1970.",
       .origin = "for ASYNC-5",
       .caught_by = {"ASYNC-5"},
       .decorate =
           editing({.invoked =
                        [](const InvokeFunctionRequest& request, InvokeFunctionResponse& response) {
                          if (!is_async(request)) return;
                          response.set_estimated_completion_ms(kEpochMs +
                                                               response.estimated_completion_ms());
                        }})},
      {.name = "unknown-task-accepted",
       .about = "An ASYNC call of a task that does not exist is accepted, then shows as FAILED.",
       .origin = "seen in Spear",
       .caught_by = {"ASYNC-6"},
       .decorate = decorated_by<UnknownTaskAccepted>()},
      {.name = "async-bound-to-its-call",
       .about = "An ASYNC execution is cancelled at the deadline of the call that began it.",
       .origin = "for ASYNC-7",
       .caught_by = {"ASYNC-7"},
       .decorate = decorated_in_time_by<AsyncBoundToItsCall>()},
      {.name = "failure-shown-completed",
       .about = "A status query shows COMPLETED for what FAILED.",
       .origin = "for ASYNC-8",
       .caught_by = {"ASYNC-8"},
       .decorate = editing({.status =
                                [](GetExecutionStatusResponse& response) {
                                  auto& result = *response.mutable_result();
                                  if (result.status() != spearlet::EXECUTION_STATUS_FAILED) return;
                                  result.set_status(spearlet::EXECUTION_STATUS_COMPLETED);
                                  result.clear_error_code();
                                  result.clear_error_message();
                                }})},
      {.name = "queue-without-a-limit",
       .about = "However many executions wait, one more is accepted.",
       .origin = "for ASYNC-9",
       .caught_by = {"ASYNC-9"},
       .configure = [](core::NodeConfig& node) { node.queue_limit = 1'000'000; }},
  };
}

}  // namespace quintain::conformance::faulty
