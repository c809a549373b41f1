// Support for tests of invariants: a world whose history is written by the test.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/statuses.h"
#include "sim/invariants/invariant.h"
#include "sim/world.h"

namespace quintain::sim::testing {

using namespace std::chrono_literals;

using namespace core::statuses;

/// The parameters of a new execution.
struct Acceptance {
  int retries = 0;
  core::Duration deadline = 10s;
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_ASYNC;
};

/// A world of one node with two slots and all invariants. The test records events about the node,
/// of which the node itself knows nothing. The id of an attempt is 100 times the ordinal of its
/// execution plus the number of the attempt.
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

  /// Advances the virtual time to this time since the start.
  void at(core::Duration since_start) {
    // The clock only advances to pending events.
    world.kernel().schedule(
        core::Instant(since_start), core::Precedence::kOther, [](void*) {}, nullptr);
    world.kernel().run_until(core::Instant(since_start));
  }

  void accepted(std::uint64_t ordinal, const Acceptance& acceptance = {}) {
    world.record({.kind = EventKind::kAccepted,
                  .to = kPending,
                  .execution = ref(ordinal),
                  .number = acceptance.retries,
                  .deadline = world.now() + acceptance.deadline,
                  .mode = acceptance.mode});
  }
  void transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                  spearlet::ExecutionStatus to) {
    world.record(
        {.kind = EventKind::kTransition, .from = from, .to = to, .execution = ref(ordinal)});
  }
  void dispatched(std::uint64_t ordinal, int number = 1) {
    record(EventKind::kAttemptDispatched, ordinal, /*flag=*/true, number);
  }
  /// In the instance "task-iORDINAL" of the task "task", or in another one.
  void occupied(std::uint64_t ordinal, const std::string& instance = "") {
    const std::string own = "task-i" + std::to_string(ordinal);
    const RuntimeReport report{.instance = instance.empty() ? own : instance, .task = "task"};
    record(EventKind::kEnvironmentOccupied, ordinal, false, 1, &report);
  }
  void freed(std::uint64_t ordinal, bool killed = false) {
    const RuntimeReport report{.killed = killed};
    record(EventKind::kEnvironmentFreed, ordinal, false, 1, &report);
  }
  void retired(const std::string& instance) {
    const RuntimeReport report{.instance = instance};
    record(EventKind::kInstanceRetired, 0, false, 1, &report);
  }
  void released(std::uint64_t ordinal) { record(EventKind::kSlotReleased, ordinal); }
  /// A cancel, and the stop request that follows it.
  void cancel(std::uint64_t ordinal, bool force = false) {
    const ExecutionFacts* facts = invariants->ledger().find(ref(ordinal));
    const bool stops = !force && facts != nullptr && facts->status == kRunning &&
                       facts->cancel_requested_at.is_never();
    record(EventKind::kCancelRequested, ordinal, force);
    if (stops) stop_requested(ordinal);
  }
  void stop_requested(std::uint64_t ordinal) { record(EventKind::kStopRequested, ordinal); }
  void dropped(std::uint64_t ordinal) { record(EventKind::kRecordDropped, ordinal); }

  /// An execution is accepted and runs at this instant.
  void running(std::uint64_t ordinal, const Acceptance& acceptance = {}) {
    accepted(ordinal, acceptance);
    starts(ordinal);
  }
  /// A waiting execution gets a slot and runs.
  void starts(std::uint64_t ordinal) {
    dispatched(ordinal);
    occupied(ordinal);
    transition(ordinal, kPending, kRunning);
  }
  /// A running execution ends, with the events that a node reports.
  void ends(std::uint64_t ordinal, spearlet::ExecutionStatus status = kCompleted) {
    freed(ordinal);
    transition(ordinal, kRunning, status);
    released(ordinal);
  }

  void finish(bool settled = true) { invariants->finish({.settled = settled}); }

  /// The names of the invariants that were violated. Excludes those that compare the answers of the
  /// node with the history, because the node does not know the events of the test.
  std::vector<std::string> violated() const {
    std::vector<std::string> names;
    for (const auto& invariant : invariants->invariants()) {
      const std::string_view name = invariant->name();
      if (name == "records-equal-history" || name == "stats-equal-tally" ||
          name == "results-as-returned") {
        continue;
      }
      if (invariant->violation_count() > 0) names.emplace_back(name);
    }
    return names;
  }

  const Invariant& invariant(std::string_view name) const {
    for (const auto& invariant : invariants->invariants()) {
      if (invariant->name() == name) return *invariant;
    }
    ADD_FAILURE() << "there is no invariant " << name;
    std::abort();
  }

  /// The violations of an invariant, as texts.
  std::vector<std::string> violations_of(std::string_view name) const {
    std::vector<std::string> texts;
    for (const InvariantViolation& violation : invariant(name).violations())
      texts.push_back(violation.what);
    return texts;
  }

  /// The evidence of its first violation, as texts.
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
  void record(EventKind kind, std::uint64_t ordinal, bool flag = false, int number = 1,
              const RuntimeReport* report = nullptr) {
    world.record({.kind = kind,
                  .flag = flag,
                  .execution = ref(ordinal),
                  .number = number,
                  .attempt = core::AttemptId{100 * ordinal + static_cast<std::uint64_t>(number)},
                  .report = report});
  }
};

}  // namespace quintain::sim::testing
