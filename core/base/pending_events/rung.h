// The parts of the ladder in which keys are unsorted: rungs, and the stacks that are their buckets.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/pending_events/events.h"

namespace quintain::core::pending_events {

inline constexpr std::size_t kChunkBytes = 512;
inline constexpr std::size_t kChunkKeys = kChunkBytes / sizeof(Key) - 1;

/// One link of a KeyStack. Aligned to its size, so that a pointer into it shows where it starts and
/// whether it is full.
struct alignas(kChunkBytes) Chunk {
  Chunk* below;
  std::size_t keys_below;
  Key keys[kChunkKeys];
};
static_assert(sizeof(Chunk) == kChunkBytes);

/// Chunks for the stacks of one event set. Memory is never returned to the heap.
class ChunkPool {
 public:
  Chunk* acquire() {
    if (free_ == nullptr) [[unlikely]] {
      return carve();
    }
    return std::exchange(free_, free_->below);
  }

  void release(Chunk* chunk) {
    chunk->below = free_;
    free_ = chunk;
  }

 private:
  static constexpr std::size_t kBlock = 16384 / kChunkBytes;

  [[gnu::noinline]] Chunk* carve() {
    if (carved_ == kBlock) {
      blocks_.push_back(std::make_unique_for_overwrite<Chunk[]>(kBlock));
      carved_ = 0;
    }
    return &blocks_.back()[carved_++];
  }

  std::vector<std::unique_ptr<Chunk[]>> blocks_;
  std::size_t carved_ = kBlock;
  Chunk* free_ = nullptr;
};

/// An unordered collection of keys, as small as a pointer, in chunks from a pool that it does not
/// own. Requires: it is empty when it is destroyed, and all calls pass the same pool.
class KeyStack {
 public:
  bool empty() const { return end_ == nullptr; }

  /// Whether the next push() needs another chunk.
  bool full() const { return reinterpret_cast<std::uintptr_t>(end_) % kChunkBytes == 0; }

  void push(Key key, ChunkPool& pool) {
    if (full()) [[unlikely]] {
      grow(pool);
    }
    *end_++ = key;
  }

  std::size_t size() const {
    if (empty()) return 0;
    const Chunk* top = chunk();
    return top->keys_below + static_cast<std::size_t>(end_ - top->keys);
  }

  /// The keys, followed by free space up to kChunkKeys in all. Requires: 0 < size() <= kChunkKeys.
  Key* single_chunk() { return chunk()->keys; }

  /// Removes all keys.
  void clear(ChunkPool& pool) {
    drain(pool, [](Key) {});
  }

  /// Calls visit(key) for every key.
  template <typename Visit>
  void for_each(Visit visit) const {
    const Key* end = end_;
    while (end != nullptr) {
      const Chunk* top = chunk_before(end);
      for (const Key* key = top->keys; key != end; ++key) visit(*key);
      end = end_of(top->below);
    }
  }

  /// Calls take(key) for every key and removes all. Chunks return to the pool one by one, so moving
  /// keys to other stacks needs little extra memory.
  template <typename Take>
  void drain(ChunkPool& pool, Take take) {
    const Key* end = std::exchange(end_, nullptr);
    while (end != nullptr) {
      Chunk* top = chunk_before(end);
      for (const Key* key = top->keys; key != end; ++key) take(*key);
      end = end_of(top->below);
      pool.release(top);
    }
  }

 private:
  static Key* end_of(Chunk* chunk) { return chunk == nullptr ? nullptr : chunk->keys + kChunkKeys; }

  // The chunk that holds the key before `end`. Chunks are aligned to their size.
  static Chunk* chunk_before(const Key* end) {
    const auto last = reinterpret_cast<std::uintptr_t>(end) - 1;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<Chunk*>(last - last % kChunkBytes);
  }
  Chunk* chunk() const { return chunk_before(end_); }

  [[gnu::noinline]] void grow(ChunkPool& pool) {
    Chunk* next = pool.acquire();
    next->keys_below = size();
    next->below = empty() ? nullptr : chunk();
    end_ = next->keys;
  }

  Key* end_ = nullptr;  // past the last key; null if the stack is empty
};

/// One rung of the ladder: a range of keys divided into buckets of equal width. Buckets are taken
/// from the first to the last. An exhausted rung can be reused. The number of buckets is fixed, so
/// that the rung is one block of memory.
class Rung {
 public:
  static constexpr std::size_t kMaxBuckets = 2048;

  /// Prepares the rung for keys from `first` up to `end`. A bucket is about 2^width_bits wide, or
  /// wider if that would take too many buckets; the last bucket holds `last` and all later keys.
  /// Requires: the rung is empty.
  void lay_out(Key first, Key last, Key end, int width_bits) {
    constexpr int kMaxBits = std::countr_zero(kMaxBuckets);
    shift_ = static_cast<unsigned>(std::max({width_bits, bit_width(last - first) - kMaxBits, 0}));
    // bucket_of() needs a start at a whole instant. That may add a bucket, which it clamps.
    start_ = shift_ < 64 ? first : first >> 64 << 64;
    current_start_ = start_;
    end_ = end;
    word_ = 0;
    last_bucket_ = kMaxBuckets - 1;
    last_bucket_ = bucket_of(last);
  }

  /// The first key of its range.
  Key start() const { return start_; }
  /// Keys from here on belong into its buckets; earlier buckets have been taken.
  Key current_start() const { return current_start_; }
  /// Keys from here on belong to the rung above.
  Key end() const { return end_; }

  /// Requires: current_start() <= key < end().
  void push(Key key, ChunkPool& pool) {
    const std::size_t bucket = bucket_of(key);
    KeyStack& stack = buckets_[bucket];
    if (stack.full()) [[unlikely]] {
      occupied_[bucket / 64] |= std::uint64_t{1} << bucket % 64;
    }
    stack.push(key, pool);
  }

  /// Takes the first bucket that has keys, and moves current_start() past it. Returns an empty
  /// stack if there is none.
  KeyStack take_first() {
    for (std::size_t word = word_; word < kWords; ++word) {
      if (occupied_[word] == 0) continue;
      word_ = word;
      const std::size_t bucket =
          word * 64 + static_cast<std::size_t>(std::countr_zero(occupied_[word]));
      occupied_[word] &= occupied_[word] - 1;
      current_start_ =
          bucket == last_bucket_ ? end_ : start_ + (static_cast<Key>(bucket + 1) << shift_);
      return std::exchange(buckets_[bucket], KeyStack());
    }
    current_start_ = end_;
    return KeyStack();
  }

  /// Calls change(bucket) for every bucket that has keys. `change` may remove keys.
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

  /// Accepts keys from start() on again.
  void rewind() {
    current_start_ = start_;
    word_ = 0;
  }

  bool exhausted() const { return current_start_ == end_; }

 private:
  static constexpr std::size_t kWords = kMaxBuckets / 64;

  std::size_t bucket_of(Key key) const {
    // Nearly always a bucket is a whole number of instants wide, so comparing times is enough.
    if (shift_ >= 64) [[likely]] {
      return std::min(static_cast<std::size_t>((time_of(key) - time_of(start_)) >> (shift_ - 64)),
                      last_bucket_);
    }
    const Key distance = (key - start_) >> shift_;
    return distance < last_bucket_ ? static_cast<std::size_t>(distance) : last_bucket_;
  }

  Key start_ = 0;
  Key current_start_ = 0;
  Key end_ = 0;
  std::size_t last_bucket_ = 0;
  unsigned shift_ = 0;
  std::size_t word_ = 0;  // the first word of occupied_ that may have a bit set
  std::array<std::uint64_t, kWords> occupied_{};
  std::array<KeyStack, kMaxBuckets> buckets_;
};

}  // namespace quintain::core::pending_events
