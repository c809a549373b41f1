#include "study/statistics/scores.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace quintain::study::statistics {

double pinball_loss(double level, double quantile, double observation) {
  const double error = observation - quantile;
  return error < 0 ? (level - 1) * error : level * error;
}

double mean_pinball_loss(std::span<const double> levels, std::span<const double> quantiles,
                         double observation) {
  assert(!levels.empty() && levels.size() == quantiles.size());
  double sum = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    sum += pinball_loss(levels[i], quantiles[i], observation);
  }
  return sum / static_cast<double>(levels.size());
}

double crps_of_quantiles(std::span<const double> levels, std::span<const double> quantiles,
                         double observation) {
  return 2 * mean_pinball_loss(levels, quantiles, observation);
}

double fair_crps_of_sample(std::vector<double> sample, double observation) {
  assert(sample.size() >= 2);
  std::ranges::sort(sample);
  const auto members = static_cast<double>(sample.size());
  double distance = 0;
  // In ascending order the i-th member, from 0, is the greater one in i pairs and the lesser one in
  // m - 1 - i. Deviations from the observation keep the digits of a sample far from 0.
  double spread = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double deviation = sample[i] - observation;
    distance += std::abs(deviation);
    spread += (2 * static_cast<double>(i) + 1 - members) * deviation;
  }
  return distance / members - spread / (members * (members - 1));
}

double crps_of_normal(double mean, double deviation, double observation) {
  assert(deviation > 0);
  const double z = (observation - mean) / deviation;
  const double density = std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  const double within = std::erf(z / std::numbers::sqrt2);  // 2 P(Z <= z) - 1
  return deviation * (z * within + 2 * density - std::numbers::inv_sqrtpi);
}

double interval_score(double coverage, double low, double high, double observation) {
  assert(coverage > 0 && coverage < 1 && low <= high);
  const double missed_by = std::max({low - observation, observation - high, 0.0});
  return high - low + 2 / (1 - coverage) * missed_by;
}

}  // namespace quintain::study::statistics
