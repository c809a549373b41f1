// What a caller is told of an execution, before it takes the shape of a wire message.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class AsyncExecution;

/// Where an ASYNC execution's status can be read: /status/{execution_id}.
struct StatusEndpoint {
  std::string_view execution_id;
};

/// What is said of an execution beside its result, as names and values.
class ResponseMetadata {
 public:
  struct Entry {
    std::string_view name;
    std::string value;  // short ones allocate nothing
  };

  void add(std::string_view name, std::string value) {
    entries_.push_back({.name = name, .value = std::move(value)});
  }

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  static constexpr std::size_t kMaxEntries = 3;
  boost::container::static_vector<Entry, kMaxEntries> entries_;
};

/// An execution as it stands at one moment. SYNC callers get it once it has ended, ASYNC callers at
/// acceptance and whenever they ask. The texts are those of the record: it must not change before
/// the message is written.
struct ExecutionResponse {
  struct Output {
    std::string_view type_url;
    std::string_view value;

    bool empty() const { return type_url.empty() && value.empty(); }
  };

  std::string_view request_id;  // the execution's id
  std::string_view task_id;
  std::string_view instance_id;
  Output output_data;  // only of a COMPLETED execution
  std::int64_t execution_time_ms = 0;
  std::int64_t memory_used_bytes = 0;
  ResponseMetadata metadata;  // travels as the result's metrics
  WallTime timestamp;         // of acceptance
  std::optional<WallTime> started_at;
  std::optional<WallTime> completed_at;
  spearlet::ExecutionMode execution_mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  spearlet::ExecutionStatus execution_status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  std::string_view error_code;
  std::optional<std::string_view> error_message;
  std::optional<StatusEndpoint> status_endpoint;        // ASYNC only
  std::optional<std::int64_t> estimated_completion_ms;  // ASYNC only
  bool is_completed = false;                            // the status is terminal

  /// The caller does not wait for the end.
  bool is_async() const { return execution_mode == spearlet::EXECUTION_MODE_ASYNC; }
};

/// The execution as it stands.
ExecutionResponse describe(const AsyncExecution& execution);

/// The same on the wire, as the answer to a status query carries it. Whatever the message said
/// before is replaced; its memory is used again, so that a message like the one before allocates
/// nothing.
void write_result(const ExecutionResponse& response, spearlet::ExecutionResult& message);

/// Likewise, as the answer to InvokeFunction.
void write_invoke_response(const ExecutionResponse& response,
                           spearlet::InvokeFunctionResponse& message);

/// The execution's entry in a list, likewise.
void write_info(const AsyncExecution& execution, spearlet::ExecutionInfo& info);

/// UTC, to the nanosecond.
void set_timestamp(WallTime time, google::protobuf::Timestamp* timestamp);

}  // namespace quintain::core
