#include "study/statistics/kaplan_meier.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {

KaplanMeier::KaplanMeier(std::vector<SurvivalObservation> observations) {
  assert(!observations.empty());
  std::ranges::sort(observations, {}, &SurvivalObservation::value);
  reach_ = observations.back().value;
  steps_.push_back(
      {.value = -std::numeric_limits<double>::infinity(), .survival = 1, .relative_variance = 0});
  for (std::size_t i = 0; i < observations.size();) {
    const double value = observations[i].value;
    const auto at_risk = static_cast<double>(observations.size() - i);
    double complete = 0;
    for (; i < observations.size() && observations[i].value == value; ++i) {
      if (!observations[i].censored) ++complete;
    }
    if (complete == 0) continue;
    Step step = steps_.back();
    step.value = value;
    step.survival *= (at_risk - complete) / at_risk;
    // Where nobody is left the variance is 0 by the estimate itself, and its sum is never used.
    if (complete < at_risk) step.relative_variance += complete / (at_risk * (at_risk - complete));
    steps_.push_back(step);
  }
}

KaplanMeier::Step KaplanMeier::at(double x) const {
  const auto above = std::ranges::upper_bound(steps_, x, {}, &Step::value);
  return *(above - 1);
}

double KaplanMeier::survival(double x) const { return at(x).survival; }

double KaplanMeier::standard_error(double x) const {
  const Step step = at(x);
  return step.survival * std::sqrt(step.relative_variance);
}

Estimate KaplanMeier::probability_between(double low, double high, double confidence) const {
  assert(low <= high);
  const Step before = at(low);
  const Step after = at(high);
  // The later estimate is the earlier one times independent factors, so their covariance is
  // before.survival * after.survival * before.relative_variance.
  const double difference = before.survival - after.survival;
  const double variance =
      difference * difference * before.relative_variance +
      after.survival * after.survival * (after.relative_variance - before.relative_variance);
  const double half_width = normal_critical_value(confidence) * std::sqrt(variance);
  return {.value = difference,
          .low = std::max(difference - half_width, 0.0),
          .high = std::min(difference + half_width, 1.0)};
}

}  // namespace quintain::study::statistics
