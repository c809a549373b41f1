// Groups of about equal size by the value of one quantity, such as quintiles of queue depth.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quintain::study::statistics {

/// The strata of a set of numbers. Equal values are never separated, so that a set with many of
/// them may have fewer strata than asked for, of unequal size. Independent of the numbers' order.
/// Immutable.
class Strata {
 public:
  /// At most `groups` strata. Each border is an empirical quantile, the smallest value that at
  /// least j / groups of all values do not exceed. Requires: at least one value, none NaN; groups
  /// >= 1.
  Strata(std::vector<double> values, std::size_t groups);

  std::size_t count() const { return borders_.size() + 1; }

  /// The stratum of a value, from 0; the value need not be in the set. A border belongs to the
  /// stratum below it.
  std::size_t of(double value) const;

  /// The largest values of all strata but the last, ascending.
  std::span<const double> borders() const { return borders_; }

 private:
  std::vector<double> borders_;
};

}  // namespace quintain::study::statistics
