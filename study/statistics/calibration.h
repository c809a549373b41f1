// Whether forecasts mean what they say: their PITs must be uniform in (0, 1) (A. P. Dawid,
// "Present position and potential developments: the prequential approach", Journal of the Royal
// Statistical Society A 147, 1984).
//
// Forecasts of one run are judged together, and share congestion: n of them tell less than n
// independent ones would. Bands, tests and intervals therefore take the effective count, the number
// of independent PITs whose mean (or histogram) would scatter as much. Where PITs are independent
// it is their count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "study/statistics/estimate.h"

namespace quintain::study::statistics {

/// The PITs by bins of equal width.
class PitHistogram {
 public:
  /// `bins` is at least 2.
  explicit PitHistogram(std::size_t bins) : counts_(bins) {}

  /// One from 0 to 1. On the border of two bins it falls into the upper one.
  void add(double pit);

  std::size_t count() const { return count_; }
  std::span<const std::size_t> counts() const { return counts_; }

  /// Of all; 1 / bins is even. There must be at least one.
  double share(std::size_t bin) const;

 private:
  std::vector<std::size_t> counts_;
  std::size_t count_ = 0;
};

/// Between which shares a bin of a calibrated forecast lies.
struct Band {
  double low = 0;
  double high = 0;
};

/// What a band's confidence is about.
enum class BandKind : std::uint8_t {
  kPointwise,     ///< each bin by itself
  kSimultaneous,  ///< all bins at once, by Bonferroni's inequality
};

/// The band for the shares of a histogram with so many bins: binomial quantiles, so the confidence
/// is held rather than met. `effective_count` is at least 1 and rounded down.
Band uniform_band(std::size_t bins, double effective_count, BandKind kind,
                  double confidence = kConfidence);

struct UniformityTest {
  /// Pearson's chi-squared over how much correlation inflates it.
  double statistic = 0;
  double freedom = 0;
  /// The chance of a statistic at least as great, were the PITs uniform.
  double p_value = 1;
};

/// Pearson's test of a histogram against the uniform distribution. His statistic counts by
/// effective count over count: J. N. K. Rao and A. J. Scott's correction of first order, by the
/// mean design effect
/// ("The analysis of categorical data from complex sample surveys: chi-squared tests for goodness
/// of fit and independence in two-way tables", Journal of the American Statistical Association 76,
/// 1981). At least five effective observations a bin should be expected. For independent PITs; with
/// correlation it rejects too often (15 % for 5 %, of runs of 4000 PITs that are normal ones of
/// autocorrelation 0.9, in 10 bins).
UniformityTest test_uniformity(const PitHistogram& histogram, double effective_count);

/// The same of the PITs of a run in their order, with the correction of second order: correlation
/// does not inflate every way in which a histogram can differ alike, so the statistic is left with
/// fewer degrees of freedom. The covariances come from batch means, as from the clusters of a
/// survey, and the doubt about them makes it an F test (D. R. Thomas and J. N. K. Rao,
/// "Small-sample comparisons of level and power for simple goodness-of-fit statistics under cluster
/// sampling", Journal of the American Statistical Association 82, 1987). At least three batches;
/// some 20 to 50, each long against the correlation. By 40 batches it rejects 8 % of the runs said
/// above.
UniformityTest test_uniformity(std::span<const double> pits, std::size_t bins, std::size_t batches);

/// The effective count for the mean of a stationary series in its order: the variance of single
/// observations over the variance of the mean, the latter by non-overlapping batch means. At most
/// the series' length, which a constant series has too: anticorrelation counts for nothing. Never
/// less than batches - 1, so a few batches cannot show how little a series says. At least two
/// batches; some 20 to 50, each long against the correlation. Observations that fill no batch are
/// left out at the begin.
double effective_count(std::span<const double> series, std::size_t batches);

/// The effective count for a histogram of PITs in their order: the count over Rao and Scott's mean
/// design effect of the bins. What is correlated in the PITs is less so in each bin, so this is the
/// one for a histogram's band and test.
double effective_count_of_histogram(std::span<const double> pits, std::size_t bins,
                                    std::size_t batches);

/// A share out of `count` independent trials with its score interval, which stays within [0, 1] and
/// is good for small counts (E. B. Wilson, "Probable inference, the distribution of succession, and
/// statistical inference", Journal of the American Statistical Association 22, 1927). For
/// correlated trials give their effective count; `count` is above 0 and need not be whole.
Estimate wilson_interval(double share, double count, double confidence = kConfidence);

/// The share of PITs in (low, high], in their order, with an interval by batch means: what an
/// interval forecast from the quantile at `low` to the one at `high` covered, whose nominal
/// coverage is high - low. `low` of 0 takes in 0 itself. The interval is held within [0, 1]. At
/// least two batches. Where hardly any PIT is outside, or inside, batches hardly differ and the
/// interval is too narrow: then wilson_interval, with the effective count, is better.
Estimate coverage(std::span<const double> pits, double low, double high, std::size_t batches,
                  double confidence = kConfidence);

}  // namespace quintain::study::statistics
