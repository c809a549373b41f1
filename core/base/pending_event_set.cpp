#include "core/base/pending_event_set.h"

#include <cassert>

namespace quintain::core {
namespace {

using pending_events::Key;

// Fewer stale keys than this are not worth a compaction.
constexpr std::size_t kMaxStaleKept = 64;

}  // namespace

EventHandle PendingEventSet::schedule(Instant when, Precedence precedence, void (*fire)(void*),
                                      void* self) {
  const Key key = pending_events::make_key(when, precedence, ++scheduled_, events_.vacant());
  events_.put(pending_events::handle_of(key), fire, self);
  keys_.push(key);
  return pending_events::handle_of(key);
}

void PendingEventSet::withdraw(EventHandle handle) {
  events_.remove(handle);
  if (keys_.size() > 2 * events_.size() + kMaxStaleKept) keys_.compact();
}

inline Key PendingEventSet::first() {
  for (;;) {
    const Key key = keys_.first();
    if (key == pending_events::kNoKey || events_.holds(pending_events::handle_of(key))) [[likely]] {
      return key;
    }
    keys_.drop_first(key);
  }
}

Instant PendingEventSet::next() {
  const Key key = first();
  return key == pending_events::kNoKey ? Instant::never() : pending_events::instant_of(key);
}

PendingEventSet::Event PendingEventSet::pop() {
  const Key key = first();
  assert(key != pending_events::kNoKey);
  const EventHandle handle = pending_events::handle_of(key);
  const auto& node = events_[handle];
  const Event event = {.when = pending_events::instant_of(key),
                       .precedence = pending_events::precedence_of(handle),
                       .sequence = pending_events::sequence_of(handle),
                       .fire = node.fire,
                       .self = node.self};
  events_.remove(handle);
  keys_.drop_first(key);
  keys_.set_current(key);
  return event;
}

}  // namespace quintain::core
