// Two designs compared on common random numbers: the i-th number of either span comes from the
// replication with the i-th seed, so what the seed did to both cancels in each pair (A. M.
// Distribution, Simulation Modeling and Analysis, sections 10.2.1 and 11.2). The intervals are
// Student's over the pairs, of which there must be at least two, and which are independent of one
// another.
#pragma once

#include <optional>
#include <span>

#include "study/statistics/estimate.h"

namespace quintain::study::statistics {

/// The mean of a_i - b_i.
Estimate mean_difference(std::span<const double> a, std::span<const double> b,
                         double confidence = kConfidence);

/// The geometric mean of a_i / b_i: the mean log-ratio with its t interval, exponentiated. Nothing
/// unless all numbers are above 0.
///
/// The one to report losses by. Every seed counts the same, so a single congested replication does
/// not decide; a / b and b / a are each other's inverse, ends of the interval included; ratios of
/// one chain multiply; and the interval never holds what is not positive.
std::optional<Estimate> geometric_mean_ratio(std::span<const double> a, std::span<const double> b,
                                             double confidence = kConfidence);

/// The sum of a over the sum of b, with a jackknife interval (R. G. Miller, "The jackknife: a
/// review", Biometrika 61, 1974; for ratios from simulations D. L. Iglehart, "Simulating stable
/// stochastic systems, V: comparison of ratio estimators", Naval Research Logistics Quarterly 22,
/// 1975). The value is the jackknife's, without the bias of order 1/n that the plain ratio has.
/// Nothing unless the sum of b is above 0 with any one pair left out.
///
/// It estimates the ratio of the two means: what an operator pays over a long time, in which
/// congested replications weigh more. Where it and the geometric mean part ways, designs differ in
/// how they take congestion.
std::optional<Estimate> ratio_of_means(std::span<const double> a, std::span<const double> b,
                                       double confidence = kConfidence);

}  // namespace quintain::study::statistics
