#include "study/report/study_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace quintain::study {
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

struct Unit {
  const char* name;
  double in_a_second;
};

/// The greatest of which there is one at least.
Unit unit_of(double seconds) {
  const double size = std::abs(seconds);
  if (size >= 1 || size == 0) return {"s", 1};
  if (size >= 1e-3) return {"ms", 1e3};
  return size >= 1e-6 ? Unit{"µs", 1e6} : Unit{"ns", 1e9};
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

std::string plain_number(double value) {
  const bool whole = std::abs(value) < 1e15 && value == std::trunc(value);
  return whole ? fmt::format("{:.0f}", value) : human_number(value);
}

std::string human_p_value(double p) {
  if (!std::isfinite(p)) return "unknown";
  return p < 0.001 ? "< 0.001" : "= " + human_number(p);
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
  const Unit unit = unit_of(seconds);
  return fmt::format("{} {}", human_number(seconds * unit.in_a_second), unit.name);
}

std::string human_seconds(const Interval& seconds) {
  if (!std::isfinite(seconds.value)) return kNone;
  const Unit unit = unit_of(seconds.value);
  const Interval scaled = {seconds.value * unit.in_a_second, seconds.low * unit.in_a_second,
                           seconds.high * unit.in_a_second};
  return fmt::format("{} {}", with_interval(scaled, human_number), unit.name);
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
  std::vector<const EstimatorResult*> found;
  if (chosen != nullptr) {
    found.push_back(chosen);
    const EstimatorResult* best = find_estimator(workload, chosen->to_best_baseline.to);
    if (best != nullptr && best != chosen) found.push_back(best);
  }
  for (const EstimatorResult& result : workload.estimators) {
    if (result.role == Role::kOracle && &result != chosen) found.push_back(&result);
  }
  return found;
}

std::string describe_warm_up(const WorkloadResult& workload) {
  return fmt::format("MSER-5 found {} arrivals, {} were cut", plain_number(workload.warm_up_found),
                     plain_number(workload.warm_up_cut));
}

std::string describe_stop(const WorkloadResult& workload) {
  const std::size_t n = workload.seeds.size();
  const std::string after = fmt::format("{} replication{}", n, n == 1 ? "" : "s");
  std::string precision =
      fmt::format("half-width {} %", human_number(100 * workload.relative_half_width));
  if (workload.wanted_half_width > 0) {
    precision += fmt::format(", wanted {} %", human_number(100 * workload.wanted_half_width));
  }
  switch (workload.stopped) {
    case StopReason::kPrecise:
      return fmt::format("precise enough after {} ({})", after, precision);
    case StopReason::kMaxReplications:
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

}  // namespace quintain::study
