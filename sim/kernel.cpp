#include "sim/kernel.h"

#include <algorithm>

namespace quintain::sim {

core::EventHandle Kernel::schedule(core::Instant when, core::Precedence precedence,
                                   void (*fire)(void*), void* self) {
  if (when.is_never()) return 0;
  return pending_.schedule(std::max(when, now_), precedence, fire, self);
}

Kernel::Stop Kernel::run(core::Instant until, const std::function<bool()>& done) {
  while (!done()) {
    const core::Instant next = pending_.next();
    if (next.is_never()) return Stop::kIdle;
    if (next > until) {
      now_ = std::max(now_, until);
      return Stop::kTime;
    }
    if (next > now_) at_this_instant_ = 0;
    if (++at_this_instant_ > max_at_one_instant_) return Stop::kStandstill;
    const core::PendingEventSet::Event event = pending_.pop();
    now_ = event.when;
    ++events_;
    digest_ = fold(digest_, static_cast<std::uint64_t>(event.when.since_start().count()));
    digest_ = fold(digest_, event.sequence << 2 | static_cast<std::uint64_t>(event.precedence));
    event.fire(event.self);
  }
  return Stop::kCondition;
}

}  // namespace quintain::sim
