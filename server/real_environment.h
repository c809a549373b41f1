// Real time for a node: the environment over a serial context.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/base/environment.h"
#include "core/base/pending_event_set.h"
#include "server/serial_context.h"

namespace quintain::server {

/// The steady clock, `speed` times as fast, and timers on it. Events are fired in the order of the
/// simulator's kernel: instant, precedence, order of scheduling. What is due is done before
/// anything that is posted to the context later.
///
/// Built before the context is started; everything else happens within the context.
class RealEnvironment final : public core::Environment, private TurnListener {
 public:
  /// `speed` must be positive. `seed` is what random numbers, and so ids, are made from.
  RealEnvironment(SerialContext& context, double speed, std::uint64_t seed);

  /// A seed that nobody can guess, from the operating system.
  static std::uint64_t random_seed();

  core::Instant now() const override;

  core::WallTime wall_now() const override;
  // The wall clock's reading at the start, and now() since. So the timestamps that callers see
  // agree with the durations they see, whatever is done to the wall clock meanwhile.

  std::uint64_t draw(core::RandomStream& stream) override { return stream.next(seed_); }

  /// The instant at which the steady clock will show that.
  core::Instant instant_of(std::chrono::steady_clock::time_point time) const;

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

  // The reading of this turn, once it was asked for.
  mutable std::optional<core::Instant> now_;
  core::PendingEventSet events_;
  boost::asio::steady_timer alarm_;
  core::Instant alarm_at_ = core::Instant::never();
};

}  // namespace quintain::server
