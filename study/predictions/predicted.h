// Executions with their predictions: what scores are computed from, wherever it was recorded.
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
  kUnfinished,  // had not when it was last seen
};

/// Completed or failed: the function came to its end. All others were cut short.
inline bool ended_by_itself(End end) { return end == End::kCompleted || end == End::kFailed; }

/// One execution that was predicted. Times are in seconds since it was accepted.
struct PredictedExecution {
  /// Its place among all that were predicted, from 0.
  std::int64_t arrival = 0;
  /// When it ended, or was last seen.
  double elapsed = 0;
  /// When its time was to run out.
  double limit = std::numeric_limits<double>::infinity();
  End end = End::kCompleted;
  /// In (0, 1), independent of everything: it breaks ties of a forecast that puts mass on one
  /// value. The same for all estimators.
  double uniform = 0.5;

  // What makes it hard to predict, as far as that was known when it was accepted.
  /// How many waited.
  std::int64_t depth = 0;
  /// Its instance had to be made.
  bool cold = false;
  std::uint32_t function = 0;
  int depth_quintile = 1;
  int popularity_tercile = 1;

  // Since the last change of regime; -1 before the first.
  std::int64_t arrivals_since_change = -1;
  std::int64_t ends_since_change = -1;
};

/// What one estimator said of a series of executions, in their order.
struct Forecasts {
  std::string estimator{};
  /// The best single value for each.
  std::vector<double> points{};
  /// As many for each as there are levels, never falling.
  std::vector<double> quantiles{};

  std::span<const double> of(std::size_t execution, std::size_t levels) const {
    return std::span(quantiles).subspan(execution * levels, levels);
  }
};

/// Puts each execution into a fifth by the queue that it met and a third by how often its function
/// is called. Where values are equal there are fewer groups: the emptiest queues are always fifth 1
/// and the most popular functions third 3.
void stratify(std::vector<PredictedExecution>& executions);

}  // namespace quintain::study
