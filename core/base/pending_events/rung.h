// One rung of the ladder: a stretch of keys cut into buckets of equal width.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/pending_events/key_stack.h"

namespace quintain::core::pending_events {

/// Buckets are taken out from the first to the last; from() tells how far that has come. When it is
/// used up it is as good as new. The number of buckets is fixed, so that it lies in one piece.
class Rung {
 public:
  static constexpr std::size_t kMaxBuckets = 2048;

  /// Prepares an empty rung for keys from `first` up to `end`. Its buckets are about so wide, or
  /// wider if there would be too many; the last one holds `last` and whatever comes after.
  void lay_out(Key first, Key last, Key end, int width_bits) {
    constexpr int kMaxBits = std::countr_zero(kMaxBuckets);
    shift_ = static_cast<unsigned>(std::max({width_bits, bit_width(last - first) - kMaxBits, 0}));
    // See bucket_of(). This may add a bucket, hence the limit there.
    start_ = shift_ < 64 ? first : first >> 64 << 64;
    from_ = start_;
    end_ = end;
    word_ = 0;
    last_bucket_ = kMaxBuckets - 1;
    last_bucket_ = bucket_of(last);
  }

  /// Where it began.
  Key start() const { return start_; }
  /// Keys from here on belong into its buckets; earlier ones have been taken out.
  Key from() const { return from_; }
  /// Where it ends: keys from here on belong to the rung above.
  Key end() const { return end_; }

  /// The key must not come before from().
  void push(Key key, ChunkPool& pool) {
    const std::size_t bucket = bucket_of(key);
    KeyStack& stack = buckets_[bucket];
    if (stack.full()) [[unlikely]] {
      occupied_[bucket / 64] |= std::uint64_t{1} << bucket % 64;
    }
    stack.push(key, pool);
  }

  /// Takes out the first bucket that has any keys; an empty stack if there is none. from() moves
  /// behind it.
  KeyStack take_first() {
    for (std::size_t word = word_; word < kWords; ++word) {
      if (occupied_[word] == 0) continue;
      word_ = word;
      const std::size_t bucket =
          word * 64 + static_cast<std::size_t>(std::countr_zero(occupied_[word]));
      occupied_[word] &= occupied_[word] - 1;
      from_ = bucket == last_bucket_ ? end_ : start_ + (static_cast<Key>(bucket + 1) << shift_);
      return std::exchange(buckets_[bucket], KeyStack());
    }
    from_ = end_;
    return KeyStack();
  }

  /// Calls change(bucket) for every bucket that has keys; it may take any of them out.
  template <typename Change>
  void for_each_bucket(Change change) {
    for (std::size_t word = word_; word < kWords; ++word) {
      for (std::uint64_t rest = occupied_[word]; rest != 0; rest &= rest - 1) {
        KeyStack& bucket = buckets_[word * 64 + static_cast<std::size_t>(std::countr_zero(rest))];
        change(bucket);
        if (bucket.empty()) occupied_[word] ^= rest & -rest;
      }
    }
  }

  /// Takes keys from its start on again.
  void rewind() {
    from_ = start_;
    word_ = 0;
  }

  bool exhausted() const { return from_ == end_; }

 private:
  static constexpr std::size_t kWords = kMaxBuckets / 64;

  std::size_t bucket_of(Key key) const {
    // Nearly always a bucket is some instants wide, and then begins with one.
    if (shift_ >= 64) [[likely]] {
      return std::min(static_cast<std::size_t>((time_of(key) - time_of(start_)) >> (shift_ - 64)),
                      last_bucket_);
    }
    const Key distance = (key - start_) >> shift_;
    return distance < last_bucket_ ? static_cast<std::size_t>(distance) : last_bucket_;
  }

  Key start_ = 0;
  Key from_ = 0;
  Key end_ = 0;
  std::size_t last_bucket_ = 0;
  unsigned shift_ = 0;
  std::size_t word_ = 0;  // the first that may have a bit set
  std::array<std::uint64_t, kWords> occupied_{};
  std::array<KeyStack, kMaxBuckets> buckets_;
};

}  // namespace quintain::core::pending_events
