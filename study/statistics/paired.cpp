#include "study/statistics/paired.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <vector>

namespace quintain::study::statistics {

Estimate mean_difference(std::span<const double> a, std::span<const double> b, double confidence) {
  assert(a.size() == b.size());
  std::vector<double> differences;
  differences.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return student_interval(differences, confidence);
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
