// Confidence intervals for the means of one long, correlated simulation run.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quintain::study::testing {

/// An estimated mean.
struct MeanEstimate {
  double mean = 0;
  double standard_error = 0;
  /// Of the two-sided 95 % confidence interval.
  double half_width = 0;
  /// The share of the batch means' variance that the controls explain.
  double explained = 0;
};

/// The mean of a stationary run by non-overlapping batch means: means over batches that are long
/// against the correlation are nearly independent and normal (A. M. Law, Simulation Modeling and
/// Analysis, section 9.5.3).
///
/// Control variates are quantities of the same run whose expectation is known, such as the mean gap
/// between arrivals. Their deviations explain a part of the output's deviation: the estimate is the
/// intercept of the linear regression of the batch means on the controls' deviations
/// (S. S. Lavenberg and P. D. Welch, "A perspective on the use of control variables to increase the
/// efficiency of Monte Carlo simulations", Management Science 27, 1981).
class BatchMeans {
 public:
  /// Adds a batch: the mean of the output, and each control's mean minus its expectation.
  /// Requires: the same controls in all batches.
  void add(double output, std::span<const double> control_deviations = {});

  /// Requires: at least three more batches than controls.
  MeanEstimate estimate() const;

 private:
  std::vector<double> outputs_;
  /// By batch: 1, then the controls' deviations.
  std::vector<std::vector<double>> controls_;
};

}  // namespace quintain::study::testing
