// request_fuzzer [--seconds N] [--iterations N] [--seed S]: sends mutated requests of all ten
// methods to a simulated node with small limits, at random times, from callers that read slowly and
// leave, while the node drains or crashes now and then. Nothing may crash, every call is answered,
// every execution ends, every invariant holds, and every answer is one that the contract allows.
// Each iteration follows from its own seed, which is printed if it fails.
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/fuzz/fuzzer.h"
#include "conformance/fuzz/mutation.h"
#include "conformance/world_judge.h"
#include "core/durability/memory_journal.h"
#include "core/method.h"
#include "sim/invariants/invariant.h"
#include "sim/world.h"

namespace quintain::conformance::fuzz {
namespace {

using namespace std::chrono_literals;
using google::protobuf::Message;

// An iteration that takes longer is ended before its last request.
constexpr fuzzing::TimeLimits kLimits = {.soft = std::chrono::milliseconds(500),
                                         .hard = std::chrono::seconds(60)};
constexpr core::Duration kLongestPause = 2s;
// Longer than the longest timeout, the grace and the pause before a repetition together.
constexpr core::Duration kUntilAllHasEnded = 2h;

// ---- The node -----------------------------------------------------------------------------------

sim::NodeSpec draw_node(Mutator& draw) {
  sim::NodeSpec spec;
  core::NodeConfig& config = spec.config;
  config.slots = static_cast<int>(1 + draw.below(4));
  config.queue_limit = static_cast<int>(1 + draw.below(8));
  config.timeout.maximum = 30min;
  config.timeout.async_default = draw.chance(0.5) ? 1min : 10s;
  config.timeout.sync_default = 5s;
  config.cancel_grace = draw.chance(0.5) ? 100ms : 5s;
  const std::string_view strategies[] = {"fifo", "priority", "shortest-expected-first",
                                         "earliest-deadline-first", "fair-share"};
  config.scheduling.strategy = strategies[draw.below(std::size(strategies))];
  if (draw.chance(0.3)) config.retention.count = static_cast<int>(1 + draw.below(5));
  if (draw.chance(0.3)) config.retention.age = 3s;
  if (draw.chance(0.3)) config.instances.per_node = static_cast<int>(1 + draw.below(3));
  if (draw.chance(0.3)) config.instances.idle_expiry = 1s;
  if (draw.chance(0.3)) config.memory.total = 1 << 20;
  if (draw.chance(0.3)) config.task_limit = 8;
  if (draw.chance(0.3)) config.task_expiry = 5s;
  if (draw.chance(0.3)) config.functions_per_task = 3;
  if (draw.chance(0.3)) config.default_page = 2;
  if (config.default_page == 2 && draw.chance(0.5)) config.largest_page = 3;
  if (draw.chance(0.3)) config.log_lines = 2;
  if (draw.chance(0.3)) config.answer_bytes = 64 << 10;
  if (draw.chance(0.3)) config.stream_buffer_bytes = 2'000;
  using sim::PlannedOutcome;
  using sim::distribution::Constant;
  const auto add = [&](std::string task, std::string function) -> sim::FunctionModel& {
    sim::FunctionModel& model = spec.functions.emplace_back();
    model.task = std::move(task);
    model.function = std::move(function);
    return model;
  };
  sim::FunctionModel& quick = add("a", "quick");
  quick.result = "done";
  quick.logs = {"a line", "another line", "a third line"};
  add("a", "echo").echo = true;
  sim::FunctionModel& slow = add("a", "slow");
  slow.service = Constant{3s};
  slow.cold_start = Constant{500ms};
  slow.obeys_stop_after = Constant{50ms};
  add("b", "fails").outcomes = {PlannedOutcome::kFails};
  sim::FunctionModel& stubborn = add("b", "stubborn");
  stubborn.outcomes = {PlannedOutcome::kHangs};
  stubborn.obeys_stop_after.reset();
  add("b", "cannot-start").outcomes = {PlannedOutcome::kStartFails};
  sim::FunctionModel& stream = add("c", "stream");
  stream.service = Constant{1s};
  stream.result = std::string(500, 'r');
  stream.chunks = 10;
  sim::FunctionModel& any = add("d", "");  // each of its functions
  any.failure_probability = 0.3;
  any.hang_probability = 0.1;
  return spec;
}

// ---- Callers ------------------------------------------------------------------------------------

class Call {
 public:
  Call(sim::World& world, std::uint64_t number) : world_(world), number_(number) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  virtual core::Caller& caller() = 0;
  virtual void read_all() {}
  bool answered() const { return answered_; }

  void leave() {
    if (answered_ || left_) return;
    left_ = true;
    world_.call_abandoned(0, number_);
    caller().leave();
  }

 protected:
  void end(const Message* answer, absl::StatusCode code) {
    if (answered_) fuzzing::fail("a call was answered twice");
    answered_ = true;
    world_.call_answered(0, number_, answer, code);
  }
  void receive(const Message& message) { world_.call_received(0, number_, message); }

 private:
  sim::World& world_;
  std::uint64_t number_;
  bool answered_ = false;
  bool left_ = false;
};

template <class Response>
class UnaryCall final : public Call, public core::UnaryCaller<Response> {
 public:
  UnaryCall(sim::World& world, std::uint64_t number, std::vector<std::string>& ids)
      : Call(world, number), ids_(ids) {}
  core::Caller& caller() override { return *this; }
  void deliver(Response&& response) override {
    if constexpr (std::is_same_v<Response, spearlet::InvokeFunctionResponse>) {
      ids_.push_back(response.execution_id());
    }
    end(&response, absl::StatusCode::kOk);
  }
  void refuse(const absl::Status& status) override { end(nullptr, status.code()); }

 private:
  std::vector<std::string>& ids_;
};

// A reader that takes messages only when read_all() is called, unless it is fast.
class StreamingCall final : public Call,
                            public core::StreamCaller<spearlet::StreamExecutionResult> {
 public:
  StreamingCall(sim::World& world, std::uint64_t number, bool fast)
      : Call(world, number), fast_(fast) {}
  core::Caller& caller() override { return *this; }
  void read_all() override {
    if (unsent_ == 0 || answered()) return;
    unsent_ = 0;
    made_room();
  }
  void write(spearlet::StreamExecutionResult&& message) override {
    if (!fast_) unsent_ += message.ByteSizeLong();
    receive(message);
    last_ = std::move(message);
  }
  std::size_t unsent_bytes() const override { return unsent_; }
  void finish(const absl::Status& status) override {
    end(status.ok() && last_ ? &*last_ : nullptr, status.code());
  }

 private:
  bool fast_;
  std::size_t unsent_ = 0;
  std::optional<spearlet::StreamExecutionResult> last_;
};

// ---- Requests -----------------------------------------------------------------------------------

class Session {
 public:
  explicit Session(std::uint64_t seed)
      : draw_(seed), world_(seed), spec_(draw_node(draw_)), with_crashes_(draw_.chance(0.2)) {
    if (with_crashes_) {
      spec_.journal = [this](core::Environment&) {
        return std::make_unique<core::MemoryJournal>(records_);
      };
      spec_.restart = draw_.chance(0.5) ? core::RestartPolicy::kFail : core::RestartPolicy::kRerun;
    }
    world_.add_node(spec_);
    invariants_.emplace(world_);
    judge_.emplace(world_);
    world_.history().add_listener(*invariants_);
    world_.history().add_listener(listener_);
  }
  ~Session() { world_.close(); }

  void play() {
    const std::size_t requests = 1 + draw_.below(150);
    const double garbage = draw_.chance(0.5) ? 0.1 : 0.6;
    for (std::size_t i = 0; i < requests && !fuzzing::overdue(); ++i) {
      act(garbage);
      if (draw_.chance(0.7))
        pass(draw_.chance(0.5) ? core::Duration(draw_.below(20) * 1ms) : pause());
    }
    finish();
  }

 private:
  // The judge takes the events as a listener.
  struct Listener final : sim::HistoryListener {
    explicit Listener(std::optional<WorldJudge>& its_judge) : judge(its_judge) {}
    void on_event(const sim::Event& event) override { judge->on_event(event); }
    std::optional<WorldJudge>& judge;
  };

  sim::SimulatedNode& node() { return world_.node(0); }

  core::Duration pause() {
    return core::Duration(
        static_cast<std::int64_t>(draw_.below(static_cast<std::size_t>(kLongestPause.count()))));
  }

  void pass(core::Duration time) {
    world_.kernel().run(world_.now() + time, [] { return false; });
  }

  void act(double garbage) {
    const std::size_t choice = draw_.below(100);
    if (choice < 5 && !calls_.empty()) {
      calls_[draw_.below(calls_.size())]->leave();
    } else if (choice < 10 && !calls_.empty()) {
      calls_[draw_.below(calls_.size())]->read_all();
    } else if (choice == 10 && with_crashes_) {
      node().crash();
      if (draw_.chance(0.5)) pass(pause());
      node().start_again();
      if (!node().restored().ok()) fuzzing::fail(node().restored().ToString());
    } else if (choice == 11 && draw_.chance(0.2) && node().is_up()) {
      node().node().drain();
    } else {
      send(garbage);
    }
  }

  // Callers name executions themselves, and ask about these and about others.
  std::string own_id() { return fmt::format("e{}", draw_.below(20)); }
  std::string id() {
    if (!ids_.empty() && draw_.chance(0.6)) return ids_[draw_.below(ids_.size())];
    return own_id();
  }
  std::string task() {
    const std::string_view tasks[] = {"a", "b", "c", "d", "new"};
    return std::string(tasks[draw_.below(std::size(tasks))]);
  }

  // The request with changed fields or bytes; false if no server would parse what comes out.
  bool mutate(Message& request, double garbage) {
    if (!draw_.chance(garbage)) return true;
    const std::string bytes = draw_.mutate(request.SerializeAsString(), request);
    return request.ParseFromString(bytes);
  }

  spearlet::InvokeFunctionRequest invocation(spearlet::ExecutionMode mode) {
    const std::pair<std::string_view, std::string_view> functions[] = {
        {"a", "quick"},    {"a", "echo"},         {"a", "slow"},   {"b", "fails"},
        {"b", "stubborn"}, {"b", "cannot-start"}, {"c", "stream"}, {"d", "anything"}};
    const auto& [offers, function] = functions[draw_.below(std::size(functions))];
    spearlet::InvokeFunctionRequest request;
    request.set_task_id(std::string(offers));
    request.set_function_name(std::string(function));
    request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
    request.set_execution_mode(mode);
    if (draw_.chance(0.2)) {
      request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
      request.set_task_id(task());
      request.set_create_if_not_exists(true);
    }
    if (draw_.chance(0.5)) request.set_execution_id(own_id());
    if (draw_.chance(0.5)) {
      request.mutable_context()->set_timeout_ms(static_cast<std::int64_t>(draw_.below(8000)));
    }
    if (draw_.chance(0.3)) {
      request.mutable_context()->set_max_retries(static_cast<std::int32_t>(draw_.below(4)));
    }
    if (draw_.chance(0.2)) request.set_force_new_instance(true);
    if (draw_.chance(0.3)) {
      request.add_parameters()->mutable_value()->set_value(draw_.text());
    }
    return request;
  }

  std::uint64_t open(const Message& request, core::Instant deadline = core::Instant::never(),
                     spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_UNSPECIFIED) {
    return world_.open_call(0, request, deadline, mode);
  }

  template <class Request, class Response>
  void unary(Request request, double garbage,
             void (core::FunctionService::*method)(const Request&, core::Answer<Response>)) {
    if (!mutate(request, garbage)) return;
    auto call = std::make_unique<UnaryCall<Response>>(world_, open(request), ids_);
    auto& opened = *call;
    calls_.push_back(std::move(call));
    (node().service().*method)(request, core::Answer<Response>(opened));
  }

  void invoke(double garbage) {
    auto request = invocation(draw_.chance(0.5) ? spearlet::EXECUTION_MODE_ASYNC
                                                : spearlet::EXECUTION_MODE_SYNC);
    if (!mutate(request, garbage)) return;
    const core::CallContext context{.request_bytes =
                                        static_cast<std::int64_t>(request.ByteSizeLong())};
    auto call =
        std::make_unique<UnaryCall<spearlet::InvokeFunctionResponse>>(world_, open(request), ids_);
    auto& opened = *call;
    calls_.push_back(std::move(call));
    node().service().InvokeFunction(std::move(request), context,
                                    core::Answer<spearlet::InvokeFunctionResponse>(opened));
  }

  void stream(double garbage) {
    auto request = invocation(spearlet::EXECUTION_MODE_STREAM);
    if (!mutate(request, garbage)) return;
    const core::CallContext context{.request_bytes =
                                        static_cast<std::int64_t>(request.ByteSizeLong())};
    auto call = std::make_unique<StreamingCall>(
        world_, open(request, core::Instant::never(), spearlet::EXECUTION_MODE_STREAM),
        draw_.chance(0.7));
    auto& opened = *call;
    calls_.push_back(std::move(call));
    node().service().StreamFunction(std::move(request), context,
                                    core::StreamAnswer<spearlet::StreamExecutionResult>(opened));
  }

  void send(double garbage) {
    using Service = core::FunctionService;
    using core::Method;
    const auto limit = [&] { return static_cast<std::int32_t>(draw_.below(5)); };
    switch (static_cast<Method>(draw_.chance(0.5) ? 0 : draw_.below(core::kMethods))) {
      case Method::kInvokeFunction:
        return invoke(garbage);
      case Method::kStreamFunction:
        return stream(garbage);
      case Method::kGetExecutionStatus: {
        spearlet::GetExecutionStatusRequest request;
        request.set_execution_id(id());
        request.set_include_result(draw_.chance(0.5));
        request.set_include_logs(draw_.chance(0.5));
        return unary(std::move(request), garbage, &Service::GetExecutionStatus);
      }
      case Method::kCancelExecution: {
        spearlet::CancelExecutionRequest request;
        request.set_execution_id(id());
        request.set_force(draw_.chance(0.3));
        return unary(std::move(request), garbage, &Service::CancelExecution);
      }
      case Method::kListTasks: {
        spearlet::ListTasksRequest request;
        request.set_limit(limit());
        request.set_include_details(draw_.chance(0.5));
        return unary(std::move(request), garbage, &Service::ListTasks);
      }
      case Method::kGetTask: {
        spearlet::GetTaskRequest request;
        request.set_task_id(task());
        request.set_include_executions(draw_.chance(0.5));
        request.set_execution_limit(limit());
        return unary(std::move(request), garbage, &Service::GetTask);
      }
      case Method::kDeleteTask: {
        spearlet::DeleteTaskRequest request;
        request.set_task_id(task());
        request.set_force(draw_.chance(0.5));
        request.set_cleanup_executions(draw_.chance(0.5));
        return unary(std::move(request), garbage, &Service::DeleteTask);
      }
      case Method::kListExecutions: {
        spearlet::ListExecutionsRequest request;
        if (draw_.chance(0.3)) request.set_task_id(task());
        if (draw_.chance(0.3)) request.set_start_after(id());
        if (draw_.chance(0.3)) {
          request.set_status_filter(static_cast<spearlet::ExecutionStatus>(draw_.below(7)));
        }
        request.set_limit(limit());
        return unary(std::move(request), garbage, &Service::ListExecutions);
      }
      case Method::kGetHealth:
        return unary(spearlet::GetHealthRequest(), garbage, &Service::GetHealth);
      case Method::kGetStats: {
        spearlet::GetStatsRequest request;
        request.set_include_task_stats(draw_.chance(0.5));
        request.set_include_execution_stats(draw_.chance(0.5));
        request.set_time_range_hours(limit());
        return unary(std::move(request), garbage, &Service::GetStats);
      }
    }
  }

  // Waits until every call and every execution has ended, then judges all events of the world.
  void finish() {
    for (const auto& call : calls_) call->read_all();
    const auto over = [&] {
      for (const auto& call : calls_) call->read_all();
      return world_.open_calls() == 0 && world_.active_executions() == 0;
    };
    world_.kernel().run(world_.now() + kUntilAllHasEnded, over);
    if (!over()) {
      fuzzing::fail(fmt::format("{} calls and {} executions never end", world_.open_calls(),
                                world_.active_executions()));
    }
    invariants_->finish({.settled = true});
    for (const auto& invariant : invariants_->invariants()) {
      for (const auto& violation : invariant->violations()) {
        std::string what = fmt::format("invariant {}: {}", invariant->name(), violation.what);
        for (const sim::Event& event : violation.evidence) {
          what += "\n  " + world_.history().describe(event);
        }
        fuzzing::fail(what);
      }
    }
    if (with_crashes_) return;
    for (const reports::Check& check : judge_->checks()) {
      if (check.verdict == reports::Verdict::kFailed) {
        fuzzing::fail(fmt::format("{}: {}", check.name, check.observed));
      }
    }
  }

  Mutator draw_;
  sim::World world_;
  core::MemoryJournal::Records records_;
  sim::NodeSpec spec_;
  bool with_crashes_;
  std::optional<sim::InvariantSet> invariants_;
  std::optional<WorldJudge> judge_;
  Listener listener_{judge_};
  std::vector<std::string> ids_;
  std::vector<std::unique_ptr<Call>> calls_;
};

void iterate(std::uint64_t seed) { Session(seed).play(); }

}  // namespace
}  // namespace quintain::conformance::fuzz

int main(int argc, char** argv) {
  // Requests that cannot be parsed are part of the game.
  google::protobuf::SetLogHandler(nullptr);
  return quintain::fuzzing::run_fuzzer(
      argc, argv, "request_fuzzer",
      "Sends mutated requests of all methods to a simulated node, with every invariant on",
      quintain::conformance::fuzz::kLimits, quintain::conformance::fuzz::iterate);
}
