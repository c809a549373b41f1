// Describes executions and writes the descriptions into messages whose memory is reused. That is
// why fields are compared and overwritten here instead of cleared and set.
#include "core/execution_response.h"
#include "core/base/planted_fault.h"

#include <algorithm>
#include <utility>

#include "core/execution.h"

namespace quintain::core {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

using Metrics = google::protobuf::Map<std::string, std::string>;

// Overwrites entries whose names stay: each entry of a map is an allocation.
void write_metrics(const ResponseMetadata& metadata, Metrics& metrics) {
  if (metadata.empty() && metrics.empty()) return;
  const auto stays = [&](auto& metric) {
    const auto entry = std::ranges::find(metadata, metric.first, &ResponseMetadata::Entry::name);
    if (entry == metadata.end()) return false;
    metric.second = entry->value;
    return true;
  };
  if (metrics.size() == metadata.size() && std::ranges::all_of(metrics, stays)) return;
  metrics.clear();
  for (const auto& [name, value] : metadata) metrics[std::string(name)] = value;
}

// Skips a field that is empty and stays so: even clearing it costs a call into the library.
template <class Field>
void write_text(std::string_view text, const std::string& present, const Field& field) {
  if (text.empty() && present.empty()) return;
  field()->assign(text.data(), text.size());
}

// The wall-clock time of an instant; nullopt if it has not come.
std::optional<WallTime> unless_never(Instant instant, WallTime time) {
  return instant.is_never() ? std::nullopt : std::optional(time);
}

// For messages with the fields started_at and completed_at.
template <class Message>
void write_times(const std::optional<WallTime>& started, const std::optional<WallTime>& completed,
                 Message& message) {
  if (started) {
    set_timestamp(*started, message.mutable_started_at());
  } else if (message.has_started_at()) {
    message.clear_started_at();
  }
  if (completed) {
    set_timestamp(*completed, message.mutable_completed_at());
  } else if (message.has_completed_at()) {
    message.clear_completed_at();
  }
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
  if (planted("answer-of-another")) response.request_id = response.task_id;
  response.instance_id = execution.instance_id.str();
  response.execution_time_ms = floor_milliseconds(execution.execution_time());
  response.memory_used_bytes = execution.memory_used_bytes;
  response.timestamp = execution.wall_accepted_at;
  response.started_at = unless_never(execution.started_at, execution.wall_started_at);
  if (!execution.completed_at.is_never()) {
    response.completed_at = planted("completed-at-is-acceptance") ? execution.wall_accepted_at
                                                                  : execution.wall_completed_at;
  }
  response.execution_mode = execution.mode;
  response.execution_status = execution.status();
  response.is_completed = execution.finished();
  if (execution.status() == spearlet::EXECUTION_STATUS_COMPLETED) {
    response.output_data = {.type_url = execution.result.type_url.str(),
                            .value = execution.result.value};
  } else if (response.is_completed) {
    response.error_code = execution.details().error_code;
    response.error_message = execution.details().error_message;
  }
  if (response.is_async() || planted("endpoint-in-sync-mode")) {
    response.status_endpoint = StatusEndpoint{execution.execution_id};
    response.estimated_completion_ms =
        planted("estimate-always-zero") ? 0 : execution.estimated_completion_ms;
  }
  return response;
}

void write_result(const ExecutionResponse& response, spearlet::ExecutionResult& message) {
  message.set_status(response.execution_status);
  if (response.output_data.empty()) {
    if (message.has_result()) message.clear_result();
  } else {
    google::protobuf::Any& any = *message.mutable_result();
    write_text(response.output_data.type_url, any.type_url(),
               [&] { return any.mutable_type_url(); });
    write_text(response.output_data.value, any.value(), [&] { return any.mutable_value(); });
  }
  write_text(response.error_message.value_or(std::string_view()), message.error_message(),
             [&] { return message.mutable_error_message(); });
  write_text(response.error_code, message.error_code(),
             [&] { return message.mutable_error_code(); });
  message.set_execution_time_ms(response.execution_time_ms);
  message.set_memory_used_bytes(response.memory_used_bytes);
  write_metrics(response.metadata, *message.mutable_metrics());
  write_times(response.started_at, response.completed_at, message);
}

void write_invoke_response(const ExecutionResponse& response,
                           spearlet::InvokeFunctionResponse& message) {
  const bool completed = response.execution_status == spearlet::EXECUTION_STATUS_COMPLETED;
  message.set_success(response.is_async() || completed);
  const std::string_view text = response.is_async() ? "accepted"
                                : completed         ? "completed"
                                            : response.error_message.value_or(std::string_view());
  write_text(text, message.message(), [&] { return message.mutable_message(); });
  write_text(response.request_id, message.execution_id(),
             [&] { return message.mutable_execution_id(); });
  write_text(response.task_id, message.task_id(), [&] { return message.mutable_task_id(); });
  write_text(response.instance_id, message.instance_id(),
             [&] { return message.mutable_instance_id(); });
  if (response.status_endpoint) {
    std::string& endpoint = *message.mutable_status_endpoint();
    endpoint.assign("/status/").append(response.status_endpoint->execution_id);
  } else {
    message.clear_status_endpoint();
  }
  message.set_estimated_completion_ms(response.estimated_completion_ms.value_or(0));
  write_result(response, *message.mutable_result());
}

void write_info(const AsyncExecution& execution, spearlet::ExecutionInfo& info) {
  info.set_execution_id(execution.execution_id);
  info.set_task_id(execution.task->id());
  info.set_function_name(execution.function->name);
  info.set_execution_mode(execution.mode);
  info.set_status(execution.status());
  write_times(unless_never(execution.started_at, execution.wall_started_at),
              unless_never(execution.completed_at, execution.wall_completed_at), info);
  info.set_execution_time_ms(floor_milliseconds(execution.execution_time()));
  info.set_memory_used_bytes(execution.memory_used_bytes);
  write_text(execution.details().error_message, info.error_message(),
             [&] { return info.mutable_error_message(); });
}

}  // namespace quintain::core
