// Invariants of a node under random operations in random order.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/node.h"
#include "core/scheduling.h"
#include "core/testing/test_node.h"
#include "core/transitions.h"

namespace quintain::core::testing {
namespace {

constexpr int kSlots = 2;
constexpr int kKept = 6;

// Follows every execution by the node's events and records violations.
class Monitor final : public Observer {
 public:
  struct Execution {
    std::string id;
    std::string task;
    spearlet::ExecutionStatus status = kPending;
    Instant deadline;
    int max_retries = 0;
    int attempts = 0;
    bool attempt_active = false;
    bool holds_slot = false;
    bool held_slot = false;
  };

  void on_accepted(const Accepted& event) override {
    trace.push_back(fmt::format("accepted {} {}", event.ordinal, event.execution_id));
    check(event.ordinal > last_ordinal_, "ordinals do not grow");
    last_ordinal_ = event.ordinal;
    check(event.deadline > environment->now(), "accepted at its deadline");
    Execution& execution = executions[event.ordinal];
    execution.id = event.execution_id;
    execution.task = event.task_id;
    execution.deadline = event.deadline;
    execution.max_retries = event.max_retries;
    ++accepted;
  }

  void on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                     spearlet::ExecutionStatus to) override {
    trace.push_back(fmt::format("{} {} to {} at {}", ordinal, static_cast<int>(from),
                                static_cast<int>(to), environment->now().since_start().count()));
    Execution& execution = executions.at(ordinal);
    check(execution.status == from, "a transition from another status");
    check(is_legal_transition(from, to), "an illegal transition");
    check(environment->now() <= execution.deadline, "a transition after the deadline");
    check(to != kTimeout || environment->now() == execution.deadline, "a timeout at another time");
    execution.status = to;
  }

  void on_attempt_started(const AttemptStarted& event) override {
    trace.push_back(
        fmt::format("{} attempt {} in {}", event.ordinal, event.number, event.instance));
    Execution& execution = executions.at(event.ordinal);
    check(!is_terminal(execution.status), "an attempt after the end");
    check(event.number == ++execution.attempts, "attempts are miscounted");
    check(event.number <= 1 + execution.max_retries, "too many attempts");
    check(!execution.attempt_active, "two attempts at once");
    check(environment->now() < execution.deadline, "an attempt at or after the deadline");
    execution.attempt_active = true;
    if (event.number == 1) {
      check(!execution.held_slot, "a second slot");
      execution.holds_slot = execution.held_slot = true;
      check(in_use_.insert(event.instance).second, "an instance that is in use");
    }
    instance_of_[event.ordinal] = event.instance;
    check(busy() <= kSlots, "more busy than there are slots");
  }

  void on_attempt_running(std::uint64_t ordinal, AttemptId) override {
    check(executions.at(ordinal).attempt_active, "an attempt that is over runs");
  }
  void on_attempt_stop_requested(std::uint64_t ordinal, AttemptId) override {
    check(executions.at(ordinal).status == kRunning, "a stop of a function that does not run");
  }
  void on_attempt_ended(std::uint64_t ordinal, AttemptId, bool) override {
    check(std::exchange(executions.at(ordinal).attempt_active, false), "an attempt ends twice");
  }
  void on_slot_released(std::uint64_t ordinal) override {
    Execution& execution = executions.at(ordinal);
    check(std::exchange(execution.holds_slot, false), "a slot is released twice");
    check(!execution.attempt_active, "a slot is released under an attempt");
    check(is_terminal(execution.status), "a slot is released before the end");
    in_use_.erase(instance_of_.at(ordinal));
  }
  void on_cancel_requested(std::uint64_t ordinal, bool) override {
    check(!is_terminal(executions.at(ordinal).status), "a cancel after the end");
  }
  void on_report_ignored(AttemptId) override { ++reports_ignored; }
  void on_record_dropped(std::uint64_t ordinal) override {
    trace.push_back(fmt::format("dropped {}", ordinal));
    check(is_terminal(executions.at(ordinal).status), "a live record is dropped");
    executions.erase(ordinal);
  }

  int busy() const {
    return static_cast<int>(
        std::ranges::count_if(executions, [](const auto& e) { return e.second.holds_slot; }));
  }
  int busy_of(const std::string& task) const {
    return static_cast<int>(std::ranges::count_if(
        executions, [&](const auto& e) { return e.second.holds_slot && e.second.task == task; }));
  }

  const Environment* environment = nullptr;
  std::map<std::uint64_t, Execution> executions;  // all that have a record
  std::int64_t accepted = 0;
  std::int64_t reports_ignored = 0;
  std::vector<std::string> trace;
  std::vector<std::string> violations;

 private:
  void check(bool holds, const char* violation) {
    if (!holds) violations.push_back(violation);
  }

  std::uint64_t last_ordinal_ = 0;
  std::set<std::uint64_t> in_use_;
  std::map<std::uint64_t, std::uint64_t> instance_of_;
};

// Random choices derived from one word, so that a step is a function of its word.
class Dice {
 public:
  explicit Dice(std::uint64_t word) : word_(word) {}
  std::uint64_t operator()(std::uint64_t sides) {
    const std::uint64_t face = word_ % sides;
    word_ /= sides;
    return face;
  }

 private:
  std::uint64_t word_;
};

NodeConfig config_of(Dice dice) {
  NodeConfig config;
  config.slots = kSlots;
  config.queue_limit = static_cast<int>(dice(6));
  config.cancel_grace = 20ms;
  config.scheduling.strategy =
      scheduling_strategy_names()[dice(scheduling_strategy_names().size())];
  config.scheduling.starvation_bound = 50ms;
  config.timeout = {.sync_default = 300ms, .async_default = 400ms, .maximum = 500ms};
  config.retention = {.age = 200ms, .count = kKept};
  config.instances = {.per_node = 3, .per_task = 2, .idle_expiry = 100ms};
  config.retry = {.initial = 10ms, .multiplier = 2, .maximum = 30ms, .jitter = 0.5};
  config.eta.estimator = eta::estimator_names()[dice(eta::estimator_names().size())];
  config.log_lines = 1;
  config.default_page = 2;
  return config;
}

class Run {
 public:
  explicit Run(std::uint64_t word) : node(config_of(Dice(word)), &monitor) {
    monitor.environment = &node.environment;
    node.add_task(task_spec("small", {}, 1));
    node.runtime.plan = [](const AttemptSpec& attempt) {
      Dice dice(attempt.ordinal * 7 + static_cast<std::uint64_t>(attempt.number) * 131);
      Plan plan;
      plan.cold_start = dice(3) == 0 ? std::nullopt : std::optional<Duration>(dice(2) * 15ms);
      if (dice(3) > 0) plan.run = dice(4) * 10ms;
      plan.outcome = dice(3) == 0 ? failed() : completed();
      if (dice(2) == 0) plan.obey = dice(3) * 10ms;
      plan.start_fails = dice(6) == 0;
      return plan;
    };
  }

  void step(Dice dice) {
    switch (dice(10)) {
      case 0:
      case 1:
      case 2:
        return invoke(dice);
      case 3:
        node.cancel(any_id(dice), dice(2) == 0);
        return;
      case 4:
        return report(dice);
      case 5:
        return leave(dice);
      case 6:
        if (dice(4) == 0) return disturb(dice);
        node.look_up(any_id(dice));
        return;
      default:
        node.run_for(std::chrono::milliseconds(dice(30)));
    }
  }

  void invoke(Dice dice) {
    const auto mode = static_cast<spearlet::ExecutionMode>(1 + dice(3));
    const Ask ask = {.id = dice(3) == 0 ? "" : any_id(dice),
                     .task = dice(3) == 0 ? "small" : "task",
                     .function = dice(2) == 0 ? "f" : "g",
                     .timeout_ms = static_cast<std::int64_t>(dice(4) * 30),
                     .retries = static_cast<int>(dice(3)),
                     .priority = static_cast<int>(dice(3)),
                     .fresh = dice(4) == 0};
    CallContext context;
    if (dice(4) == 0) context.deadline = node.now() + std::chrono::milliseconds(dice(60));
    if (mode == spearlet::EXECUTION_MODE_STREAM) {
      node.stream(request(mode, ask), context);
    } else {
      node.invoke(request(mode, ask), context);
    }
  }

  // Calls the listener directly, for an active attempt or one that is over.
  void report(Dice dice) {
    const std::string id = any_id(dice);
    if (!node.runtime.knows(id)) return;
    AttemptListener& listener = node.runtime.listener();
    const AttemptId attempt = node.runtime.id(id);
    switch (dice(6)) {
      case 0:
        return listener.on_started(attempt);
      case 1:
        return listener.on_chunk(attempt, {.type_url = "text", .value = "x"});
      case 2:
        return listener.on_log(attempt, "line");
      case 3:
        return listener.on_finished(attempt, completed());
      case 4:
        return listener.on_finished(attempt, failed());
      default:
        return listener.on_finished(attempt, stopped());
    }
  }

  void leave(Dice dice) {
    if (!node.calls().empty()) node.calls()[dice(node.calls().size())].caller->leave();
  }

  void disturb(Dice dice) {
    if (dice(4) == 0) {
      node.node->drain([this] { ++drained; });
      ++drains;
      return;
    }
    spearlet::DeleteTaskRequest request;
    request.set_task_id("small");
    request.set_force(dice(2) == 0);
    request.set_cleanup_executions(dice(2) == 0);
    if (node.ask(&FunctionService::DeleteTask, request)->deleted()) {
      node.add_task(task_spec("small", {}, 1));
    }
  }

  std::string any_id(Dice& dice) { return std::string(1, static_cast<char>('a' + dice(8))); }

  // Checks the invariants between two steps. Returns the violation, or an empty string.
  std::string violation() {
    if (!monitor.violations.empty()) return monitor.violations.front();
    if (node.busy() != monitor.busy()) return "busy slots are miscounted";
    if (node.counters().accepted != monitor.accepted) return "accepted executions are miscounted";
    if (node.counters().reports_ignored != monitor.reports_ignored)
      return "ignored reports are miscounted";

    // The pages of the list contain all executions that were accepted and not dropped.
    std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE> tally{};
    spearlet::ListExecutionsResponse page;
    auto expected = monitor.executions.begin();
    do {
      spearlet::ListExecutionsRequest request;
      request.set_start_after(page.next_start_after());
      page = node.list(request);
      for (const auto& info : page.executions()) {
        if (expected == monitor.executions.end()) return "the list is too long";
        const auto& [ordinal, known] = *expected++;
        if (info.execution_id() != known.id || info.status() != known.status)
          return "a list entry is wrong";
        ++tally[static_cast<std::size_t>(info.status())];
      }
    } while (page.has_more());
    if (expected != monitor.executions.end()) return "the list is too short";
    if (tally != node.node->manager().tracker().tally().by_status) return "the tally is wrong";
    if (tally[kCompleted] + tally[kFailed] + tally[kCancelled] + tally[kTimeout] > kKept) {
      return "too many records";
    }

    // No execution waits while it could start.
    std::int64_t waiting = 0;
    for (const auto& [ordinal, execution] : monitor.executions) {
      if (is_terminal(execution.status) || execution.held_slot) continue;
      ++waiting;
      const int limit = execution.task == "small" ? 1 : 2;
      if (monitor.busy() < kSlots && monitor.busy_of(execution.task) < limit)
        return "a lost wake-up";
    }
    if (node.queued() != waiting) return "the queue is miscounted";
    for (const auto& call : node.calls()) {
      if (call.answers() > 1) return "a call was answered twice";
    }
    return "";
  }

  // Runs until nothing is pending, then checks the invariants. Returns as violation() does.
  std::string violation_at_rest() {
    node.environment.run_until_idle();
    if (std::string found = violation(); !found.empty()) return found;
    if (!monitor.executions.empty()) return "a record is never dropped";
    if (node.busy() != 0) return "a slot leaked";
    for (const auto& call : node.calls()) {
      if (call.answers() != 1) return "a call was never answered";
    }
    if (drains > 0 && drained == 0) return "drained was never called";
    if (drained > drains) return "drained was called too often";
    return "";
  }

  Monitor monitor;
  TestNode node;
  int drains = 0;
  int drained = 0;
};

RC_GTEST_PROP(NodeProperty, InvariantsHold, (std::uint64_t config)) {
  const auto words = *rc::gen::resize(200, rc::gen::arbitrary<std::vector<std::uint64_t>>());
  Run run(config);
  for (const std::uint64_t word : words) {
    run.step(Dice(word));
    RC_ASSERT(run.violation() == "");
  }
  RC_ASSERT(run.violation_at_rest() == "");
}

// Destroying a node at any moment answers every call.
RC_GTEST_PROP(NodeProperty, ShutdownAnswersEveryCall, (std::uint64_t config)) {
  const auto words = *rc::gen::resize(50, rc::gen::arbitrary<std::vector<std::uint64_t>>());
  Run run(config);
  for (const std::uint64_t word : words) run.step(Dice(word));
  run.node.node.reset();
  for (const auto& call : run.node.calls()) RC_ASSERT(call.answers() == 1);
}

RC_GTEST_PROP(NodeProperty, EqualStepsMakeEqualTraces, (std::uint64_t config)) {
  const auto words = *rc::gen::resize(100, rc::gen::arbitrary<std::vector<std::uint64_t>>());
  const auto trace = [&] {
    Run run(config);
    for (const std::uint64_t word : words) run.step(Dice(word));
    run.node.environment.run_until_idle();
    return run.monitor.trace;
  };
  RC_ASSERT(trace() == trace());
}

}  // namespace
}  // namespace quintain::core::testing
