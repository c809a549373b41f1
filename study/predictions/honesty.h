// Whether recorded forecasts are honest: exact tests that a calibrated forecaster passes with the
// stated confidence at any number of executions, also if these are correlated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "study/predictions/predicted.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// Below this number of independent executions nothing is flagged.
inline constexpr std::int64_t kMinJudged = 20;
/// A coverage this far from its level, in percentage points, is not worth a flag. Levels near 0
/// and 1 have a smaller tolerance, a fifth of their distance from there.
inline constexpr double kTolerance = 0.01;

/// Recorded executions in the order of acceptance.
struct RecordedSeries {
  std::span<const PredictedExecution> executions;
  /// When each was accepted, in seconds; does not descend.
  std::span<const double> accepted;
  std::span<const double> levels;
};

/// The dependence between executions, which overlap in time: an honest forecast of one that starts
/// after another has ended can use the other's outcome, so the two PITs are independent; executions
/// that overlap may be wrong together.
struct Dependence {
  /// The mean number of earlier executions that had not ended when an execution was accepted.
  double overlap = 0;
  /// Batches of consecutive executions, each at least five times as long as the overlap and at
  /// least 40; at most 25, and none if there would be fewer than eight.
  std::size_t batches = 0;
  /// Positions of executions of which each was accepted after the previous one had ended.
  std::vector<std::size_t> chain{};
};
Dependence dependence_of(const RecordedSeries& series);

/// The flags of one estimator's forecasts:
///
/// - "unbiased": half of the executions end before the p50.
/// - "wide-enough": quantiles above the median are not exceeded more often than their levels allow,
///   and those below it not undercut more often.
/// - "narrow-enough": the opposite.
/// - "no-hindsight": whether an execution ends after its p50 does not depend on whether this p50 is
///   large or small among the earlier ones of its function. A forecast that was moved towards the
///   outcome keeps its calibration, but fails here.
///
/// Each level is tested in both directions by the binomial distribution, with the share that is
/// least favourable to a flag within the tolerance. An execution whose outcome at a level is not
/// known (it was cut short before the quantile, or ended exactly at it) counts in favour of the
/// forecast, in every direction: a forecast with probability on single values is honest if
/// P(X < q) <= level <= P(X <= q). A flag is raised only if the binomial test and a second test
/// that allows for correlation both reject: Student's t over batches or, if there are few batches
/// and the chain has nearly all executions, or too few batches, the binomial test over
/// Dependence::chain. The probability that an honest forecaster
/// breaks any flag is at most 5 % / `estimators` (Bonferroni).
///
/// Flags for which the file has no level are left out. Requires: a forecast for each execution.
std::vector<Flag> honesty_flags(const RecordedSeries& series, const Dependence& dependence,
                                const Forecasts& forecasts, std::size_t estimators);

}  // namespace quintain::study
