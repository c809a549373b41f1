// Calibration of probabilistic forecasts. The probability integral transform (PIT) of an
// observation is the probability that the forecast gave to values up to it; PITs of a calibrated
// forecast are uniform in (0, 1) (A. P. Dawid, "Present position and potential developments: the
// prequential approach", Journal of the Royal Statistical Society A 147, 1984).
//
// PITs of one run are correlated, because the executions share congestion: n of them carry less
// information than n independent ones. Bands and tests therefore take the effective count, the
// number of independent PITs whose histogram would scatter as much.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "study/statistics/estimate.h"

namespace quintain::study::statistics {

/// What a quantile forecast implies for the PIT of an observation.
struct PitRange {
  /// The forecast's P(X < observation), or the largest lower bound on it that the forecast implies.
  double low = 0;
  /// The forecast's P(X <= observation), or the smallest upper bound that the forecast implies.
  double high = 0;

  /// The randomised PIT, for a number that is uniform in (0, 1) and independent of everything else.
  /// It is uniform for calibrated forecasts even if these put mass on single values (C. Czado,
  /// T. Gneiting and L. Held, "Predictive model assessment for count data", Biometrics 65, 2009).
  double pit(double uniform) const { return low + uniform * (high - low); }
};

/// The PIT range of an observation. Between two quantiles the forecast's distribution function is
/// taken as a straight line.
///
/// - Strictly between two quantiles, and at a quantile that no other level shares: one value.
/// - If levels a to b share one quantile, the forecast put mass on it, which may start and end
///   anywhere within the steps below a and above b. It is taken to start and end halfway, which is
///   unbiased on average: from the middle of a and the level below it to the middle of b and the
///   level above it. The straight lines to the neighbours end there too.
/// - At or below the first quantile it is only known that the PIT is at most the first level:
///   [0, first], or up to the end of the mass if other levels share the quantile. Likewise at and
///   above the last quantile: [last, 1]. If all levels share the observation: [0, 1].
///
/// If the range is not a point, PitRange::pit spreads observations evenly over it. The PIT of an
/// execution that was cut short at `observation` is only known not to be below this range's `low`;
/// KaplanMeier takes it as censored there.
///
/// Requires: `levels` ascend within (0, 1), `quantiles` do not descend, both have the same length
/// of at least one, and all numbers are finite.
PitRange pit_range(std::span<const double> levels, std::span<const double> quantiles,
                   double observation);

/// Counts of PITs in bins of equal width.
class PitHistogram {
 public:
  /// Requires: at least 2 bins.
  explicit PitHistogram(std::size_t bins) : counts_(bins) {}

  /// Adds PITs that all have this value. At the border of two bins they count in the upper one.
  /// Requires: 0 <= pit <= 1.
  void add(double pit, std::size_t number = 1);

  std::size_t count() const { return count_; }
  std::span<const std::size_t> counts() const { return counts_; }

  /// The bin's share of all PITs. Requires: at least one PIT.
  double share(std::size_t bin) const;

 private:
  std::vector<std::size_t> counts_;
  std::size_t count_ = 0;
};

/// The range of a bin's share if the forecast is calibrated.
struct Band {
  double low = 0;
  double high = 0;
};

/// The band for each single bin of a histogram, from binomial quantiles, so that the actual
/// confidence is at least the nominal one. Requires: at least 2 bins; effective_count >= 1, which
/// is rounded down.
Band uniform_band(std::size_t bins, double effective_count, double confidence = kConfidence);

struct UniformityTest {
  /// Pearson's chi-squared divided by its inflation by correlation.
  double statistic = 0;
  /// Degrees of freedom.
  double freedom = 0;
  /// The probability of a statistic at least as large if the PITs are uniform.
  double p_value = 1;
};

/// Pearson's chi-squared test of a histogram against the uniform distribution. The statistic is
/// scaled by effective count / count, the first-order correction of J. N. K. Rao and A. J. Scott by
/// the mean design effect ("The analysis of categorical data from complex sample surveys:
/// chi-squared tests for goodness of fit and independence in two-way tables", Journal of the
/// American Statistical Association 76, 1981). At least five effective observations per bin should
/// be expected. Exact for independent PITs; for correlated ones it rejects too often (15 % instead
/// of 5 %, of runs of 4000 PITs from a normal autoregression of 0.9, in 10 bins).
/// Requires: 0 < effective_count <= the histogram's count.
UniformityTest test_uniformity(const PitHistogram& histogram, double effective_count);

/// The effective count of PITs, in their order, for a histogram's band and test: the count divided
/// by Rao and Scott's mean design effect of the bins, which is estimated from batch means. At most
/// the count. PITs that do not fill a batch are dropped from the start. Requires: at least 2 bins;
/// at least 2 batches, better 20 to 50, each long against the correlation.
double effective_count_of_histogram(std::span<const double> pits, std::size_t bins,
                                    std::size_t batches);

}  // namespace quintain::study::statistics
