// What a caller is told of an execution, before it takes the shape of a wire message.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/runtime.h"
#include "core/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class AsyncExecution;

/// An execution as it stands at one moment. SYNC callers get it once it has ended, ASYNC callers at
/// acceptance and whenever they ask.
struct ExecutionResponse {
  std::string request_id;  // the execution's id
  std::string task_id;
  std::string instance_id;
  Payload output_data;  // only of a COMPLETED execution
  std::int64_t execution_time_ms = 0;
  std::int64_t memory_used_bytes = 0;
  std::map<std::string, std::string> metadata;  // travels as the result's metrics
  WallTime timestamp;                           // of acceptance
  std::optional<WallTime> started_at;
  std::optional<WallTime> completed_at;
  spearlet::ExecutionMode execution_mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  spearlet::ExecutionStatus execution_status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  std::string error_code;
  std::optional<std::string> error_message;
  std::optional<std::string> status_endpoint;           // ASYNC only
  std::optional<std::int64_t> estimated_completion_ms;  // ASYNC only
  bool is_completed = false;                            // the status is terminal

  /// The caller does not wait for the end.
  bool is_async() const { return execution_mode == spearlet::EXECUTION_MODE_ASYNC; }
};

/// The execution as it stands.
ExecutionResponse describe(const AsyncExecution& execution);

/// The same on the wire, as the answer to a status query carries it.
spearlet::ExecutionResult to_result(ExecutionResponse&& response);

/// The same on the wire, as the answer to InvokeFunction.
spearlet::InvokeFunctionResponse to_invoke_response(ExecutionResponse&& response);

/// The execution's entry in a list.
spearlet::ExecutionInfo to_info(const AsyncExecution& execution);

/// UTC, to the nanosecond.
void set_timestamp(WallTime time, google::protobuf::Timestamp* timestamp);

}  // namespace quintain::core
