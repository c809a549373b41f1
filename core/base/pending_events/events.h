// A pending event: the key that orders it and the slab that stores it.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/environment.h"
#include "core/base/time.h"

namespace quintain::core::pending_events {

/// Identifies and orders a pending event. From the most significant bit: 64 bits of time in
/// nanoseconds, 2 of precedence, 38 of sequence, 24 of slot. The sequence makes keys unique, so
/// comparing two keys compares the events in their total order, and ties need no special case.
__extension__ using Key = unsigned __int128;

inline constexpr unsigned kSlotBits = 24;
inline constexpr unsigned kSequenceBits = 38;

/// Greater than every key: a key's time is that of an Instant, which has 63 bits.
inline constexpr Key kNoKey = ~Key{0};

/// Requires: `slot` < 2^24. The sequence is taken modulo 2^38.
constexpr Key make_key(Instant when, Precedence precedence, std::uint64_t sequence,
                       std::uint32_t slot) {
  return static_cast<Key>(static_cast<std::uint64_t>(when.since_start().count())) << 64 |
         (static_cast<std::uint64_t>(precedence) << (kSequenceBits + kSlotBits) |
          (sequence & ((std::uint64_t{1} << kSequenceBits) - 1)) << kSlotBits | slot);
}

/// The time of a key in nanoseconds.
constexpr std::uint64_t time_of(Key key) { return static_cast<std::uint64_t>(key >> 64); }

constexpr Instant instant_of(Key key) {
  return Instant(Duration(static_cast<std::int64_t>(time_of(key))));
}

/// The lower half of the key, without the time. Unique by itself, because it holds the sequence.
constexpr EventHandle handle_of(Key key) { return static_cast<EventHandle>(key); }

constexpr Precedence precedence_of(EventHandle handle) {
  return static_cast<Precedence>(handle >> (kSequenceBits + kSlotBits));
}

constexpr std::uint64_t sequence_of(EventHandle handle) {
  return (handle >> kSlotBits) & ((std::uint64_t{1} << kSequenceBits) - 1);
}

constexpr std::uint32_t slot_of(EventHandle handle) {
  return static_cast<std::uint32_t>(handle) & ((1U << kSlotBits) - 1);
}

/// std::bit_width for 128 bits.
constexpr int bit_width(Key number) {
  const auto high = static_cast<std::uint64_t>(number >> 64);
  return high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                   : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(number)));
}

/// Stores the pending events as nodes of 24 bytes in numbered slots. The slot that was freed last
/// is reused first, because it is the most likely to be in the caches. Nodes never move, and memory
/// is never returned to the heap.
class EventSlab {
 public:
  struct Node {
    EventHandle handle;  // 0 if the node is free
    void (*fire)(void*);
    union {
      void* self;
      std::uint32_t next_free;  // in a free node
    };
  };

  /// The slot that the next put() will use. Requires: fewer than 2^24 slots are in use.
  std::uint32_t vacant() {
    if (first_free_ == used_) [[unlikely]] {
      grow();
    }
    return first_free_;
  }

  /// Stores an event. Requires: the handle's slot is vacant().
  void put(EventHandle handle, void (*fire)(void*), void* self) {
    Node& node = at(slot_of(handle));
    first_free_ = node.next_free;
    node.handle = handle;
    node.fire = fire;
    node.self = self;
    ++size_;
  }

  /// Whether the event is still pending.
  bool holds(EventHandle handle) const { return at(slot_of(handle)).handle == handle; }

  const Node& operator[](EventHandle handle) const { return at(slot_of(handle)); }

  /// Requires: holds(handle).
  void remove(EventHandle handle) {
    Node& node = at(slot_of(handle));
    assert(node.handle == handle && "no such event is pending");
    node.handle = 0;
    node.next_free = first_free_;
    first_free_ = slot_of(handle);
    --size_;
  }

  /// Brings the event's node into the caches.
  void prefetch(EventHandle handle) const {
    const Node* node = &at(slot_of(handle));
    __builtin_prefetch(node);
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr unsigned kBlockBits = 11;
  static constexpr std::uint32_t kBlock = 1U << kBlockBits;

  Node& at(std::uint32_t slot) const { return blocks_[slot >> kBlockBits][slot % kBlock]; }

  // Adds slot `used_` to the free list. Requires: the list is empty.
  [[gnu::noinline]] void grow() {
    assert(used_ < (1U << kSlotBits) && "too many events are pending");
    if (used_ % kBlock == 0) blocks_.push_back(std::make_unique_for_overwrite<Node[]>(kBlock));
    Node& node = at(used_);
    node.handle = 0;
    node.next_free = ++used_;
  }

  std::vector<std::unique_ptr<Node[]>> blocks_;
  std::uint32_t first_free_ = 0;  // used_ if no slot is free
  std::uint32_t used_ = 0;        // slots that have been used at least once
  std::size_t size_ = 0;
};

}  // namespace quintain::core::pending_events
