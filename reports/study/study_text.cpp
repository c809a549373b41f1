#include "reports/study/study_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace quintain::reports {
namespace {

constexpr const char* kNone = "-";

/// `digits` after the point, without a sign on a zero.
std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return kNone;
  const std::string text = fmt::format("{:.{}f}", value, digits);
  return text.find_first_not_of("-0.") == std::string::npos && text.starts_with('-')
             ? text.substr(1)
             : text;
}

}  // namespace

std::string human_number(double value) {
  if (!std::isfinite(value)) return kNone;
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-4 || size >= 1e7) return fmt::format("{:.2e}", value);
  const int before = static_cast<int>(std::floor(std::log10(size))) + 1;
  return fixed(value, std::max(0, 3 - before));
}

std::string human_count(std::int64_t value) {
  std::string text = fmt::format("{}", value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = text.size(); i > first + 3;) {
    i -= 3;
    text.insert(i, "\u202f");
  }
  return text;
}

std::string human_seconds(double seconds) {
  if (!std::isfinite(seconds)) return kNone;
  const double size = std::abs(seconds);
  if (size == 0) return "0 s";
  if (size >= 1) return human_number(seconds) + " s";
  if (size >= 1e-3) return human_number(seconds * 1e3) + " ms";
  if (size >= 1e-6) return human_number(seconds * 1e6) + " µs";
  return human_number(seconds * 1e9) + " ns";
}

std::string human_bytes(double bytes) {
  if (!std::isfinite(bytes)) return kNone;
  if (std::abs(bytes) < 1024) return human_number(bytes) + " B";
  if (std::abs(bytes) < 1024 * 1024) return human_number(bytes / 1024) + " KiB";
  return human_number(bytes / (1024 * 1024)) + " MiB";
}

std::string human_ratio(double ratio) { return fixed(ratio, std::abs(ratio) < 10 ? 3 : 1); }

std::string percent(double share) { return fixed(100 * share, 1); }

std::string points(double difference) { return fixed(100 * difference, 2); }

std::string with_interval(const Interval& interval, std::string (*write)(double)) {
  const bool known = std::isfinite(interval.low) && std::isfinite(interval.high);
  if (!known || interval.low == interval.high) return write(interval.value);
  return fmt::format("{} [{}, {}]", write(interval.value), write(interval.low),
                     write(interval.high));
}

Interval coverage_at(const Scores& scores, const std::vector<double>& levels, double level) {
  // Levels are written as decimals and may have been computed: 0.1 + 0.2 is 0.3 here.
  const auto found = std::ranges::find_if(
      levels, [level](double other) { return std::abs(other - level) < 1e-9; });
  const auto index = static_cast<std::size_t>(found - levels.begin());
  if (index < scores.coverage.size()) return scores.coverage[index];
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  return {unknown, unknown, unknown};
}

std::vector<const EstimatorResult*> leading(const WorkloadResult& workload,
                                            std::string_view default_estimator) {
  const EstimatorResult* chosen = find_estimator(workload, default_estimator);
  const std::string_view best_baseline = chosen ? chosen->to_best_baseline.to : "";
  std::vector<const EstimatorResult*> found;
  for (const EstimatorResult& result : workload.estimators) {
    if (&result == chosen || result.role == Role::kOracle || result.name == best_baseline) {
      found.push_back(&result);
    }
  }
  return found;
}

std::string describe_warm_up(const WorkloadResult& workload) {
  return fmt::format("MSER-5 found {} arrivals, {} were cut", human_number(workload.warm_up_found),
                     human_number(workload.warm_up_cut));
}

std::string describe_stop(const WorkloadResult& workload) {
  const std::size_t n = workload.seeds.size();
  const std::string after = fmt::format("{} replication{}", n, n == 1 ? "" : "s");
  const std::string precision =
      fmt::format("half-width {} %, wanted {} %", human_number(100 * workload.relative_half_width),
                  human_number(100 * workload.wanted_half_width));
  switch (workload.stopped) {
    case StopReason::kPrecise:
      return fmt::format("precise enough after {} ({})", after, precision);
    case StopReason::kMostReplications:
      return fmt::format("after {}, the most allowed ({})", after, precision);
    case StopReason::kInterrupted:
      return fmt::format("interrupted after {} ({})", after, precision);
    case StopReason::kRecorded:
      break;
  }
  return "all that was recorded is scored";
}

std::vector<std::pair<std::string_view, std::int64_t>> named_counts(const Counts& counts) {
  return {{"predicted", counts.predicted},    {"refused", counts.refused},
          {"completed", counts.completed},    {"failed", counts.failed},
          {"timed out", counts.timed_out},    {"cancelled", counts.cancelled},
          {"censored", counts.censored},      {"unfinished", counts.unfinished},
          {"in the warm-up", counts.dropped}, {"scored", counts.scored}};
}

std::vector<ControlOutcome> control_outcomes(const StudyReport& report) {
  std::vector<ControlOutcome> outcomes;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& result : workload.estimators) {
      if (result.role != Role::kControl) continue;
      auto outcome = std::ranges::find(outcomes, result.name, &ControlOutcome::name);
      if (outcome == outcomes.end()) outcome = outcomes.insert(outcomes.end(), {result.name});
      (flagged(result) ? outcome->flagged_on : outcome->missed_on).push_back(workload.name);
    }
  }
  return outcomes;
}

}  // namespace quintain::reports
