#include "study/statistics/kaplan_meier.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <iterator>
#include <limits>

namespace quintain::study::statistics {

KaplanMeier::KaplanMeier(std::vector<SurvivalObservation> observations) {
  assert(!observations.empty());
  std::ranges::sort(observations, {}, &SurvivalObservation::value);
  double survival = 1;
  steps_.push_back({.value = -std::numeric_limits<double>::infinity(), .survival = survival});
  for (std::size_t i = 0; i < observations.size();) {
    const double value = observations[i].value;
    const auto at_risk = static_cast<double>(observations.size() - i);
    double complete = 0;
    for (; i < observations.size() && observations[i].value == value; ++i) {
      if (!observations[i].censored) ++complete;
    }
    if (complete == 0) continue;
    survival *= (at_risk - complete) / at_risk;
    steps_.push_back({.value = value, .survival = survival});
  }
}

double KaplanMeier::survival(double x) const {
  return std::prev(std::ranges::upper_bound(steps_, x, {}, &Step::value))->survival;
}

}  // namespace quintain::study::statistics
