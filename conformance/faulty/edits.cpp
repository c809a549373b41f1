#include "conformance/faulty/edits.h"

#include <memory>
#include <utility>

#include "conformance/faulty/forwarding_service.h"

namespace quintain::conformance::faulty {
namespace {

using core::Answer;
using core::CallContext;

class EditingService final : public ForwardingService {
 public:
  EditingService(core::FunctionService& inner, const Edits& edits)
      : ForwardingService(inner), edits_(edits) {}

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<spearlet::InvokeFunctionResponse> answer) override {
    CallContext context = call;
    auto outer = edited(std::move(answer), [this, asked = request](auto& response) {
      edit(*response.mutable_result());
      if (edits_.invoked != nullptr) edits_.invoked(asked, response);
    });
    if (edits_.invocation != nullptr) edits_.invocation(request, context);
    inner().InvokeFunction(std::move(request), context, std::move(outer));
  }

  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          Answer<spearlet::GetExecutionStatusResponse> answer) override {
    spearlet::GetExecutionStatusRequest query = request;
    if (edits_.status_query != nullptr) edits_.status_query(query);
    inner().GetExecutionStatus(query, edited(std::move(answer), [this](auto& response) {
                                 if (!response.found()) return;
                                 edit(*response.mutable_result());
                                 if (edits_.status != nullptr) edits_.status(response);
                               }));
  }

  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       Answer<spearlet::CancelExecutionResponse> answer) override {
    inner().CancelExecution(
        request, edited(std::move(answer), [this](auto& response) {
          if (edits_.any_status != nullptr && response.final_status() != 0) {
            response.set_final_status(edits_.any_status(response.final_status()));
          }
          if (edits_.cancelled != nullptr) edits_.cancelled(response);
        }));
  }

  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      core::StreamAnswer<spearlet::StreamExecutionResult> answer) override {
    using Chunk = spearlet::StreamExecutionResult;
    inner().StreamFunction(
        std::move(request), call,
        StreamRelay<Chunk>::between(std::move(answer), Leaving::kPassedOn,
                                    [this](Chunk& chunk) {
                                      if (edits_.any_status != nullptr) {
                                        chunk.set_status(edits_.any_status(chunk.status()));
                                      }
                                      if (edits_.chunk != nullptr) edits_.chunk(chunk);
                                    },
                                    /*end=*/{}));
  }

  void ListTasks(const spearlet::ListTasksRequest& request,
                 Answer<spearlet::ListTasksResponse> answer) override {
    inner().ListTasks(request, edited(std::move(answer), [this](auto& response) {
                        if (edits_.tasks != nullptr) edits_.tasks(response);
                      }));
  }

  void GetTask(const spearlet::GetTaskRequest& request,
               Answer<spearlet::GetTaskResponse> answer) override {
    inner().GetTask(request, edited(std::move(answer), [this](auto& response) {
                      for (auto& entry : *response.mutable_executions()) edit(entry);
                    }));
  }

  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  Answer<spearlet::DeleteTaskResponse> answer) override {
    spearlet::DeleteTaskRequest deletion = request;
    if (edits_.deletion != nullptr) edits_.deletion(deletion);
    inner().DeleteTask(deletion, std::move(answer));
  }

  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      Answer<spearlet::ListExecutionsResponse> answer) override {
    auto outer = edited(std::move(answer), [this, asked = request](auto& response) {
      for (auto& entry : *response.mutable_executions()) edit(entry);
      if (edits_.list != nullptr) edits_.list(asked, response);
    });
    spearlet::ListExecutionsRequest query = request;
    if (edits_.list_query != nullptr) edits_.list_query(query);
    inner().ListExecutions(query, std::move(outer));
  }

  void GetHealth(const spearlet::GetHealthRequest& request,
                 Answer<spearlet::GetHealthResponse> answer) override {
    inner().GetHealth(request, edited(std::move(answer), [this](auto& response) {
                        if (edits_.health != nullptr) edits_.health(response);
                      }));
  }

  void GetStats(const spearlet::GetStatsRequest& request,
                Answer<spearlet::GetStatsResponse> answer) override {
    inner().GetStats(request, edited(std::move(answer), [this](auto& response) {
                       if (edits_.stats != nullptr) edits_.stats(response);
                     }));
  }

 private:
  void edit(spearlet::ExecutionResult& result) const {
    if (edits_.any_status != nullptr) result.set_status(edits_.any_status(result.status()));
    if (edits_.result != nullptr) edits_.result(result);
  }
  void edit(spearlet::ExecutionInfo& entry) const {
    if (edits_.any_status != nullptr) entry.set_status(edits_.any_status(entry.status()));
    if (edits_.entry != nullptr) edits_.entry(entry);
  }

  Edits edits_;
};

}  // namespace

FaultyCore::Decorate editing(const Edits& edits) {
  return [edits](core::FunctionService& inner, core::Environment&, const core::NodeConfig&) {
    return std::make_unique<EditingService>(inner, edits);
  };
}

}  // namespace quintain::conformance::faulty
