// Executions and their forecasts, the input of scores, from a simulation or a recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace quintain::study {

/// How an execution ended.
enum class End : std::uint8_t {
  kCompleted,
  kFailed,
  kTimedOut,
  kCancelled,
  kUnfinished,  ///< not ended when it was last observed
};

/// Whether the function itself ended; all other executions were cut short.
inline bool ended_by_itself(End end) { return end == End::kCompleted || end == End::kFailed; }

/// An execution that was predicted. Times are in seconds since its acceptance.
struct PredictedExecution {
  /// Its position among all predicted executions, from 0.
  std::int64_t arrival = 0;
  /// When it ended, or was last observed.
  double elapsed = 0;
  /// Its deadline.
  double limit = std::numeric_limits<double>::infinity();
  End end = End::kCompleted;
  /// A random number, uniform in (0, 1), for the randomised PIT of forecasts that put mass on one
  /// value. The same for all estimators.
  double uniform = 0.5;

  // Properties that were known at acceptance and make prediction difficult.

  /// The number of executions waiting.
  std::int64_t depth = 0;
  /// It needed a new instance.
  bool cold = false;
  std::uint32_t function = 0;
  int depth_quintile = 1;
  int popularity_tercile = 1;

  // Counts since the last change of regime; -1 before the first.

  std::int64_t arrivals_since_change = -1;
  std::int64_t ends_since_change = -1;
};

/// One estimator's forecasts of a series of executions, in their order.
struct Forecasts {
  std::string estimator{};
  /// The best single value for each.
  std::vector<double> points{};
  /// For each execution one quantile per level, ascending.
  std::vector<double> quantiles{};

  /// The quantiles of one execution.
  std::span<const double> of(std::size_t execution, std::size_t levels) const {
    return std::span(quantiles).subspan(execution * levels, levels);
  }
};

/// Sets each execution's fifth by the queue at acceptance and its third by how often its function
/// is called. With equal values there are fewer groups: the shortest queues are always in fifth 1,
/// the most popular functions in third 3.
void stratify(std::vector<PredictedExecution>& executions);

}  // namespace quintain::study
