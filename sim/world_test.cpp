#include "sim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/testing/calls.h"
#include "sim/load.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::testing::async_request;
using core::testing::sync_request;
using ::testing::SizeIs;
using Call = core::testing::RecordingCaller<spearlet::InvokeFunctionResponse>;

NodeSpec node_spec() {
  NodeSpec spec;
  spec.config.slots = 2;
  spec.config.retry.jitter = 0.5;
  FunctionModel function;
  function.task = "task";
  function.service = distribution::Exponential{1s};
  function.cold_start = distribution::Exponential{100ms};
  function.failure_probability = 0.2;
  spec.functions.push_back(function);
  return spec;
}

Load load_on(std::size_t node) {
  Load load;
  load.name = "load";
  load.node = node;
  load.request = async_request();
  load.request.mutable_context()->set_max_retries(1);
  load.arrivals = ArrivalSpec(arrivals::Poisson{2});
  load.count = 200;
  return load;
}

void run_to_end(World& world, const std::vector<std::unique_ptr<LoadGenerator>>& loads) {
  world.kernel().run(Instant(24h), [&] {
    for (const auto& load : loads) {
      if (!load->finished()) return false;
    }
    return world.active_executions() == 0;
  });
}

// What happened in a world.
struct Observed {
  std::uint64_t digest = 0;
  std::vector<std::string> of_first_node;
};

// Plays a world of `nodes` nodes, with one load on each of the nodes `loads_on`.
Observed play(std::uint64_t seed, std::size_t nodes, const std::vector<std::size_t>& loads_on) {
  World world(seed);
  for (std::size_t i = 0; i < nodes; ++i) world.add_node(node_spec());
  std::vector<std::unique_ptr<LoadGenerator>> loads;
  for (const std::size_t node : loads_on) {
    loads.push_back(std::make_unique<LoadGenerator>(world, load_on(node), loads.size()));
  }
  run_to_end(world, loads);
  Observed observed;
  observed.digest = world.digest();
  for (Event event : world.history().events()) {
    if (event.execution.node != 0 || event.execution.ordinal == 0) continue;
    observed.of_first_node.push_back(std::to_string(event.at.since_start().count()) + " " +
                                     world.history().describe(event));
  }
  return observed;
}

// ---- Draws --------------------------------------------------------------------------------------

TEST(NodeEnvironment, KnowsTheTimeOfItsWorld) {
  World world(/*seed=*/1);
  SimulatedNode& node = world.add_node(node_spec());
  EXPECT_EQ(node.environment().now(), Instant());
  EXPECT_EQ(node.environment().wall_now(), kWorldStart);
  world.kernel().schedule(Instant(90s), core::Precedence::kOther, [](void*) {}, nullptr);
  world.kernel().run_until_idle();
  EXPECT_EQ(node.environment().now(), Instant(90s));
  EXPECT_EQ(node.environment().wall_now().since_epoch, kWorldStart.since_epoch + 90s);
}

TEST(NodeEnvironment, TwoNodesDrawDifferentIds) {
  World world(/*seed=*/1);
  for (int i = 0; i < 2; ++i) world.add_node(node_spec());
  Call calls[2];
  for (std::size_t i = 0; i < 2; ++i) {
    world.node(i).service().InvokeFunction(async_request(), {}, calls[i].answer());
  }
  EXPECT_FALSE(calls[0]->execution_id().empty());
  EXPECT_NE(calls[0]->execution_id(), calls[1]->execution_id());
}

TEST(NodeEnvironment, AnotherNodeDoesNotChangeTheDraws) {
  const Observed alone = play(3, 1, {0});
  EXPECT_THAT(alone.of_first_node, SizeIs(::testing::Gt(1000U)));
  EXPECT_EQ(alone.of_first_node, play(3, 2, {0}).of_first_node);
  EXPECT_EQ(alone.of_first_node, play(3, 2, {0, 1}).of_first_node) << "nor does its load";
}

TEST(World, NodesDrawDifferentNumbers) {
  World world(/*seed=*/1);
  for (int i = 0; i < 2; ++i) world.add_node(node_spec());
  for (std::size_t i = 0; i < 2; ++i) {
    Call call;
    world.node(i).service().InvokeFunction(async_request(), {}, call.answer());
  }
  world.kernel().run_until(Instant(1h));
  std::vector<Instant> started;
  for (const Event& event : world.history().events()) {
    if (event.kind == EventKind::kAttemptRunning) started.push_back(event.at);
  }
  ASSERT_THAT(started, SizeIs(::testing::Ge(2U)));
  EXPECT_NE(started[0], started[1]);
}

// ---- Digests ------------------------------------------------------------------------------------

TEST(World, ItsDigestIsAFunctionOfTheSeed) {
  EXPECT_EQ(play(1, 2, {0, 1}).digest, play(1, 2, {0, 1}).digest);
  EXPECT_NE(play(1, 2, {0, 1}).digest, play(2, 2, {0, 1}).digest);
}

TEST(World, ItsDigestDependsOnTheWorkload) {
  EXPECT_NE(play(1, 2, {0, 1}).digest, play(1, 2, {0, 0}).digest);
}

TEST(World, ItsDigestDependsOnEventsDrawsAndTime) {
  const auto digest_after = [](const auto& happen) {
    World world(/*seed=*/1);
    world.add_node(node_spec());
    happen(world);
    return world.digest();
  };
  const std::uint64_t nothing = digest_after([](World&) {});
  EXPECT_NE(nothing, digest_after([](World& world) {
              core::RandomStream stream("any");
              world.randomness().draw(stream);
            }));
  EXPECT_NE(nothing, digest_after([](World& world) {
              core::RandomStream stream("any");
              world.node(0).environment().randomness().draw(stream);
            }));
  EXPECT_NE(nothing, digest_after([](World& world) { world.call_abandoned(0, 1); }));
  EXPECT_NE(nothing, digest_after([](World& world) {
              world.kernel().schedule(Instant(1s), core::Precedence::kOther, [](void*) {}, nullptr);
              world.kernel().run_until_idle();
            }));
}

TEST(World, WorldsInTwoThreadsAreTheSameAsOneAlone) {
  const std::uint64_t alone = play(1, 2, {0, 1, 0}).digest;
  std::uint64_t digests[2] = {};
  std::vector<std::thread> threads;
  for (std::uint64_t& digest : digests) {
    threads.emplace_back([&digest] { digest = play(1, 2, {0, 1, 0}).digest; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(digests[0], alone);
  EXPECT_EQ(digests[1], alone);
}

TEST(World, RecordingDoesNotChangeTheRun) {
  const auto kernel_digest = [](World::Recording recording) {
    World world(/*seed=*/1, recording);
    world.add_node(node_spec());
    std::vector<std::unique_ptr<LoadGenerator>> loads;
    loads.push_back(std::make_unique<LoadGenerator>(world, load_on(0), 0));
    run_to_end(world, loads);
    EXPECT_EQ(world.history().count() > 0, recording == World::Recording::kOn);
    return world.kernel().digest();
  };
  EXPECT_EQ(kernel_digest(World::Recording::kOn), kernel_digest(World::Recording::kOff));
}

// ---- Calls and ends -----------------------------------------------------------------------------

TEST(World, RegistersTheTasksOfTheModels) {
  NodeSpec spec = node_spec();
  spec.functions.push_back(spec.functions[0]);
  spec.functions[1].function = "g";
  FunctionModel narrow;
  narrow.task = "narrow";
  narrow.instance_limit = 3;
  spec.functions.push_back(narrow);
  World world(/*seed=*/1);
  core::TaskRegistry& tasks = world.add_node(spec).node().manager().tasks();
  EXPECT_THAT(tasks.all(), SizeIs(2));
  EXPECT_EQ(tasks.find("narrow")->spec().instance_limit, 3);
}

TEST(World, CountsOpenCallsAndActiveExecutions) {
  World world(/*seed=*/1);
  world.add_node(node_spec());
  const spearlet::GetHealthRequest request;
  EXPECT_EQ(world.open_call(0, request), 1U);
  EXPECT_EQ(world.open_call(0, request), 2U);
  world.call_abandoned(0, 1);
  EXPECT_EQ(world.open_calls(), 2);
  world.call_answered(0, 1, nullptr);
  EXPECT_EQ(world.open_calls(), 1);

  Call call;
  world.node(0).service().InvokeFunction(async_request(), {}, call.answer());
  EXPECT_EQ(world.active_executions(), 1);
  EXPECT_EQ(world.node(0).last_accepted(), (ExecutionRef{.node = 0, .ordinal = 1}));
  world.kernel().run_until(Instant(1h));
  EXPECT_EQ(world.active_executions(), 0);
}

TEST(World, ClosingRefusesOpenCallsAndRecordsNothing) {
  World world(/*seed=*/1);
  world.add_node(node_spec());
  Call call;
  world.node(0).service().InvokeFunction(sync_request(), {}, call.answer());
  EXPECT_FALSE(call.answered());
  const std::uint64_t recorded = world.history().count();
  world.close();
  EXPECT_EQ(call.answers(), 1);
  EXPECT_EQ(call.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(world.history().count(), recorded);
  world.close();  // again is harmless
}

}  // namespace
}  // namespace quintain::sim
