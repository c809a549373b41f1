// Everything that can be set about a node.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/eta/estimator.h"

namespace quintain::core {

/// How waiting executions are ordered.
struct SchedulingConfig {
  /// fifo | priority | shortest-expected-first | earliest-deadline-first | fair-share
  std::string strategy = "fifo";
  /// Whoever has waited this long goes first, whatever the strategy says.
  Duration starvation_bound = std::chrono::minutes(5);
};

/// The time from acceptance to the end, waiting included.
struct TimeoutConfig {
  Duration sync_default = std::chrono::seconds(30);  // also of StreamFunction
  Duration async_default = std::chrono::hours(1);
  /// No execution gets more, whatever it asks for.
  Duration maximum = std::chrono::hours(24);
};

/// How long finished executions stay on record.
struct RetentionConfig {
  Duration age = std::chrono::hours(24);
  /// The oldest-finished go first once there are more.
  int count = 100'000;
};

/// Warm environments in which functions run, one execution at a time each.
struct InstanceConfig {
  /// Idle ones count too; the longest idle makes room for a new one.
  int per_node = 1024;
  int per_task = 1024;
  /// An instance that has been idle for so long is given up.
  Duration idle_expiry = std::chrono::minutes(10);
};

/// The pause before attempt n + 1 is initial * multiplier^(n-1), at most `maximum`, less a random
/// share of up to `jitter`. The execution keeps its slot meanwhile.
struct RetryConfig {
  Duration initial = std::chrono::milliseconds(100);
  double multiplier = 2.0;
  Duration maximum = std::chrono::seconds(10);
  /// From 0 (none) to 1.
  double jitter = 0.0;
};

struct NodeConfig {
  std::string name = "node";
  /// Attempts that may run at once, those in a cold start included.
  int slots = 8;
  /// Executions that may wait for a slot.
  int queue_limit = 10'000;
  /// How long a function that was asked to stop may take before it is killed.
  Duration cancel_grace = std::chrono::seconds(5);
  SchedulingConfig scheduling;
  TimeoutConfig timeout;
  RetentionConfig retention;
  InstanceConfig instances;
  RetryConfig retry;
  eta::EtaConfig eta;
  int task_limit = 10'000;
  /// Different function names that one task may be called with.
  int functions_per_task = 1000;
  /// Log lines kept of one execution; the oldest go first.
  int log_lines = 1000;
  /// Entries on a page of a list: if the caller names no limit, and at most.
  int default_page = 100;
  int largest_page = 1000;
};

/// What is wrong with a configuration, each with what would be right; empty if nothing is.
std::vector<std::string> problems(const NodeConfig& config);

}  // namespace quintain::core
