// A runtime that does what the test says and writes down what the core told it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/runtime.h"

namespace quintain::core::testing {

/// How an attempt goes when nobody finishes it by hand. Empty: that step waits for the test.
struct Plan {
  /// From start() to on_started, if the instance is cold; a warm one starts at once.
  std::optional<Duration> cold_start = Duration::zero();
  /// From on_started to on_finished.
  std::optional<Duration> run{};
  Outcome outcome{};
  /// From stop() to on_finished with kStopped; empty: ignores stop().
  std::optional<Duration> obey{};
  /// The start does not succeed: on_finished with `outcome` takes the place of on_started.
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

/// Serial context of `environment`. Attempts are named by their execution's id; of several attempts
/// of one execution the last is meant.
class ScriptedRuntime final : public Runtime {
 public:
  explicit ScriptedRuntime(Environment& environment) : environment_(environment) {}

  /// What each attempt does; by default it begins at once and then waits for the test.
  std::function<Plan(const AttemptSpec&)> plan = [](const AttemptSpec&) { return Plan{}; };

  /// What the core asked for, in order: "start a#1 cold", "stop a", "kill a", "retire task-i1".
  std::vector<std::string> calls;

  ResourceUsage reported_usage;

  // By hand.
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

  /// Of an attempt that may be long over: for reports that come late, or twice.
  AttemptId id(std::string_view execution_id) { return last(execution_id).id; }
  AttemptListener& listener() { return *listener_; }

  bool knows(std::string_view execution_id) const {
    return by_execution_.find(execution_id) != by_execution_.end();
  }
  std::string instance(std::string_view execution_id) { return last(execution_id).instance_id; }

  /// How many attempts were started, and how many of them still run.
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

  void kill(AttemptId id) override {
    Attempt& attempt = *attempts_.at(id);
    ASSERT_FALSE(attempt.over) << "kill of an attempt that is over";
    calls.push_back("kill " + attempt.execution_id);
    cease(attempt);
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
                attempt.runtime.go_on(attempt);
              },
              this) {}

    ScriptedRuntime& runtime;
    AttemptId id;
    std::string execution_id;
    std::string instance_id;
    Plan plan;
    bool begun = false;
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

  void go_on(Attempt& attempt) {
    if (!attempt.begun && !attempt.plan.start_fails) return begin(attempt);
    end(attempt, attempt.plan.outcome);
  }

  void begin(Attempt& attempt) {
    attempt.begun = true;
    if (attempt.plan.run) {
      attempt.timer.arm(environment_.now() + *attempt.plan.run, Precedence::kCompletion);
    }
    listener_->on_started(attempt.id);
  }

  void end(Attempt& attempt, Outcome outcome) {
    cease(attempt);
    listener_->on_finished(attempt.id, std::move(outcome));
  }

  void cease(Attempt& attempt) {
    if (!std::exchange(attempt.over, true)) --running_;
    attempt.timer.disarm();
  }

  Environment& environment_;
  AttemptListener* listener_ = nullptr;
  std::map<AttemptId, std::unique_ptr<Attempt>> attempts_;
  std::map<std::string, Attempt*, std::less<>> by_execution_;
  int running_ = 0;
};

}  // namespace quintain::core::testing
