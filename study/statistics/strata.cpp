#include "study/statistics/strata.h"

#include <algorithm>
#include <cassert>

namespace quintain::study::statistics {

Strata::Strata(std::vector<double> values, std::size_t groups) {
  assert(!values.empty() && groups >= 1);
  std::ranges::sort(values);
  for (std::size_t group = 1; group < groups; ++group) {
    // The smallest count that is at least this share of all.
    const std::size_t count = (group * values.size() + groups - 1) / groups;
    const double border = values[count - 1];
    // A stratum above the largest value would be empty.
    if (border == values.back()) break;
    if (borders_.empty() || borders_.back() < border) borders_.push_back(border);
  }
}

std::size_t Strata::of(double value) const {
  return static_cast<std::size_t>(std::ranges::lower_bound(borders_, value) - borders_.begin());
}

}  // namespace quintain::study::statistics
