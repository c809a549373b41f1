#include "sim/kernel.h"

#include <algorithm>

namespace quintain::sim {

core::EventHandle Kernel::schedule(core::Instant when, core::Precedence precedence,
                                   void (*fire)(void*), void* self) {
  if (when.is_never()) return 0;
  return pending_.schedule(std::max(when, now_), precedence, fire, self);
}

template <class Pop>
Kernel::Stop Kernel::run(core::Instant until, const std::function<bool()>& done, const Pop& pop) {
  while (!done()) {
    const core::Instant next = pending_.next();
    if (next.is_never()) return Stop::kIdle;
    if (next > until) {
      now_ = std::max(now_, until);
      return Stop::kTime;
    }
    if (next > now_) at_this_instant_ = 0;
    if (++at_this_instant_ > max_at_one_instant_) return Stop::kStandstill;
    const core::PendingEventSet::Event event = pop(next);
    now_ = event.when;
    ++events_;
    digest_ = fold(digest_, static_cast<std::uint64_t>(event.when.since_start().count()));
    digest_ = fold(digest_, event.sequence << 2 | static_cast<std::uint64_t>(event.precedence));
    event.fire(event.self);
  }
  return Stop::kCondition;
}

Kernel::Stop Kernel::run(core::Instant until, const std::function<bool()>& done) {
  // Two loops, so that a run without a chooser does not look for one at every event.
  if (chooser_ == nullptr)
    return run(until, done, [this](core::Instant) { return pending_.pop(); });
  return run(until, done, [this](core::Instant at) {
    return pending_.pop_one_of_first([this, at](std::size_t n) {
      return chooser_->choose({.kind = ChoiceKind::kTie, .at = at, .n = n});
    });
  });
}

}  // namespace quintain::sim
