// From the scores of replications to results with intervals and flags.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "study/comparison/cell.h"
#include "study/language/study.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// The scores of several replications: of each, all estimators in the same order.
using Replicated = std::span<const std::vector<SeriesScores>* const>;

/// The role of the estimators with this name.
Role role_of(std::string_view estimator);

/// The mean of a value over the replications with equal weights, with Student's interval; NaNs are
/// left out. The interval is unknown for fewer than two replications.
Estimate interval_over(std::span<const double> replications);

/// How a ratio of losses is computed.
enum class RatioOf : std::uint8_t {
  /// The geometric mean of the replications' ratios: each seed has the same weight.
  kReplications,
  /// The mean loss divided by the other's: for parts of one run, which are too short for a ratio
  /// each.
  kMeans,
};

/// The results of all estimators, without flags. Requires: at least one replication.
std::vector<EstimatorResult> aggregate(Replicated replications,
                                       RatioOf ratio_of = RatioOf::kReplications);

/// The relative half-width of an estimator's ratio to the oracle; infinity if there is no ratio or
/// no interval.
double relative_half_width(Replicated replications, std::string_view estimator);

/// The report's part on a workload: results, flags, counts, closed forms. Requires: `cells` in the
/// order of their seeds, at least one.
WorkloadResult summarise(const Workload& workload, std::span<const CellResult> cells,
                         std::string_view default_estimator);

// ---- Flags (flags.cpp) --------------------------------------------------------------------------

/// Coverage at the judged levels, over the replications.
std::vector<Estimate> judged_coverage(std::span<const SeriesScores* const> replications,
                                      PartScores SeriesScores::* part);

/// The largest distance of a coverage from its level, with the interval of that coverage. Levels
/// with unknown coverage are left out.
Estimate worst_coverage_error(std::span<const Estimate> judged);

/// Sets the flags of all results. An interval that is entirely beyond a bound fails a flag; without
/// an interval, the value does.
///
/// - "calibrated": the coverage at each judged level is off by at most 3 percentage points.
/// - "unbiased": the same of the share that ends before the p50.
/// - "flat": the PIT histogram is within 5 % of the probability mass of a flat one (total variation
///   distance), or the difference is not significant.
/// - "no-better-than-the-oracle": the loss is at least 0.9 of the oracle's. An estimator with less
///   has seen the future.
/// - "goal/...": see Goal.
///
/// Sets `no_oracle` if the coverage of the oracle is off by more than 1.5 percentage points, and
/// then, or if it is set already, moves the ratios to the oracle to `to_reference`. Goals are
/// judged by these ratios nevertheless.
void set_flags(WorkloadResult& result, Replicated replications, std::span<const Goal> goals,
               std::string_view default_estimator);

}  // namespace quintain::study
