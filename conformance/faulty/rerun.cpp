#include "conformance/faulty/rerun.h"

#include <utility>

namespace quintain::conformance::faulty {

void RerunService::InvokeFunction(spearlet::InvokeFunctionRequest&& request,
                                  const core::CallContext& call,
                                  core::Answer<spearlet::InvokeFunctionResponse> answer) {
  if (!given_id(request).empty()) {
    requests_.emplace(given_id(request), request);
  } else if (is_async(request)) {
    answer = edited(std::move(answer), [this, copy = request](const auto& response) {
      requests_.emplace(response.execution_id(), copy);
    });
  }
  inner().InvokeFunction(std::move(request), call, std::move(answer));
}

void RerunService::rerun(const std::string& execution_id) {
  const auto found = requests_.find(execution_id);
  if (found == requests_.end() || ghosts_.contains(execution_id)) return;
  spearlet::InvokeFunctionRequest again = found->second;
  const std::string id = execution_id + "-again";
  ghosts_.emplace(execution_id, id);
  again.set_execution_id(id);
  again.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  again.mutable_context()->clear_execution_id();
  again.mutable_context()->clear_timeout_ms();
  inner().InvokeFunction(std::move(again), {}, unheard<spearlet::InvokeFunctionResponse>());
}

void RerunService::GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                                      core::Answer<spearlet::GetExecutionStatusResponse> answer) {
  const auto rerun_execution = ghosts_.find(request.execution_id());
  if (rerun_execution == ghosts_.end())
    return inner().GetExecutionStatus(request, std::move(answer));
  const spearlet::GetExecutionStatusResponse seen = look_up(rerun_execution->second);
  inner().GetExecutionStatus(request, edited(std::move(answer), [request, seen](auto& response) {
                               if (!response.found() || !seen.result().has_started_at()) return;
                               *response.mutable_result()->mutable_started_at() =
                                   seen.result().started_at();
                               if (request.include_logs())
                                 response.mutable_logs()->MergeFrom(seen.logs());
                             }));
}

}  // namespace quintain::conformance::faulty
