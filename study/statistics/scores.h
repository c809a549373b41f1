// Proper scores: losses of probabilistic forecasts, in the unit of the observation, 0 at best. A
// forecaster minimises its expected score by stating its true belief (T. Gneiting and A. E.
// Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the American
// Statistical Association 102, 2007). Requires: finite numbers.
#pragma once

namespace quintain::study::statistics {

/// (level - [observation < quantile]) (observation - quantile), the quantile loss. Its expectation
/// is smallest where P(X <= quantile) = level (R. Koenker and G. Bassett, "Regression quantiles",
/// Econometrica 46, 1978).
double pinball_loss(double level, double quantile, double observation);

/// The score of a central interval of nominal coverage `coverage`: its width, plus 2 / (1 -
/// coverage) times the distance from the observation if that is outside (R. L. Winkler, "A
/// decision-theoretic approach to interval estimation", Journal of the American Statistical
/// Association 67, 1972). Requires: 0 < coverage < 1, low <= high.
double interval_score(double coverage, double low, double high, double observation);

}  // namespace quintain::study::statistics
