// Quantiles and tails of the distributions that estimates are held against. No formula of them is
// ours: they are Boost.Math's, in plain double arithmetic and without exceptions.
#pragma once

namespace quintain::study::statistics {

/// Of the normal distribution with mean 0 and variance 1, for 0 < p < 1.
double normal_quantile(double p);

/// Of Student's distribution with `freedom` > 0 degrees of freedom, for 0 < p < 1.
double student_quantile(double p, double freedom);

/// How far a two-sided interval reaches from its middle, in standard errors: the quantile at
/// (1 + confidence) / 2, for 0 < confidence < 1.
double normal_critical_value(double confidence);
double student_critical_value(double confidence, double freedom);

/// P(X > x) of the chi-squared distribution with `freedom` > 0 degrees of freedom, for x >= 0.
double chi_squared_tail(double x, double freedom);

/// P(X > x) of Fisher's F distribution, for x >= 0 and degrees of freedom above 0.
double fisher_tail(double x, double numerator_freedom, double denominator_freedom);

/// The fewest successes k for which P(at most k) >= p, of `trials` trials that each succeed with
/// `probability`, for 0 < p < 1 and 0 < probability < 1. `trials` is a whole number, 0 or more.
double binomial_quantile(double p, double trials, double probability);

}  // namespace quintain::study::statistics
