// A world whose history the test writes by hand, with all invariants watching.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "sim/invariants/invariant.h"
#include "sim/world.h"

namespace quintain::sim::testing {

using namespace std::chrono_literals;

inline constexpr auto kPending = spearlet::EXECUTION_STATUS_PENDING;
inline constexpr auto kRunning = spearlet::EXECUTION_STATUS_RUNNING;
inline constexpr auto kCompleted = spearlet::EXECUTION_STATUS_COMPLETED;
inline constexpr auto kFailed = spearlet::EXECUTION_STATUS_FAILED;
inline constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;
inline constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

/// What a test says of a new execution.
struct Birth {
  int retries = 0;
  core::Duration deadline = 10s;
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_ASYNC;
};

/// One node with two slots, which hears nothing of what the test records about it. Executions are
/// named by their ordinals, attempts by 100 times the ordinal and the attempt's number.
class Scene {
 public:
  explicit Scene(const NodeSpec& spec = default_spec()) : world(/*seed=*/1) {
    world.add_node(spec);
    invariants = std::make_unique<InvariantSet>(world);
    world.history().add_listener(*invariants);
  }

  static NodeSpec default_spec() {
    NodeSpec spec;
    spec.config.slots = 2;
    spec.config.cancel_grace = 5s;
    return spec;
  }

  /// Goes on to that time since the start.
  void at(core::Duration since_start) {
    // Time does not go on by itself where nothing is pending.
    world.kernel().schedule(
        core::Instant(since_start), core::Precedence::kOther, [](void*) {}, nullptr);
    world.kernel().run_until(core::Instant(since_start));
  }

  void accepted(std::uint64_t ordinal, const Birth& birth = {}) {
    world.record({.kind = EventKind::kAccepted,
                  .to = kPending,
                  .execution = ref(ordinal),
                  .number = birth.retries,
                  .deadline = world.now() + birth.deadline,
                  .mode = birth.mode});
  }
  void transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                  spearlet::ExecutionStatus to) {
    world.record(
        {.kind = EventKind::kTransition, .from = from, .to = to, .execution = ref(ordinal)});
  }
  void begun(std::uint64_t ordinal, int number = 1) {
    tell(EventKind::kAttemptBegun, ordinal, /*flag=*/true, number);
  }
  void occupied(std::uint64_t ordinal) { tell(EventKind::kEnvironmentOccupied, ordinal); }
  void freed(std::uint64_t ordinal) { tell(EventKind::kEnvironmentFreed, ordinal); }
  void released(std::uint64_t ordinal) { tell(EventKind::kSlotReleased, ordinal); }
  void cancel(std::uint64_t ordinal, bool force = false) {
    tell(EventKind::kCancelRequested, ordinal, force);
  }
  void dropped(std::uint64_t ordinal) { tell(EventKind::kRecordDropped, ordinal); }

  /// From acceptance until it runs, all at this instant.
  void running(std::uint64_t ordinal, const Birth& birth = {}) {
    accepted(ordinal, birth);
    starts(ordinal);
  }
  /// A waiting one gets a slot and runs.
  void starts(std::uint64_t ordinal) {
    begun(ordinal);
    occupied(ordinal);
    transition(ordinal, kPending, kRunning);
  }
  /// A running one ends, as a node tells it.
  void ends(std::uint64_t ordinal, spearlet::ExecutionStatus status = kCompleted) {
    freed(ordinal);
    transition(ordinal, kRunning, status);
    released(ordinal);
  }

  void finish(bool settled = true) { invariants->finish({.settled = settled}); }

  /// The names of the invariants that were breached, but for those that hold the node's own word
  /// against the history: the node knows nothing of what was recorded by hand.
  std::vector<std::string> breached() const {
    std::vector<std::string> names;
    for (const auto& invariant : invariants->invariants()) {
      const std::string_view name = invariant->name();
      if (name == "records-equal-history" || name == "stats-equal-tally") continue;
      if (invariant->breach_count() > 0) names.emplace_back(name);
    }
    return names;
  }

  const Invariant& invariant(std::string_view name) const {
    for (const auto& invariant : invariants->invariants()) {
      if (invariant->name() == name) return *invariant;
    }
    ADD_FAILURE() << "no invariant is called " << name;
    std::abort();
  }

  /// What was wrong with that invariant.
  std::vector<std::string> complaints(std::string_view name) const {
    std::vector<std::string> texts;
    for (const Violation& violation : invariant(name).violations()) texts.push_back(violation.what);
    return texts;
  }

  /// The events that show its first violation, in words.
  std::vector<std::string> evidence(std::string_view name) const {
    std::vector<std::string> texts;
    const auto& violations = invariant(name).violations();
    if (violations.empty()) return texts;
    for (const Event& event : violations.front().evidence) {
      texts.push_back(world.history().describe(event));
    }
    return texts;
  }

  static ExecutionRef ref(std::uint64_t ordinal) { return {.node = 0, .ordinal = ordinal}; }

  World world;
  std::unique_ptr<InvariantSet> invariants;

 private:
  void tell(EventKind kind, std::uint64_t ordinal, bool flag = false, int number = 1) {
    world.record({.kind = kind,
                  .flag = flag,
                  .execution = ref(ordinal),
                  .number = number,
                  .attempt = core::AttemptId{100 * ordinal + static_cast<std::uint64_t>(number)}});
  }
};

}  // namespace quintain::sim::testing
