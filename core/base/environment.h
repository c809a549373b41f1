// The seam between the core and the world: time, timers and random numbers.
#pragma once

#include <cstdint>

#include "core/base/random.h"
#include "core/base/time.h"

namespace quintain::core {

/// What runs first when several things are due at one instant. The order is part of the contract
/// (policy `same_instant`): an execution that completes at its deadline has completed.
enum class Precedence : std::uint8_t { kCompletion, kCancel, kTimeout, kOther };

/// Names one scheduled event of an environment. Opaque; 0 names none.
using EventHandle = std::uint64_t;

/// Everything that the core may know of the world outside its runtime.
///
/// All calls to the core and all callbacks from it happen in one serial context that the
/// environment owns. So the core has no lock, no atomic and no thread, and the simulator and the
/// live server run the same object code.
class Environment {
 public:
  virtual ~Environment() = default;

  virtual Instant now() const = 0;
  // Monotonic. Stands still while one callback runs, so that two reads in one turn agree.

  virtual WallTime wall_now() const = 0;
  // For the timestamps that callers see. Nothing is decided by it.

  virtual std::uint64_t draw(RandomStream& stream) = 0;
  // The stream's next 64 random bits, under this environment's seed.

 protected:
  friend class Timer;

  virtual EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*),
                               void* self) = 0;
  // Calls fire(self) once at `when`, not before the present turn has ended. A past instant means
  // now; never() is not scheduled and gives 0.

  virtual void withdraw(EventHandle handle) = 0;
  // Forgets an event that has neither fired nor been withdrawn.
};

/// A one-shot timer that its owner holds by value: an execution owns its timeout, an instance its
/// idle expiry. Destroying or re-arming it withdraws it, so a callback can't outlive what it refers
/// to, and arming it allocates nothing. Serial context only.
class Timer {
 public:
  /// `fire(self)` runs when the timer goes off; it may arm the timer again or destroy it.
  Timer(Environment& environment, void (*fire)(void*), void* self)
      : environment_(environment), fire_(fire), self_(self) {}
  ~Timer() { disarm(); }

  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Goes off at `when`; replaces what it was armed for. never() leaves it disarmed.
  void arm(Instant when, Precedence precedence) {
    disarm();
    handle_ = environment_.schedule(when, precedence, &Timer::go_off, this);
  }

  void disarm() {
    if (handle_ == 0) return;
    environment_.withdraw(handle_);
    handle_ = 0;
  }

  bool armed() const { return handle_ != 0; }

 private:
  static void go_off(void* timer) {
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
