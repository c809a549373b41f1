// Decorators: services that stand in front of another one.
#pragma once

#include <string>

#include "conformance/faulty/faulty_core.h"
#include "conformance/faulty/relay.h"
#include "core/function_service.h"

namespace quintain::conformance::faulty {

/// Passes every call on as it is. A decorator overrides the calls that it spoils; relay.h has what
/// it needs to see and change the answers. The inner service must answer all calls before the
/// decorator is destroyed.
class ForwardingService : public core::FunctionService {
 public:
  explicit ForwardingService(core::FunctionService& inner) : inner_(inner) {}

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::Answer<spearlet::InvokeFunctionResponse> answer) override;
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          core::Answer<spearlet::GetExecutionStatusResponse> answer) override;
  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       core::Answer<spearlet::CancelExecutionResponse> answer) override;
  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::StreamAnswer<spearlet::StreamExecutionResult> answer) override;
  void ListTasks(const spearlet::ListTasksRequest& request,
                 core::Answer<spearlet::ListTasksResponse> answer) override;
  void GetTask(const spearlet::GetTaskRequest& request,
               core::Answer<spearlet::GetTaskResponse> answer) override;
  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  core::Answer<spearlet::DeleteTaskResponse> answer) override;
  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      core::Answer<spearlet::ListExecutionsResponse> answer) override;
  void GetHealth(const spearlet::GetHealthRequest& request,
                 core::Answer<spearlet::GetHealthResponse> answer) override;
  void GetStats(const spearlet::GetStatsRequest& request,
                core::Answer<spearlet::GetStatsResponse> answer) override;

 protected:
  core::FunctionService& inner() { return inner_; }

  /// What the inner service knows of an execution now. Not from within an answer.
  spearlet::GetExecutionStatusResponse look_up(const std::string& execution_id);

  /// Cancels on the decorator's own observation, by force. Not from within an answer.
  void cancel_unheard(const std::string& execution_id, const std::string& reason);

 private:
  core::FunctionService& inner_;
};

/// A FaultyCore::Decorate for a decorator that is made of the inner service alone.
template <class Service>
FaultyCore::Decorate decorated_by() {
  return [](core::FunctionService& inner, core::Environment&, const core::NodeConfig&) {
    return std::make_unique<Service>(inner);
  };
}

/// The same for one that needs time.
template <class Service>
FaultyCore::Decorate decorated_in_time_by() {
  return [](core::FunctionService& inner, core::Environment& environment, const core::NodeConfig&) {
    return std::make_unique<Service>(inner, environment);
  };
}

/// The id that a request gives its execution; empty: none.
const std::string& given_id(const spearlet::InvokeFunctionRequest& request);

bool is_async(const spearlet::InvokeFunctionRequest& request);

}  // namespace quintain::conformance::faulty
