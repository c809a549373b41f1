// PendingEventSet::pop_one_of_first(). In a file of its own, so that GCC inlines the rest of the
// set as if nothing else called it.
#include <cassert>
#include <vector>

#include "core/base/pending_event_set.h"

namespace quintain::core {

using pending_events::Key;

PendingEventSet::Event PendingEventSet::pop_one_of_first(
    const std::function<std::size_t(std::size_t)>& choose) {
  assert(!empty());
  std::vector<Key> tied;
  const auto is_tied = [&](Key key) {
    if (!events_.holds(pending_events::handle_of(key))) return false;
    return tied.empty() ||
           (pending_events::time_of(key) == pending_events::time_of(tied.front()) &&
            pending_events::precedence_of(pending_events::handle_of(key)) ==
                pending_events::precedence_of(pending_events::handle_of(tied.front())));
  };
  // next() drops stale keys.
  while (!next().is_never()) {
    const Key key = keys_.first();
    if (!is_tied(key)) break;
    keys_.drop_first(key);
    tied.push_back(key);
  }
  const std::size_t chosen = tied.size() == 1 ? 0 : choose(tied.size());
  assert(chosen < tied.size());
  // The chosen one is put back first and taken out as usual.
  keys_.push(tied[chosen]);
  const Event event = pop();
  for (std::size_t i = 0; i < tied.size(); ++i) {
    if (i != chosen) keys_.push(tied[i]);
  }
  return event;
}

}  // namespace quintain::core
