// The behaviour of a simulated function.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "sim/random/distribution.h"

namespace quintain::sim {

/// How one attempt ends unless it is stopped or killed.
enum class PlannedOutcome : std::uint8_t {
  kCompletes,   // after its service time
  kFails,       // after its service time
  kHangs,       // it never ends
  kStartFails,  // its instance does not start
};

/// The model of one function. Plain data. Random values are drawn from streams keyed by the
/// execution, so that two designs are compared on the same service times.
struct FunctionModel {
  /// The id of the task that offers the function.
  std::string task;
  /// The function name in requests. Empty: the model plays every function of its task.
  std::string function;
  /// Instances that the task may have; 0: the limit of the node.
  int instance_limit = 0;

  /// A recorded call.
  struct Recorded {
    core::Duration duration{0};
    bool failed = false;
  };
  /// If set, attempts take the durations and outcomes of these calls, in the order in which they
  /// start, and begin again after the last one; `service` is then only what an observer can know
  /// of the function. Shared by copies; not empty.
  std::shared_ptr<const std::vector<Recorded>> recorded;

  Distribution service = distribution::Constant{std::chrono::milliseconds(100)};
  Distribution cold_start = distribution::Constant{core::Duration::zero()};

  /// The outcomes of the first attempts, in order; the last one holds for all later attempts.
  /// Empty: outcomes are drawn with the two probabilities below.
  std::vector<PlannedOutcome> outcomes;
  double failure_probability = 0;
  double hang_probability = 0;
  std::string error_code = "SIMULATED_FAILURE";
  std::string error_message = "the simulated function failed";

  /// The time from a stop request to the end of the attempt; nullopt: stop requests are ignored.
  std::optional<Distribution> obeys_stop_after = distribution::Constant{core::Duration::zero()};

  /// The text that it returns. With `echo` it returns its first parameter instead.
  std::string result;
  bool echo = false;
  std::vector<std::string> logs;
  std::int64_t memory_bytes = 0;

  /// Output chunks, spread evenly over the service time.
  int chunks = 0;

  // Faults of the runtime.

  /// After a kill the runtime reports a completion nevertheless, this much later.
  std::optional<core::Duration> reports_late;
  /// The runtime reports every end twice.
  bool reports_twice = false;
  /// After every end the runtime reports the start once more, a chunk and a log line.
  bool reports_out_of_order = false;
  /// The result is a value of a type that does not exist, in bytes that are no text.
  bool returns_garbage = false;
  /// The result is a text of this length instead of `result`; 0: `result`.
  std::int64_t result_bytes = 0;
  /// An instance that is idle for this long dies, which shows only when its next attempt fails.
  std::optional<core::Duration> dies_idle_after;
};

}  // namespace quintain::sim
