// Quantiles and tail probabilities of the distributions that intervals and tests use. All are
// Boost.Math's, in plain double arithmetic and without exceptions.
#pragma once

namespace quintain::study::statistics {

/// Of the standard normal distribution. Requires: 0 < p < 1.
double normal_quantile(double p);

/// Of Student's t distribution. Requires: 0 < p < 1, freedom > 0 (degrees of freedom).
double student_quantile(double p, double freedom);

/// The half-width of a two-sided interval in standard errors: the quantile at (1 + confidence) / 2.
/// Requires: 0 < confidence < 1.
double student_critical_value(double confidence, double freedom);

/// P(X > x) of the chi-squared distribution. Requires: x >= 0, freedom > 0.
double chi_squared_tail(double x, double freedom);

/// P(X > t) of Student's t distribution. Requires: freedom > 0.
double student_tail(double t, double freedom);

/// P(at most `successes`) in `trials` independent trials, each of which succeeds with
/// `probability`. Requires: 0 <= successes <= trials, both whole numbers; 0 <= probability <= 1.
double binomial_cdf(double successes, double trials, double probability);

/// The smallest number k of successes with P(at most k) >= p in `trials` independent trials, each
/// of which succeeds with `probability`. Requires: 0 < p < 1, 0 < probability < 1; `trials` is a
/// whole number of at least 0.
double binomial_quantile(double p, double trials, double probability);

}  // namespace quintain::study::statistics
