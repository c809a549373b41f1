// Tables of well-known distributions.
#pragma once

#include <array>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/eta/quantile_table.h"

namespace quintain::core::eta::testing {

/// `quantile`: maps a probability to seconds. `common`: see QuantileTable::common().
template <class Quantile>
QuantileTable table_of(const Quantile& quantile, float common = 0) {
  std::array<float, QuantileTable::kWanted> quantiles{};
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    quantiles[i] = static_cast<float>(quantile(QuantileTable::wanted(i)));
  }
  QuantileTable table;
  table.assign(quantiles, std::numeric_limits<float>::max(), common);
  return table;
}

inline double normal_quantile(double p) {
  return std::numbers::sqrt2 * boost::math::erf_inv(2 * p - 1);
}

inline auto exponential_distribution(double mean) {
  return [mean](double p) { return -mean * std::log1p(-p); };
}
inline auto uniform_distribution(double most) {
  return [most](double p) { return most * p; };
}
inline auto constant_distribution(double seconds) {
  return [seconds](double) { return seconds; };
}
inline auto lognormal_distribution(double median, double sigma) {
  return [median, sigma](double p) { return median * std::exp(sigma * normal_quantile(p)); };
}
/// P(X > x) = x^-shape for x > 1.
inline auto pareto_distribution(double shape) {
  return [shape](double p) { return std::pow(1 - p, -1 / shape); };
}

}  // namespace quintain::core::eta::testing
