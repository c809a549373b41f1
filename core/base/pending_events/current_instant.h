// What is due at the present instant and was scheduled in order.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include "core/base/pending_events/key.h"

namespace quintain::core::pending_events {

/// A queue of ascending keys: a ring that doubles when it is full.
class CurrentInstant {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// There must be one.
  Key first() const { return ring_[first_]; }

  /// Whether the key may be put at its end.
  bool takes(Key key) const { return empty() || ring_[(first_ + size_ - 1) & mask()] < key; }

  void push(Key key) {
    if (size_ == ring_.size()) [[unlikely]] {
      grow();
    }
    ring_[(first_ + size_) & mask()] = key;
    ++size_;
  }

  /// Drops the keys for which live(key) is false.
  template <typename Live>
  void keep(Live live) {
    for (std::size_t left = size_; left > 0; --left) {
      const Key key = first();
      drop_first();
      if (live(key)) push(key);
    }
  }

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

  std::vector<Key> ring_;  // a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quintain::core::pending_events
