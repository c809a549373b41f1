// Linearizability of concurrent reads of a value that only ever advances.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/time.h"

namespace quintain::conformance {

/// A position in the order of the clients' events: a time, and among equal times the number of the
/// call that is sent at this position or next.
struct Moment {
  core::Instant at{};
  std::uint64_t next = 0;

  friend auto operator<=>(const Moment&, const Moment&) = default;
};

/// A read that returned `stage`: the value was at that stage at an unknown moment in [start, end].
struct Read {
  Moment start{};
  Moment end{};
  int stage = 0;
};

/// Whether `a` ended before `b` started. If neither precedes the other they overlap, and either may
/// have happened first.
inline bool precedes(const Read& a, const Read& b) { return a.end <= b.start; }

/// Two reads, by index, that cannot both be true.
struct Contradiction {
  std::size_t earlier = 0;
  std::size_t later = 0;
};

/// Returns nullopt if the reads are linearizable (some choice of times for the unseen writes
/// explains them all), else the contradiction whose later read ends first: without the events after
/// the end of `later` the history would be linearizable. O(n log n).
std::optional<Contradiction> find_contradiction(std::span<const Read> reads);

}  // namespace quintain::conformance
