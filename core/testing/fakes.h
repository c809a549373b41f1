// Fakes of the two interfaces that a node depends on: an environment whose clock the test moves,
// and a runtime whose attempts follow the test's plan.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/base/pending_event_set.h"
#include "core/runtime.h"
#include "core/task_registry.h"

namespace quintain::core::testing {

/// The start of the wall clock in every test: 2023-11-14 22:13:20 UTC.
inline constexpr WallTime kWallStart{std::chrono::seconds(1'700'000'000)};

/// Virtual time on a PendingEventSet. Events run only when the test moves the clock. The destructor
/// checks that none is left.
class ManualEnvironment final : public Environment {
 public:
  explicit ManualEnvironment(std::uint64_t seed = 1) : seed_(seed) {}
  ~ManualEnvironment() override { EXPECT_EQ(events_.size(), 0U) << "a timer outlived its owner"; }

  Instant now() const override { return now_; }
  WallTime wall_now() const override { return {kWallStart.since_epoch + now_.since_start()}; }
  std::uint64_t draw(RandomStream& stream) override { return stream.next(seed_); }

  /// Runs all events that are due up to and including `when`, then sets the clock to `when`.
  void advance_to(Instant when) {
    while (events_.next() <= when && !events_.empty()) step();
    if (now_ < when) now_ = when;
  }

  void run_for(Duration d) { advance_to(now_ + d); }

  /// Runs all events that are due now, including those that they schedule for now.
  void settle() { advance_to(now_); }

  /// Runs until nothing is pending, idle expiry and retention included.
  void run_until_idle() {
    while (!events_.empty()) step();
  }

  std::size_t pending() const { return events_.size(); }

 protected:
  EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*),
                       void* self) override {
    if (when.is_never()) return 0;
    return events_.schedule(when < now_ ? now_ : when, precedence, fire, self);
  }

  void withdraw(EventHandle handle) override { events_.withdraw(handle); }

 private:
  void step() {
    const PendingEventSet::Event event = events_.pop();
    now_ = event.when;
    event.fire(event.self);
  }

  std::uint64_t seed_;
  Instant now_;
  PendingEventSet events_;
};

/// The course of an attempt. A step without a duration waits for the test.
struct Plan {
  /// From start() to on_started() if the instance is cold; a warm one starts at once.
  std::optional<Duration> cold_start = Duration::zero();
  /// From on_started() to on_finished().
  std::optional<Duration> run{};
  Outcome outcome{};
  /// From stop() to on_finished() with kStopped; if empty, stop() is ignored.
  std::optional<Duration> obey{};
  /// The start fails: on_finished() with `outcome` is called instead of on_started().
  bool start_fails = false;
};

inline Plan takes(Duration run) { return {.run = run}; }

inline Outcome completed(std::string value = "done") {
  Outcome outcome;
  outcome.payload = {.type_url = "text", .value = std::move(value)};
  return outcome;
}

inline Outcome failed(std::string code = "BROKEN", std::string message = "it broke") {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kFailed;
  outcome.error_code = std::move(code);
  outcome.error_message = std::move(message);
  return outcome;
}

inline Outcome stopped() {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kStopped;
  return outcome;
}

/// Runs attempts by `plan` and records the core's calls. An execution's id identifies its last
/// attempt. Serial context of `environment`.
class ScriptedRuntime final : public Runtime {
 public:
  explicit ScriptedRuntime(Environment& environment) : environment_(environment) {}

  /// The course of each attempt; by default it starts at once and then waits for the test.
  std::function<Plan(const AttemptSpec&)> plan = [](const AttemptSpec&) { return Plan{}; };

  /// The core's calls, in order: "start a#1 cold", "stop a", "kill a", "retire task-i1".
  std::vector<std::string> calls;

  ResourceUsage reported_usage;

  // Steps that the test makes.
  void begin(std::string_view execution_id) { begin(last(execution_id)); }
  void finish(std::string_view execution_id, Outcome outcome = completed()) {
    end(last(execution_id), std::move(outcome));
  }
  void chunk(std::string_view execution_id, std::string value) {
    listener_->on_chunk(last(execution_id).id, {.type_url = "text", .value = std::move(value)});
  }
  void log(std::string_view execution_id, std::string line) {
    listener_->on_log(last(execution_id).id, std::move(line));
  }

  /// The id of an attempt, which may be over, for late or repeated reports.
  AttemptId id(std::string_view execution_id) { return last(execution_id).id; }
  AttemptListener& listener() { return *listener_; }

  bool knows(std::string_view execution_id) const {
    return by_execution_.find(execution_id) != by_execution_.end();
  }
  std::string instance(std::string_view execution_id) { return last(execution_id).instance_id; }

  /// The numbers of attempts that were started and that still run.
  std::size_t started() const { return attempts_.size(); }
  int running() const { return running_; }
  int count(std::string_view prefix) const {
    int found = 0;
    for (const std::string& call : calls) found += call.starts_with(prefix) ? 1 : 0;
    return found;
  }

  void start(const AttemptSpec& spec, AttemptListener& listener) override {
    listener_ = &listener;
    auto attempt = std::make_unique<Attempt>(*this, spec, plan(spec));
    calls.push_back("start " + attempt->execution_id + "#" + std::to_string(spec.number) +
                    (spec.cold_start ? " cold" : " warm"));
    const std::optional<Duration> ready =
        spec.cold_start ? attempt->plan.cold_start : std::optional<Duration>(Duration::zero());
    if (ready) attempt->timer.arm(environment_.now() + *ready, Precedence::kCompletion);
    by_execution_[attempt->execution_id] = attempt.get();
    attempts_[spec.id] = std::move(attempt);
    ++running_;
  }

  void stop(AttemptId id) override {
    Attempt& attempt = *attempts_.at(id);
    ASSERT_FALSE(attempt.over) << "stop of an attempt that is over";
    calls.push_back("stop " + attempt.execution_id);
    if (!attempt.plan.obey) return;
    attempt.plan.outcome = stopped();
    attempt.timer.arm(environment_.now() + *attempt.plan.obey, Precedence::kCompletion);
  }

  void hold_output(AttemptId id) override {
    calls.push_back("hold " + attempts_.at(id)->execution_id);
  }
  void resume_output(AttemptId id) override {
    calls.push_back("resume " + attempts_.at(id)->execution_id);
  }

  void kill(AttemptId id) override {
    Attempt& attempt = *attempts_.at(id);
    ASSERT_FALSE(attempt.over) << "kill of an attempt that is over";
    calls.push_back("kill " + attempt.execution_id);
    mark_over(attempt);
  }

  void retire(std::string_view instance_id) override {
    calls.push_back("retire " + std::string(instance_id));
  }

  ResourceUsage usage() const override { return reported_usage; }

 private:
  struct Attempt {
    Attempt(ScriptedRuntime& owner, const AttemptSpec& spec, Plan its_plan)
        : runtime(owner),
          id(spec.id),
          execution_id(spec.execution_id),
          instance_id(spec.instance_id),
          plan(std::move(its_plan)),
          timer(
              owner.environment_,
              [](void* self) {
                auto& attempt = *static_cast<Attempt*>(self);
                attempt.runtime.next_step(attempt);
              },
              this) {}

    ScriptedRuntime& runtime;
    AttemptId id;
    std::string execution_id;
    std::string instance_id;
    Plan plan;
    bool has_started = false;
    bool over = false;
    Timer timer;
  };

  Attempt& last(std::string_view execution_id) {
    const auto position = by_execution_.find(execution_id);
    if (position == by_execution_.end()) {
      ADD_FAILURE() << "no attempt of " << execution_id << " was started";
      std::abort();
    }
    return *position->second;
  }

  void next_step(Attempt& attempt) {
    if (!attempt.has_started && !attempt.plan.start_fails) return begin(attempt);
    end(attempt, attempt.plan.outcome);
  }

  void begin(Attempt& attempt) {
    attempt.has_started = true;
    if (attempt.plan.run) {
      attempt.timer.arm(environment_.now() + *attempt.plan.run, Precedence::kCompletion);
    }
    listener_->on_started(attempt.id);
  }

  void end(Attempt& attempt, Outcome outcome) {
    mark_over(attempt);
    listener_->on_finished(attempt.id, std::move(outcome));
  }

  void mark_over(Attempt& attempt) {
    if (!std::exchange(attempt.over, true)) --running_;
    attempt.timer.disarm();
  }

  Environment& environment_;
  AttemptListener* listener_ = nullptr;
  std::map<AttemptId, std::unique_ptr<Attempt>> attempts_;
  std::map<std::string, Attempt*, std::less<>> by_execution_;
  int running_ = 0;
};

/// What a test's own registry of tasks needs.
struct TaskRegistryParts {
  ManualEnvironment task_environment;
  MemoryAccount task_account{MemoryConfig{}};
};

/// A registry of tasks without a node.
class TestTasks : private TaskRegistryParts, public TaskRegistry {
 public:
  TestTasks() : TaskRegistry(task_environment, task_account, std::chrono::hours(1)) {}

  using TaskRegistryParts::task_account;
  using TaskRegistryParts::task_environment;
};

}  // namespace quintain::core::testing
