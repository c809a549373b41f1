// Groups of about equal size by the value of one quantity, such as quintiles of queue depth.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quintain::study::statistics {

/// The strata of a set of numbers. Equal values are never parted, so a set with many of them may
/// have fewer strata than asked for, of unequal size; the same set, in whatever order, gives the
/// same strata.
class Strata {
 public:
  /// About `groups` >= 1 strata. Each border is an empirical quantile, the least value that at
  /// least j / groups of all do not exceed. There must be at least one value; none is NaN.
  Strata(std::vector<double> values, std::size_t groups);

  std::size_t count() const { return borders_.size() + 1; }

  /// Which one a value belongs to, from 0; also one that was not in the set. A border belongs to
  /// the stratum below it.
  std::size_t of(double value) const;

  /// The greatest values of all strata but the last, ascending.
  std::span<const double> borders() const { return borders_; }

 private:
  std::vector<double> borders_;
};

}  // namespace quintain::study::statistics
