// The report of a study of estimators, as plain data. Times are in seconds, intervals have 95 %
// confidence. Every member has an initial value, so that designated initialisers may leave it out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/report.h"
#include "study/statistics/estimate.h"
#include "study/statistics/sequential.h"

namespace quintain::study {

using statistics::Estimate;
using statistics::kUnknown;
using statistics::StopReason;

/// The version of the JSON form. It increases when a reader of the older form would be misled.
inline constexpr int kStudySchemaVersion = 1;

/// The levels at which calibration is judged: the share of executions that end within the
/// forecast's quantile at that level (one-sided).
inline constexpr std::array kJudgedLevels = {0.5, 0.8, 0.9, 0.95};

/// The least queue at acceptance in each group of executions whose losses are compared; the last
/// has no upper bound.
inline constexpr std::array<std::int64_t, 5> kDepthBounds = {0, 1, 4, 16, 100};

/// The role of an estimator in a study.
enum class Role {
  kEstimator,
  kBaseline,  ///< the others are compared with the best of these
  kOracle,    ///< knows the true distributions; the denominator of every ratio
  kControl,   ///< wrong on purpose; a study that does not flag it cannot be trusted
  /// In place of an oracle where none can exist, because the workload has no distributions.
  kReference,
};

/// Scores of one kind of end, pooled over the replications. Smaller is better, except for bias.
struct Scores {
  /// "terminal": every end. "success": the execution ended by itself; executions that were cut
  /// short are censored.
  std::string of{};
  std::int64_t scored = 0;
  std::int64_t censored = 0;
  Estimate pinball{};
  /// By level.
  std::vector<double> pinball_by_level{};
  /// The continuous ranked probability score, from its quantile decomposition.
  Estimate crps{};
  /// Winkler's score of the central 80 % and 90 % intervals.
  double interval_score_80 = 0;
  double interval_score_90 = 0;
  /// Of the point forecast.
  double mean_absolute_error = 0;
  double mean_absolute_percentage_error = 0;
  /// The mean of actual - predicted.
  Estimate bias{};
  /// The share of executions that ended within the quantile, by level.
  std::vector<Estimate> coverage{};

  bool operator==(const Scores&) const = default;
};

/// The estimator's pinball loss divided by that of the estimator `to`, paired on the same
/// executions.
struct Ratio {
  std::string to{};
  Estimate ratio{};

  bool operator==(const Ratio&) const = default;
};

/// The histogram of the probability integral transform (PIT), which is flat for calibrated
/// forecasts, and its test.
struct PitResult {
  /// The share of each of the equal bins of [0, 1].
  std::vector<double> bins{};
  /// The range of a calibrated forecast's bars with 95 % confidence.
  double null_low = 0;
  double null_high = 0;
  /// Of the chi-squared test of uniformity, corrected for correlation within a run.
  double p_value = 0;

  bool operator==(const PitResult&) const = default;
};

/// Executions that are alike in what makes prediction difficult, and their coverage.
struct Stratum {
  /// 1 to 5, by the queue at acceptance.
  int depth_quintile = 0;
  bool cold = false;
  /// 1 to 3, by how often the function is called; 3 is the most popular third.
  int popularity_tercile = 0;
  std::int64_t executions = 0;
  /// At the judged levels.
  std::vector<double> coverage{};

  bool operator==(const Stratum&) const = default;
};

/// The terminal pinball loss of the executions with this many in the queue at acceptance, pooled
/// over the replications.
struct DepthLoss {
  std::int64_t from = 0;
  /// nullopt: any number.
  std::optional<std::int64_t> to{};
  std::int64_t executions = 0;
  /// Per execution; unknown if there are none.
  double pinball = kUnknown;
  /// Of the loss of all executions.
  double share = 0;

  bool operator==(const DepthLoss&) const = default;
};

/// The estimator's reaction to a change of regime.
struct Adaptation {
  /// The loss over the first 1000 arrivals after each change, divided by the oracle's.
  Estimate after_change{};
  /// Completions until the loss stays within 10 % of the oracle's; nullopt if it never does.
  std::optional<double> completions_until_recovered{};
  /// The worst coverage error at 90 % over any window of 500 executions.
  double worst_window = 0;

  bool operator==(const Adaptation&) const = default;
};

/// A point of a curve.
struct CurvePoint {
  double x = 0;
  double y = 0;

  bool operator==(const CurvePoint&) const = default;
};

/// Further data for pictures.
struct Curves {
  /// Coverage at 50 % and 90 % by the queue at acceptance (its mean within a bin).
  std::vector<CurvePoint> coverage_50_by_depth{};
  std::vector<CurvePoint> coverage_90_by_depth{};
  /// By the number of the arrival, in windows of 500, in the first replication.
  std::vector<CurvePoint> rolling_50{};
  std::vector<CurvePoint> rolling_90{};
  /// Predicted p50 (x) and actual time (y) of a sample of some hundred executions.
  std::vector<CurvePoint> actual_by_p50{};

  bool operator==(const Curves&) const = default;
};

/// A condition on an estimator's results, and whether it holds.
struct Flag {
  /// "calibrated", "no-better-than-the-oracle", "goal/pinball-to-oracle".
  std::string name{};
  bool holds = true;
  std::string expected{};
  std::string observed{};
  /// If there were too few executions to tell: the number that is needed. `holds` is true then and
  /// means nothing.
  std::optional<std::int64_t> too_few{};

  bool operator==(const Flag&) const = default;
};

struct EstimatorResult {
  std::string name{};
  Role role = Role::kEstimator;
  Scores terminal{.of = "terminal"};
  Scores success{.of = "success"};
  /// Unknown if there is no oracle that can be relied on; see WorkloadResult::no_oracle.
  Ratio to_oracle{};
  /// The ratio in that case, to what stands in the oracle's place.
  std::optional<Ratio> to_reference{};
  std::vector<Ratio> to_baselines{};
  /// To the baseline with the smallest loss on this workload.
  Ratio to_best_baseline{};
  /// The largest |coverage - level| at the judged levels, and the same of the worst stratum that
  /// has enough executions.
  Estimate worst_coverage_error{};
  double worst_stratum_error = kUnknown;
  std::vector<Stratum> strata{};
  /// By kDepthBounds.
  std::vector<DepthLoss> by_depth{};
  /// Mean widths of the central 50, 80 and 90 % intervals.
  double width_50 = 0;
  double width_80 = 0;
  double width_90 = 0;
  PitResult pit{};
  std::optional<Adaptation> adaptation{};
  /// Memory at the end of a run, in bytes: the maximum of the replications.
  std::int64_t bytes = 0;
  double bytes_per_function = 0;
  Curves curves{};
  std::vector<Flag> flags{};

  bool operator==(const EstimatorResult&) const = default;
};

/// The calls of a workload by outcome, summed over the replications.
struct Counts {
  std::int64_t predicted = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t timed_out = 0;
  std::int64_t cancelled = 0;
  /// Cut short, so that only a lower bound of the time to success is known.
  std::int64_t censored = 0;
  /// Not ended when the run did.
  std::int64_t unfinished = 0;
  /// Accepted in the warm-up.
  std::int64_t dropped = 0;
  std::int64_t scored = 0;
  std::int64_t refused = 0;

  bool operator==(const Counts&) const = default;
};

/// A closed form that the workload must match.
struct AnalyticCheck {
  std::string model{};
  std::string quantity{};
  double reference = 0;
  Estimate measured{};
  /// Distance from the reference in standard errors.
  double z = 0;
  bool holds = true;

  bool operator==(const AnalyticCheck&) const = default;
};

struct WorkloadResult {
  std::string name{};
  std::string about{};
  /// The resolved configuration, as JSON text.
  std::string config = "{}";
  /// Of a replayed trace.
  std::optional<std::uint64_t> trace_digest{};
  std::vector<std::uint64_t> seeds{};
  Counts counts{};
  /// The warm-up in arrivals, as means over the replications: as found by MSER-5, and as cut, which
  /// is never less than the study demands.
  double warm_up_found = 0;
  double warm_up_cut = 0;
  /// The numbers of the arrivals at which the regime changes, in the first replication.
  std::vector<double> changes{};
  StopReason stopped = StopReason::kMaxReplications;
  /// Why there is no oracle, or none that can be relied on; empty if there is one.
  std::string no_oracle{};
  /// Rows of the trace that were left out, and what was assumed about others.
  std::vector<std::string> trace_notes{};
  /// Of the default estimator's ratio to the oracle: reached and wanted. 0 wanted: no precision was
  /// asked for.
  double relative_half_width = 0;
  double wanted_half_width = 0;
  std::vector<AnalyticCheck> analytic{};
  std::vector<EstimatorResult> estimators{};

  bool operator==(const WorkloadResult&) const = default;
};

/// The cost of a prediction, in wall-clock time.
struct PredictionCost {
  std::string workload{};
  std::string estimator{};
  double p50_ns = 0;
  double p99_ns = 0;
  /// The median cost in ns (y) by the number of executions waiting (x).
  std::vector<CurvePoint> by_depth{};

  bool operator==(const PredictionCost&) const = default;
};

struct StudyReport {
  std::string tool_version{};
  /// The command line, without options that cannot change the result (--jobs, --report, --html).
  std::string command{};
  std::string name{};
  std::string about{};
  std::string file{};
  /// The estimator that nodes use by default.
  std::string default_estimator{};
  /// The levels of all lists "by level".
  std::vector<double> levels{};
  /// Why the study ended early: `workloads` are those that have a replication. nullopt: it did not.
  std::optional<std::string> incomplete{};
  std::vector<WorkloadResult> workloads{};
  /// Differs between two runs of the same command, as do the costs; nothing else does.
  reports::WallClock wall_clock{};
  std::vector<PredictionCost> costs{};

  bool operator==(const StudyReport&) const = default;
};

/// "estimator", "baseline", "oracle", "control", "reference".
std::string_view to_string(Role role);

/// Whether the flag is a goal: a bound on an estimator's results, or a flag that has to hold. All
/// other flags say whether its forecasts are honest, and are information. Names of goals start with
/// "goal/".
bool is_goal(const Flag& flag);

/// Adds the flags of these names, as far as the estimator has them, as goals.
void demand_flags(EstimatorResult& result, std::span<const std::string> names);

/// Whether a goal is set for the estimator on its workload.
bool has_goal(const EstimatorResult& result);

/// Whether a flag could not be judged, because too few executions were scored.
bool has_too_few(const EstimatorResult& result);

/// Whether the study distinguishes the control from an honest estimator: a flag other than a goal
/// does not hold.
bool flagged(const EstimatorResult& control);

/// The first that applies:
/// - error: there is no workload, or a workload has no estimators;
/// - failed: nothing was scored on a workload, a closed form is not matched, a goal is missed, or a
///   control is not flagged, so that the study cannot be trusted;
/// - passed. Flags that no goal names are information.
reports::Verdict verdict_of(const StudyReport& report);

/// The estimator with that name; nullptr if the workload has none.
const EstimatorResult* find_estimator(const WorkloadResult& workload, std::string_view name);

}  // namespace quintain::study
