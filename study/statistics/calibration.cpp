#include "study/statistics/calibration.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "study/statistics/batch_means.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

std::size_t bin_of(double pit, std::size_t bins) {
  assert(pit >= 0 && pit <= 1);
  // Only 1 itself would fall behind the last.
  return std::min(static_cast<std::size_t>(pit * static_cast<double>(bins)), bins - 1);
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double covariance(std::span<const double> a, std::span<const double> b) {
  const double mean_of_a = mean_of(a);
  const double mean_of_b = mean_of(b);
  double products = 0;
  for (std::size_t i = 0; i < a.size(); ++i) products += (a[i] - mean_of_a) * (b[i] - mean_of_b);
  return products / static_cast<double>(a.size() - 1);
}

// For each bin its share of every batch.
std::vector<std::vector<double>> shares_of_batches(std::span<const double> pits, std::size_t bins,
                                                   std::size_t batches) {
  std::vector<std::vector<double>> shares;
  std::vector<double> within(pits.size());
  for (std::size_t bin = 0; bin < bins; ++bin) {
    for (std::size_t i = 0; i < pits.size(); ++i) within[i] = bin_of(pits[i], bins) == bin ? 1 : 0;
    shares.push_back(means_of_batches(within, batches));
  }
  return shares;
}

// The sum over all bins of the variances of their shares: of one independent PIT, and of all by the
// batches. Their ratio is the count over Rao and Scott's mean design effect, with their weights.
double variance_of_shares(std::size_t bins) { return 1 - 1 / static_cast<double>(bins); }
double variance_of_mean(const std::vector<std::vector<double>>& shares) {
  double sum = 0;
  for (const auto& share : shares) {
    sum += covariance(share, share) / static_cast<double>(share.size());
  }
  return sum;
}

// As many observations of variance `single` as have a mean of variance `of_mean`.
double count_for(double single, double of_mean, std::size_t most) {
  const auto count = static_cast<double>(most);
  return single >= of_mean * count ? count : single / of_mean;
}

}  // namespace

void PitHistogram::add(double pit) {
  ++counts_[bin_of(pit, counts_.size())];
  ++count_;
}

double PitHistogram::share(std::size_t bin) const {
  assert(count_ > 0);
  return static_cast<double>(counts_[bin]) / static_cast<double>(count_);
}

Band uniform_band(std::size_t bins, double effective_count, BandKind kind, double confidence) {
  assert(bins >= 2 && effective_count >= 1);
  const double trials = std::floor(effective_count);
  const double probability = 1 / static_cast<double>(bins);
  const double outside =
      kind == BandKind::kSimultaneous ? (1 - confidence) * probability : 1 - confidence;
  return {.low = binomial_quantile(outside / 2, trials, probability) / trials,
          .high = binomial_quantile(1 - outside / 2, trials, probability) / trials};
}

UniformityTest test_uniformity(const PitHistogram& histogram, double effective_count) {
  const auto count = static_cast<double>(histogram.count());
  assert(effective_count > 0 && effective_count <= count);
  const auto bins = static_cast<double>(histogram.counts().size());
  const double expected = count / bins;
  double pearson = 0;
  for (const std::size_t found : histogram.counts()) {
    const double deviation = static_cast<double>(found) - expected;
    pearson += deviation * deviation / expected;
  }
  UniformityTest test;
  test.statistic = pearson * effective_count / count;
  test.freedom = bins - 1;
  test.p_value = chi_squared_tail(test.statistic, test.freedom);
  return test;
}

UniformityTest test_uniformity(std::span<const double> pits, std::size_t bins,
                               std::size_t batches) {
  assert(batches >= 3);
  PitHistogram histogram(bins);
  for (const double pit : pits) histogram.add(pit);
  const auto shares = shares_of_batches(pits, bins, batches);
  UniformityTest test = test_uniformity(
      histogram, count_for(variance_of_shares(bins), variance_of_mean(shares), pits.size()));

  // Of the covariance matrix of the batches' shares, the traces of it and of its square, the latter
  // without the bias that its own scatter gives it (M. S. Srivastava, "Some tests concerning the
  // covariance matrix in high dimensional data", Journal of the Japan Statistical Society 35,
  // 2005).
  double trace = 0;
  double trace_of_square = 0;
  for (std::size_t i = 0; i < bins; ++i) {
    trace += covariance(shares[i], shares[i]);
    for (std::size_t j = 0; j < bins; ++j) {
      trace_of_square += std::pow(covariance(shares[i], shares[j]), 2);
    }
  }
  const auto doubt = static_cast<double>(batches - 1);
  trace_of_square =
      doubt * doubt / ((doubt - 1) * (doubt + 2)) * (trace_of_square - trace * trace / doubt);

  // Satterthwaite's degrees of freedom: all of them if the covariance is that of a plain sample,
  // one if all of it lies in one direction.
  const double all = test.freedom;
  if (trace_of_square * all > trace * trace) {
    test.freedom = std::max(trace * trace / trace_of_square, 1.0);
  }
  test.statistic *= test.freedom / all;
  test.p_value = fisher_tail(test.statistic / test.freedom, test.freedom, test.freedom * doubt);
  return test;
}

double effective_count(std::span<const double> series, std::size_t batches) {
  assert(batches >= 2);
  const std::vector<double> means = means_of_batches(series, batches);
  const std::span<const double> used = series.last(series.size() / batches * batches);
  return count_for(covariance(used, used), covariance(means, means) / static_cast<double>(batches),
                   series.size());
}

double effective_count_of_histogram(std::span<const double> pits, std::size_t bins,
                                    std::size_t batches) {
  assert(bins >= 2 && batches >= 2);
  return count_for(variance_of_shares(bins),
                   variance_of_mean(shares_of_batches(pits, bins, batches)), pits.size());
}

Estimate wilson_interval(double share, double count, double confidence) {
  assert(share >= 0 && share <= 1 && count > 0);
  const double z = normal_critical_value(confidence);
  const double z_squared_over_count = z * z / count;
  const double middle = (share + z_squared_over_count / 2) / (1 + z_squared_over_count);
  const double half_width =
      std::sqrt(z_squared_over_count * (share * (1 - share) + z_squared_over_count / 4)) /
      (1 + z_squared_over_count);
  // At shares of 0 and 1 an end is the share itself, but for rounding.
  return {.value = share,
          .low = std::clamp(middle - half_width, 0.0, share),
          .high = std::clamp(middle + half_width, share, 1.0)};
}

Estimate coverage(std::span<const double> pits, double low, double high, std::size_t batches,
                  double confidence) {
  assert(low >= 0 && low < high && high <= 1);
  std::vector<double> covered;
  covered.reserve(pits.size());
  for (const double pit : pits) {
    covered.push_back((pit > low || low == 0) && pit <= high ? 1 : 0);
  }
  Estimate estimate = batch_means_interval(covered, batches, confidence);
  estimate.low = std::max(estimate.low, 0.0);
  estimate.high = std::min(estimate.high, 1.0);
  return estimate;
}

}  // namespace quintain::study::statistics
