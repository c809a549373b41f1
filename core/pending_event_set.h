// The pending-event set: what is to happen, in the order in which it will.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/environment.h"
#include "core/time.h"

namespace quintain::core {

/// A priority queue of callbacks with O(1) withdrawal. Events are ordered by instant, then
/// precedence, then the order in which they were scheduled: a total order, so whoever runs them is
/// deterministic.
///
/// An event is one 16-byte key in a 4-ary heap and one node in a slab that is recycled. Withdrawing
/// marks the node alone; the key it leaves behind is dropped when it surfaces, or when more than
/// half of the keys are such.
class PendingEventSet {
 public:
  struct Event {
    Instant when;
    Precedence precedence;
    /// Its place in the order of scheduling, from 1.
    std::uint64_t sequence;
    void (*fire)(void*);
    void* self;
  };

  /// 2^24 events may be pending at once; more is an assertion. Every 2^38 events the sequence
  /// begins anew: an event from before and one from after that moment, due at one instant with one
  /// precedence, go the wrong way round. A server comes to that once in months, a simulation never.
  EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*), void* self);

  /// The handle must be of an event that is still pending.
  void withdraw(EventHandle handle);

  /// The instant of the first event; never() if there is none.
  Instant next();

  /// Takes out the first event. There must be one.
  Event pop();

  std::size_t size() const { return pending_; }
  bool empty() const { return pending_ == 0; }

 private:
  // From the most significant bit: 64 of time, 2 of precedence, 38 of sequence, 24 of slot. Keys of
  // pending events are unequal, and comparing them is comparing the total order.
  __extension__ using Key = unsigned __int128;
  static constexpr unsigned kSlotBits = 24;
  static constexpr unsigned kSequenceBits = 38;

  struct Node {
    Key key = 0;  // 0: free
    void (*fire)(void*) = nullptr;
    void* self = nullptr;
  };

  static std::uint32_t slot_of(Key key) {
    return static_cast<std::uint32_t>(key) & ((1U << kSlotBits) - 1);
  }

  bool stale(Key key) const { return nodes_[slot_of(key)].key != key; }
  void drop_stale();
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);
  void remove_top();
  void compact();

  std::vector<Key> heap_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> free_;
  std::size_t pending_ = 0;
  std::uint64_t scheduled_ = 0;
};

}  // namespace quintain::core
