#include "study/statistics/steady_state.h"

#include <cassert>
#include <limits>

namespace quintain::study::statistics {

std::size_t mser5(std::span<const double> series) {
  constexpr std::size_t kGroup = 5;
  constexpr std::size_t kMinGroups = 10;
  const std::size_t groups = series.size() / kGroup;
  if (groups < kMinGroups) return 0;
  const std::vector<double> means = means_of_batches(series.first(groups * kGroup), groups);

  // From the end to the start, so that each step adds one mean to the rest (B. P. Welford, "Note on
  // a method for calculating corrected sums of squares and products", Technometrics 4, 1962).
  double mean = 0;
  double squares = 0;
  double least = std::numeric_limits<double>::infinity();
  std::size_t best = 0;
  for (std::size_t dropped = groups; dropped-- > 0;) {
    const auto rest = static_cast<double>(groups - dropped);
    const double deviation = means[dropped] - mean;
    mean += deviation / rest;
    squares += deviation * (means[dropped] - mean);
    const double criterion = squares / (rest * rest);
    if (dropped <= groups / 2 && criterion <= least) {
      least = criterion;
      best = dropped;
    }
  }
  return best * kGroup;
}

std::vector<double> means_of_batches(std::span<const double> series, std::size_t batches) {
  assert(batches >= 1 && batches <= series.size());
  const std::size_t length = series.size() / batches;
  std::span<const double> rest = series.last(batches * length);
  std::vector<double> means;
  means.reserve(batches);
  for (; !rest.empty(); rest = rest.subspan(length)) {
    double sum = 0;
    for (const double value : rest.first(length)) sum += value;
    means.push_back(sum / static_cast<double>(length));
  }
  return means;
}

}  // namespace quintain::study::statistics
