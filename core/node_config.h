// The configuration of a node.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/eta/estimator.h"

namespace quintain::core {

/// The longest duration that a configuration may have: ten years.
inline constexpr Duration kLongestConfigured = std::chrono::hours(24 * 365 * 10);

/// How waiting executions are ordered.
struct SchedulingConfig {
  /// fifo | priority | shortest-expected-first | earliest-deadline-first | fair-share
  std::string strategy = "fifo";
  /// An execution that has waited this long goes first under every strategy.
  Duration starvation_bound = std::chrono::minutes(5);
};

/// Limits of the time from acceptance to the end, waiting included.
struct TimeoutConfig {
  Duration sync_default = std::chrono::seconds(30);  // also for StreamFunction
  Duration async_default = std::chrono::hours(1);
  /// Longer requested timeouts are reduced to this.
  Duration maximum = std::chrono::hours(24);
};

/// How long finished executions are kept.
struct RetentionConfig {
  Duration age = std::chrono::hours(24);
  /// If there are more, those that finished first are dropped.
  int count = 100'000;
};

/// Limits of instances: warm environments in which functions run, one execution at a time each.
struct InstanceConfig {
  /// Idle instances count too; the longest idle one is retired for a new one.
  int per_node = 1024;
  int per_task = 1024;
  /// An instance is retired when it has been idle for this long.
  Duration idle_expiry = std::chrono::minutes(10);
};

/// The pause before attempt n + 1 is initial * multiplier^(n-1), at most `maximum`, reduced by a
/// random fraction of up to `jitter`. The execution keeps its slot during the pause.
struct RetryConfig {
  Duration initial = std::chrono::milliseconds(100);
  double multiplier = 2.0;
  Duration maximum = std::chrono::seconds(10);
  /// Within 0 (no jitter) to 1.
  double jitter = 0.0;
};

/// How many bytes the node may keep for its clients. MemoryAccount says what is counted.
struct MemoryConfig {
  std::int64_t total = std::int64_t{4} << 30;
  /// Requests of executions that wait or run; 0: half of the total.
  std::int64_t requests = 0;
  /// Results, errors and log lines; beyond it, records that finished first are dropped. 0: half.
  std::int64_t records = 0;
  /// Tasks and names of functions; 0: an eighth.
  std::int64_t tasks = 0;
  /// Output that waits for the readers of streams; 0: a quarter.
  std::int64_t streams = 0;
};

/// Requires: problems() of it is empty before it is used.
struct NodeConfig {
  std::string name = "node";
  /// The maximum number of attempts at once, cold starts included.
  int slots = 8;
  /// The maximum number of executions that wait for a slot.
  int queue_limit = 10'000;
  /// How long a function that was asked to stop may run before it is killed.
  Duration cancel_grace = std::chrono::seconds(5);
  SchedulingConfig scheduling;
  TimeoutConfig timeout;
  RetentionConfig retention;
  InstanceConfig instances;
  RetryConfig retry;
  eta::EtaConfig eta;
  MemoryConfig memory;
  int task_limit = 10'000;
  /// A task that an invocation created is removed when it has had no execution, not even a finished
  /// one on record, for this long.
  Duration task_expiry = std::chrono::hours(1);
  /// The maximum number of function names per task.
  int functions_per_task = 1000;
  /// Log lines kept per execution; if there are more, the oldest are dropped.
  int log_lines = 1000;
  /// Bytes of log lines kept per execution; likewise.
  int log_bytes = 256 << 10;
  /// The largest answer. A larger result fails its execution with RESULT_TOO_LARGE; a page of a
  /// list ends early. The default is what clients of gRPC accept by default.
  int answer_bytes = 4 << 20;
  /// Output of one stream that may wait for its reader. At half of it the function is held back; a
  /// function that cannot be held back and exceeds it ends with SLOW_READER.
  int stream_buffer_bytes = 1 << 20;
  /// How long a draining node waits, once all executions have ended, for the callers of ASYNC
  /// executions that ended meanwhile to read their results.
  Duration drain_linger = Duration::zero();
  /// Entries on a page of a list: without a limit in the request, and at most.
  int default_page = 100;
  int largest_page = 1000;
};

/// The errors of a configuration, each with the field and its valid values; empty if it is valid.
std::vector<std::string> problems(const NodeConfig& config);

}  // namespace quintain::core
