// What has been learnt of all functions of a node.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/eta/estimator.h"
#include "core/eta/learned_distribution.h"

namespace quintain::core::eta {

/// The distributions of one kind of time (service, or cold start) of all functions, each shrunk
/// towards what they have in common. Times in binary logarithms of seconds.
class LearnedDistributions {
 public:
  /// `prior`: the median assumed while nothing has been seen.
  explicit LearnedDistributions(Duration prior);

  /// How the time compares with what was expected of the function, in standard deviations.
  float standardise(FunctionIndex function, float log_time) const;

  /// How well expected the time was if all times were shifted by `shifts[i]`, for each i; densities
  /// in deviations, bounded below so that no single time decides alone.
  void likelihoods(FunctionIndex function, float log_time, std::span<const float> shifts,
                   std::span<float> out) const;

  void observe(FunctionIndex function, float log_time);

  /// The function alone has changed.
  void forget(FunctionIndex function, float weight);

  const QuantileTable& table(FunctionIndex function);

  std::size_t bytes() const;

 private:
  LearnedDistribution& distribution(FunctionIndex function);
  LearnedDistribution::Base base(FunctionIndex function) const;
  void renew_prior();

  float prior_median_;
  std::vector<LearnedDistribution> distributions_;
  CommonShape shape_;
  CommonPrior prior_;
  // Over the functions seen: how many, the sums of their means and of the squares of these.
  float seen_ = 0;
  float means_ = 0;
  float mean_squares_ = 0;
  // Variance within a function: sum and weight, fading.
  float within_ = 0;
  float within_weight_ = 0;
};

/// The binary logarithm of a time in seconds, of which it takes a microsecond at least.
float log_time(Duration time);

}  // namespace quintain::core::eta
