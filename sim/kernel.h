// Virtual time: the loop that fires pending events in their total order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/environment.h"
#include "core/base/pending_event_set.h"
#include "core/base/time.h"

namespace quintain::sim {

/// The clock and the pending events of one world. Time stands still while an event runs and jumps
/// to the next one; a run is a function of what was scheduled. One thread.
class Kernel {
 public:
  /// Why a run came back.
  enum class Stop : std::uint8_t {
    kCondition,   // what it was to run until has come true
    kTime,        // the next event lies beyond the given instant; now() is that instant
    kIdle,        // nothing is pending
    kStandstill,  // too many events at one instant: something goes round in circles
  };

  /// More events than this at one instant are a standstill. A large burst is some millions.
  static constexpr std::uint64_t kMaxEventsAtOneInstant = 50'000'000;

  explicit Kernel(std::uint64_t most_events_at_one_instant = kMaxEventsAtOneInstant)
      : most_at_one_instant_(most_events_at_one_instant) {}

  core::Instant now() const { return now_; }

  /// As core::Environment::schedule and withdraw.
  core::EventHandle schedule(core::Instant when, core::Precedence precedence, void (*fire)(void*),
                             void* self);
  void withdraw(core::EventHandle handle) { pending_.withdraw(handle); }

  /// Fires events until nothing is pending, `until` is reached, or `done()`, asked before the first
  /// event and after every one, is true. Events at `until` itself are fired.
  Stop run(core::Instant until, const std::function<bool()>& done);
  Stop run_until(core::Instant until) {
    return run(until, [] { return false; });
  }
  Stop run_until_idle() { return run_until(core::Instant::never()); }

  /// Events fired so far.
  std::uint64_t events() const { return events_; }
  std::size_t pending() const { return pending_.size(); }

  /// Stands for the instant and place of every event fired so far.
  std::uint64_t digest() const { return digest_; }

 private:
  core::PendingEventSet pending_;
  core::Instant now_;
  std::uint64_t most_at_one_instant_;
  std::uint64_t at_this_instant_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t digest_ = 0x9e3779b97f4a7c15;
};

}  // namespace quintain::sim
