// Virtual time: the event loop of a simulated world, and the environment that it gives to a node.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "core/base/environment.h"
#include "core/base/pending_event_set.h"
#include "core/base/time.h"
#include "sim/chooser.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

/// The clock and the pending events of one world.
///
/// Events run in the order of instant, precedence and insertion, unless a chooser decides between
/// events of one instant and precedence. The clock stands still while an
/// event runs and then jumps to the next event, so a run is a function of what was scheduled.
/// Serial context only.
class Kernel {
 public:
  /// Why run() returned.
  enum class Stop : std::uint8_t {
    kCondition,   // done() returned true
    kTime,        // the next event is later than `until`; now() is `until`
    kIdle,        // no event is pending
    kStandstill,  // too many events at one instant: likely an infinite loop of zero-delay events
  };

  /// More events than this at one instant are a standstill. A large burst has some millions.
  static constexpr std::uint64_t kMaxEventsAtOneInstant = 50'000'000;

  explicit Kernel(std::uint64_t max_events_at_one_instant = kMaxEventsAtOneInstant)
      : max_at_one_instant_(max_events_at_one_instant) {}

  core::Instant now() const { return now_; }

  /// As core::Environment::schedule and withdraw.
  core::EventHandle schedule(core::Instant when, core::Precedence precedence, void (*fire)(void*),
                             void* self);
  void withdraw(core::EventHandle handle) { pending_.withdraw(handle); }

  /// From now on `chooser` decides which of the tied events runs next (ChoiceKind::kTie). It must
  /// outlive the kernel. Without one they run in the order in which they were scheduled.
  void set_chooser(Chooser& chooser) { chooser_ = &chooser; }

  /// Fires events up to and including `until`, as long as any are pending and `done()` returns
  /// false. `done()` is called before the first event and after every event.
  Stop run(core::Instant until, const std::function<bool()>& done);
  Stop run_until(core::Instant until) {
    return run(until, [] { return false; });
  }
  Stop run_until_idle() { return run_until(core::Instant::never()); }

  /// Events fired so far.
  std::uint64_t events() const { return events_; }
  std::size_t pending() const { return pending_.size(); }

  /// Identifies the instants and the order of all events fired so far.
  std::uint64_t digest() const { return digest_; }

 private:
  template <class Pop>
  Stop run(core::Instant until, const std::function<bool()>& done, const Pop& pop);

  core::PendingEventSet pending_;
  Chooser* chooser_ = nullptr;
  core::Instant now_;
  std::uint64_t max_at_one_instant_;
  std::uint64_t at_this_instant_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t digest_ = kDigestStart;
};

/// The wall-clock time at which every world starts: 2025-01-01T00:00:00Z. Any fixed time would do.
inline constexpr core::WallTime kWorldStart{std::chrono::seconds(1'735'689'600)};

/// The environment of one node: the virtual time of its world, and random numbers of its own, so
/// that adding a node to a world does not change the draws of the other nodes. Serial context only.
class NodeEnvironment final : public core::Environment {
 public:
  /// `index`: the position of the node in its world, from 0.
  NodeEnvironment(Kernel& kernel, std::uint64_t world_seed, std::uint64_t index)
      : kernel_(kernel), randomness_(world_seed + index * 0xd1b54a32d192ed03) {}

  core::Instant now() const override { return kernel_.now(); }
  core::WallTime wall_now() const override {
    return {kWorldStart.since_epoch + kernel_.now().since_start()};
  }
  std::uint64_t draw(core::RandomStream& stream) override { return randomness_.draw(stream); }

  Kernel& kernel() { return kernel_; }
  Randomness& randomness() { return randomness_; }

 protected:
  core::EventHandle schedule(core::Instant when, core::Precedence precedence, void (*fire)(void*),
                             void* self) override {
    return kernel_.schedule(when, precedence, fire, self);
  }
  void withdraw(core::EventHandle handle) override { kernel_.withdraw(handle); }

 private:
  Kernel& kernel_;
  Randomness randomness_;
};

}  // namespace quintain::sim
