// Where a simulation run stops showing how it began.
#pragma once

#include <cstddef>
#include <span>

namespace quintain::study::statistics {

/// How much of a run's begin to leave out.
struct WarmUp {
  /// So many observations from the first on.
  std::size_t length = 0;
  /// The rule would have taken no less than half of the run, as much as it may: the run may not
  /// have warmed up at all, and wants to be longer.
  bool at_limit = false;
};

/// MSER-5, the marginal standard error rule on means of five: leaves out the begin after which the
/// mean of the rest has the least standard error, were the rest independent: the d that makes
/// sum_{j>d} (y_j - mean)^2 / (n - d)^2 least, the smallest such d, over the first half of the
/// means y (K. P. White, "An effective truncation heuristic for bias reduction in simulation
/// output", Simulation 69, 1997; K. P. White, M. J. Cobb and S. C. Spratt, "A comparison of five
/// steady-state truncation heuristics for simulation", Winter Simulation Conference 2000).
///
/// A last, incomplete group of five is not looked at. Of fewer than ten groups nothing can be
/// said: nothing is left out, and the limit counts as reached. The rule takes whatever is unlike
/// the rest for warm-up, so a run that changes on purpose must be judged by its part before the
/// change.
WarmUp mser5(std::span<const double> series);

}  // namespace quintain::study::statistics
