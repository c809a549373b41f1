// What a study of estimators found, as plain data. Times are in seconds, intervals are of 95 %
// confidence. Every member has an initial value: designated initialisers may leave out any of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/report.h"

namespace quintain::study {

/// The version of the JSON form; it grows when a reader of the older form would be misled.
inline constexpr int kStudySchemaVersion = 1;

/// A value and the interval in which it lies with 95 % confidence. NaN where it is not known: one
/// replication alone has no interval. In JSON, null.
struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;

  bool operator==(const Interval&) const = default;
};

/// What an estimator stands for in a study.
enum class Role {
  kEstimator,
  kBaseline,  // the others are measured against the best of these
  kOracle,    // knows the true distributions; the denominator of every ratio
  kControl,   // wrong on purpose: the study is only trusted if it flags it
};

/// Scores of one kind of end, pooled over the replications. The smaller the better, but for bias.
struct Scores {
  /// "terminal": the end, whatever ended it. "success": the end by itself; executions that were cut
  /// short count as censored.
  std::string of{};
  std::int64_t scored = 0;
  std::int64_t censored = 0;
  Interval pinball{};
  /// By level.
  std::vector<double> pinball_by_level{};
  /// The continuous ranked probability score, by its quantile decomposition.
  Interval crps{};
  /// Of the central 80 % and 90 % intervals (Winkler).
  double interval_score_80 = 0;
  double interval_score_90 = 0;
  /// Of the point forecast.
  double mean_absolute_error = 0;
  double mean_absolute_percentage_error = 0;
  /// Actual less predicted, on average.
  Interval bias{};
  /// The share of executions that ended within the quantile, by level.
  std::vector<Interval> coverage{};

  bool operator==(const Scores&) const = default;
};

/// This estimator's pinball loss divided by another's, paired on the same executions.
struct Ratio {
  std::string to{};
  Interval ratio{};

  bool operator==(const Ratio&) const = default;
};

/// The probability integral transform's histogram: flat if the forecasts are calibrated.
struct PitHistogram {
  /// Shares, one a bin, over equal bins of [0, 1].
  std::vector<double> bins{};
  /// Where a calibrated forecast's bars lie with 95 % confidence.
  double null_low = 0;
  double null_high = 0;
  /// Of the chi-squared test of flatness, corrected for correlation within a run.
  double p_value = 0;

  bool operator==(const PitHistogram&) const = default;
};

/// Executions alike in what makes prediction hard, and how well the quantiles cover there.
struct Stratum {
  /// 1 to 5, by the queue that they met.
  int depth_quintile = 0;
  bool cold = false;
  /// 1 to 3, by how often their function is called; 3 are the most popular.
  int popularity_tercile = 0;
  std::int64_t executions = 0;
  /// Coverage at 50, 80, 90 and 95 %.
  std::vector<double> coverage{};

  bool operator==(const Stratum&) const = default;
};

/// How the estimator takes a change of regime.
struct Adaptation {
  /// Its loss over the first 1000 arrivals after each change, divided by the oracle's.
  Interval after_change{};
  /// Completions until the loss is within 10 % of the oracle's for good; none if it never is.
  std::optional<double> completions_until_recovered{};
  /// The worst coverage error at 90 % over any window of 500 executions.
  double worst_window = 0;

  bool operator==(const Adaptation&) const = default;
};

/// A point of a line in a picture.
struct CurvePoint {
  double x = 0;
  double y = 0;

  bool operator==(const CurvePoint&) const = default;
};

/// What the pictures show besides.
struct Curves {
  /// Coverage at 50 % and 90 % against the queue met (its mean within a bin).
  std::vector<CurvePoint> coverage_50_by_depth{};
  std::vector<CurvePoint> coverage_90_by_depth{};
  /// Against the arrival's number, in windows of 500, in the first replication.
  std::vector<CurvePoint> rolling_50{};
  std::vector<CurvePoint> rolling_90{};
  /// Predicted p50 (x) and actual time (y) of some hundred executions.
  std::vector<CurvePoint> actual_by_p50{};

  bool operator==(const Curves&) const = default;
};

/// Something that must hold of an estimator's results, and whether it does.
struct Flag {
  /// "calibrated", "no-better-than-the-oracle", "goal/pinball-to-oracle".
  std::string name{};
  bool holds = true;
  std::string expected{};
  std::string observed{};

  bool operator==(const Flag&) const = default;
};

struct EstimatorResult {
  std::string name{};
  Role role = Role::kEstimator;
  Scores terminal{.of = "terminal"};
  Scores success{.of = "success"};
  Ratio to_oracle{};
  std::vector<Ratio> to_baselines{};
  /// To the baseline with the smallest loss on this workload.
  Ratio to_best_baseline{};
  /// The largest |coverage - level| at 50, 80, 90 and 95 %, and the same of the worst stratum that
  /// has enough executions.
  Interval worst_coverage_error{};
  double worst_stratum_error = 0;
  std::vector<Stratum> strata{};
  /// Mean widths of the central 50, 80 and 90 % intervals.
  double width_50 = 0;
  double width_80 = 0;
  double width_90 = 0;
  PitHistogram pit{};
  std::optional<Adaptation> adaptation{};
  /// Memory that it held at the end, in bytes: the largest of the replications.
  std::int64_t bytes = 0;
  double bytes_per_function = 0;
  Curves curves{};
  std::vector<Flag> flags{};

  bool operator==(const EstimatorResult&) const = default;
};

/// What became of the calls of a workload, added up over the replications.
struct Counts {
  std::int64_t predicted = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t timed_out = 0;
  std::int64_t cancelled = 0;
  /// Cut short, so that the time to success is only known to be longer.
  std::int64_t censored = 0;
  /// Had not ended when the run did.
  std::int64_t unfinished = 0;
  /// Accepted in the warm-up.
  std::int64_t dropped = 0;
  std::int64_t scored = 0;
  std::int64_t refused = 0;

  bool operator==(const Counts&) const = default;
};

/// A closed form that the workload must meet.
struct AnalyticCheck {
  std::string model{};
  std::string quantity{};
  double reference = 0;
  Interval measured{};
  /// Distance in standard errors.
  double z = 0;
  bool holds = true;

  bool operator==(const AnalyticCheck&) const = default;
};

enum class StopReason { kPrecise, kMaxReplications, kInterrupted, kRecorded };

struct WorkloadResult {
  std::string name{};
  std::string about{};
  /// The resolved configuration, as JSON text.
  std::string config = "{}";
  /// Of a replayed trace.
  std::optional<std::uint64_t> trace_digest{};
  std::vector<std::uint64_t> seeds{};
  Counts counts{};
  /// By MSER-5, the mean over the replications, in arrivals; and what was cut in fact, which is
  /// never less than what the study demands.
  double warm_up_found = 0;
  double warm_up_cut = 0;
  /// Arrival numbers at which the regime changes, in the first replication.
  std::vector<double> changes{};
  StopReason stopped = StopReason::kMaxReplications;
  /// Of the default estimator's ratio to the oracle: reached and wanted.
  double relative_half_width = 0;
  double wanted_half_width = 0;
  std::vector<AnalyticCheck> analytic{};
  std::vector<EstimatorResult> estimators{};

  bool operator==(const WorkloadResult&) const = default;
};

/// What a prediction costs, in wall-clock time.
struct PredictionCost {
  std::string workload{};
  std::string estimator{};
  double p50_ns = 0;
  double p99_ns = 0;
  /// Median cost (y, in ns) against the executions waiting (x).
  std::vector<CurvePoint> by_depth{};

  bool operator==(const PredictionCost&) const = default;
};

struct StudyReport {
  std::string tool_version{};
  /// The command line, without what cannot change the result (--jobs, --report, --html).
  std::string command{};
  std::string name{};
  std::string about{};
  std::string file{};
  /// The estimator that nodes use unless they are told otherwise.
  std::string default_estimator{};
  /// The levels of all lists "by level".
  std::vector<double> levels{};
  std::vector<WorkloadResult> workloads{};
  /// Differs between two runs of the same command; everything else does not.
  reports::WallClock wall_clock{};
  std::vector<PredictionCost> costs{};

  bool operator==(const StudyReport&) const = default;
};

/// "estimator", "baseline", "oracle", "control".
std::string_view to_string(Role role);

/// "precise", "most-replications", "interrupted", "recorded".
std::string_view to_string(StopReason reason);

/// Whether the flag is a goal: how good an estimator has to be. Any other flag asks whether its
/// forecasts are honest. Goals' names begin with "goal/".
bool is_goal(const Flag& flag);

/// Whether a goal is set for the estimator on its workload. Then all its flags must hold.
bool has_goal(const EstimatorResult& result);

/// Whether the study tells the control from an honest estimator: a flag that is no goal does not
/// hold.
bool flagged(const EstimatorResult& control);

/// The first that applies: error if there is no workload, or one without estimators; failed if a
/// closed form is not met, if an estimator, baseline or oracle that has a goal has any flag that
/// does not hold, or if a control is not flagged, for then the study can't be trusted; passed.
/// An estimator without a goal may be as bad as it likes: that is a result.
reports::Verdict verdict_of(const StudyReport& report);

/// The estimator of that name; null if the workload has none.
const EstimatorResult* find_estimator(const WorkloadResult& workload, std::string_view name);

}  // namespace quintain::study
