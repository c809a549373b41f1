// spearlet.FunctionService as a node answers it.
#pragma once

#include "core/base/environment.h"
#include "core/execution_manager.h"
#include "core/function_service.h"
#include "core/node_config.h"

namespace quintain::core {

/// Maps the wire's requests to the manager, its tracker and its tasks, and what they know to
/// answers.
class NodeService final : public FunctionService {
 public:
  NodeService(Environment& environment, const NodeConfig& config, TaskExecutionManager& manager);

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<spearlet::InvokeFunctionResponse> answer) override;
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          Answer<spearlet::GetExecutionStatusResponse> answer) override;
  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       Answer<spearlet::CancelExecutionResponse> answer) override;
  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<spearlet::StreamExecutionResult> answer) override;
  void ListTasks(const spearlet::ListTasksRequest& request,
                 Answer<spearlet::ListTasksResponse> answer) override;
  void GetTask(const spearlet::GetTaskRequest& request,
               Answer<spearlet::GetTaskResponse> answer) override;
  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  Answer<spearlet::DeleteTaskResponse> answer) override;
  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      Answer<spearlet::ListExecutionsResponse> answer) override;
  void GetHealth(const spearlet::GetHealthRequest& request,
                 Answer<spearlet::GetHealthResponse> answer) override;
  void GetStats(const spearlet::GetStatsRequest& request,
                Answer<spearlet::GetStatsResponse> answer) override;

 private:
  absl::StatusOr<std::size_t> page_size(std::int32_t limit) const;
  absl::StatusOr<std::uint64_t> page_start(const std::string& start_after);
  std::int64_t uptime_seconds() const;
  spearlet::TaskStats task_stats() const;
  spearlet::ExecutionStats execution_stats(std::int32_t time_range_hours);

  Environment& environment_;
  const NodeConfig& config_;
  TaskExecutionManager& manager_;
  Instant started_at_;
  // Status queries are answered with the same messages again and again, one for each shape; a
  // caller may take what is in them.
  spearlet::GetExecutionStatusResponse live_status_;
  spearlet::GetExecutionStatusResponse final_status_;
  spearlet::ListExecutionsResponse listing_;
};

}  // namespace quintain::core
