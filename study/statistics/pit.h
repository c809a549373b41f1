// The probability integral transform (PIT): the probability that a forecast gave to what is at most
// the observation. PITs of a calibrated forecast are uniform in (0, 1).
#pragma once

#include <span>

namespace quintain::study::statistics {

/// What a quantile forecast says of an observation's PIT.
struct PitRange {
  /// The forecast's P(X < observation), or the greatest lower bound on it that the forecast tells.
  double low = 0;
  /// The forecast's P(X <= observation), or the least upper bound on it that the forecast tells.
  double high = 0;

  /// The randomised PIT, with a number uniform in (0, 1) that depends on nothing else. It is
  /// uniform for calibrated forecasts even where these put mass on single values (C. Czado, T.
  /// Gneiting and L. Held, "Predictive model assessment for count data", Biometrics 65, 2009).
  double pit(double uniform) const { return low + uniform * (high - low); }
};

/// Between two quantiles the forecast's distribution function is taken for straight.
///
/// - Strictly between two quantiles, and at a quantile that no other level shares: one value.
/// - Where levels a to b share one quantile, the forecast put mass on it, which may begin and end
///   anywhere within the steps below a and above b. It is taken to do so halfway, which errs to
///   neither side on average: from the middle of a and the level below it to the middle of b and
///   the level above it. The straight lines to the neighbours end there too.
/// - At or below the first quantile nothing is known but that the PIT is at most the first level:
///   [0, first], or up to the end of the mass if others share it. So too at and above the last
///   quantile: [last, 1]. If all levels share the observation: [0, 1].
///
/// Where the range is not a point, PitRange::pit spreads observations evenly over it. `levels`
/// ascend within (0, 1), `quantiles` do not descend, and there is at least one of either; all are
/// finite.
///
/// An observation that was cut short at `observation` has a PIT of which only one thing is known:
/// it is not below this range's `low`. KaplanMeier takes it so, as censored.
PitRange pit_range(std::span<const double> levels, std::span<const double> quantiles,
                   double observation);

}  // namespace quintain::study::statistics
