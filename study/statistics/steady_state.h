// The analysis of one long, correlated run: its warm-up and its batch means.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quintain::study::statistics {

/// The number of observations to drop from the start of a run, by MSER-5, the marginal standard
/// error rule on means of five: the truncation after which the mean of the rest has the smallest
/// standard error, computed as if the rest were independent. That is the smallest d that minimises
/// sum_{j>d} (y_j - mean)^2 / (n - d)^2 over the first half of the means y (K. P. White, "An
/// effective truncation heuristic for bias reduction in simulation output", Simulation 69, 1997;
/// K. P. White, M. J. Cobb and S. C. Spratt, "A comparison of five steady-state truncation
/// heuristics for simulation", Winter Simulation Conference 2000).
///
/// A last, incomplete group of five is ignored. A run of fewer than ten groups is too short for the
/// rule: 0. The rule takes everything that differs from the rest as warm-up, so that a run with a
/// change of regime must be judged by its part before the change.
std::size_t mser5(std::span<const double> series);

/// The means of consecutive batches of equal length. Observations that do not fill a batch are
/// dropped from the start, where a rest of the warm-up would be.
/// Requires: 1 <= batches <= the length of the series.
std::vector<double> means_of_batches(std::span<const double> series, std::size_t batches);

}  // namespace quintain::study::statistics
