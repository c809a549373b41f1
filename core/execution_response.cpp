#include "core/execution_response.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "core/execution.h"

namespace quintain::core {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

void set_any(Payload&& payload, google::protobuf::Any* any) {
  any->set_type_url(std::move(payload.type_url));
  any->set_value(std::move(payload.value));
}

}  // namespace

void set_timestamp(WallTime time, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(time.since_epoch.count() / kNanosecondsPerSecond);
  timestamp->set_nanos(static_cast<std::int32_t>(time.since_epoch.count() % kNanosecondsPerSecond));
}

ExecutionResponse describe(const AsyncExecution& execution) {
  ExecutionResponse response;
  response.request_id = execution.execution_id;
  response.task_id = execution.task->id();
  response.instance_id = execution.instance_id;
  response.execution_time_ms = floor_milliseconds(execution.execution_time());
  response.memory_used_bytes = execution.memory_used_bytes;
  response.timestamp = execution.wall_accepted_at;
  if (!execution.started_at.is_never()) response.started_at = execution.wall_started_at;
  if (!execution.completed_at.is_never()) response.completed_at = execution.wall_completed_at;
  response.execution_mode = execution.mode;
  response.execution_status = execution.status();
  response.is_completed = execution.finished();
  if (execution.status() == spearlet::EXECUTION_STATUS_COMPLETED) {
    response.output_data = execution.result;
  } else if (response.is_completed) {
    response.error_code = execution.error_code;
    response.error_message = execution.error_message;
  }
  if (response.is_async()) {
    response.status_endpoint = absl::StrCat("/status/", execution.execution_id);
    response.estimated_completion_ms = execution.estimated_completion_ms;
  }
  return response;
}

spearlet::ExecutionResult to_result(ExecutionResponse&& response) {
  spearlet::ExecutionResult result;
  result.set_status(response.execution_status);
  if (!response.output_data.empty()) {
    set_any(std::move(response.output_data), result.mutable_result());
  }
  if (response.error_message) result.set_error_message(std::move(*response.error_message));
  result.set_error_code(std::move(response.error_code));
  result.set_execution_time_ms(response.execution_time_ms);
  result.set_memory_used_bytes(response.memory_used_bytes);
  for (auto& [name, value] : response.metadata) {
    (*result.mutable_metrics())[name] = std::move(value);
  }
  if (response.started_at) set_timestamp(*response.started_at, result.mutable_started_at());
  if (response.completed_at) set_timestamp(*response.completed_at, result.mutable_completed_at());
  return result;
}

spearlet::InvokeFunctionResponse to_invoke_response(ExecutionResponse&& response) {
  spearlet::InvokeFunctionResponse message;
  const bool completed = response.execution_status == spearlet::EXECUTION_STATUS_COMPLETED;
  message.set_success(response.is_async() || completed);
  if (response.is_async()) {
    message.set_message("accepted");
  } else {
    message.set_message(completed ? "completed" : response.error_message.value_or(""));
  }
  message.set_execution_id(std::move(response.request_id));
  message.set_task_id(std::move(response.task_id));
  message.set_instance_id(std::move(response.instance_id));
  if (response.status_endpoint) message.set_status_endpoint(std::move(*response.status_endpoint));
  message.set_estimated_completion_ms(response.estimated_completion_ms.value_or(0));
  *message.mutable_result() = to_result(std::move(response));
  return message;
}

spearlet::ExecutionInfo to_info(const AsyncExecution& execution) {
  spearlet::ExecutionInfo info;
  info.set_execution_id(execution.execution_id);
  info.set_task_id(execution.task->id());
  info.set_function_name(execution.function->name);
  info.set_execution_mode(execution.mode);
  info.set_status(execution.status());
  if (!execution.started_at.is_never()) {
    set_timestamp(execution.wall_started_at, info.mutable_started_at());
  }
  if (!execution.completed_at.is_never()) {
    set_timestamp(execution.wall_completed_at, info.mutable_completed_at());
  }
  info.set_execution_time_ms(floor_milliseconds(execution.execution_time()));
  info.set_memory_used_bytes(execution.memory_used_bytes);
  info.set_error_message(execution.error_message);
  return info;
}

}  // namespace quintain::core
