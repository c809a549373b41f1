// Invariants on slots and attempts: limits are kept, slots are released, and no slot is idle while
// work waits.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

class SlotsWithinLimit final : public Invariant {
 public:
  explicit SlotsWithinLimit(World& world)
      : Invariant(world, "slots-within-limit",
                  "a node never runs more attempts at once than it has slots",
                  {EventKind::kEnvironmentOccupied, EventKind::kEnvironmentFreed,
                   EventKind::kNodeCrashed}),
        on_machine_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    int& running = on_machine_[event.execution.node];
    if (event.kind == EventKind::kNodeCrashed) {
      running = 0;
      return;
    }
    if (event.kind == EventKind::kEnvironmentFreed) {
      --running;
      return;
    }
    const int slots = world().node(event.execution.node).config().slots;
    if (++running > slots) {
      violation(event.execution, fmt::format("{} attempts run on {} slots", running, slots));
    }
  }

 private:
  std::vector<int> on_machine_;
};

// Checked at the end of every instant, when the node has handled all its events. Nodes with
// instance limits are not checked, because their tasks may have to wait while a slot is free.
class NoIdleSlotWhileWorkWaits final : public Invariant {
 public:
  explicit NoIdleSlotWhileWorkWaits(World& world)
      : Invariant(world, "no-idle-slot-while-work-waits",
                  "nobody waits for a slot while one is free, and an execution that ends gives its "
                  "slot back at that instant",
                  {EventKind::kAccepted, EventKind::kAttemptDispatched, EventKind::kSlotReleased,
                   EventKind::kTransition, EventKind::kNodeCrashed, EventKind::kRestored}),
        nodes_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    Node& node = nodes_[event.execution.node];
    if (event.kind == EventKind::kNodeCrashed) node = {};
    if (event.execution.ordinal == 0) return;
    if (event.kind == EventKind::kRestored) {
      node.waiting += event.restored->live != nullptr ? 1 : 0;
    } else if (event.kind == EventKind::kAccepted) {
      ++node.waiting;
      node.last = event.execution;
    } else if (facts == nullptr) {
      return;
    } else if (event.kind == EventKind::kAttemptDispatched && !facts->holds_slot) {
      ++node.held;
      if (!facts->ended()) --node.waiting;
    } else if (event.kind == EventKind::kSlotReleased && facts->holds_slot) {
      --node.held;
      if (facts->ended()) --node.overdue;
      node.last = event.execution;
    } else if (is_end(event) && !facts->ended()) {
      facts->holds_slot ? ++node.overdue : --node.waiting;
      node.last = event.execution;
    }
  }

  bool watches_instants() const override { return true; }
  void on_instant_over(core::Instant) override {
    for (std::size_t index = 0; index < nodes_.size(); ++index) check(index);
  }

 private:
  struct Node {
    int held = 0;
    std::int64_t waiting = 0;
    std::int64_t overdue = 0;  // ended, but still hold a slot
    ExecutionRef last;
  };

  void check(std::size_t index) {
    if (!world().node(index).is_up()) return;
    Node& node = nodes_[index];
    if (node.overdue > 0) {
      violation(node.last, fmt::format("{} ended executions hold a slot", node.overdue));
    }
    const int slots = world().node(index).config().slots;
    if (node.waiting > 0 && node.held < slots && !has_instance_limit(index)) {
      violation(node.last, fmt::format("{} wait while {} of {} slots are held", node.waiting,
                                       node.held, slots));
    }
  }

  bool has_instance_limit(std::size_t index) {
    core::Node& node = world().node(index).node();
    const core::NodeConfig& config = node.config();
    if (std::min(config.instances.per_node, config.instances.per_task) < config.slots) return true;
    for (const auto& [id, task] : node.manager().tasks().all()) {
      if (task->spec().instance_limit > 0) return true;
    }
    return false;
  }

  std::vector<Node> nodes_;
};

class AttemptsWithinRetries final : public Invariant {
 public:
  explicit AttemptsWithinRetries(World& world)
      : Invariant(world, "attempts-within-retries",
                  "there are at most 1 + max_retries attempts, numbered from 1, none after the end",
                  {EventKind::kAttemptDispatched}) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (facts == nullptr) return;
    if (event.number != facts->attempts + 1) {
      violation(event.execution,
                fmt::format("attempt {} follows attempt {}", event.number, facts->attempts));
    } else if (event.number - 1 > facts->max_retries) {
      violation(event.execution, fmt::format("attempt {} with {} retries allowed", event.number,
                                             facts->max_retries));
    } else if (facts->ended()) {
      violation(event.execution, "an attempt begins after the end");
    }
  }
};

}  // namespace

void add_slot_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<SlotsWithinLimit>(world));
  invariants.push_back(std::make_unique<NoIdleSlotWhileWorkWaits>(world));
  invariants.push_back(std::make_unique<AttemptsWithinRetries>(world));
}

}  // namespace quintain::sim
