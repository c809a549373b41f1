// One rung of the ladder: a stretch of keys cut into buckets of equal width.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/pending_events/key_pile.h"

namespace quintain::core::pending_events {

class Rung {
 public:
  static constexpr std::size_t kMostBuckets = 1024;

  /// Prepares an empty rung for keys from `first` up to `end`. Its buckets are at most so many, a
  /// power of two, and at least half as many where the keys are that far apart; the last one holds
  /// `last` and whatever comes after.
  void lay_out(Key first, Key last, Key end, std::size_t most_buckets) {
    start_ = from_ = first;
    end_ = end;
    word_ = 0;
    const int excess = width_of(last - first) - std::countr_zero(most_buckets);
    shift_ = static_cast<unsigned>(std::max(excess, 0));
    last_bucket_ = static_cast<std::size_t>((last - first) >> shift_);
  }

  /// Where it began.
  Key start() const { return start_; }
  /// Keys from here on belong into its buckets; earlier ones have been taken out.
  Key from() const { return from_; }
  /// Where it ends: keys from here on belong to the rung above.
  Key end() const { return end_; }

  /// The key must not come before from().
  void push(Key key, ChunkPool& pool) {
    const Key distance = (key - start_) >> shift_;
    const std::size_t bucket =
        distance < last_bucket_ ? static_cast<std::size_t>(distance) : last_bucket_;
    KeyPile& pile = buckets_[bucket];
    if (pile.full()) [[unlikely]] {
      occupied_[bucket / 64] |= std::uint64_t{1} << bucket % 64;
    }
    pile.push(key, pool);
  }

  /// Takes out the first bucket that has any keys; an empty pile if there is none. from() moves
  /// behind it.
  KeyPile take_first() {
    for (std::size_t word = word_; word < kWords; ++word) {
      if (occupied_[word] == 0) continue;
      word_ = word;
      const std::size_t bucket =
          word * 64 + static_cast<std::size_t>(std::countr_zero(occupied_[word]));
      occupied_[word] &= occupied_[word] - 1;
      from_ = bucket == last_bucket_ ? end_ : start_ + (static_cast<Key>(bucket + 1) << shift_);
      return std::exchange(buckets_[bucket], KeyPile());
    }
    from_ = end_;
    return KeyPile();
  }

  /// Takes keys from its start on again.
  void rewind() {
    from_ = start_;
    word_ = 0;
  }

  bool exhausted() const { return from_ == end_; }

 private:
  static constexpr std::size_t kWords = kMostBuckets / 64;

  static int width_of(Key key) {
    const auto high = static_cast<std::uint64_t>(key >> 64);
    return high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                     : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(key)));
  }

  Key start_ = 0;
  Key from_ = 0;
  Key end_ = 0;
  std::size_t last_bucket_ = 0;
  unsigned shift_ = 0;
  std::size_t word_ = 0;  // the first that may have a bit set
  std::array<std::uint64_t, kWords> occupied_{};
  std::array<KeyPile, kMostBuckets> buckets_;
};

}  // namespace quintain::core::pending_events
