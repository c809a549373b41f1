#include "study/comparison/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "study/comparison/aggregate.h"

namespace quintain::study {
namespace {

constexpr double kLargestError = 0.03;
// In all bins together: a twentieth of the executions lie elsewhere than they should.
constexpr double kLargestDistance = 0.05;
// The oracle knows the distributions, but not who will cancel; where many do, one that learns from
// how its forecasts came out may do a little better. One that peeks does twice as well.
constexpr double kMinRatio = 0.9;
constexpr double kUnlikely = 0.001;

std::string in_words(const Interval& interval) {
  if (std::isnan(interval.low)) return fmt::format("{:.4g}", interval.value);
  return fmt::format("{:.4g} [{:.4g}, {:.4g}]", interval.value, interval.low, interval.high);
}

double low_of(const Interval& interval) {
  return std::isnan(interval.low) ? interval.value : interval.low;
}
double high_of(const Interval& interval) {
  return std::isnan(interval.high) ? interval.value : interval.high;
}

Flag calibrated(const Interval& worst) {
  return {.name = "calibrated",
          .holds = !(low_of(worst) > kLargestError),
          .expected =
              fmt::format("coverage at 50, 80, 90 and 95 % is off by at most {}", kLargestError),
          .observed = in_words(worst)};
}

Flag unbiased(const Interval& within_p50) {
  const bool low = high_of(within_p50) < 0.5 - kLargestError;
  const bool high = low_of(within_p50) > 0.5 + kLargestError;
  return {.name = "unbiased",
          .holds = !low && !high,
          .expected = fmt::format("0.5 of all end before the p50, within {}", kLargestError),
          .observed = in_words(within_p50)};
}

Flag flat(const PitHistogram& pit) {
  double distance = 0;
  for (const double bin : pit.bins) {
    distance += std::abs(bin - 1 / static_cast<double>(pit.bins.size())) / 2;
  }
  return {.name = "flat",
          .holds = !(distance > kLargestDistance && pit.p_value < kUnlikely),
          .expected = fmt::format("the PIT's histogram is within {} of a flat one, or p >= {}",
                                  kLargestDistance, kUnlikely),
          .observed = fmt::format("{:.4g} from it, p = {:.2g}", distance, pit.p_value)};
}

Flag no_better_than_the_oracle(const Interval& ratio) {
  return {.name = "no-better-than-the-oracle",
          .holds = !(high_of(ratio) < kMinRatio),
          .expected = fmt::format("the loss is at least {} of the oracle's", kMinRatio),
          .observed = in_words(ratio)};
}

// One result, everything that its goals are held against.
class GoalKeeper {
 public:
  explicit GoalKeeper(EstimatorResult& result) : result_(result) {}

  void keep(std::string_view name, const std::optional<double>& bound, const Interval& reached) {
    if (!bound) return;
    Flag flag{.name = fmt::format("goal/{}", name),
              .holds = reached.value <= *bound,  // not if it is not a number
              .expected = fmt::format("at most {}", *bound),
              .observed = in_words(reached)};
    if (!flag.holds) flag.observed += fmt::format(", {:.4g} too much", reached.value - *bound);
    result_.flags.push_back(std::move(flag));
  }

 private:
  EstimatorResult& result_;
};

Interval alone(double value) { return {.value = value, .low = NAN, .high = NAN}; }

}  // namespace

std::vector<Interval> judged_coverage(std::span<const SeriesScores* const> replications,
                                      PartScores SeriesScores::* part) {
  std::vector<Interval> judged;
  for (std::size_t i = 0; i < kJudgedLevels.size(); ++i) {
    std::vector<double> values;
    for (const SeriesScores* scores : replications) {
      values.push_back((scores->*part).judged_coverage[i]);
    }
    judged.push_back(interval_over(values));
  }
  return judged;
}

Interval worst_coverage_error(std::span<const Interval> judged) {
  Interval worst = {.value = NAN, .low = NAN, .high = NAN};
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const double error = std::abs(judged[i].value - kJudgedLevels[i]);
    if (std::isnan(error) || error <= worst.value) continue;
    const double half_width = (judged[i].high - judged[i].low) / 2;
    worst = {.value = error,
             .low = std::isnan(half_width) ? half_width : std::max(0.0, error - half_width),
             .high = error + half_width};
  }
  return worst;
}

void set_flags(WorkloadResult& result,
               std::span<const std::vector<SeriesScores>* const> replications,
               std::span<const Goal> goals, std::string_view default_estimator) {
  const bool has_oracle = std::ranges::any_of(
      result.estimators, [](const EstimatorResult& e) { return e.role == Role::kOracle; });
  std::vector<Interval> success_errors;
  for (std::size_t i = 0; i < result.estimators.size(); ++i) {
    EstimatorResult& estimator = result.estimators[i];
    std::vector<const SeriesScores*> own;
    for (const auto* replication : replications) own.push_back(&(*replication)[i]);
    success_errors.push_back(worst_coverage_error(judged_coverage(own, &SeriesScores::success)));
    estimator.flags = {calibrated(estimator.worst_coverage_error),
                       unbiased(judged_coverage(own, &SeriesScores::terminal).front()),
                       flat(estimator.pit)};
    if (has_oracle && estimator.role != Role::kOracle) {
      estimator.flags.push_back(no_better_than_the_oracle(estimator.to_oracle.ratio));
    }
  }
  // The loss after a change, relative to the baseline that is best there.
  Interval best_baseline_after = alone(NAN);
  for (const EstimatorResult& estimator : result.estimators) {
    if (estimator.role != Role::kBaseline || !estimator.adaptation) continue;
    const Interval& after = estimator.adaptation->after_change;
    if (!(after.value >= best_baseline_after.value)) best_baseline_after = after;
  }
  for (const Goal& goal : goals) {
    const std::string_view name = goal.estimator.empty() ? default_estimator : goal.estimator;
    const auto found = std::ranges::find(result.estimators, name, &EstimatorResult::name);
    if (found == result.estimators.end()) continue;  // the file was checked; a study of fewer
    GoalKeeper keeper(*found);
    keeper.keep("pinball-to-oracle", goal.pinball_to_oracle, found->to_oracle.ratio);
    keeper.keep("pinball-to-best-baseline", goal.pinball_to_best_baseline,
                found->to_best_baseline.ratio);
    keeper.keep("coverage-error", goal.coverage_error, found->worst_coverage_error);
    keeper.keep("success-coverage-error", goal.success_coverage_error,
                success_errors[static_cast<std::size_t>(found - result.estimators.begin())]);
    keeper.keep("stratum-error", goal.stratum_error, alone(found->worst_stratum_error));
    const Interval after = found->adaptation ? found->adaptation->after_change : alone(NAN);
    keeper.keep("after-change-to-oracle", goal.after_change_to_oracle, after);
    keeper.keep("after-change-to-best-baseline", goal.after_change_to_best_baseline,
                alone(after.value / best_baseline_after.value));
  }
}

}  // namespace quintain::study
