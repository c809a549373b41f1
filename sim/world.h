// A simulated world: virtual time, nodes, and a history of what happens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/durability/durable_node.h"
#include "core/journal.h"
#include "core/node.h"
#include "sim/function_model.h"
#include "sim/history.h"
#include "sim/kernel.h"
#include "sim/network.h"
#include "sim/random/randomness.h"
#include "sim/simulated_runtime.h"

namespace quintain::sim {

class World;

/// The parts of a node of a world. Plain data.
struct NodeSpec {
  core::NodeConfig config;
  std::vector<FunctionModel> functions;
  std::vector<Slowdown> slowdowns;
  /// Makes the estimator of the node. By default this is the estimator that the configuration
  /// names.
  core::eta::EstimatorFactory estimator = core::eta::make_estimator;
  /// Makes the journal from which the node takes over what it had promised before a crash: at the
  /// start, and again after each crash. Empty: the node has none.
  std::function<std::unique_ptr<core::Journal>(core::Environment&)> journal{};
  /// Called in a crash, before the journal is destroyed: its machine loses its power.
  std::function<void()> lose_power = [] {};
  core::RestartPolicy restart = core::RestartPolicy::kFail;
  /// The runner of scenarios gives the node a store on a simulated disk, on which a commit takes
  /// this long on average; nullopt: none.
  std::optional<core::Duration> store_commit{};
  /// The network between callers and the node; nullopt: calls reach it at once.
  std::optional<NetworkSpec> network{};
};

/// The tasks that offer these functions, each once.
std::vector<core::TaskSpec> tasks_of(const std::vector<FunctionModel>& models);

/// A real core::Node in a simulated environment, with a simulated runtime. Serial context only.
class SimulatedNode {
 public:
  /// `index`: the position of the node in the world. Registers each task that a model names.
  SimulatedNode(World& world, std::uint32_t index, const NodeSpec& spec);
  ~SimulatedNode();

  SimulatedNode(const SimulatedNode&) = delete;
  SimulatedNode& operator=(const SimulatedNode&) = delete;

  std::uint32_t index() const { return index_; }
  NodeEnvironment& environment() { return environment_; }
  /// Whether it runs: false between a crash and the next start.
  bool is_up() const { return node_ != nullptr; }
  bool has_journal() const { return spec_ != nullptr; }
  /// How long a commit of its store takes on average; 0 without a store.
  core::Duration mean_commit() const {
    return spec_ == nullptr ? core::Duration(0) : spec_->store_commit.value_or(core::Duration(0));
  }
  const core::NodeConfig& config() const { return config_; }

  /// Its process ends at once, and what is not on stable storage is lost. Callers get UNAVAILABLE,
  /// as does every call until the node is started. Nothing happens if it is down. Requires: it has
  /// a journal.
  void crash();
  /// Starts it with what its journal has kept. Nothing happens if it is up.
  void start_again();

  /// Requires, like node() and service() of the core: is_up().
  SimulatedRuntime& runtime() { return *runtime_; }
  const SimulatedRuntime& runtime() const { return *runtime_; }
  core::Node& node() { return *node_; }
  const core::Node& node() const { return *node_; }
  /// The record of an execution; nullptr if it has been dropped.
  const core::AsyncExecution* record(std::uint64_t ordinal) {
    return node_->manager().tracker().find_ordinal(ordinal);
  }
  /// What callers call: the node, perhaps over a network.
  core::FunctionService& service() {
    return network_ ? static_cast<core::FunctionService&>(*network_) : *service_;
  }
  bool has_network() const { return network_ != nullptr; }

  /// Whether the journal could be read; OK without one.
  const absl::Status& restored() const { return restored_; }

  /// Destroys the core node; node() and service() may not be called afterwards.
  void shut_down() {
    durable_.reset();
    plain_.reset();
    network_.reset();
    node_ = nullptr;
  }

  /// Executions that have not ended.
  std::int64_t active() const;

  /// The execution that this node accepted last.
  ExecutionRef last_accepted() const;

 private:
  class Recorder;
  class DownService;

  void start(const NodeSpec& spec);

  World& world_;
  std::uint32_t index_;
  core::NodeConfig config_;
  std::unique_ptr<NodeSpec> spec_;  // of a node with a journal, for its next start
  NodeEnvironment environment_;
  std::unique_ptr<SimulatedRuntime> runtime_;
  std::unique_ptr<DownService> down_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<core::Journal> journal_;
  std::unique_ptr<core::DurableNode> durable_;
  std::unique_ptr<core::Node> plain_;
  core::Node* node_ = nullptr;  // one of them
  core::FunctionService* service_ = nullptr;
  absl::Status restored_;
  std::unique_ptr<SimulatedNetwork> network_;
};

/// Virtual time and everything that happens in it. A world is used by one thread. Worlds share no
/// state, so many can run in parallel.
class World {
 public:
  /// Whether events are recorded. Without a history a world runs faster but can't be judged.
  enum class Recording : std::uint8_t { kOn, kOff };

  explicit World(std::uint64_t seed, Recording recording = Recording::kOn);
  ~World();

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  SimulatedNode& add_node(const NodeSpec& spec);

  /// Shuts the nodes down; calls that are still open are refused. Requires: the callers of open
  /// calls exist. The kernel may not run afterwards.
  void close();

  Kernel& kernel() { return kernel_; }
  const Kernel& kernel() const { return kernel_; }
  core::Instant now() const { return kernel_.now(); }
  History& history() { return history_; }
  const History& history() const { return history_; }
  std::uint64_t seed() const { return seed_; }

  /// Random numbers for draws that belong to no node, such as arrivals.
  Randomness& randomness() { return randomness_; }

  SimulatedNode& node(std::size_t index) { return *nodes_[index]; }
  const SimulatedNode& node(std::size_t index) const { return *nodes_[index]; }
  std::size_t nodes() const { return nodes_.size(); }

  /// Records an event at the current instant.
  void record(Event&& event);
  bool recording() const { return recording_ == Recording::kOn; }

  /// Records that a client calls node number `node`. Returns the number of the call, from 1.
  /// `deadline`: when the caller leaves. `mode`: STREAM for a call of StreamFunction.
  std::uint64_t open_call(std::uint32_t node, const google::protobuf::Message& request,
                          core::Instant deadline = core::Instant::never(),
                          spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_UNSPECIFIED);
  /// Records that a message of a stream has reached its caller.
  void call_received(std::uint32_t node, std::uint64_t call,
                     const google::protobuf::Message& message);
  /// The call whose request a node is handling; the call that was opened last, unless there is a
  /// network, which sets it. An acceptance belongs to this call.
  std::uint64_t current_call() const { return current_call_; }
  void set_current_call(std::uint64_t call) { current_call_ = call; }

  /// Records the answer to a call; nullptr: the call was refused with `code`.
  void call_answered(std::uint32_t node, std::uint64_t call,
                     const google::protobuf::Message* answer,
                     absl::StatusCode code = absl::StatusCode::kUnknown);
  /// Records that the caller went away. The call stays open until the node has answered it.
  void call_abandoned(std::uint32_t node, std::uint64_t call);
  std::int64_t open_calls() const { return open_calls_; }

  /// Executions of all nodes that have not ended.
  std::int64_t active_executions() const;

  /// Identifies the history, the order of the kernel's events, and all random numbers drawn.
  std::uint64_t digest() const;

 private:
  std::uint64_t draws_digest() const;

  std::uint64_t seed_;
  Recording recording_;
  Kernel kernel_;
  Randomness randomness_;
  History history_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::uint64_t calls_ = 0;
  std::uint64_t current_call_ = 0;
  std::int64_t open_calls_ = 0;
};

}  // namespace quintain::sim
