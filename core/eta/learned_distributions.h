// What has been learnt of all functions of a node.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/eta/estimator.h"
#include "core/eta/learned_distribution.h"

namespace quintain::core::eta {

/// The distributions of one kind of time (service, or cold start) of all functions, each shrunk
/// towards what they have in common. Logarithms are binary ones of seconds. Serial context only.
class LearnedDistributions {
 public:
  /// `prior`: the median assumed while nothing has been seen.
  explicit LearnedDistributions(Duration prior);

  /// The distance of a time from the function's mean in standard deviations.
  float standardise(FunctionIndex function, float log_time) const;

  /// The predictive density of a time, per octave.
  float density(FunctionIndex function, float log_time) const;

  /// The likelihood of the time if all times were shifted by `shifts[i]`, for each i; densities in
  /// deviations, bounded below so that no single time decides alone.
  void likelihoods(FunctionIndex function, float log_time, std::span<const float> shifts,
                   std::span<float> out) const;

  /// `flight`: null if the execution is not to be compared with those that were in flight with it.
  void observe(FunctionIndex function, const MeasuredTime& time,
               const std::optional<Flight>& flight = std::nullopt);

  /// The distribution of the function's next time. The reference stays valid; the table changes
  /// after observations.
  const QuantileTable& table(FunctionIndex function);
  /// That of its times in the long run.
  const QuantileTable& long_run_table(FunctionIndex function);

  std::size_t bytes() const;

 private:
  const LearnedDistribution& known(FunctionIndex function) const;
  LearnedDistribution& distribution(FunctionIndex function);
  void renew_prior();
  void count_variance(const LearnedDistribution& distribution, float sign);

  float prior_median_;
  std::vector<LearnedDistribution> distributions_;
  CommonShape shape_;
  CommonPrior prior_;
  // Over the functions seen: their number, the sums of their means and of the squares of these.
  float seen_ = 0;
  float means_ = 0;
  float mean_squares_ = 0;
  // Variance within a function: sum and weight, fading.
  float within_ = 0;
  float within_weight_ = 0;
  // Over the functions whose variance is known: their number, the sums of the variances' logarithms
  // and of the squares of these, and of the squares of the errors that these have by chance.
  float varying_ = 0;
  float log_variances_ = 0;
  float log_variance_squares_ = 0;
  float chance_ = 0;
};

}  // namespace quintain::core::eta
