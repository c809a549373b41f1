// Estimated numbers with their confidence intervals.
#pragma once

#include <span>

namespace quintain::study::statistics {

/// The confidence that intervals have unless another is asked for.
inline constexpr double kConfidence = 0.95;

/// A number that was estimated, and the two-sided confidence interval around it.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;

  /// The distance from the value to the farther end of the interval, over the value's magnitude:
  /// the usual relative half-width where the interval is symmetric. Infinity if the value is 0 and
  /// the interval is more than a point.
  double relative_half_width() const;
};

/// The mean of independent numbers of one distribution, such as the results of replications, with
/// Student's t interval: exact for a normal distribution, and near to it for the means of long
/// runs. There must be at least two.
Estimate student_interval(std::span<const double> values, double confidence = kConfidence);

}  // namespace quintain::study::statistics
