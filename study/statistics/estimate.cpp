#include "study/statistics/estimate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {

double Estimate::relative_half_width() const {
  const double half_width = std::max(value - low, high - value);
  if (half_width == 0) return 0;
  if (value == 0) return std::numeric_limits<double>::infinity();
  return half_width / std::abs(value);
}

Estimate student_interval(std::span<const double> values, double confidence) {
  assert(values.size() >= 2);
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double standard_error = std::sqrt(squares / (count - 1) / count);
  const double half_width = student_critical_value(confidence, count - 1) * standard_error;
  return {.value = mean, .low = mean - half_width, .high = mean + half_width};
}

std::optional<Estimate> geometric_mean_ratio(std::span<const double> a, std::span<const double> b,
                                             double confidence) {
  assert(a.size() == b.size());
  const auto positive = [](double value) { return value > 0; };
  if (!std::ranges::all_of(a, positive) || !std::ranges::all_of(b, positive)) return std::nullopt;
  std::vector<double> log_ratios;
  log_ratios.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) log_ratios.push_back(std::log(a[i] / b[i]));
  const Estimate log_ratio = student_interval(log_ratios, confidence);
  return Estimate{.value = std::exp(log_ratio.value),
                  .low = std::exp(log_ratio.low),
                  .high = std::exp(log_ratio.high)};
}

std::optional<Estimate> ratio_of_means(std::span<const double> a, std::span<const double> b,
                                       double confidence) {
  assert(a.size() == b.size());
  double sum_of_a = 0;
  double sum_of_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum_of_a += a[i];
    sum_of_b += b[i];
  }
  const auto pairs = static_cast<double>(a.size());
  std::vector<double> pseudo_values;
  pseudo_values.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double rest_of_b = sum_of_b - b[i];
    if (!(rest_of_b > 0)) return std::nullopt;
    pseudo_values.push_back(pairs * (sum_of_a / sum_of_b) -
                            (pairs - 1) * ((sum_of_a - a[i]) / rest_of_b));
  }
  return student_interval(pseudo_values, confidence);
}

}  // namespace quintain::study::statistics
