// Invariants on slots and attempts: limits are kept, slots are released, and no slot is idle while
// work waits.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
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

// Start-time fair queueing: a task that has nothing waiting continues where its work that has got a
// slot ends in virtual service time, or at the virtual time. Work that was cancelled in the queue
// must not count. Not checked any more after a crash, or after a timeout in the queue, which may
// advance the virtual time without a dispatch.
class FairShareChargesWhatRan final : public Invariant {
 public:
  explicit FairShareChargesWhatRan(World& world)
      : Invariant(world, "fair-share-charges-what-ran",
                  "with fair-share, a task that waits for nothing is charged for those executions "
                  "that have got a slot, and for no others",
                  kinds_in(world)),
        nodes_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    const std::uint32_t index = event.execution.node;
    if (world().node(index).config().scheduling.strategy != kStrategy) return;
    Node& node = nodes_[index];
    if (event.kind == EventKind::kNodeCrashed) node.is_known = false;
    if (!node.is_known) return;
    if (event.kind == EventKind::kAccepted) {
      accepted(event, node);
    } else if (event.kind == EventKind::kAttemptDispatched) {
      if (event.number == 1) dispatched(event, node);
    } else if (is_end(event) && facts != nullptr && facts->dispatched_at.is_never()) {
      if (event.to == spearlet::EXECUTION_STATUS_TIMEOUT) node.is_known = false;
      forget(event.execution.ordinal, node);
    }
  }

 private:
  static constexpr std::string_view kStrategy = "fair-share";

  struct Share {
    std::int64_t finish = 0;
    int waiting = 0;
  };
  struct Waiting {
    std::uint64_t task;
    std::optional<std::int64_t> rank;  // as expected; nullopt: others waited before it
  };
  struct Node {
    bool is_known = true;
    std::int64_t virtual_time = 0;
    std::map<std::uint64_t, Share> shares;     // by task number
    std::map<std::uint64_t, Waiting> waiting;  // by ordinal
  };

  static std::vector<EventKind> kinds_in(World& world) {
    for (std::size_t node = 0; node < world.nodes(); ++node) {
      if (world.node(node).config().scheduling.strategy != kStrategy) continue;
      return {EventKind::kAccepted, EventKind::kAttemptDispatched, EventKind::kTransition,
              EventKind::kNodeCrashed};
    }
    return {};
  }

  const core::AsyncExecution* record_of(const Event& event) {
    return world().node(event.execution.node).record(event.execution.ordinal);
  }

  void accepted(const Event& event, Node& node) {
    const core::AsyncExecution* record = record_of(event);
    if (record == nullptr) return;
    const std::uint64_t task = record->task->number();
    Share& share = node.shares[task];
    Waiting& waiting = node.waiting[event.execution.ordinal];
    waiting.task = task;
    if (share.waiting++ == 0) waiting.rank = std::max(node.virtual_time, share.finish);
  }

  void dispatched(const Event& event, Node& node) {
    const core::AsyncExecution* record = record_of(event);
    const auto position = node.waiting.find(event.execution.ordinal);
    if (record == nullptr || record->live == nullptr || position == node.waiting.end()) return;
    const std::int64_t rank = record->live->rank;
    const auto expected = position->second.rank;
    if (expected && rank != *expected) {
      violation(event.execution,
                fmt::format("its start tag is {}, its task's work ends at {}", rank, *expected));
    }
    Share& share = node.shares[position->second.task];
    share.finish = std::max(share.finish, rank + record->live->charge);
    node.virtual_time = std::max(node.virtual_time, rank);
    forget(event.execution.ordinal, node);
  }

  static void forget(std::uint64_t ordinal, Node& node) {
    const auto position = node.waiting.find(ordinal);
    if (position == node.waiting.end()) return;
    --node.shares[position->second.task].waiting;
    node.waiting.erase(position);
  }

  std::vector<Node> nodes_;
};

}  // namespace

void add_slot_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<SlotsWithinLimit>(world));
  invariants.push_back(std::make_unique<NoIdleSlotWhileWorkWaits>(world));
  invariants.push_back(std::make_unique<AttemptsWithinRetries>(world));
  invariants.push_back(std::make_unique<FairShareChargesWhatRan>(world));
}

}  // namespace quintain::sim
