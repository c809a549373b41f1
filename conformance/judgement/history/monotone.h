// Whether concurrent reads of something that only ever advances can all be true.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/time.h"

namespace quintain::conformance {

/// A point in the order of what the clients did: a time, and among equal times the number of the
/// call that is sent at this point or next.
struct Moment {
  core::Instant at{};
  std::uint64_t next = 0;

  friend auto operator<=>(const Moment&, const Moment&) = default;
};

/// A client learnt, at an unknown moment from `begin` to `end`, that the value was at `stage`.
struct Read {
  Moment begin{};
  Moment end{};
  int stage = 0;
};

/// Whether the first was over when the second began. Others overlap, and either may have come
/// first.
inline bool precedes(const Read& a, const Read& b) { return a.end <= b.begin; }

/// Two reads, by their indices, that can't both be true.
struct Contradiction {
  std::size_t earlier = 0;
  std::size_t later = 0;
};

/// Decides whether the reads of a value that only ever advances from stage to stage are
/// linearizable, whenever its (unseen) writes may have happened. Nothing: they are. Otherwise the
/// contradiction that is complete first: without the events after the end of `later` the history
/// would still be legal. O(n log n).
std::optional<Contradiction> find_contradiction(std::span<const Read> reads);

}  // namespace quintain::conformance
