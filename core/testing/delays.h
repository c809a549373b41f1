// Random delays for benchmarks, drawn in advance so that drawing is not measured.
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

/// Maps a uniform number in (0, 1) to the exponential distribution with mean 1.
inline double exponential(double u) { return -std::log(u); }

/// An endless sequence of delays that repeats after 2^16, the same in every run.
class Delays {
 public:
  /// `distribution` maps uniform numbers in (0, 1) to delays; `scale` multiplies them. Unit: kUnit.
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
