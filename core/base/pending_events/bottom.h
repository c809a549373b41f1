// The parts of the ladder in which keys are sorted: bottom, and the keys of the current instant.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/pending_events/events.h"

namespace quintain::core::pending_events {

/// The ladder's bottom: the few keys that come next, sorted, in an array with the first key at its
/// end.
class Bottom {
 public:
  static constexpr std::size_t kCapacity = 96;

  Bottom() { keys_[0] = kNoKey; }

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  std::size_t size() const { return size_; }

  /// The first key; kNoKey if empty.
  Key first() const { return keys_[size_]; }
  /// Requires: !empty().
  void drop_first() { --size_; }

  /// Requires: !full().
  void insert(Key key) {
    std::size_t place = ++size_;
    for (; keys_[place - 1] < key; --place) keys_[place] = keys_[place - 1];
    keys_[place] = key;
  }

  /// The maximum number of keys for fill().
  static constexpr std::size_t kMaxFilled = 28;

  /// Replaces the contents with these unsorted keys. Calls visit(key) for each. Requires: empty(),
  /// `count` <= kMaxFilled, and `keys` has space for kMaxFilled; the part past `count` is
  /// overwritten.
  template <typename Visit>
  void fill(Key* keys, std::size_t count, Visit visit) {
    if (count <= 8) {
      rank<8>(keys, count, visit);
    } else if (count <= 16) {
      rank<16>(keys, count, visit);
    } else {
      rank<kMaxFilled>(keys, count, visit);
    }
    size_ = count;
  }

  /// Keeps only the keys for which live(key) is true.
  template <typename Live>
  void keep(Live live) {
    const auto begin = keys_.begin() + 1;
    const auto end = begin + static_cast<std::ptrdiff_t>(size_);
    size_ = static_cast<std::size_t>(std::remove_if(begin, end, std::not_fn(live)) - begin);
  }

  std::span<const Key> all() const { return {keys_.data() + 1, size_}; }
  void clear() { size_ = 0; }

 private:
  // A key's place is the number of greater keys. Counting sorts so short an array fastest, because
  // no branch depends on the keys.
  template <std::size_t kRounded, typename Visit>
  void rank(Key* keys, std::size_t count, Visit visit) {
    std::fill(keys + count, keys + kRounded, Key{0});  // greater than no key
    for (std::size_t i = 0; i < count; ++i) {
      const Key key = keys[i];
      visit(key);
      std::size_t place = 1;
#pragma GCC unroll 28
      for (std::size_t j = 0; j < kRounded; ++j) place += keys[j] > key;
      keys_[place] = key;
    }
  }

  std::size_t size_ = 0;
  std::array<Key, kCapacity + 1> keys_;  // kNoKey, then the keys from the last to the first
};

/// The keys at the current instant that were scheduled in ascending order: a ring buffer that
/// doubles when it is full.
class CurrentInstant {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// Requires: !empty().
  Key first() const { return ring_[first_]; }

  /// Whether the key may be appended: it is greater than the last one.
  bool accepts(Key key) const { return empty() || ring_[(first_ + size_ - 1) & mask()] < key; }

  /// Requires: accepts(key).
  void push(Key key) {
    if (size_ == ring_.size()) [[unlikely]] {
      grow();
    }
    ring_[(first_ + size_) & mask()] = key;
    ++size_;
  }

  /// Keeps only the keys for which live(key) is true.
  template <typename Live>
  void keep(Live live) {
    for (std::size_t left = size_; left > 0; --left) {
      const Key key = first();
      drop_first();
      if (live(key)) push(key);
    }
  }

  /// Requires: !empty().
  void drop_first() {
    first_ = (first_ + 1) & mask();
    --size_;
  }

 private:
  static constexpr std::size_t kFirstCapacity = 16;

  std::size_t mask() const { return ring_.size() - 1; }

  [[gnu::noinline]] void grow() {
    std::vector<Key> larger(ring_.empty() ? kFirstCapacity : 2 * ring_.size());
    for (std::size_t i = 0; i < size_; ++i) larger[i] = ring_[(first_ + i) & mask()];
    ring_ = std::move(larger);
    first_ = 0;
  }

  std::vector<Key> ring_;  // its size is a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quintain::core::pending_events
