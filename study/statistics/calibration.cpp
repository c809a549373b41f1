// PITs of quantile forecasts, their histogram, and its test against the uniform distribution. The
// correlation of the PITs is estimated from the scatter of batch means.
#include "study/statistics/calibration.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "study/statistics/reference_distributions.h"
#include "study/statistics/steady_state.h"

namespace quintain::study::statistics {
namespace {

std::size_t bin_of(double pit, std::size_t bins) {
  assert(pit >= 0 && pit <= 1);
  // A PIT of exactly 1 belongs to the last bin.
  return std::min(static_cast<std::size_t>(pit * static_cast<double>(bins)), bins - 1);
}

/// Of independent values; divided by n - 1.
double variance(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / (count - 1);
}

}  // namespace

PitRange pit_range(std::span<const double> levels, std::span<const double> quantiles,
                   double observation) {
  assert(!levels.empty() && levels.size() == quantiles.size());
  assert(std::ranges::is_sorted(quantiles));
  const std::size_t count = levels.size();
  // The start and the end of the mass on the quantile of a level; without mass, the level itself.
  const auto shared = [&](std::size_t i, std::size_t j) { return quantiles[i] == quantiles[j]; };
  const auto start_of_mass = [&](std::size_t first) {
    if (first + 1 == count || !shared(first, first + 1)) return levels[first];
    return first == 0 ? 0 : std::midpoint(levels[first - 1], levels[first]);
  };
  const auto end_of_mass = [&](std::size_t last) {
    if (last == 0 || !shared(last - 1, last)) return levels[last];
    return last + 1 == count ? 1 : std::midpoint(levels[last], levels[last + 1]);
  };

  const auto equal = std::ranges::equal_range(quantiles, observation);
  const auto first = static_cast<std::size_t>(equal.begin() - quantiles.begin());
  const auto after = static_cast<std::size_t>(equal.end() - quantiles.begin());
  if (after == 0) return {.low = 0, .high = levels.front()};
  if (first == count) return {.low = levels.back(), .high = 1};
  if (first < after) {
    return {.low = first == 0 ? 0 : start_of_mass(first),
            .high = after == count ? 1 : end_of_mass(after - 1)};
  }
  const double share =
      (observation - quantiles[first - 1]) / (quantiles[first] - quantiles[first - 1]);
  const double pit = std::lerp(end_of_mass(first - 1), start_of_mass(first), share);
  return {.low = pit, .high = pit};
}

void PitHistogram::add(double pit, std::size_t number) {
  counts_[bin_of(pit, counts_.size())] += number;
  count_ += number;
}

double PitHistogram::share(std::size_t bin) const {
  assert(count_ > 0);
  return static_cast<double>(counts_[bin]) / static_cast<double>(count_);
}

Band uniform_band(std::size_t bins, double effective_count, double confidence) {
  assert(bins >= 2 && effective_count >= 1);
  const double trials = std::floor(effective_count);
  const double probability = 1 / static_cast<double>(bins);
  const double outside = 1 - confidence;
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

double effective_count_of_histogram(std::span<const double> pits, std::size_t bins,
                                    std::size_t batches) {
  assert(bins >= 2 && batches >= 2);
  // The sum over all bins of the variances of their shares of all PITs, from the batches.
  double of_mean = 0;
  std::vector<double> within(pits.size());
  for (std::size_t bin = 0; bin < bins; ++bin) {
    for (std::size_t i = 0; i < pits.size(); ++i) within[i] = bin_of(pits[i], bins) == bin ? 1 : 0;
    of_mean += variance(means_of_batches(within, batches)) / static_cast<double>(batches);
  }
  // The same sum for a single PIT. The quotient is Rao and Scott's mean with their weights.
  const double single = 1 - 1 / static_cast<double>(bins);
  const auto count = static_cast<double>(pits.size());
  return single >= of_mean * count ? count : single / of_mean;
}

}  // namespace quintain::study::statistics
