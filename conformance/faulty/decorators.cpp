// ForwardingService and the decorators that several faults use: EditingService (edits of requests
// and responses) and RerunService (reruns of executions).
#include "conformance/faulty/decorators.h"

#include <memory>
#include <utility>

namespace quintain::conformance::faulty {

GetExecutionStatusResponse ForwardingService::look_up(const std::string& execution_id) {
  GetExecutionStatusRequest request;
  request.set_execution_id(execution_id);
  request.set_include_result(true);
  request.set_include_logs(true);
  return ask(inner_, &core::FunctionService::GetExecutionStatus, request);
}

void ForwardingService::cancel_by_force(const std::string& execution_id,
                                        const std::string& reason) {
  CancelExecutionRequest request;
  request.set_execution_id(execution_id);
  request.set_reason(reason);
  request.set_force(true);
  inner_.CancelExecution(request, discarded_answer<CancelExecutionResponse>());
}

// ---- RerunService -------------------------------------------------------------------------------

void RerunService::InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                                  Answer<InvokeFunctionResponse> answer) {
  answer = noting_id(request, std::move(answer), [this, copy = request](const std::string& id) {
    requests_.emplace(id, copy);
  });
  inner().InvokeFunction(std::move(request), call, std::move(answer));
}

void RerunService::rerun(const std::string& execution_id) {
  const auto found = requests_.find(execution_id);
  const std::string id = execution_id + "-again";
  if (found == requests_.end() || !reruns_.emplace(execution_id, id).second) return;
  InvokeFunctionRequest again = found->second;
  again.set_execution_id(id);
  again.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  again.mutable_context()->clear_execution_id();
  again.mutable_context()->clear_timeout_ms();
  inner().InvokeFunction(std::move(again), {}, discarded_answer<InvokeFunctionResponse>());
}

void RerunService::GetExecutionStatus(const GetExecutionStatusRequest& request,
                                      Answer<GetExecutionStatusResponse> answer) {
  const auto rerun = reruns_.find(request.execution_id());
  if (rerun != reruns_.end()) {
    answer = edited(std::move(answer),
                    [logs = request.include_logs(), seen = look_up(rerun->second)](auto& response) {
                      if (!response.found() || !seen.result().has_started_at()) return;
                      *response.mutable_result()->mutable_started_at() = seen.result().started_at();
                      if (logs) response.mutable_logs()->MergeFrom(seen.logs());
                    });
  }
  inner().GetExecutionStatus(request, std::move(answer));
}

// ---- EditingService -----------------------------------------------------------------------------

namespace {

class EditingService final : public ForwardingService {
 public:
  EditingService(core::FunctionService& inner, core::Environment& environment, const Edits& edits)
      : ForwardingService(inner, environment), edits_(edits) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    answer = edited(std::move(answer), [this, asked = request](auto& response) {
      edit(*response.mutable_result());
      edits_.invoked(asked, response);
    });
    edits_.invocation(request);
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    GetExecutionStatusRequest query = request;
    edits_.status_query(query);
    inner().GetExecutionStatus(query, edited(std::move(answer), [this](auto& response) {
                                 if (!response.found()) return;
                                 edit(*response.mutable_result());
                                 edits_.status(response);
                               }));
  }

  void CancelExecution(const CancelExecutionRequest& request,
                       Answer<CancelExecutionResponse> answer) override {
    inner().CancelExecution(request, edited(std::move(answer), [this](auto& response) {
                              if (response.final_status() == spearlet::EXECUTION_STATUS_UNSPECIFIED)
                                return;
                              response.set_final_status(edits_.any_status(response.final_status()));
                            }));
  }

  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    using Chunk = StreamExecutionResult;
    inner().StreamFunction(
        std::move(request), call,
        StreamRelay<Chunk>::between(std::move(answer), Leaving::kPassedOn,
                                    [this](Chunk& chunk) {
                                      chunk.set_status(edits_.any_status(chunk.status()));
                                      edits_.chunk(chunk);
                                    },
                                    /*end=*/{}));
  }

  void ListTasks(const ListTasksRequest& request, Answer<ListTasksResponse> answer) override {
    ListTasksRequest query = request;
    edits_.tasks_query(query);
    inner().ListTasks(query, edited(std::move(answer), [this](auto& response) {
                        for (auto& task : *response.mutable_tasks()) edits_.task_info(task);
                        edits_.tasks(response);
                      }));
  }

  void GetTask(const GetTaskRequest& request, Answer<GetTaskResponse> answer) override {
    GetTaskRequest query = request;
    edits_.task_query(query);
    inner().GetTask(query, edited(std::move(answer), [this, asked = request](auto& response) {
                      if (response.has_task()) edits_.task_info(*response.mutable_task());
                      for (auto& entry : *response.mutable_executions()) edit(entry);
                      edits_.task(asked, response);
                    }));
  }

  void DeleteTask(const DeleteTaskRequest& request, Answer<DeleteTaskResponse> answer) override {
    DeleteTaskRequest deletion = request;
    edits_.deletion(deletion);
    inner().DeleteTask(deletion, edited(std::move(answer), [this, asked = request](auto& response) {
                         edits_.deleted(asked, response);
                       }));
  }

  void ListExecutions(const ListExecutionsRequest& request,
                      Answer<ListExecutionsResponse> answer) override {
    ListExecutionsRequest query = request;
    edits_.list_query(query);
    inner().ListExecutions(query,
                           edited(std::move(answer), [this, asked = request](auto& response) {
                             for (auto& entry : *response.mutable_executions()) edit(entry);
                             edits_.list(asked, response);
                           }));
  }

  void GetHealth(const GetHealthRequest& request, Answer<GetHealthResponse> answer) override {
    GetHealthRequest query = request;
    edits_.health_query(query);
    inner().GetHealth(query, edited(std::move(answer), edits_.health));
  }

  void GetStats(const GetStatsRequest& request, Answer<GetStatsResponse> answer) override {
    GetStatsRequest query = request;
    edits_.stats_query(query);
    inner().GetStats(query, edited(std::move(answer), edits_.stats));
  }

 private:
  void edit(ExecutionResult& result) const {
    result.set_status(edits_.any_status(result.status()));
    edits_.result(result);
  }
  void edit(ExecutionInfo& entry) const {
    entry.set_status(edits_.any_status(entry.status()));
    edits_.entry(entry);
  }

  Edits edits_;
};

}  // namespace

FaultyCore::Decorate editing(const Edits& edits) {
  return [edits](core::FunctionService& inner, core::Environment& environment,
                 const core::NodeConfig&) {
    return std::make_unique<EditingService>(inner, environment, edits);
  };
}

// ---- Requests -----------------------------------------------------------------------------------

const std::string& given_id(const InvokeFunctionRequest& request) {
  return request.has_execution_id() ? request.execution_id() : request.context().execution_id();
}

bool is_async(const InvokeFunctionRequest& request) {
  return request.execution_mode() == spearlet::EXECUTION_MODE_ASYNC;
}

}  // namespace quintain::conformance::faulty
