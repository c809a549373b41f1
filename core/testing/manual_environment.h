// An environment whose clock the test moves by hand.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "core/base/environment.h"
#include "core/base/pending_event_set.h"

namespace quintain::core::testing {

/// Where the wall clock of every test begins: 2023-11-14 22:13:20 UTC.
inline constexpr WallTime kWallStart{std::chrono::seconds(1'700'000'000)};

/// Virtual time on a PendingEventSet. Nothing happens unless the test moves the clock.
class ManualEnvironment final : public Environment {
 public:
  explicit ManualEnvironment(std::uint64_t seed = 1) : seed_(seed) {}
  ~ManualEnvironment() override { EXPECT_EQ(events_.size(), 0U) << "a timer outlived its owner"; }

  Instant now() const override { return now_; }
  WallTime wall_now() const override { return {kWallStart.since_epoch + now_.since_start()}; }
  std::uint64_t draw(RandomStream& stream) override { return stream.next(seed_); }

  /// Runs what is due up to and including `when`; the clock then stands at `when`.
  void advance_to(Instant when) {
    while (events_.next() <= when && !events_.empty()) step();
    if (now_ < when) now_ = when;
  }

  void run_for(Duration d) { advance_to(now_ + d); }

  /// Runs what is due now, what it makes due now included.
  void settle() { advance_to(now_); }

  /// Runs until nothing is pending, idle expiry and retention included.
  void run_until_idle() {
    while (!events_.empty()) step();
  }

  std::size_t pending() const { return events_.size(); }

 protected:
  EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*),
                       void* self) override {
    if (when.is_never()) return 0;
    return events_.schedule(when < now_ ? now_ : when, precedence, fire, self);
  }

  void withdraw(EventHandle handle) override { events_.withdraw(handle); }

 private:
  void step() {
    const PendingEventSet::Event event = events_.pop();
    now_ = event.when;
    event.fire(event.self);
  }

  std::uint64_t seed_;
  Instant now_;
  PendingEventSet events_;
};

}  // namespace quintain::core::testing
