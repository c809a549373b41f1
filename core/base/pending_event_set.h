// The pending-event set: what is to happen, in the order in which it will.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/environment.h"
#include "core/base/pending_events/event_slab.h"
#include "core/base/pending_events/key.h"
#include "core/base/pending_events/key_ladder.h"
#include "core/base/time.h"

namespace quintain::core {

/// A priority queue of callbacks with O(1) withdrawal. Events are ordered by instant, then
/// precedence, then the order in which they were scheduled: a total order, so whoever runs them is
/// deterministic.
///
/// However many are pending, each of these takes about as long. An event is a node in a slab and a
/// key in a ladder queue (core/pending_events/); in a steady state nothing is allocated.
/// Withdrawing frees the node alone; the key it leaves behind is dropped when it surfaces, or when
/// more than half of the keys are such.
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

  std::size_t size() const { return events_.size(); }
  bool empty() const { return events_.size() == 0; }

 private:
  // The key of the first event, without any that are stale; kNoKey if there is none.
  pending_events::Key first();

  pending_events::EventSlab events_;
  pending_events::KeyLadder keys_{events_};
  std::uint64_t scheduled_ = 0;
};

}  // namespace quintain::core
