#include "study/statistics/estimate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

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

}  // namespace quintain::study::statistics
