// spearlet.FunctionService over protobuf messages and callbacks, without a transport.
#pragma once

#include "core/answer.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

/// The ten calls of the contract. This is where everyone meets the core: gRPC's binding, the
/// simulator's clients, the conformance suite's arms, and decorators that stand in front of another
/// service. Serial context only. A call may be answered before it returns or much later.
class FunctionService {
 public:
  virtual ~FunctionService() = default;

  virtual void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                              Answer<spearlet::InvokeFunctionResponse> answer) = 0;
  virtual void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                                  Answer<spearlet::GetExecutionStatusResponse> answer) = 0;
  virtual void CancelExecution(const spearlet::CancelExecutionRequest& request,
                               Answer<spearlet::CancelExecutionResponse> answer) = 0;
  virtual void StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                              StreamAnswer<spearlet::StreamExecutionResult> answer) = 0;
  virtual void ListTasks(const spearlet::ListTasksRequest& request,
                         Answer<spearlet::ListTasksResponse> answer) = 0;
  virtual void GetTask(const spearlet::GetTaskRequest& request,
                       Answer<spearlet::GetTaskResponse> answer) = 0;
  virtual void DeleteTask(const spearlet::DeleteTaskRequest& request,
                          Answer<spearlet::DeleteTaskResponse> answer) = 0;
  virtual void ListExecutions(const spearlet::ListExecutionsRequest& request,
                              Answer<spearlet::ListExecutionsResponse> answer) = 0;
  virtual void GetHealth(const spearlet::GetHealthRequest& request,
                         Answer<spearlet::GetHealthResponse> answer) = 0;
  virtual void GetStats(const spearlet::GetStatsRequest& request,
                        Answer<spearlet::GetStatsResponse> answer) = 0;
};

}  // namespace quintain::core
