// The interface through which the core gets time, timers and random numbers.
#pragma once

#include <cstdint>

#include "core/base/random.h"
#include "core/base/time.h"

namespace quintain::core {

/// The order of events that are due at one instant, first to last. It is part of the contract
/// (policy `same_instant`): an execution that completes at its deadline has completed.
enum class Precedence : std::uint8_t { kCompletion, kCancel, kTimeout, kOther };

/// Identifies a scheduled event of an environment. Opaque; 0 means no event.
using EventHandle = std::uint64_t;

/// Everything that the core knows of the world outside its runtime.
///
/// All calls to the core and all its callbacks run one after the other in the environment's serial
/// context. So the core has no lock, no atomic and no thread, and the simulator and the live server
/// run the same object code.
class Environment {
 public:
  virtual ~Environment() = default;

  /// Monotonic time. It does not advance while a callback runs, so that two reads in one callback
  /// are equal.
  virtual Instant now() const = 0;

  /// Wall-clock time, for the timestamps that callers see. No decision depends on it.
  virtual WallTime wall_now() const = 0;

  /// The stream's next 64 random bits, under this environment's seed.
  virtual std::uint64_t draw(RandomStream& stream) = 0;

 protected:
  friend class Timer;

  /// Calls fire(self) once at `when`, but not before the running callback has returned. A past
  /// instant means now. never() schedules nothing and returns 0.
  virtual EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*),
                               void* self) = 0;

  /// Cancels an event. Requires: it has neither fired nor been withdrawn.
  virtual void withdraw(EventHandle handle) = 0;
};

/// A one-shot timer that its owner holds by value: an execution owns its timeout, an instance its
/// idle expiry. Destroying or re-arming it withdraws the event, so a callback can't outlive its
/// owner; arming allocates nothing. Serial context only.
class Timer {
 public:
  /// When the timer fires, it calls fire(self), which may arm the timer again or destroy it.
  Timer(Environment& environment, void (*fire)(void*), void* self)
      : environment_(environment), fire_(fire), self_(self) {}
  ~Timer() { disarm(); }

  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Fires at `when` instead of the instant it was armed for. never() leaves the timer disarmed.
  void arm(Instant when, Precedence precedence) {
    disarm();
    handle_ = environment_.schedule(when, precedence, &Timer::on_due, this);
  }

  void disarm() {
    if (handle_ == 0) return;
    environment_.withdraw(handle_);
    handle_ = 0;
  }

  bool armed() const { return handle_ != 0; }

 private:
  static void on_due(void* timer) {
    auto& self = *static_cast<Timer*>(timer);
    self.handle_ = 0;
    self.fire_(self.self_);
  }

  Environment& environment_;
  void (*fire_)(void*);
  void* self_;
  EventHandle handle_ = 0;
};

}  // namespace quintain::core
