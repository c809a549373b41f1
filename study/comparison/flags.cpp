// The flags of aggregate.h: whether the estimators' forecasts are honest, and whether goals are
// reached.
#include "study/comparison/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace quintain::study {
namespace {

/// Of a coverage.
constexpr double kMaxError = 0.03;
/// Of a PIT histogram from a flat one: 5 % of the probability mass are in the wrong bins.
constexpr double kMaxDistance = 0.05;
/// With fewer scored executions the flags say nothing, and a control need not be detected.
constexpr std::int64_t kMinScored = 500;
/// Of the oracle's coverage: an oracle that is off by more does not know the truth.
constexpr double kMaxOracleError = 0.015;
/// Below this p-value a histogram is significantly not flat.
constexpr double kMinPValue = 0.001;
/// The oracle knows the distributions, but not which executions will be cancelled; if many are, an
/// estimator that learns from its past errors may be slightly better. A peeking one is twice as
/// good.
constexpr double kMinRatio = 0.9;

std::string to_text(const Estimate& estimate) {
  if (std::isnan(estimate.low)) return fmt::format("{:.4g}", estimate.value);
  return fmt::format("{:.4g} [{:.4g}, {:.4g}]", estimate.value, estimate.low, estimate.high);
}

double low_of(const Estimate& estimate) {
  return std::isnan(estimate.low) ? estimate.value : estimate.low;
}
double high_of(const Estimate& estimate) {
  return std::isnan(estimate.high) ? estimate.value : estimate.high;
}

Flag calibrated(const Estimate& worst) {
  return {
      .name = "calibrated",
      .holds = !(low_of(worst) > kMaxError),
      .expected = fmt::format("coverage at 50, 80, 90 and 95 % is off by at most {}", kMaxError),
      .observed = to_text(worst)};
}

Flag unbiased(const Estimate& within_p50) {
  const bool low = high_of(within_p50) < 0.5 - kMaxError;
  const bool high = low_of(within_p50) > 0.5 + kMaxError;
  return {.name = "unbiased",
          .holds = !low && !high,
          .expected = fmt::format("0.5 of all end before the p50, within {}", kMaxError),
          .observed = to_text(within_p50)};
}

Flag flat(const PitResult& pit) {
  double distance = 0;
  for (const double bin : pit.bins) {
    distance += std::abs(bin - 1 / static_cast<double>(pit.bins.size())) / 2;
  }
  return {.name = "flat",
          .holds = !(distance > kMaxDistance && pit.p_value < kMinPValue),
          .expected = fmt::format("the PIT's histogram is within {} of a flat one, or p >= {}",
                                  kMaxDistance, kMinPValue),
          .observed = fmt::format("{:.4g} from it, p = {:.2g}", distance, pit.p_value)};
}

Flag no_better_than_the_oracle(const Estimate& ratio) {
  return {.name = "no-better-than-the-oracle",
          .holds = !(high_of(ratio) < kMinRatio),
          .expected = fmt::format("the loss is at least {} of the oracle's", kMinRatio),
          .observed = to_text(ratio)};
}

/// Why the oracle cannot be relied on; empty if it is calibrated, as far as its executions show: a
/// distance of less than about a standard error from the bound may be due to chance.
std::string fault_of_oracle(const Estimate& worst) {
  const double half_width = (worst.high - worst.low) / 2;
  const double error = worst.value - (std::isnan(half_width) ? 0 : half_width / 2);
  if (!(error > kMaxOracleError)) return "";
  return fmt::format(
      "the oracle itself is not calibrated: its coverage is off by {} (at most {}); the workload "
      "has something that it does not know",
      to_text(worst), kMaxOracleError);
}

/// Moves the ratios to what is no oracle.
void move_to_reference(WorkloadResult& result) {
  if (result.no_oracle.empty()) return;
  for (EstimatorResult& estimator : result.estimators) {
    if (estimator.role == Role::kOracle || estimator.role == Role::kReference) {
      estimator.to_oracle.ratio = Estimate::value_only(kUnknown);
      continue;
    }
    estimator.to_reference = std::move(estimator.to_oracle);
    estimator.to_oracle = {.to = "", .ratio = Estimate::value_only(kUnknown)};
  }
}

/// Adds the flag of a goal, if the goal has a bound.
void add_goal(EstimatorResult& result, std::string_view name, const std::optional<double>& bound,
              const Estimate& reached) {
  if (!bound) return;
  Flag flag{.name = fmt::format("goal/{}", name),
            .holds = reached.value <= *bound,  // false for NaN
            .expected = fmt::format("at most {}", *bound),
            .observed = to_text(reached)};
  if (!flag.holds) flag.observed += fmt::format(", {:.4g} too much", reached.value - *bound);
  result.flags.push_back(std::move(flag));
}

}  // namespace

std::vector<Estimate> judged_coverage(std::span<const SeriesScores* const> replications,
                                      PartScores SeriesScores::* part) {
  std::vector<Estimate> judged;
  for (std::size_t i = 0; i < kJudgedLevels.size(); ++i) {
    std::vector<double> values;
    for (const SeriesScores* scores : replications) {
      values.push_back((scores->*part).judged_coverage[i]);
    }
    judged.push_back(interval_over(values));
  }
  return judged;
}

Estimate worst_coverage_error(std::span<const Estimate> judged) {
  Estimate worst = Estimate::value_only(kUnknown);
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

void set_flags(WorkloadResult& result, Replicated replications, std::span<const Goal> goals,
               std::string_view default_estimator) {
  const auto oracle = std::ranges::find(result.estimators, Role::kOracle, &EstimatorResult::role);
  const bool has_oracle = oracle != result.estimators.end();
  if (has_oracle && result.no_oracle.empty() && oracle->terminal.scored >= kMinScored) {
    result.no_oracle = fault_of_oracle(oracle->worst_coverage_error);
  }
  std::vector<Estimate> success_errors;
  for (std::size_t i = 0; i < result.estimators.size(); ++i) {
    EstimatorResult& estimator = result.estimators[i];
    std::vector<const SeriesScores*> own;
    for (const auto* replication : replications) own.push_back(&(*replication)[i]);
    success_errors.push_back(worst_coverage_error(judged_coverage(own, &SeriesScores::success)));
    estimator.flags = {calibrated(estimator.worst_coverage_error),
                       unbiased(judged_coverage(own, &SeriesScores::terminal).front()),
                       flat(estimator.pit)};
    // Controls are made from the oracle's forecasts, so that the comparison with it is right for
    // them even if it is wrong about the workload.
    if (has_oracle && estimator.role != Role::kOracle &&
        (result.no_oracle.empty() || estimator.role == Role::kControl)) {
      estimator.flags.push_back(no_better_than_the_oracle(estimator.to_oracle.ratio));
    }
    const std::int64_t scored = estimator.terminal.scored;
    if (scored == 0 || scored >= kMinScored) continue;
    for (Flag& flag : estimator.flags) {
      flag.holds = true;
      flag.too_few = kMinScored;
      flag.observed =
          fmt::format("too few: {} executions are scored, {} needed", scored, kMinScored);
    }
  }
  // The baseline with the smallest loss after a change.
  Estimate best_baseline_after = Estimate::value_only(kUnknown);
  for (const EstimatorResult& estimator : result.estimators) {
    if (estimator.role != Role::kBaseline || !estimator.adaptation) continue;
    const Estimate& after = estimator.adaptation->after_change;
    if (!(after.value >= best_baseline_after.value)) best_baseline_after = after;
  }
  for (const Goal& goal : goals) {
    const std::string_view name = goal.estimator.empty() ? default_estimator : goal.estimator;
    const auto found = std::ranges::find(result.estimators, name, &EstimatorResult::name);
    if (found == result.estimators.end()) continue;  // not part of this run
    demand_flags(*found, goal.flags);
    add_goal(*found, "pinball-to-oracle", goal.pinball_to_oracle, found->to_oracle.ratio);
    add_goal(*found, "pinball-to-best-baseline", goal.pinball_to_best_baseline,
             found->to_best_baseline.ratio);
    add_goal(*found, "coverage-error", goal.coverage_error, found->worst_coverage_error);
    add_goal(*found, "success-coverage-error", goal.success_coverage_error,
             success_errors[static_cast<std::size_t>(found - result.estimators.begin())]);
    add_goal(*found, "stratum-error", goal.stratum_error,
             Estimate::value_only(found->worst_stratum_error));
    const Estimate after =
        found->adaptation ? found->adaptation->after_change : Estimate::value_only(kUnknown);
    add_goal(*found, "after-change-to-oracle", goal.after_change_to_oracle, after);
    add_goal(*found, "after-change-to-best-baseline", goal.after_change_to_best_baseline,
             Estimate::value_only(after.value / best_baseline_after.value));
  }
  move_to_reference(result);
}

}  // namespace quintain::study
