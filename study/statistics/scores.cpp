#include "study/statistics/scores.h"

#include <algorithm>
#include <cassert>

namespace quintain::study::statistics {

double pinball_loss(double level, double quantile, double observation) {
  const double error = observation - quantile;
  return error < 0 ? (level - 1) * error : level * error;
}

double interval_score(double coverage, double low, double high, double observation) {
  assert(coverage > 0 && coverage < 1 && low <= high);
  const double missed_by = std::max({low - observation, observation - high, 0.0});
  return high - low + 2 / (1 - coverage) * missed_by;
}

}  // namespace quintain::study::statistics
