#include "study/statistics/pit.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace quintain::study::statistics {

PitRange pit_range(std::span<const double> levels, std::span<const double> quantiles,
                   double observation) {
  assert(!levels.empty() && levels.size() == quantiles.size());
  assert(std::ranges::is_sorted(quantiles));
  const std::size_t count = levels.size();
  // Where the mass on the quantile at `level` begins and ends; without mass, the level itself.
  const auto shared = [&](std::size_t i, std::size_t j) { return quantiles[i] == quantiles[j]; };
  const auto begin_at = [&](std::size_t first) {
    if (first + 1 == count || !shared(first, first + 1)) return levels[first];
    return first == 0 ? 0 : std::midpoint(levels[first - 1], levels[first]);
  };
  const auto end_at = [&](std::size_t last) {
    if (last == 0 || !shared(last - 1, last)) return levels[last];
    return last + 1 == count ? 1 : std::midpoint(levels[last], levels[last + 1]);
  };

  const auto equal = std::ranges::equal_range(quantiles, observation);
  const auto first = static_cast<std::size_t>(equal.begin() - quantiles.begin());
  const auto after = static_cast<std::size_t>(equal.end() - quantiles.begin());
  if (after == 0) return {.low = 0, .high = levels.front()};
  if (first == count) return {.low = levels.back(), .high = 1};
  if (first < after) {
    return {.low = first == 0 ? 0 : begin_at(first),
            .high = after == count ? 1 : end_at(after - 1)};
  }
  const double share =
      (observation - quantiles[first - 1]) / (quantiles[first] - quantiles[first - 1]);
  const double pit = std::lerp(end_at(first - 1), begin_at(first), share);
  return {.low = pit, .high = pit};
}

}  // namespace quintain::study::statistics
