// Estimates with confidence intervals from independent numbers, such as the results of
// replications.
#pragma once

#include <limits>
#include <optional>
#include <span>

namespace quintain::study::statistics {

/// The default confidence of intervals.
inline constexpr double kConfidence = 0.95;

/// A number that is not known.
inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// An estimated number and its two-sided confidence interval. Parts that are not known are NaN: one
/// replication alone has a value but no interval.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;

  /// A value whose interval is not known. value_only(kUnknown): nothing is known.
  static Estimate value_only(double value) {
    return {.value = value, .low = kUnknown, .high = kUnknown};
  }

  /// The distance from the value to the farther end of the interval, divided by the value's
  /// magnitude: the usual relative half-width if the interval is symmetric. Infinity if the value
  /// is 0 and the interval is more than a point.
  double relative_half_width() const;

  bool operator==(const Estimate&) const = default;
};

/// The mean of independent, identically distributed numbers with Student's t interval: exact for a
/// normal distribution, and close for the means of long runs. Requires: at least two values.
Estimate student_interval(std::span<const double> values, double confidence = kConfidence);

// Two designs compared on common random numbers: the i-th number of both spans comes from the
// replication with the i-th seed, so that the seed's effect on both cancels in each pair
// (A. M. Law, Simulation Modeling and Analysis, sections 10.2.1 and 11.2). The intervals are
// Student's over the pairs. Requires: spans of equal length, at least two pairs, independent pairs.

/// The geometric mean of a_i / b_i: the mean log-ratio with its t interval, exponentiated. nullopt
/// unless all numbers are above 0.
///
/// This is the ratio to report losses by. Every seed has the same weight, so that a single
/// congested replication does not decide; a / b and b / a are each other's inverse, including the
/// ends of the interval; ratios of a chain multiply; and the interval contains positive numbers
/// only.
std::optional<Estimate> geometric_mean_ratio(std::span<const double> a, std::span<const double> b,
                                             double confidence = kConfidence);

/// The sum of a divided by the sum of b, with a jackknife interval (R. G. Miller, "The jackknife: a
/// review", Biometrika 61, 1974; for ratios from simulations D. L. Iglehart, "Simulating stable
/// stochastic systems, V: comparison of ratio estimators", Naval Research Logistics Quarterly 22,
/// 1975). The value is the jackknife's, without the plain ratio's bias of order 1/n. nullopt unless
/// the sum of b stays above 0 when any one pair is left out.
///
/// It estimates the ratio of the two means: the long-run cost, in which congested replications
/// weigh more. If it differs from the geometric mean, the designs respond differently to
/// congestion.
std::optional<Estimate> ratio_of_means(std::span<const double> a, std::span<const double> b,
                                       double confidence = kConfidence);

}  // namespace quintain::study::statistics
