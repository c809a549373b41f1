// Rules on when executions end. Virtual time has no slack.
#include <fmt/format.h>

#include <chrono>
#include <set>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

double milliseconds(core::Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

bool ends(const Event& event) {
  return event.kind == EventKind::kTransition && event.to != spearlet::EXECUTION_STATUS_RUNNING;
}

class TimeoutsExact final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "timeouts-exact"; }
  std::string_view rule() const override {
    return "TIMEOUT comes at exactly the deadline, and nothing else after it";
  }
  bool concerns(EventKind kind) const override { return kind == EventKind::kTransition; }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.kind != EventKind::kTransition || facts == nullptr) return;
    const core::Duration late = event.at - facts->deadline;
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
  using Invariant::Invariant;
  std::string_view name() const override { return "cancel-within-grace"; }
  std::string_view rule() const override {
    return "a cancelled execution ends within the grace, at once if it has not begun or by force";
  }
  bool concerns(EventKind) const override { return true; }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    overdue_before(event.at);
    if (facts == nullptr) return;
    if (event.kind == EventKind::kCancelRequested && !facts->ended()) {
      const bool begun = facts->status == spearlet::EXECUTION_STATUS_RUNNING;
      const bool at_once = event.flag || !begun;
      const core::Duration grace = world().node(event.execution.node).node().config().cancel_grace;
      due_.insert({at_once ? event.at : event.at + grace, event.execution});
    } else if (ends(event) && event.to == spearlet::EXECUTION_STATUS_CANCELLED &&
               facts->cancel_requested_at.is_never()) {
      violation(event.execution, "CANCELLED though nobody asked for it");
    }
    if (ends(event) && !due_.empty()) {
      std::erase_if(due_, [&](const auto& due) { return due.second == event.execution; });
    }
  }
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

class NothingRunsAfterTheEnd final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "nothing-runs-after-the-end"; }
  std::string_view rule() const override {
    return "once an execution has ended, by whatever outcome, the machine does nothing for it";
  }
  bool concerns(EventKind kind) const override {
    return kind == EventKind::kEnvironmentOccupied || kind == EventKind::kEnvironmentFreed ||
           kind == EventKind::kTransition;
  }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (facts == nullptr) return;
    if (event.kind == EventKind::kEnvironmentOccupied && facts->ended()) {
      violation(event.execution, "the runtime begins an attempt after the end");
    } else if (event.kind == EventKind::kEnvironmentFreed) {
      still_running_.erase(event.execution);
    } else if (ends(event) && facts->on_machine > 0) {
      still_running_.insert(event.execution);
    }
  }
  void on_instant_over(core::Instant) override {
    for (const ExecutionRef& execution : still_running_) {
      violation(execution, "it has ended, and the runtime is still at work for it");
    }
    still_running_.clear();
  }

 private:
  std::set<ExecutionRef> still_running_;
};

}  // namespace

std::unique_ptr<Invariant> make_timeouts_exact(World& world) {
  return std::make_unique<TimeoutsExact>(world);
}
std::unique_ptr<Invariant> make_cancel_within_grace(World& world) {
  return std::make_unique<CancelWithinGrace>(world);
}
std::unique_ptr<Invariant> make_nothing_runs_after_the_end(World& world) {
  return std::make_unique<NothingRunsAfterTheEnd>(world);
}

}  // namespace quintain::sim
