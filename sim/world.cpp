// The world and its nodes: builds a real core node on a simulated runtime, and turns the reports of
// both into events of the history.
#include "sim/world.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::sim {

std::vector<core::TaskSpec> tasks_of(const std::vector<FunctionModel>& models) {
  std::vector<core::TaskSpec> tasks;
  for (const FunctionModel& model : models) {
    if (std::ranges::count(tasks, model.task, &core::TaskSpec::task_id) > 0) continue;
    core::TaskSpec& task = tasks.emplace_back();
    task.task_id = model.task;
    task.instance_limit = model.instance_limit;
  }
  return tasks;
}

// Records the reports of one node and of its runtime as events of the world.
class SimulatedNode::Recorder final : public core::Observer {
 public:
  Recorder(World& world, std::uint32_t node) : world_(world), node_(node) {}

  void on_accepted(const Accepted& event) override {
    if (muted_) return;
    world_.record({.kind = EventKind::kAccepted,
                   .to = spearlet::EXECUTION_STATUS_PENDING,
                   .execution = ref(event.ordinal),
                   .number = event.max_retries,
                   .call = world_.current_call(),
                   .deadline = event.deadline,
                   .eta_p50 = event.eta_p50,
                   .eta_p90 = event.eta_p90,
                   .mode = event.mode});
  }
  void on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                     spearlet::ExecutionStatus to) override {
    if (muted_) return;
    world_.record(
        {.kind = EventKind::kTransition, .from = from, .to = to, .execution = ref(ordinal)});
  }
  void on_attempt_started(const AttemptStarted& event) override {
    if (muted_) return;
    world_.record({.kind = EventKind::kAttemptDispatched,
                   .flag = event.cold_start,
                   .execution = ref(event.ordinal),
                   .number = event.number,
                   .attempt = event.attempt});
  }
  void on_attempt_running(std::uint64_t ordinal, core::AttemptId attempt) override {
    record(EventKind::kAttemptRunning, ordinal, attempt);
  }
  void on_attempt_stop_requested(std::uint64_t ordinal, core::AttemptId attempt) override {
    record(EventKind::kStopRequested, ordinal, attempt);
  }
  void on_attempt_ended(std::uint64_t ordinal, core::AttemptId attempt, bool killed) override {
    record(EventKind::kAttemptEnded, ordinal, attempt, killed);
  }
  void on_slot_released(std::uint64_t ordinal) override {
    record(EventKind::kSlotReleased, ordinal);
  }
  void on_cancel_requested(std::uint64_t ordinal, bool force) override {
    record(EventKind::kCancelRequested, ordinal, {}, force);
  }
  void on_report_ignored(core::AttemptId attempt) override {
    record(EventKind::kReportIgnored, /*ordinal=*/0, attempt);
  }
  void on_record_dropped(std::uint64_t ordinal) override {
    record(EventKind::kRecordDropped, ordinal);
  }

  void on_restored(const core::AsyncExecution& execution) override {
    if (muted_) return;
    world_.record({.kind = EventKind::kRestored,
                   .to = execution.status(),
                   .execution = ref(execution.ordinal),
                   .restored = &execution});
  }

  /// A muted recorder records nothing.
  void mute(bool muted) { muted_ = muted; }

  void on_machine_use(std::uint64_t ordinal, core::AttemptId attempt, bool occupied,
                      const RuntimeReport& report) {
    if (muted_) return;
    world_.record(
        {.kind = occupied ? EventKind::kEnvironmentOccupied : EventKind::kEnvironmentFreed,
         .execution = ref(ordinal),
         .attempt = attempt,
         .report = &report});
  }
  void on_instance_retired(const RuntimeReport& report) {
    if (muted_) return;
    world_.record({.kind = EventKind::kInstanceRetired, .execution = ref(0), .report = &report});
  }

  void on_runtime_fault(std::uint64_t ordinal, RuntimeFault fault) {
    if (muted_) return;
    world_.record({.kind = EventKind::kRuntimeFault,
                   .execution = ref(ordinal),
                   .number = static_cast<int>(fault)});
  }

 private:
  ExecutionRef ref(std::uint64_t ordinal) const { return {.node = node_, .ordinal = ordinal}; }

  void record(EventKind kind, std::uint64_t ordinal, core::AttemptId attempt = {},
              bool flag = false) {
    if (muted_) return;
    world_.record({.kind = kind, .flag = flag, .execution = ref(ordinal), .attempt = attempt});
  }

  World& world_;
  std::uint32_t node_;
  bool muted_ = false;
};

// Refuses every call.
class SimulatedNode::DownService final : public core::FunctionService {
 public:
  void InvokeFunction(spearlet::InvokeFunctionRequest&&, const core::CallContext&,
                      core::Answer<spearlet::InvokeFunctionResponse> answer) override {
    refuse(std::move(answer));
  }
  void StreamFunction(spearlet::InvokeFunctionRequest&&, const core::CallContext&,
                      core::StreamAnswer<spearlet::StreamExecutionResult> answer) override {
    std::move(answer).finish(down());
  }
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest&,
                          core::Answer<spearlet::GetExecutionStatusResponse> answer) override {
    refuse(std::move(answer));
  }
  void CancelExecution(const spearlet::CancelExecutionRequest&,
                       core::Answer<spearlet::CancelExecutionResponse> answer) override {
    refuse(std::move(answer));
  }
  void ListTasks(const spearlet::ListTasksRequest&,
                 core::Answer<spearlet::ListTasksResponse> answer) override {
    refuse(std::move(answer));
  }
  void GetTask(const spearlet::GetTaskRequest&,
               core::Answer<spearlet::GetTaskResponse> answer) override {
    refuse(std::move(answer));
  }
  void DeleteTask(const spearlet::DeleteTaskRequest&,
                  core::Answer<spearlet::DeleteTaskResponse> answer) override {
    refuse(std::move(answer));
  }
  void ListExecutions(const spearlet::ListExecutionsRequest&,
                      core::Answer<spearlet::ListExecutionsResponse> answer) override {
    refuse(std::move(answer));
  }
  void GetHealth(const spearlet::GetHealthRequest&,
                 core::Answer<spearlet::GetHealthResponse> answer) override {
    refuse(std::move(answer));
  }
  void GetStats(const spearlet::GetStatsRequest&,
                core::Answer<spearlet::GetStatsResponse> answer) override {
    refuse(std::move(answer));
  }

 private:
  static absl::Status down() { return absl::UnavailableError("the node is down"); }
  template <class Response>
  static void refuse(core::Answer<Response>&& answer) {
    std::move(answer).refuse(down());
  }
};

SimulatedNode::SimulatedNode(World& world, std::uint32_t index, const NodeSpec& spec)
    : world_(world),
      index_(index),
      config_(spec.config),
      environment_(world.kernel(), world.seed(), index) {
  if (world.recording()) recorder_ = std::make_unique<Recorder>(world, index);
  if (spec.journal) spec_ = std::make_unique<NodeSpec>(spec);
  start(spec);
  if (spec.network) {
    network_ = std::make_unique<SimulatedNetwork>(
        world, index, environment_, *spec.network,
        [this]() -> core::FunctionService& { return *service_; });
  }
}

void SimulatedNode::start(const NodeSpec& spec) {
  runtime_ = std::make_unique<SimulatedRuntime>(environment_, environment_.randomness(),
                                                spec.config.slots, spec.functions, spec.slowdowns);
  if (recorder_) {
    runtime_->set_use_listener([this](std::uint64_t ordinal, core::AttemptId attempt, bool occupied,
                                      const RuntimeReport& report) {
      recorder_->on_machine_use(ordinal, attempt, occupied, report);
    });
    runtime_->set_retire_listener(
        [this](const RuntimeReport& report) { recorder_->on_instance_retired(report); });
    runtime_->set_fault_listener([this](std::uint64_t ordinal, RuntimeFault fault) {
      recorder_->on_runtime_fault(ordinal, fault);
    });
  }
  if (spec.journal) {
    journal_ = spec.journal(environment_);
    durable_ = std::make_unique<core::DurableNode>(environment_, *runtime_, spec.config, *journal_,
                                                   core::DurabilityConfig{.restart = spec.restart},
                                                   recorder_.get(), spec.estimator);
    node_ = &durable_->node();
    service_ = &durable_->service();
  } else {
    plain_ = std::make_unique<core::Node>(environment_, *runtime_, spec.config, recorder_.get(),
                                          spec.estimator);
    node_ = plain_.get();
    service_ = &plain_->service();
  }
  for (core::TaskSpec& task : tasks_of(spec.functions)) {
    [[maybe_unused]] const auto problems = node_->register_task(std::move(task));
    assert(problems.empty());
  }
  if (durable_) restored_ = durable_->restore();
}

void SimulatedNode::crash() {
  assert(has_journal());
  if (!is_up()) return;
  world_.record({.kind = EventKind::kNodeCrashed, .execution = {.node = index_}});
  if (recorder_) recorder_->mute(true);
  spec_->lose_power();
  down_ = std::make_unique<DownService>();
  service_ = down_.get();
  node_ = nullptr;
  // Refuses what is open.
  durable_.reset();
  runtime_.reset();
  journal_.reset();
}

void SimulatedNode::start_again() {
  if (is_up()) return;
  if (recorder_) recorder_->mute(false);
  world_.record({.kind = EventKind::kNodeStarted, .execution = {.node = index_}});
  // A new process has a new seed. With the old one it would give the ids again that it gave before.
  environment_.randomness() = Randomness(fold(environment_.randomness().seed(), 1));
  start(*spec_);
}

SimulatedNode::~SimulatedNode() = default;

std::int64_t SimulatedNode::active() const {
  if (!is_up()) return 0;
  const auto& tally = node_->manager().tracker().tally();
  return tally.count(spearlet::EXECUTION_STATUS_PENDING) +
         tally.count(spearlet::EXECUTION_STATUS_RUNNING);
}

ExecutionRef SimulatedNode::last_accepted() const {
  return {.node = index_, .ordinal = is_up() ? node_->manager().tracker().last_ordinal() : 0};
}

World::World(std::uint64_t seed, Recording recording)
    : seed_(seed), recording_(recording), randomness_(seed) {}

World::~World() { close(); }

SimulatedNode& World::add_node(const NodeSpec& spec) {
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back(std::make_unique<SimulatedNode>(*this, index, spec));
  return *nodes_.back();
}

void World::close() {
  recording_ = Recording::kOff;
  for (const auto& node : nodes_) node->shut_down();
}

void World::record(Event&& event) {
  if (!recording()) return;
  event.at = kernel_.now();
  history_.append(event, draws_digest());
}

std::uint64_t World::open_call(std::uint32_t node, const google::protobuf::Message& request,
                               core::Instant deadline, spearlet::ExecutionMode mode) {
  ++open_calls_;
  const std::uint64_t call = ++calls_;
  current_call_ = call;
  if (!recording()) return call;
  record({.kind = EventKind::kCallSent,
          .execution = {.node = node},
          .call = call,
          .deadline = deadline,
          .mode = mode,
          .message = &request});
  return call;
}

void World::call_received(std::uint32_t node, std::uint64_t call,
                          const google::protobuf::Message& message) {
  if (!recording()) return;
  record({.kind = EventKind::kStreamMessage,
          .execution = {.node = node},
          .call = call,
          .message = &message});
}

void World::call_answered(std::uint32_t node, std::uint64_t call,
                          const google::protobuf::Message* answer, absl::StatusCode code) {
  --open_calls_;
  if (!recording()) return;
  record({.kind = answer == nullptr ? EventKind::kCallRefused : EventKind::kCallAnswered,
          .execution = {.node = node},
          .number = answer == nullptr ? static_cast<int>(code) : 0,
          .call = call,
          .message = answer});
}

void World::call_abandoned(std::uint32_t node, std::uint64_t call) {
  record({.kind = EventKind::kCallerGone, .execution = {.node = node}, .call = call});
}

std::int64_t World::active_executions() const {
  std::int64_t active = 0;
  for (const auto& node : nodes_) active += node->active();
  return active;
}

std::uint64_t World::draws_digest() const {
  std::uint64_t digest = randomness_.digest();
  for (const auto& node : nodes_) digest = fold(digest, node->environment().randomness().digest());
  return digest;
}

std::uint64_t World::digest() const {
  return fold(fold(history_.digest(), kernel_.digest()), draws_digest());
}

}  // namespace quintain::sim
