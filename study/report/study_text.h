// How a study's numbers are written, and the facts that its table and its page share.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "study/report/study_report.h"

namespace quintain::study {

/// The levels that goals speak of.
inline constexpr std::array<double, 4> kJudgedLevels = {0.5, 0.8, 0.9, 0.95};

/// Three significant digits, but never fewer than the integer part has: "0.0123", "1.41", "1235".
/// "-" for what is not a finite number.
std::string human_number(double value);

/// A whole number in full, any other with three digits: "64", "12000", "41.4".
std::string plain_number(double value);

/// "= 0.41", "< 0.001".
std::string human_p_value(double p);

/// "12345678" as "12 345 678", with thin spaces that do not break.
std::string human_count(std::int64_t value);

/// Seconds, with a unit that suits: "21.3 ms".
std::string human_seconds(double seconds);

/// Seconds and their interval in one unit, the value's: "213 [211, 215] ms".
std::string human_seconds(const Interval& seconds);

/// Bytes: "18.0 KiB".
std::string human_bytes(double bytes);

/// "1.014".
std::string human_ratio(double ratio);

/// A share in per cent, without the sign: "90.2".
std::string percent(double share);

/// A difference of shares in percentage points: "0.42".
std::string points(double difference);

/// "1.014 [1.009, 1.019]": value and interval, each written by `write`; the value alone where the
/// interval is not known or has no width.
std::string with_interval(const Interval& interval, std::string (*write)(double));

/// Coverage at a level, NaN in all parts if the report has not that level.
Interval coverage_at(const Scores& scores, const std::vector<double>& levels, double level);

/// The estimators that a reader wants to see first: the default, the best baseline of the workload,
/// the oracle.
std::vector<const EstimatorResult*> leading(const WorkloadResult& workload,
                                            std::string_view default_estimator);

/// What was cut, and why the study stopped, each in a sentence.
std::string describe_warm_up(const WorkloadResult& workload);
std::string describe_stop(const WorkloadResult& workload);

/// The counts with their names, in the order of a call's life: {"predicted", 144000}.
std::vector<std::pair<std::string_view, std::int64_t>> named_counts(const Counts& counts);

/// A control, and on which workloads the study flagged it.
struct ControlOutcome {
  std::string name{};
  std::vector<std::string> flagged_on{};
  std::vector<std::string> missed_on{};

  bool operator==(const ControlOutcome&) const = default;
};

/// The controls, in the order in which they first occur.
std::vector<ControlOutcome> control_outcomes(const StudyReport& report);

}  // namespace quintain::study
