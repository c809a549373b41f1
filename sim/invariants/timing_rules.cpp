// Invariants on when executions end. Virtual time is exact, so there is no tolerance.
#include <fmt/format.h>

#include <chrono>
#include <set>
#include <utility>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

double milliseconds(core::Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

class NothingRunsAfterTheEnd final : public Invariant {
 public:
  explicit NothingRunsAfterTheEnd(World& world)
      : Invariant(
            world, "nothing-runs-after-the-end",
            "once an execution has ended, by whatever outcome, the machine does nothing for it",
            {EventKind::kEnvironmentOccupied, EventKind::kEnvironmentFreed, EventKind::kTransition,
             EventKind::kNodeCrashed}) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.kind == EventKind::kNodeCrashed) {
      std::erase_if(still_running_, [&](const ExecutionRef& execution) {
        return execution.node == event.execution.node;
      });
    }
    if (facts == nullptr) return;
    if (event.kind == EventKind::kEnvironmentOccupied && facts->ended()) {
      violation(event.execution, "the runtime begins an attempt after the end");
    } else if (event.kind == EventKind::kEnvironmentFreed) {
      still_running_.erase(event.execution);
    } else if (is_end(event) && facts->on_machine > 0) {
      still_running_.insert(event.execution);
    }
  }
  bool watches_instants() const override { return true; }
  void on_instant_over(core::Instant) override {
    for (const ExecutionRef& execution : still_running_) {
      violation(execution, "it has ended, and the runtime is still at work for it");
    }
    still_running_.clear();
  }

 private:
  std::set<ExecutionRef> still_running_;
};

class TimeoutsExact final : public Invariant {
 public:
  explicit TimeoutsExact(World& world)
      : Invariant(world, "timeouts-exact",
                  "TIMEOUT comes at exactly the deadline, and nothing else after it",
                  {EventKind::kTransition}) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (facts == nullptr) return;
    // A deadline that passes while the node is down is met at its start.
    const core::Duration late = event.at - std::max(facts->deadline, facts->alive_since);
    const bool timeout = event.to == spearlet::EXECUTION_STATUS_TIMEOUT;
    if (timeout && late != core::Duration::zero()) {
      violation(event.execution, fmt::format("TIMEOUT {} ms off the deadline", milliseconds(late)));
    } else if (!timeout && late > core::Duration::zero()) {
      violation(event.execution, fmt::format("{} {} ms after the deadline", short_name(event.to),
                                             milliseconds(late)));
    }
  }
};

class CancelWithinGrace final : public Invariant {
 public:
  explicit CancelWithinGrace(World& world)
      : Invariant(
            world, "cancel-within-grace",
            "a cancelled execution ends within the grace, at once if it has not begun or by force",
            {EventKind::kCancelRequested, EventKind::kTransition, EventKind::kNodeCrashed}) {}

  // An end that comes too late is an event of its own; everything else is noticed at the end of an
  // instant.
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (!due_.empty()) overdue_before(event.at);
    if (event.kind == EventKind::kNodeCrashed) {
      std::erase_if(due_, [&](const auto& due) { return due.second.node == event.execution.node; });
    }
    if (facts == nullptr) return;
    if (event.kind == EventKind::kCancelRequested && !facts->ended()) {
      const bool forced = event.flag;
      const bool at_once = forced || facts->status != spearlet::EXECUTION_STATUS_RUNNING;
      const core::Duration grace = world().node(event.execution.node).config().cancel_grace;
      due_.insert({at_once ? event.at : event.at + grace, event.execution});
    } else if (is_end(event) && event.to == spearlet::EXECUTION_STATUS_CANCELLED &&
               facts->cancel_requested_at.is_never() && !facts->was_restored) {
      violation(event.execution, "CANCELLED without a request");
    }
    if (is_end(event)) {
      std::erase_if(due_, [&](const auto& due) { return due.second == event.execution; });
    }
  }
  bool watches_instants() const override { return true; }
  void on_instant_over(core::Instant now) override { overdue_before(now + core::Duration(1)); }
  void on_end(const Ledger&, const RunEnd&) override { overdue_before(world().now()); }

 private:
  void overdue_before(core::Instant instant) {
    while (!due_.empty() && due_.begin()->first < instant) {
      violation(due_.begin()->second, "it has not ended within the grace of its cancel");
      due_.erase(due_.begin());
    }
  }

  std::set<std::pair<core::Instant, ExecutionRef>> due_;
};

}  // namespace

void add_timing_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<NothingRunsAfterTheEnd>(world));
  invariants.push_back(std::make_unique<TimeoutsExact>(world));
  invariants.push_back(std::make_unique<CancelWithinGrace>(world));
}

}  // namespace quintain::sim
