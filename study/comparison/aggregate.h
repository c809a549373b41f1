// From replications to results with intervals.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "study/comparison/cell.h"
#include "study/language/study.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// What the estimators of one name stand for.
Role role_of(std::string_view estimator);

/// The name under which the oracle is reported.
inline constexpr std::string_view kOracle = "oracle";

/// The mean of a value over the replications, each of which counts the same, with Student's
/// interval; those that are not a number are left out. The interval is not known of less than two.
Interval interval_over(std::span<const double> replications);

/// What a ratio of losses is of.
enum class RatioOf : std::uint8_t {
  /// The geometric mean of the replications' ratios: each seed counts the same.
  kReplications,
  /// The mean loss over the other's: of parts of one run, which are too short to be worth a ratio
  /// each.
  kMeans,
};

/// The results of all estimators, from at least one replication of each; every replication has the
/// same estimators in the same order. Flags are not set.
std::vector<EstimatorResult> aggregate(
    std::span<const std::vector<SeriesScores>* const> replications,
    RatioOf ratio_of = RatioOf::kReplications);

/// The ratio of two losses over paired replications, with its interval. Not a number where there is
/// none.
Interval loss_ratio(std::span<const double> losses, std::span<const double> to,
                    RatioOf ratio_of = RatioOf::kReplications);

/// The relative half-width of an estimator's ratio to the oracle over the first replications;
/// infinity if there is none.
double relative_half_width(std::span<const std::vector<SeriesScores>* const> replications,
                           std::string_view estimator);

/// The report's part on a workload: results, flags, counts, closed forms. `cells` in the order of
/// their seeds.
WorkloadResult summarise(const Workload& workload, std::span<const CellResult> cells,
                         std::string_view default_estimator);

}  // namespace quintain::study
