// Invariants on instances, according to the runtime: one execution at a time, within the limits,
// none used after its end, none left over.
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

class InstancesWithinLimits final : public Invariant {
 public:
  explicit InstancesWithinLimits(World& world)
      : Invariant(
            world, "instances-within-limits",
            "an instance has one execution at a time and is not used after its end; there are "
            "no more of a task and of a node than their limits, and none is idle for longer "
            "than the idle expiry",
            {EventKind::kEnvironmentOccupied, EventKind::kEnvironmentFreed,
             EventKind::kSlotReleased, EventKind::kInstanceRetired, EventKind::kNodeCrashed,
             EventKind::kCallSent}),
        nodes_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    Node& node = nodes_[event.execution.node];
    switch (event.kind) {
      case EventKind::kEnvironmentOccupied:
        return occupied(event, node);
      case EventKind::kEnvironmentFreed:
        return freed(event, node);
      case EventKind::kSlotReleased:
        return released(event, node);
      case EventKind::kInstanceRetired:
        return retired(event, node);
      case EventKind::kNodeCrashed:
        node = {};
        return;
      default:
        // The instances of a deleted task remain until their executions end, beside those of a new
        // task with its id.
        node.deletes_tasks |= message_as<spearlet::DeleteTaskRequest>(event) != nullptr;
    }
  }

  void on_end(const Ledger&, const RunEnd& end) override {
    if (!end.settled) return;
    for (std::uint32_t index = 0; index < nodes_.size(); ++index) {
      const core::Duration expiry = world().node(index).config().instances.idle_expiry;
      for (const auto& [id, instance] : nodes_[index].alive) {
        if (instance.ordinal != 0 || instance.idle_since + expiry >= world().now()) continue;
        violation({.node = index}, fmt::format("instance '{}' is kept beyond its idle expiry", id));
      }
    }
  }

 private:
  struct Instance {
    std::string task;
    std::uint64_t ordinal = 0;  // of the execution that has it; 0: it is idle
    bool runs = false;
    core::Instant idle_since{};
  };
  using Instances = std::map<std::string, Instance, std::less<>>;  // by id
  struct Node {
    Instances alive;
    absl::flat_hash_map<std::uint64_t, Instances::iterator> held;  // by the execution that has it
    std::set<std::uint64_t> gone;                                  // the latest numbers
    bool deletes_tasks = false;
  };
  static constexpr std::size_t kMaxGone = 4096;

  // The number in "task-i17", which is unique on its node.
  static std::uint64_t number_of(std::string_view id) {
    std::uint64_t number = 0;
    const std::size_t dash = id.rfind("-i");
    if (dash != id.npos) std::from_chars(id.data() + dash + 2, id.data() + id.size(), number);
    return number;
  }

  void occupied(const Event& event, Node& node) {
    const RuntimeReport& report = *event.report;
    auto position = node.alive.find(report.instance);
    const bool is_new = position == node.alive.end();
    if (is_new) {
      position =
          node.alive.emplace(report.instance, Instance{.task = std::string(report.task)}).first;
    }
    Instance& instance = position->second;
    if (is_new && node.gone.contains(number_of(report.instance))) {
      violation(event.execution, fmt::format("an attempt starts in instance '{}', which has ended",
                                             report.instance));
    }
    if (instance.ordinal != 0 && instance.ordinal != event.execution.ordinal) {
      violation(event.execution,
                fmt::format("instance '{}' has another execution, {}", report.instance,
                            name_of({event.execution.node, instance.ordinal})));
    }
    instance.ordinal = event.execution.ordinal;
    instance.runs = true;
    node.held[event.execution.ordinal] = position;
    if (is_new) check_limits(event, node, instance);
  }

  void check_limits(const Event& event, const Node& node, const Instance& added) {
    core::Node& judged = world().node(event.execution.node).node();
    const core::InstanceConfig& limits = judged.config().instances;
    if (std::ssize(node.alive) > limits.per_node) {
      violation(event.execution, fmt::format("the node has {} instances, it may have {}",
                                             node.alive.size(), limits.per_node));
    }
    const core::Task* task = judged.manager().tasks().find(added.task);
    if (task == nullptr || node.deletes_tasks) return;
    const int own = task->spec().instance_limit;
    const int limit = own > 0 ? std::min(own, limits.per_task) : limits.per_task;
    const auto count = std::ranges::count_if(
        node.alive, [&](const auto& entry) { return entry.second.task == added.task; });
    if (count > limit) {
      violation(event.execution, fmt::format("task '{}' has {} instances, it may have {}",
                                             added.task, count, limit));
    }
  }

  void freed(const Event& event, Node& node) {
    const auto held = node.held.find(event.execution.ordinal);
    if (held == node.held.end()) return;
    held->second->second.runs = false;
    if (event.report->killed) end(node, held->second);
  }

  static void released(const Event& event, Node& node) {
    const auto held = node.held.find(event.execution.ordinal);
    if (held == node.held.end()) return;
    Instance& instance = held->second->second;
    instance.ordinal = 0;
    instance.idle_since = event.at;
    node.held.erase(held);
  }

  void retired(const Event& event, Node& node) {
    const auto position = node.alive.find(event.report->instance);
    if (position == node.alive.end()) return;
    if (position->second.runs) {
      violation({event.execution.node, position->second.ordinal},
                fmt::format("instance '{}' is retired while its attempt runs", position->first));
    }
    end(node, position);
  }

  static void end(Node& node, Instances::iterator instance) {
    node.gone.insert(number_of(instance->first));
    if (node.gone.size() > kMaxGone) node.gone.erase(node.gone.begin());
    const auto held = node.held.find(instance->second.ordinal);
    if (held != node.held.end() && held->second == instance) node.held.erase(held);
    node.alive.erase(instance);
  }

  std::string name_of(ExecutionRef execution) { return world().history().name_of(execution); }

  std::vector<Node> nodes_;
};

}  // namespace

void add_instance_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<InstancesWithinLimits>(world));
}

}  // namespace quintain::sim
