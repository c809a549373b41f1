// The environment of a node in real time.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/base/environment.h"
#include "core/base/pending_event_set.h"
#include "server/serial_context.h"

namespace quintain::server {

/// Time is the steady clock multiplied by `speed`. Events fire in the same order as in the
/// simulator's kernel: by instant, precedence, order of scheduling. An event that is due fires
/// before any function that is posted to the context later.
///
/// Must be constructed before the context is started. Serial context only, except where stated
/// otherwise.
class RealEnvironment final : public core::Environment, private TurnListener {
 public:
  /// `seed` determines the random numbers and with them the ids. Requires: speed > 0.
  RealEnvironment(SerialContext& context, double speed, std::uint64_t seed);

  /// Returns an unpredictable seed from the operating system. Thread-safe.
  static std::uint64_t random_seed();

  core::Instant now() const override;

  /// Returns the wall clock's reading at the start plus now(), so that timestamps agree with
  /// durations even if the wall clock is changed meanwhile.
  core::WallTime wall_now() const override;

  std::uint64_t draw(core::RandomStream& stream) override { return stream.next(seed_); }

  /// Returns the instant that corresponds to a reading of the steady clock.
  core::Instant instant_of(std::chrono::steady_clock::time_point time) const;

  /// Returns how much of this environment's time passes in so much real time. Thread-safe, as is
  /// instant_of().
  core::Duration time_in(std::chrono::nanoseconds real) const;

 protected:
  core::EventHandle schedule(core::Instant when, core::Precedence precedence, void (*fire)(void*),
                             void* self) override;
  void withdraw(core::EventHandle handle) override { events_.withdraw(handle); }

 private:
  void before_turn() override { fire_due(); }
  void after_turn() override;
  void fire_due();
  void arm();

  const double speed_;
  const std::uint64_t seed_;
  const std::chrono::steady_clock::time_point started_at_;
  const core::WallTime wall_started_at_;

  // The time of the current turn, once it has been read.
  mutable std::optional<core::Instant> now_;
  core::PendingEventSet events_;
  boost::asio::steady_timer alarm_;
  core::Instant alarm_at_ = core::Instant::never();
};

}  // namespace quintain::server
