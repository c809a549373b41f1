// Rules on slots: never too many, never lost, never idle in vain.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

bool ends(const Event& event) {
  return event.kind == EventKind::kTransition && event.to != spearlet::EXECUTION_STATUS_RUNNING;
}

class SlotsWithinLimit final : public Invariant {
 public:
  explicit SlotsWithinLimit(World& world) : Invariant(world), on_machine_(world.nodes()) {}

  std::string_view name() const override { return "slots-within-limit"; }
  std::string_view rule() const override {
    return "a node never runs more attempts at once than it has slots";
  }
  bool concerns(EventKind kind) const override {
    return kind == EventKind::kEnvironmentOccupied || kind == EventKind::kEnvironmentFreed;
  }
  void on_event(const Event& event, const ExecutionFacts*) override {
    int& running = on_machine_[event.execution.node];
    if (event.kind == EventKind::kEnvironmentFreed) --running;
    if (event.kind != EventKind::kEnvironmentOccupied) return;
    const int slots = world().node(event.execution.node).node().config().slots;
    if (++running > slots) {
      violation(event.execution, fmt::format("{} attempts run on {} slots", running, slots));
    }
  }

 private:
  std::vector<int> on_machine_;
};

// Judged at the end of every instant, when the node has had its say. Tasks with an instance limit
// may have to wait beside a free slot, so nodes with such limits are left out.
class NoIdleSlotWhileWorkWaits final : public Invariant {
 public:
  explicit NoIdleSlotWhileWorkWaits(World& world) : Invariant(world), nodes_(world.nodes()) {}

  std::string_view name() const override { return "no-idle-slot-while-work-waits"; }
  std::string_view rule() const override {
    return "nobody waits for a slot while one is free, and an execution that ends gives its slot "
           "back "
           "at that instant";
  }

  bool concerns(EventKind kind) const override {
    return kind == EventKind::kAccepted || kind == EventKind::kAttemptBegun ||
           kind == EventKind::kSlotReleased || kind == EventKind::kTransition;
  }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.execution.ordinal == 0) return;
    Node& node = nodes_[event.execution.node];
    if (event.kind == EventKind::kAccepted) {
      ++node.waiting;
      node.last = event.execution;
    } else if (facts == nullptr) {
      return;
    } else if (event.kind == EventKind::kAttemptBegun && !facts->holds_slot) {
      ++node.held;
      if (!facts->ended()) --node.waiting;
    } else if (event.kind == EventKind::kSlotReleased && facts->holds_slot) {
      --node.held;
      if (facts->ended()) --node.overdue;
      node.last = event.execution;
    } else if (ends(event) && !facts->ended()) {
      facts->holds_slot ? ++node.overdue : --node.waiting;
      node.last = event.execution;
    }
  }

  void on_instant_over(core::Instant) override {
    for (std::size_t index = 0; index < nodes_.size(); ++index) judge(index);
  }

 private:
  struct Node {
    int held = 0;
    std::int64_t waiting = 0;
    std::int64_t overdue = 0;  // ended, but still hold a slot
    ExecutionRef last;
  };

  void judge(std::size_t index) {
    Node& node = nodes_[index];
    if (node.overdue > 0) {
      violation(node.last, fmt::format("{} ended executions hold a slot", node.overdue));
    }
    const int slots = world().node(index).node().config().slots;
    if (node.waiting > 0 && node.held < slots && !limited(index)) {
      violation(node.last, fmt::format("{} wait while {} of {} slots are held", node.waiting,
                                       node.held, slots));
    }
  }

  bool limited(std::size_t index) {
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

}  // namespace

std::unique_ptr<Invariant> make_slots_within_limit(World& world) {
  return std::make_unique<SlotsWithinLimit>(world);
}
std::unique_ptr<Invariant> make_no_idle_slot_while_work_waits(World& world) {
  return std::make_unique<NoIdleSlotWhileWorkWaits>(world);
}

}  // namespace quintain::sim
