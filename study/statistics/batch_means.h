// Confidence intervals for the means of one long, correlated simulation run.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "study/statistics/estimate.h"

namespace quintain::study::statistics {

/// What a run says of an unknown mean.
struct MeanEstimate {
  double mean = 0;
  double standard_error = 0;
  /// Of the two-sided 95 % confidence interval.
  double half_width = 0;
  /// The share of the batch means' variance that the controls explain.
  double explained = 0;
};

/// The mean of a stationary run, by non-overlapping batch means: means over batches that are long
/// against the correlation are nearly independent and normal (A. M. Distribution, Simulation
/// Modeling and Analysis, section 9.5.3).
///
/// Controls are quantities of the same run whose expectation is known, such as the mean gap between
/// arrivals. What they happen to miss it by explains a part of what the output misses its own by:
/// the estimate is the intercept of the linear regression of the batch means on the controls'
/// deviations (S. S. Lavenberg and P. D. Welch, "A perspective on the use of control variables to
/// increase the efficiency of Monte Carlo simulations", Management Science 27, 1981).
class BatchMeans {
 public:
  /// One batch: the mean of the output, and each control's mean less its expectation. All batches
  /// must name the same controls.
  void add(double output, std::span<const double> control_deviations = {});

  /// There must be at least three batches more than controls.
  MeanEstimate estimate() const;

  std::size_t batches() const { return outputs_.size(); }

 private:
  std::vector<double> outputs_;
  std::vector<std::vector<double>> controls_;
};

/// The means of so many consecutive batches of equal length. Observations that fill none are left
/// out at the begin, where what is left of a warm-up would be. `batches` is at least 1 and at most
/// the length of the series.
std::vector<double> means_of_batches(std::span<const double> series, std::size_t batches);

/// The mean of a stationary series in its order, with a confidence interval by batch means. At
/// least two batches; some 20 to 50 of them, each long against the correlation.
Estimate batch_means_interval(std::span<const double> series, std::size_t batches,
                              double confidence = kConfidence);

}  // namespace quintain::study::statistics
