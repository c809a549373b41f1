// What one estimator's forecasts of one series of executions were worth.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "study/predictions/predicted.h"

namespace quintain::study {

/// The levels at which calibration is judged. One-sided: how many executions end within the
/// forecast's quantile at that level.
inline constexpr std::array kJudgedLevels = {0.5, 0.8, 0.9, 0.95};

inline constexpr std::size_t kPitBins = 20;
/// Executions in a window of the rolling coverage.
inline constexpr std::size_t kWindow = 500;
/// So many arrivals after a change count as "after the change".
inline constexpr std::int64_t kAfterChange = 1000;
/// How finely, in ends, and how far recovery from a change is followed.
inline constexpr std::int64_t kRecoveryStep = 100;
inline constexpr std::size_t kRecoverySteps = 50;
/// About so many points in the picture of actual times against predicted ones.
inline constexpr std::size_t kScatter = 300;

/// Of one kind of end. Means over the scored executions; not a number where there is none.
struct PartScores {
  std::int64_t scored = 0;
  std::int64_t censored = 0;
  double pinball = 0;
  std::vector<double> pinball_by_level{};
  double interval_score_80 = 0;
  double interval_score_90 = 0;
  double absolute_error = 0;
  double percentage_error = 0;
  /// Actual less predicted.
  double error = 0;
  /// The share that ended within the quantile, by level and at the judged levels.
  std::vector<double> coverage{};
  std::vector<double> judged_coverage{};

  bool operator==(const PartScores&) const = default;
};

/// Executions alike in what makes prediction hard.
struct StratumScores {
  int depth_quintile = 1;
  bool cold = false;
  int popularity_tercile = 1;
  std::int64_t executions = 0;
  /// At the judged levels.
  std::vector<std::int64_t> covered{};

  bool operator==(const StratumScores&) const = default;
};

/// Executions that met about the same queue, or came one after the other.
struct CoverageGroup {
  /// The mean queue met, or the last arrival's number.
  double at = 0;
  std::int64_t executions = 0;
  std::int64_t covered_50 = 0;
  std::int64_t covered_90 = 0;

  bool operator==(const CoverageGroup&) const = default;
};

/// Sums, so that parts of a run can be put together.
struct LossSum {
  std::int64_t executions = 0;
  double pinball = 0;

  bool operator==(const LossSum&) const = default;
};

struct PointPair {
  double predicted = 0;
  double actual = 0;

  bool operator==(const PointPair&) const = default;
};

/// Sufficient statistics of one estimator in one replication.
struct SeriesScores {
  std::string estimator{};
  /// Whatever ended it: quantiles are cut at the deadline, which everybody knows.
  PartScores terminal{};
  /// The end by itself; what was cut short is right-censored. Coverage is Kaplan and Meier's
  /// estimate on the PIT, the scores are of those that were not cut short.
  PartScores success{};
  double width_50 = 0;
  double width_80 = 0;
  double width_90 = 0;
  std::vector<std::int64_t> pit{};
  /// The number of independent PITs that would scatter as much.
  double pit_effective = 0;
  std::vector<StratumScores> strata{};
  std::vector<CoverageGroup> by_depth{};
  std::vector<CoverageGroup> windows{};
  LossSum after_change{};
  /// By steps of ends since the last change.
  std::vector<LossSum> recovery{};
  std::vector<PointPair> scatter{};
  std::int64_t bytes = 0;
  double bytes_per_function = 0;

  bool operator==(const SeriesScores&) const = default;
};

/// The quantile at a level by a straight line between its neighbours; not a number beyond the first
/// and the last.
double quantile_at(std::span<const double> levels, std::span<const double> quantiles, double level);

/// Whether a forecast at these levels says anything of that one: not beyond the first and the last.
bool can_judge(std::span<const double> levels, double level);

/// Scores the executions; `forecasts` has as many, and `levels` ascend within (0, 1). The terminal
/// scores leave out what had not ended.
SeriesScores score(std::span<const double> levels, std::span<const PredictedExecution> executions,
                   const Forecasts& forecasts);

}  // namespace quintain::study
