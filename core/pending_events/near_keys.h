// The few keys that come next, in order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "core/pending_events/key.h"

namespace quintain::core::pending_events {

/// A sorted array, the first key at its end.
class NearKeys {
 public:
  static constexpr std::size_t kCapacity = 64;

  NearKeys() { keys_[0] = kNoKey; }

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  std::size_t size() const { return size_; }

  /// kNoKey if there is none.
  Key first() const { return keys_[size_]; }
  void drop_first() { --size_; }

  /// It must not be full.
  void insert(Key key) {
    std::size_t place = ++size_;
    for (; keys_[place - 1] < key; --place) keys_[place] = keys_[place - 1];
    keys_[place] = key;
  }

  std::span<const Key> all() const { return {keys_.data() + 1, size_}; }
  void clear() { size_ = 0; }

 private:
  std::size_t size_ = 0;
  std::array<Key, kCapacity + 1> keys_;  // from the last to the first; kNoKey before them
};

}  // namespace quintain::core::pending_events
