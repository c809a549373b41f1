// The scores of one estimator's forecasts of one series of executions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "study/predictions/predicted.h"
#include "study/report/study_report.h"

namespace quintain::study {

inline constexpr std::size_t kPitBins = 20;
/// Executions in a window of the rolling coverage.
inline constexpr std::size_t kWindow = 500;
/// The number of arrivals that count as "after the change".
inline constexpr std::int64_t kAfterChange = 1000;
/// Recovery from a change is followed in this many steps of this many ends.
inline constexpr std::int64_t kRecoveryStep = 100;
inline constexpr std::size_t kRecoverySteps = 50;
/// The approximate number of points in the scatter plot of actual against predicted times.
inline constexpr std::size_t kScatter = 300;

/// Scores of one kind of end: means over the scored executions, NaN if there are none.
struct PartScores {
  std::int64_t scored = 0;
  std::int64_t censored = 0;
  double pinball = 0;
  std::vector<double> pinball_by_level{};
  /// kUnknown if the levels do not support it; see supports_crps().
  double crps = 0;
  double interval_score_80 = 0;
  double interval_score_90 = 0;
  double absolute_error = 0;
  double percentage_error = 0;
  /// Actual - predicted.
  double error = 0;
  /// The share that ended within the quantile, by level and at the judged levels.
  std::vector<double> coverage{};
  std::vector<double> judged_coverage{};

  bool operator==(const PartScores&) const = default;
};

/// Executions that are alike in what makes prediction difficult.
struct StratumScores {
  int depth_quintile = 1;
  bool cold = false;
  int popularity_tercile = 1;
  std::int64_t executions = 0;
  /// At the judged levels.
  std::vector<std::int64_t> covered{};

  bool operator==(const StratumScores&) const = default;
};

/// Executions with about the same queue at acceptance, or consecutive ones.
struct CoverageGroup {
  /// The mean queue, or the number of the last arrival.
  double at = 0;
  std::int64_t executions = 0;
  std::int64_t covered_50 = 0;
  std::int64_t covered_90 = 0;

  bool operator==(const CoverageGroup&) const = default;
};

/// Sums, so that parts of a run can be added up.
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
  /// All ends. Quantiles are cut at the deadline, which is known in advance.
  PartScores terminal{};
  /// Executions that ended by themselves; executions that were cut short are right-censored.
  /// Coverage is the Kaplan-Meier estimate on the PIT, the scores are of the complete executions.
  PartScores success{};
  double width_50 = 0;
  double width_80 = 0;
  double width_90 = 0;
  std::vector<std::int64_t> pit{};
  /// The number of independent PITs whose histogram would scatter as much.
  double pit_effective = 0;
  std::vector<StratumScores> strata{};
  std::vector<CoverageGroup> by_depth{};
  /// By kDepthBounds.
  std::vector<LossSum> losses_by_depth{};
  std::vector<CoverageGroup> windows{};
  LossSum after_change{};
  /// By step of ends since the last change.
  std::vector<LossSum> recovery{};
  std::vector<PointPair> scatter{};
  std::int64_t bytes = 0;
  double bytes_per_function = 0;

  bool operator==(const SeriesScores&) const = default;
};

/// The quantile at a level; NaN if the forecast does not have this level. Nothing is interpolated.
double quantile_at(std::span<const double> levels, std::span<const double> quantiles, double level);

/// Whether a forecast has the level.
bool can_judge(std::span<const double> levels, double level);

/// Whether the CRPS can be computed from these levels: at least nine, the first at most 10 %, the
/// last at least 90 %, and no gap above 20 percentage points.
bool supports_crps(std::span<const double> levels);

/// Scores the executions. The terminal scores treat an unfinished execution as censored at the
/// moment until which it was watched if its `limit` is that moment, and leave it out if not.
/// Requires: a forecast for each execution; `levels` ascend within (0, 1).
SeriesScores score(std::span<const double> levels, std::span<const PredictedExecution> executions,
                   const Forecasts& forecasts);

}  // namespace quintain::study
