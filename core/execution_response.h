// What callers learn about an execution, and how it is written into wire messages.
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

/// Names and values that describe an execution beside its result; at most kMaxEntries.
class ResponseMetadata {
 public:
  struct Entry {
    std::string_view name;
    std::string value;  // a short one allocates nothing
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

/// An execution at one moment. SYNC callers get it when it has ended, ASYNC callers at acceptance
/// and at each status query. The views point into the record, which must not change before the
/// message is written.
struct ExecutionResponse {
  struct Output {
    std::string_view type_url;
    std::string_view value;

    bool empty() const { return type_url.empty() && value.empty(); }
  };

  std::string_view request_id;  // the execution's id
  std::string_view task_id;
  std::string_view instance_id;
  Output output_data;  // only if COMPLETED
  std::int64_t execution_time_ms = 0;
  std::int64_t memory_used_bytes = 0;
  ResponseMetadata metadata;  // sent as the result's metrics
  WallTime timestamp;         // of acceptance
  std::optional<WallTime> started_at;
  std::optional<WallTime> completed_at;
  spearlet::ExecutionMode execution_mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  spearlet::ExecutionStatus execution_status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  std::string_view error_code;
  std::optional<std::string_view> error_message;
  std::optional<StatusEndpoint> status_endpoint;        // ASYNC only
  std::optional<std::int64_t> estimated_completion_ms;  // ASYNC only
  bool is_completed = false;                            // whether the status is terminal

  /// Whether the caller does not wait for the end.
  bool is_async() const { return execution_mode == spearlet::EXECUTION_MODE_ASYNC; }
};

/// The current state of the execution.
ExecutionResponse describe(const AsyncExecution& execution);

/// Writes the result of an answer to a status query. Replaces the message's contents but reuses its
/// memory, so that writing a similar message again allocates nothing.
void write_result(const ExecutionResponse& response, spearlet::ExecutionResult& message);

/// Writes the answer to InvokeFunction; memory as for write_result().
void write_invoke_response(const ExecutionResponse& response,
                           spearlet::InvokeFunctionResponse& message);

/// Writes the execution's entry in a list; memory as for write_result().
void write_info(const AsyncExecution& execution, spearlet::ExecutionInfo& info);

/// Sets the timestamp to `time`, exact to the nanosecond.
void set_timestamp(WallTime time, google::protobuf::Timestamp* timestamp);

}  // namespace quintain::core
