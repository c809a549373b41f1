// The pending-event set: all scheduled events, in the order in which they are due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/base/environment.h"
#include "core/base/pending_events/events.h"
#include "core/base/pending_events/key_ladder.h"
#include "core/base/time.h"

namespace quintain::core {

/// A priority queue of callbacks with O(1) withdrawal. Events are ordered by instant, then
/// precedence, then the order in which they were scheduled. The order is total, so running the
/// events is deterministic. Serial context only.
///
/// Every operation takes about the same time however many events are pending. An event is a node in
/// a slab and a key in a ladder queue (core/base/pending_events/); in a steady state nothing is
/// allocated. Withdrawing an event frees its node only; its stale key is dropped when it becomes
/// the first, or when more than half of the keys are stale.
class PendingEventSet {
 public:
  struct Event {
    Instant when;
    Precedence precedence;
    /// The position in the order of scheduling, from 1.
    std::uint64_t sequence;
    void (*fire)(void*);
    void* self;
  };

  /// Schedules fire(self) and returns the event's handle. Requires: fewer than 2^24 events
  /// are pending; `when` is not never().
  ///
  /// The sequence wraps around every 2^38 events: two events on both sides of a wrap, due at one
  /// instant with one precedence, are in the wrong order. A server wraps once in months, a
  /// simulation never.
  EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*), void* self);

  /// Requires: the event is still pending.
  void withdraw(EventHandle handle);

  /// The instant of the first event; never() if there is none.
  Instant next();

  /// Removes and returns the first event. Requires: !empty().
  Event pop();

  /// Removes and returns one of the first events: those that are due at the first instant and have
  /// its first precedence. If there are several, it is number `choose(n)` of them, from 0, in the
  /// order in which they were scheduled. Takes time proportional to n. Requires: !empty().
  Event pop_one_of_first(const std::function<std::size_t(std::size_t n)>& choose);

  std::size_t size() const { return events_.size(); }
  bool empty() const { return events_.size() == 0; }

 private:
  // The key of the first event, after dropping stale keys before it; kNoKey if there is none.
  pending_events::Key first();

  pending_events::EventSlab events_;
  pending_events::KeyLadder keys_{events_};
  std::uint64_t scheduled_ = 0;
};

}  // namespace quintain::core
