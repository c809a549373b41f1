// Delays for what is measured, drawn beforehand: their cost is not what is measured.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/random.h"
#include "core/base/time.h"

namespace quintain::core::testing {

/// The exponential distribution of mean 1, from a uniform number in (0, 1).
inline double exponential(double u) { return -std::log(u); }

/// The same ones in every run, over and over.
class Delays {
 public:
  /// What `distribution` makes of uniform numbers in (0, 1), in units of kUnit.
  explicit Delays(double (*distribution)(double) = exponential, double scale = 1) {
    RandomStream stream("delays");
    for (Duration& delay : delays_) {
      const double u = std::max(to_unit_interval(stream.next(1)), 0x1p-53);
      delay = Duration(
          static_cast<std::int64_t>(static_cast<double>(kUnit.count()) * scale * distribution(u)));
    }
  }

  Duration next() { return delays_[position_++ % kCount]; }

  static constexpr Duration kUnit = std::chrono::milliseconds(1);

 private:
  static constexpr std::size_t kCount = 1 << 16;

  std::vector<Duration> delays_ = std::vector<Duration>(kCount);
  std::size_t position_ = 0;
};

}  // namespace quintain::core::testing
