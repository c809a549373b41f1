#include "study/statistics/warm_up.h"

#include <limits>
#include <vector>

#include "study/statistics/batch_means.h"

namespace quintain::study::statistics {
namespace {

constexpr std::size_t kGroup = 5;
constexpr std::size_t kMinGroups = 10;

}  // namespace

WarmUp mser5(std::span<const double> series) {
  const std::size_t groups = series.size() / kGroup;
  if (groups < kMinGroups) return {.length = 0, .at_limit = true};
  const std::vector<double> means = means_of_batches(series.first(groups * kGroup), groups);

  // From the end to the begin, so that each step adds one mean to the rest (B. P. Welford, "Note on
  // a method for calculating corrected sums of squares and products", Technometrics 4, 1962).
  const std::size_t limit = groups / 2;
  double mean = 0;
  double squares = 0;
  double least = std::numeric_limits<double>::infinity();
  std::size_t best = 0;
  for (std::size_t left_out = groups; left_out-- > 0;) {
    const auto rest = static_cast<double>(groups - left_out);
    const double deviation = means[left_out] - mean;
    mean += deviation / rest;
    squares += deviation * (means[left_out] - mean);
    const double criterion = squares / (rest * rest);
    if (left_out <= limit && criterion <= least) {
      least = criterion;
      best = left_out;
    }
  }
  return {.length = best * kGroup, .at_limit = best == limit};
}

}  // namespace quintain::study::statistics
