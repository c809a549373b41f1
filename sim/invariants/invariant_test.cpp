#include "sim/invariants/invariant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/load.h"
#include "sim/script.h"
#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

TEST(InvariantSet, HasItsRulesWithDifferentNames) {
  Scene scene;
  std::set<std::string> names;
  for (const auto& invariant : scene.invariants->invariants()) {
    names.emplace(invariant->name());
    EXPECT_THAT(std::string(invariant->name()), MatchesRegex("[a-z]+(-[a-z]+)*"));
    EXPECT_FALSE(invariant->rule().empty());
  }
  EXPECT_THAT(names, SizeIs(29));
}

TEST(Invariant, KeepsTheFirstViolationsAndCountsTheRest) {
  Scene scene;
  for (std::uint64_t ordinal = 1; ordinal <= 5; ++ordinal) {
    scene.transition(ordinal, kPending, kRunning);
  }
  const Invariant& invariant = scene.invariant("legal-transitions");
  EXPECT_EQ(invariant.violation_count(), 5);
  ASSERT_THAT(invariant.violations(), SizeIs(3));
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(invariant.violations()[i].evidence.at(0).execution.ordinal, i + 1);
  }
}

TEST(Invariant, TheEvidenceIsTheNewestTwentyEventsOfThatExecution) {
  Scene scene;
  scene.accepted(1);
  scene.accepted(2);
  for (int i = 0; i < 30; ++i) {
    scene.at(std::chrono::milliseconds(i));
    scene.cancel(1);
    scene.cancel(2);
  }
  scene.transition(1, kRunning, kCompleted);
  const auto& violations = scene.invariant("legal-transitions").violations();
  ASSERT_THAT(violations, SizeIs(1));
  ASSERT_THAT(violations[0].evidence, SizeIs(20));
  for (const Event& event : violations[0].evidence) EXPECT_EQ(event.execution, Scene::ref(1));
  EXPECT_EQ(violations[0].evidence.front().at, core::Instant(11ms));
  EXPECT_EQ(violations[0].evidence.back().kind, EventKind::kTransition);
}

TEST(InvariantSet, KeepsItsLedgerUpToDate) {
  Scene scene;
  scene.running(1);
  ASSERT_NE(scene.invariants->ledger().find(Scene::ref(1)), nullptr);
  EXPECT_EQ(scene.invariants->ledger().find(Scene::ref(1))->status, kRunning);
}

// A world with everything that can happen: failures, retries, hangs, cancels, timeouts, full
// queues, streams, callers that leave, deleted tasks, forgotten records, late and double reports.
TEST(InvariantSet, TheRealCoreViolatesNone) {
  World world(/*seed=*/7);
  NodeSpec spec;
  spec.config.slots = 3;
  spec.config.queue_limit = 10;
  spec.config.cancel_grace = 300ms;
  spec.config.retention = {.age = 5s, .count = 50};
  spec.config.retry = {.initial = 50ms, .jitter = 0.5};
  FunctionModel shaky;
  shaky.task = "shaky";
  shaky.service = distribution::Exponential{200ms};
  shaky.cold_start = distribution::Exponential{100ms};
  shaky.failure_probability = 0.3;
  shaky.hang_probability = 0.1;
  shaky.obeys_stop_after = distribution::Exponential{400ms};
  shaky.reports_late = 100ms;
  shaky.reports_twice = true;
  shaky.chunks = 3;
  shaky.logs = {"one", "two"};
  spec.functions.push_back(shaky);
  FunctionModel doomed;
  doomed.task = "doomed";
  doomed.service = distribution::Constant{1s};
  spec.functions.push_back(doomed);
  world.add_node(spec);
  world.add_node(spec);

  InvariantSet invariants(world);
  world.history().add_listener(invariants);

  std::vector<Step> steps;
  const auto add = [&](std::string name, core::Duration at, auto action) -> Step& {
    Step& step = steps.emplace_back();
    step.at = core::Instant(at);
    step.name = std::move(name);
    step.action = std::move(action);
    return step;
  };
  spearlet::InvokeFunctionRequest call;
  call.set_task_id("doomed");
  call.set_function_name("f");
  call.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  add("doomed", 3s, call);
  spearlet::CancelExecutionRequest cancel;
  add("cancel", 3200ms, cancel).execution = "doomed";
  add("status", 3200ms, spearlet::GetExecutionStatusRequest()).execution = "doomed";
  add("doomed-2", 4s, call);
  spearlet::DeleteTaskRequest remove;
  remove.set_task_id("doomed");
  remove.set_force(true);
  remove.set_cleanup_executions(true);
  add("remove", 4100ms, remove);
  call.set_task_id("shaky");
  call.set_execution_mode(spearlet::EXECUTION_MODE_STREAM);
  for (int i = 0; i < 20; ++i) {
    const std::string name = "stream-" + std::to_string(i);
    const core::Duration at = std::chrono::milliseconds(137 * i);
    add(name, at, StreamStep{call}).deadline = 250ms;
    if (i % 2 == 0) add("leave-" + name, at + 200ms, LeaveStep{name});
  }
  {
    const Script script(world, steps);
    std::vector<std::unique_ptr<LoadGenerator>> loads;
    for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
      for (const std::size_t node : {0U, 1U}) {
        Load load;
        load.node = node;
        load.request = call;
        load.request.set_execution_mode(mode);
        load.request.mutable_context()->set_max_retries(2);
        load.request.mutable_context()->set_timeout_ms(1500);
        load.arrivals = ArrivalSpec(arrivals::Poisson{4});
        load.deadline = 1s;
        load.from = core::Instant(2s);
        load.count = 200;
        loads.push_back(std::make_unique<LoadGenerator>(world, load, loads.size()));
      }
    }
    const Kernel::Stop stop = world.kernel().run(core::Instant(1h), [&] {
      return world.open_calls() == 0 && world.active_executions() == 0 && script.finished() &&
             std::ranges::all_of(loads, [](const auto& load) { return load->finished(); });
    });
    EXPECT_EQ(stop, Kernel::Stop::kCondition);
    invariants.finish({.settled = true});
    for (const auto& invariant : invariants.invariants()) {
      for (const InvariantViolation& violation : invariant->violations()) {
        ADD_FAILURE() << invariant->name() << ": " << violation.what;
      }
    }
  }

  // Every outcome occurred, and every kind of event but kInstanceRetired and those of crashes,
  // networks and disks: kNodeCrashed, kNodeStarted, kRestored, kNetwork and kDisk.
  std::map<EventKind, int> seen;
  std::set<spearlet::ExecutionStatus> ends;
  for (const Event& event : world.history().events()) {
    ++seen[event.kind];
    if (event.kind == EventKind::kTransition) ends.insert(event.to);
  }
  EXPECT_THAT(seen, SizeIs(kEventKinds - 6));
  EXPECT_THAT(ends, ElementsAre(kRunning, kCompleted, kFailed, kCancelled, kTimeout));
}

}  // namespace
}  // namespace quintain::sim::testing
