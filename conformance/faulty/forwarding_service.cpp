#include "conformance/faulty/forwarding_service.h"

#include <utility>

namespace quintain::conformance::faulty {

using core::Answer;
using core::CallContext;

void ForwardingService::InvokeFunction(spearlet::InvokeFunctionRequest&& request,
                                       const CallContext& call,
                                       Answer<spearlet::InvokeFunctionResponse> answer) {
  inner_.InvokeFunction(std::move(request), call, std::move(answer));
}

void ForwardingService::GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                                           Answer<spearlet::GetExecutionStatusResponse> answer) {
  inner_.GetExecutionStatus(request, std::move(answer));
}

void ForwardingService::CancelExecution(const spearlet::CancelExecutionRequest& request,
                                        Answer<spearlet::CancelExecutionResponse> answer) {
  inner_.CancelExecution(request, std::move(answer));
}

void ForwardingService::StreamFunction(spearlet::InvokeFunctionRequest&& request,
                                       const CallContext& call,
                                       core::StreamAnswer<spearlet::StreamExecutionResult> answer) {
  inner_.StreamFunction(std::move(request), call, std::move(answer));
}

void ForwardingService::ListTasks(const spearlet::ListTasksRequest& request,
                                  Answer<spearlet::ListTasksResponse> answer) {
  inner_.ListTasks(request, std::move(answer));
}

void ForwardingService::GetTask(const spearlet::GetTaskRequest& request,
                                Answer<spearlet::GetTaskResponse> answer) {
  inner_.GetTask(request, std::move(answer));
}

void ForwardingService::DeleteTask(const spearlet::DeleteTaskRequest& request,
                                   Answer<spearlet::DeleteTaskResponse> answer) {
  inner_.DeleteTask(request, std::move(answer));
}

void ForwardingService::ListExecutions(const spearlet::ListExecutionsRequest& request,
                                       Answer<spearlet::ListExecutionsResponse> answer) {
  inner_.ListExecutions(request, std::move(answer));
}

void ForwardingService::GetHealth(const spearlet::GetHealthRequest& request,
                                  Answer<spearlet::GetHealthResponse> answer) {
  inner_.GetHealth(request, std::move(answer));
}

void ForwardingService::GetStats(const spearlet::GetStatsRequest& request,
                                 Answer<spearlet::GetStatsResponse> answer) {
  inner_.GetStats(request, std::move(answer));
}

spearlet::GetExecutionStatusResponse ForwardingService::look_up(const std::string& execution_id) {
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id(execution_id);
  request.set_include_result(true);
  request.set_include_logs(true);
  return ask(inner_, &core::FunctionService::GetExecutionStatus, request);
}

void ForwardingService::cancel_unheard(const std::string& execution_id, const std::string& reason) {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(execution_id);
  request.set_reason(reason);
  request.set_force(true);
  inner_.CancelExecution(request, unheard<spearlet::CancelExecutionResponse>());
}

const std::string& given_id(const spearlet::InvokeFunctionRequest& request) {
  return request.has_execution_id() ? request.execution_id() : request.context().execution_id();
}

bool is_async(const spearlet::InvokeFunctionRequest& request) {
  return request.execution_mode() == spearlet::EXECUTION_MODE_ASYNC;
}

}  // namespace quintain::conformance::faulty
