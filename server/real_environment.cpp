#include "server/real_environment.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <random>

namespace quintain::server {
namespace {

using std::chrono::steady_clock;

// The number of events that fire in a row before the context handles other work: a chain of events
// of zero delay must not block callers.
constexpr int kMaxEventsInARow = 256;

// Likewise the time, in which at least one event fires.
constexpr std::chrono::microseconds kMaxTimeInARow(500);

// An alarm is set at most this far ahead, and then set again. This avoids overflows of the clock.
constexpr core::Duration kMaxAlarm = std::chrono::hours(1);

core::Duration scaled(core::Duration d, long double factor) {
  if (factor == 1) return d;
  // The mantissa has 64 bits, so the result is exact to the nanosecond.
  const long double count = std::floor(static_cast<long double>(d.count()) * factor);
  constexpr auto kMax = static_cast<long double>(core::Duration::max().count());
  if (count >= kMax) return core::Duration::max();
  return core::Duration(static_cast<std::int64_t>(count));
}

}  // namespace

RealEnvironment::RealEnvironment(SerialContext& context, double speed, std::uint64_t seed)
    : speed_(speed),
      seed_(seed),
      started_at_(steady_clock::now()),
      wall_started_at_{std::chrono::system_clock::now().time_since_epoch()},
      alarm_(context.executor()) {
  assert(speed > 0);
  context.set_listener(*this);
}

std::uint64_t RealEnvironment::random_seed() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

core::Instant RealEnvironment::now() const {
  if (!now_) now_ = instant_of(steady_clock::now());
  return *now_;
}

core::WallTime RealEnvironment::wall_now() const {
  return {wall_started_at_.since_epoch + now().since_start()};
}

core::Instant RealEnvironment::instant_of(steady_clock::time_point time) const {
  return core::Instant(scaled(time - started_at_, speed_));
}

core::EventHandle RealEnvironment::schedule(core::Instant when, core::Precedence precedence,
                                            void (*fire)(void*), void* self) {
  if (when.is_never()) return 0;
  return events_.schedule(std::max(when, now()), precedence, fire, self);
}

core::Duration RealEnvironment::time_in(std::chrono::nanoseconds real) const {
  return scaled(real, speed_);
}

void RealEnvironment::fire_due() {
  now_.reset();
  std::optional<steady_clock::time_point> start;
  for (int fired = 0; fired < kMaxEventsInARow; ++fired) {
    // The reading by which nothing is due is also the time of the turn that follows.
    if (events_.empty() || events_.next() > now()) return;
    if (fired > 0) {
      const auto time = steady_clock::now();
      if (!start) start = time;
      if (time - *start > kMaxTimeInARow) return;
    }
    const core::PendingEventSet::Event event = events_.pop();
    event.fire(event.self);
    now_.reset();
  }
}

void RealEnvironment::after_turn() {
  // Events that the turn has scheduled for its own instant need no alarm.
  if (now_ && !events_.empty() && events_.next() <= *now_) fire_due();
  now_.reset();
  if (!events_.empty()) arm();
}

void RealEnvironment::arm() {
  // An alarm that fires too early does no harm: no event is due, and it is set again.
  const core::Instant next = events_.next();
  if (next >= alarm_at_) return;
  alarm_at_ = next;
  const core::Duration when = scaled(next.since_start(), 1 / static_cast<long double>(speed_));
  const core::Duration latest = steady_clock::now() - started_at_ + kMaxAlarm;
  alarm_.expires_at(started_at_ + std::min(when, latest));
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // it was set to another time
    alarm_at_ = core::Instant::never();
    // The events that are due have fired before this turn.
  });
}

}  // namespace quintain::server
