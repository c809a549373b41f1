// Faults of the answers to ASYNC calls, and of the executions after the answer.
#include <absl/strings/match.h>
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "conformance/faulty/decorators.h"
#include "core/transitions.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kAsyncEstimateMs = 1000;
constexpr std::int64_t kEpochMs = 1'735'689'600'000;  // 2025-01-01T00:00:00Z

void make_accepted(std::string id, InvokeFunctionResponse& response) {
  response.set_success(true);
  response.set_message("accepted");
  response.set_status_endpoint("/status/" + id);
  response.set_estimated_completion_ms(kAsyncEstimateMs);
  response.set_execution_id(std::move(id));
  response.mutable_result()->Clear();
  response.mutable_result()->set_status(kPending);
}

// Runs an ASYNC call as SYNC and answers, at the end, in the shape of ASYNC.
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

// Delays an ASYNC answer by 2 ms and puts the result in it if the execution has ended by then.
class QuickWorkAnsweredFinished final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) answer = finished_if_quick(std::move(answer));
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  static constexpr core::Duration kDelay = 2ms;

  Answer<InvokeFunctionResponse> finished_if_quick(Answer<InvokeFunctionResponse> answer) {
    return Relay<InvokeFunctionResponse>::between(
        std::move(answer), Leaving::kPassedOn,
        [this](absl::StatusOr<InvokeFunctionResponse> reply, Answer<InvokeFunctionResponse> outer) {
          if (!reply.ok()) return pass_on(std::move(reply), std::move(outer));
          auto postponed =
              std::make_shared<PostponedAnswer<InvokeFunctionResponse>>(std::move(outer));
          timers().after(kDelay, [this, postponed, response = *std::move(reply)]() mutable {
            GetExecutionStatusResponse now = look_up(response.execution_id());
            if (core::is_terminal(now.result().status())) {
              *response.mutable_result() = std::move(*now.mutable_result());
            }
            postponed->send(std::move(response));
          });
        });
  }
};

// What an accepted call does not find.
enum class Unknown { kTask, kFunction };

// Accepts a call of what is unknown, and shows the execution, which does not exist, as FAILED.
template <Unknown kWhat>
class UnknownAccepted final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) {
      answer =
          reply_edited(std::move(answer), [this, id = given_id(request), task = request.task_id()](
                                              absl::StatusOr<InvokeFunctionResponse>& reply) {
            const bool function = absl::StrContains(reply.status().message(), "no function");
            if (!absl::IsNotFound(reply.status()) || function != (kWhat == Unknown::kFunction)) {
              return;
            }
            const std::string name = id.empty() ? fmt::format("lost-{}", lost_.size() + 1) : id;
            lost_.insert(name);
            reply = InvokeFunctionResponse();
            make_accepted(name, *reply);
            reply->set_task_id(task);
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
    response.mutable_result()->set_status(kFailed);
    response.mutable_result()->set_error_code("TASK_NOT_FOUND");
    response.mutable_result()->set_error_message("task not found");
    std::move(answer).send(std::move(response));
  }

 private:
  std::set<std::string> lost_;
};

// Hides a record for some time after the ASYNC answer.
class RecordComesLate final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) {
      answer = edited(std::move(answer), [this](const InvokeFunctionResponse& response) {
        accepted_.emplace(response.execution_id(), now());
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    const auto accepted = accepted_.find(request.execution_id());
    if (accepted != accepted_.end() && now() < accepted->second + kDelay) {
      return std::move(answer).send({});
    }
    inner().GetExecutionStatus(request, std::move(answer));
  }

 private:
  // Longer than a live client needs for its first query.
  static constexpr core::Duration kDelay = 50ms;

  std::map<std::string, core::Instant> accepted_;
};

// Cancels an ASYNC execution at the deadline of its call, which was answered long before.
class AsyncBoundToItsCall final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request) && !call.deadline.is_never()) {
      const core::Duration left = call.deadline - now();
      answer = edited(std::move(answer), [this, left](const InvokeFunctionResponse& response) {
        timers().after(left, [this, id = response.execution_id()] {
          cancel_by_force(id, "the call is over");
        });
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

// An execution that is cancelled while it waits keeps its place in the queue.
class CancelledKeepsItsPlace final : public ForwardingService {
 public:
  CancelledKeepsItsPlace(core::FunctionService& inner, core::Environment& environment,
                         const core::NodeConfig& config)
      : ForwardingService(inner, environment), config_(config) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    GetStatsRequest query;
    query.set_include_execution_stats(true);
    const GetStatsResponse stats = ask(inner(), &core::FunctionService::GetStats, query);
    const auto& counts = stats.execution_stats();
    if (counts.running_executions() >= config_.slots &&
        counts.pending_executions() + lost_ >= config_.queue_limit) {
      return std::move(answer).refuse(absl::ResourceExhaustedError("the queue is full"));
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    if (look_up(request.execution_id()).result().status() == kPending) ++lost_;
    inner().CancelExecution(request, std::move(answer));
  }

 private:
  core::NodeConfig config_;
  int lost_ = 0;
};

std::vector<FaultyCore> async_faults() {
  return {
      {.name = "cancelled-keeps-its-place",
       .about = "An execution that is cancelled while it waits keeps its place in the queue.",
       .origin = "for ASYNC-9",
       .caught_by = {"ASYNC-9"},
       .decorate =
           [](core::FunctionService& inner, core::Environment& environment,
              const core::NodeConfig& config) {
             return std::make_unique<CancelledKeepsItsPlace>(inner, environment, config);
           }},
      {.name = "async-answers-finished",
       .about = "The first ASYNC answer is COMPLETED if the execution ends at once.",
       .origin = "for ASYNC-1",
       .caught_by = {"ASYNC-1"},
       .decorate = decorated_by<QuickWorkAnsweredFinished>()},
      {.name = "endpoint-of-nobody",
       .about = "The status_endpoint does not contain the execution_id.",
       .origin = "for ASYNC-2",
       .caught_by = {"ASYNC-2"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (is_async(request)) {
                                    response.set_status_endpoint("/status/latest");
                                  }
                                }})},
      {.name = "async-blocks",
       .about = "An ASYNC call is answered only when the function has ended.",
       .origin = "M6",
       .caught_by = {"ASYNC-3"},
       .decorate = decorated_by<AsyncBlocks>()},
      {.name = "record-comes-late",
       .about = "A status query right after the ASYNC answer does not find the record.",
       .origin = "seen in Spear",
       .caught_by = {"ASYNC-4"},
       .decorate = decorated_by<RecordComesLate>()},
      {.name = "status-never-found",
       .about = "Every status query is answered with found = false.",
       .origin = "M5",
       .caught_by = {"ASYNC-4"},
       .decorate = editing({.status = [](auto& response) { response.Clear(); }})},
      {.name = "estimate-always-zero",
       .about = "The estimate of an ASYNC answer is 0.",
       .origin = "M2",
       .caught_by = {"ASYNC-5", "ETA-1"},
       .decorate = editing(
           {.invoked = [](auto&, auto& response) { response.clear_estimated_completion_ms(); }})},
      {.name = "estimate-is-a-point-in-time",
       .about = "The estimate of an ASYNC answer is milliseconds since 1970.",
       .origin = "for ASYNC-5",
       .caught_by = {"ASYNC-5"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (!is_async(request)) return;
                                  response.set_estimated_completion_ms(
                                      kEpochMs + response.estimated_completion_ms());
                                }})},
      {.name = "unknown-task-accepted",
       .about = "An ASYNC call of a task that does not exist is accepted, then shows as FAILED.",
       .origin = "seen in Spear",
       .caught_by = {"ASYNC-6"},
       .decorate = decorated_by<UnknownAccepted<Unknown::kTask>>()},
      {.name = "unknown-function-accepted",
       .about = "An ASYNC call of a function that does not exist is accepted, then is FAILED.",
       .origin = "for ASYNC-10",
       .caught_by = {"ASYNC-10"},
       .decorate = decorated_by<UnknownAccepted<Unknown::kFunction>>()},
      {.name = "accepted-without-success",
       .about = "The answer to an accepted ASYNC call has success = false.",
       .origin = "for ASYNC-11",
       .caught_by = {"ASYNC-11"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (is_async(request)) response.clear_success();
                                }})},
      {.name = "async-bound-to-its-connection",
       .about = "An ASYNC execution is cancelled when the connection of its caller ends.",
       .origin = "for ASYNC-7",
       .caught_by = {"ASYNC-7"},
       .not_served = "the service does not see connections",
       .wire = WireFault::kConnectionOwnsExecutions},
      {.name = "async-bound-to-its-call",
       .about = "An ASYNC execution is cancelled at the deadline of the call that started it.",
       .origin = "for ASYNC-7",
       .caught_by = {"ASYNC-7"},
       .decorate = decorated_by<AsyncBoundToItsCall>()},
      {.name = "failure-shown-completed",
       .about = "A status query shows COMPLETED for an execution that FAILED.",
       .origin = "for ASYNC-8",
       .caught_by = {"ASYNC-8"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  auto& result = *response.mutable_result();
                                  if (result.status() != kFailed) return;
                                  result.set_status(kCompleted);
                                  result.clear_error_code();
                                  result.clear_error_message();
                                }})},
      {.name = "queue-without-a-limit",
       .about = "An execution is accepted however long the queue is.",
       .origin = "for ASYNC-9",
       .caught_by = {"ASYNC-9"},
       .configure = [](core::NodeConfig& node) { node.queue_limit = 1'000'000; }},
  };
}

const RegisterFaults kAsyncFaults(2, async_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
