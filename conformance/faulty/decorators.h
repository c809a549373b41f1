// Decorators: services in front of another one, which pass calls on and change some of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "conformance/faulty/faulty_core.h"
#include "conformance/faulty/relay.h"
#include "conformance/faulty/timers.h"
#include "core/base/environment.h"
#include "core/function_service.h"
#include "core/statuses.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance::faulty {

using core::Answer;
using core::CallContext;
using core::StreamAnswer;
using spearlet::CancelExecutionRequest;
using spearlet::CancelExecutionResponse;
using spearlet::DeleteTaskRequest;
using spearlet::DeleteTaskResponse;
using spearlet::ExecutionInfo;
using spearlet::ExecutionResult;
using spearlet::ExecutionStatus;
using spearlet::GetExecutionStatusRequest;
using spearlet::GetExecutionStatusResponse;
using spearlet::GetHealthRequest;
using spearlet::GetHealthResponse;
using spearlet::GetStatsRequest;
using spearlet::GetStatsResponse;
using spearlet::GetTaskRequest;
using spearlet::GetTaskResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;
using spearlet::ListExecutionsRequest;
using spearlet::ListExecutionsResponse;
using spearlet::ListTasksRequest;
using spearlet::ListTasksResponse;
using spearlet::StreamExecutionResult;

using namespace core::statuses;

/// Passes every call on unchanged. A decorator overrides the calls that it changes, and uses
/// relay.h to see and change answers. The inner service must answer all calls before the decorator
/// is destroyed. Serial context only.
class ForwardingService : public core::FunctionService {
 public:
  ForwardingService(core::FunctionService& inner, core::Environment& environment)
      : inner_(inner), environment_(environment), timers_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    inner_.InvokeFunction(std::move(request), call, std::move(answer));
  }
  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner_.GetExecutionStatus(request, std::move(answer));
  }
  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    inner_.CancelExecution(request, std::move(answer));
  }
  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    inner_.StreamFunction(std::move(request), call, std::move(answer));
  }
  void ListTasks(const ListTasksRequest& request, Answer<ListTasksResponse> answer) override {
    inner_.ListTasks(request, std::move(answer));
  }
  void GetTask(const GetTaskRequest& request, Answer<GetTaskResponse> answer) override {
    inner_.GetTask(request, std::move(answer));
  }
  void DeleteTask(const DeleteTaskRequest& request, Answer<DeleteTaskResponse> answer) override {
    inner_.DeleteTask(request, std::move(answer));
  }
  void ListExecutions(const ListExecutionsRequest& request,
                      Answer<ListExecutionsResponse> answer) override {
    inner_.ListExecutions(request, std::move(answer));
  }
  void GetHealth(const GetHealthRequest& request, Answer<GetHealthResponse> answer) override {
    inner_.GetHealth(request, std::move(answer));
  }
  void GetStats(const GetStatsRequest& request, Answer<GetStatsResponse> answer) override {
    inner_.GetStats(request, std::move(answer));
  }

 protected:
  core::FunctionService& inner() { return inner_; }
  core::Environment& environment() { return environment_; }
  core::Instant now() const { return environment_.now(); }
  Timers& timers() { return timers_; }

  /// The inner service's present status of an execution, with result and logs. Not from within an
  /// answer.
  GetExecutionStatusResponse look_up(const std::string& execution_id);

  /// Cancels an execution by force, on behalf of no caller. Not from within an answer.
  void cancel_by_force(const std::string& execution_id, const std::string& reason);

 private:
  core::FunctionService& inner_;
  core::Environment& environment_;
  Timers timers_;
};

/// Fault helper: runs an execution that was cancelled or timed out while it was queued.
///
/// Remembers requests by execution id, so that a decorator can rerun one without touching its
/// record. What the rerun does shows in the log and the start time of the original execution.
class RerunService : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override;
  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override;

 protected:
  /// Runs the execution's request again under another id, without a timeout; at most once per
  /// execution. Not from within an answer.
  void rerun(const std::string& execution_id);

 private:
  std::map<std::string, InvokeFunctionRequest> requests_;
  std::map<std::string, std::string> reruns_;  // the rerun's id by the original's
};

/// Changes to the requests and responses of a service; the default of each is no change. Refusals
/// pass unchanged.
struct Edits {
  // Requests. `invocation` is for InvokeFunction, not for StreamFunction.
  void (*invocation)(InvokeFunctionRequest&) = [](auto&) {};
  void (*status_query)(GetExecutionStatusRequest&) = [](auto&) {};
  void (*list_query)(ListExecutionsRequest&) = [](auto&) {};
  void (*deletion)(DeleteTaskRequest&) = [](auto&) {};
  void (*task_query)(GetTaskRequest&) = [](auto&) {};
  void (*tasks_query)(ListTasksRequest&) = [](auto&) {};
  void (*stats_query)(GetStatsRequest&) = [](auto&) {};
  void (*health_query)(GetHealthRequest&) = [](auto&) {};

  // Responses. `status` gets only responses with found = true.
  void (*invoked)(const InvokeFunctionRequest&, InvokeFunctionResponse&) = [](auto&, auto&) {};
  void (*status)(GetExecutionStatusResponse&) = [](auto&) {};
  void (*chunk)(StreamExecutionResult&) = [](auto&) {};
  void (*list)(const ListExecutionsRequest&, ListExecutionsResponse&) = [](auto&, auto&) {};
  void (*tasks)(ListTasksResponse&) = [](auto&) {};
  void (*task)(const GetTaskRequest&, GetTaskResponse&) = [](auto&, auto&) {};
  void (*deleted)(const DeleteTaskRequest&, DeleteTaskResponse&) = [](auto&, auto&) {};
  void (*health)(GetHealthResponse&) = [](auto&) {};
  void (*stats)(GetStatsResponse&) = [](auto&) {};

  // Parts of several responses, changed before the whole: the result of an invocation or of a
  // status query with found = true, an entry of a list of executions, a task in GetTask and
  // ListTasks, an execution's status anywhere.
  void (*result)(ExecutionResult&) = [](auto&) {};
  void (*entry)(ExecutionInfo&) = [](auto&) {};
  void (*task_info)(spearlet::TaskInfo&) = [](auto&) {};
  ExecutionStatus (*any_status)(ExecutionStatus) = [](auto shown) { return shown; };
};

/// A decorator that makes these changes.
FaultyCore::Decorate editing(const Edits& edits);

/// A decorator of class Service.
template <class Service>
FaultyCore::Decorate decorated_by() {
  return [](core::FunctionService& inner, core::Environment& environment, const core::NodeConfig&) {
    return std::make_unique<Service>(inner, environment);
  };
}

/// The execution id in a request; empty if it has none.
const std::string& given_id(const InvokeFunctionRequest& request);

bool is_async(const InvokeFunctionRequest& request);

/// Calls `note(id)` as soon as the id of the request's execution is known: at once if the request
/// has one, else when an ASYNC request is accepted. Returns the answer for the inner service.
template <class Note>
Answer<InvokeFunctionResponse> noting_id(const InvokeFunctionRequest& request,
                                         Answer<InvokeFunctionResponse> answer, Note note) {
  if (!given_id(request).empty()) {
    note(given_id(request));
  } else if (is_async(request)) {
    return edited(std::move(answer),
                  [note](const auto& response) mutable { note(response.execution_id()); });
  }
  return answer;
}

}  // namespace quintain::conformance::faulty
