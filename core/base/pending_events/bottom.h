// The few keys that come next, in order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>

#include "core/base/pending_events/key.h"

namespace quintain::core::pending_events {

/// A sorted array, the first key at its end.
class Bottom {
 public:
  static constexpr std::size_t kCapacity = 96;

  Bottom() { keys_[0] = kNoKey; }

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

  /// The most that fill() takes.
  static constexpr std::size_t kMaxFilled = 28;

  /// Takes these keys, which are in no order, at the place of none. Behind them there must be room
  /// for kMaxFilled in all, which is overwritten. Calls visit(key) for each.
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

  /// Drops the keys for which live(key) is false.
  template <typename Live>
  void keep(Live live) {
    const auto begin = keys_.begin() + 1;
    const auto end = begin + static_cast<std::ptrdiff_t>(size_);
    size_ = static_cast<std::size_t>(std::remove_if(begin, end, std::not_fn(live)) - begin);
  }

  std::span<const Key> all() const { return {keys_.data() + 1, size_}; }
  void clear() { size_ = 0; }

 private:
  // A key's place is the number of those that are greater. So few are sorted soonest by counting,
  // with no branch that depends on them.
  template <std::size_t kRounded, typename Visit>
  void rank(Key* keys, std::size_t count, Visit visit) {
    std::fill(keys + count, keys + kRounded, Key{0});  // not greater than any
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
  std::array<Key, kCapacity + 1> keys_;  // from the last to the first; kNoKey before them
};

}  // namespace quintain::core::pending_events
