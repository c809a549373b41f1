// How a simulated function behaves.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/task_registry.h"
#include "sim/random/distribution.h"

namespace quintain::sim {

/// What becomes of one attempt if nobody interferes.
enum class PlannedOutcome : std::uint8_t {
  kCompletes,
  kFails,       // after its service time
  kHangs,       // never ends by itself
  kStartFails,  // its instance does not come up
};

/// The model of one function. Everything random is drawn from streams keyed by the execution, so
/// two designs meet the same service times.
struct FunctionModel {
  /// The task that offers it; its id.
  std::string task;
  /// What callers call it. Empty: the model answers to any name within its task.
  std::string function;
  /// Instances that the task may have; 0: the node's limit.
  int instance_limit = 0;

  Distribution service = distribution::Constant{std::chrono::milliseconds(100)};
  Distribution cold_start = distribution::Constant{core::Duration::zero()};

  /// The outcomes of the first attempts, in order; later ones meet the last. Empty: by the
  /// probabilities.
  std::vector<PlannedOutcome> outcomes;
  double failure_probability = 0;
  double hang_probability = 0;
  std::string error_code = "SIMULATED_FAILURE";
  std::string error_message = "the simulated function failed";

  /// When it is asked to stop: how long it takes to obey, or nothing if it ignores the request.
  std::optional<Distribution> obeys_stop_after = distribution::Constant{core::Duration::zero()};

  /// The text it returns; `echo` returns its first parameter instead.
  std::string result;
  bool echo = false;
  std::vector<std::string> logs;
  std::int64_t memory_bytes = 0;

  /// Output pieces, spread evenly over the service time.
  int chunks = 0;

  // Faults of the runtime.
  /// After a kill, completion is reported all the same, this much later.
  std::optional<core::Duration> reports_late;
  /// Every end is reported twice.
  bool reports_twice = false;
};

/// The tasks that offer these functions, each once.
std::vector<core::TaskSpec> tasks_of(const std::vector<FunctionModel>& models);

}  // namespace quintain::sim
