// The waits of a queue with several servers, straight from their definition.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/base/time.h"

namespace quintain::study::testing {

/// First come, first served by whichever server is free first: the recursion of J. Kiefer and
/// J. Wolfowitz, "On the theory of queues with many servers", 1955, on the instants at which
/// servers become free. With one server it is Lindley's. It knows nothing of events, nodes or
/// time's passing.
class KieferWolfowitz {
 public:
  explicit KieferWolfowitz(int servers) : free_at_(static_cast<std::size_t>(servers)) {}

  /// The next customer, who comes `gap` after the one before and needs `service`: how long it
  /// waits.
  core::Duration wait_of_next(core::Duration gap, core::Duration service) {
    now_ = now_ + gap;
    const core::Instant begins = std::max(now_, free_at_.front());
    const core::Instant ends = begins + service;
    // In place of the first, at its place in the order.
    std::size_t place = 0;
    for (; place + 1 < free_at_.size() && free_at_[place + 1] < ends; ++place) {
      free_at_[place] = free_at_[place + 1];
    }
    free_at_[place] = ends;
    return begins - now_;
  }

 private:
  core::Instant now_;
  std::vector<core::Instant> free_at_;  // ascending
};

}  // namespace quintain::study::testing
