#include "sim/load.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/world.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using spearlet::ExecutionStatus;

spearlet::InvokeFunctionRequest call_of(const std::string& task) {
  spearlet::InvokeFunctionRequest request;
  request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  request.set_task_id(task);
  request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  return request;
}

FunctionModel function(const std::string& task, core::Duration service) {
  FunctionModel model;
  model.task = task;
  model.service = distribution::Constant{service};
  return model;
}

// Counts the calls and their outcomes.
class Tally final : public HistoryListener {
 public:
  void on_event(const Event& event) override {
    if (event.kind == EventKind::kCallSent) {
      if (const auto* call = dynamic_cast<const spearlet::InvokeFunctionRequest*>(event.message)) {
        ++calls[call->task_id()];
        const auto priority = call->invocation_metadata().find("priority");
        if (priority != call->invocation_metadata().end()) ++priorities[priority->second];
        ++timeouts[call->context().timeout_ms()];
      }
    }
    if (event.kind == EventKind::kTransition) ++ends[event.to];
  }

  std::map<std::string, int> calls;
  std::map<std::string, int> priorities;
  std::map<std::int64_t, int> timeouts;
  std::map<ExecutionStatus, int> ends;
};

Tally play(const MixedLoad& load, std::vector<FunctionModel> functions, int slots = 100,
           std::uint64_t seed = 1) {
  World world(seed);
  Tally tally;
  world.history().add_listener(tally);
  NodeSpec node;
  node.config.slots = slots;
  node.functions = std::move(functions);
  world.add_node(node);
  MixedLoadGenerator generator(world, load, 0);
  world.kernel().run_until_idle();
  EXPECT_TRUE(generator.finished());
  return tally;
}

MixedLoad load_of(std::vector<MixedLoad::Target> targets) {
  return {.targets = std::move(targets), .arrivals = arrivals::Poisson{.rate = 100}, .count = 4000};
}

TEST(MixedLoad, CallsTargetsByPopularity) {
  const Tally tally = play(
      load_of({{.request = call_of("a"), .weight = 6}, {.request = call_of("b"), .weight = 2}}),
      {function("a", 1ms), function("b", 1ms)});
  EXPECT_EQ(tally.calls.at("a") + tally.calls.at("b"), 4000);
  EXPECT_NEAR(tally.calls.at("a"), 3000, 140);  // five deviations
  EXPECT_EQ(tally.ends.at(spearlet::EXECUTION_STATUS_COMPLETED), 4000);
}

TEST(MixedLoad, RequestsPrioritiesAndTimeouts) {
  MixedLoad load = load_of({{.request = call_of("a"), .timeout = distribution::Constant{1500us}}});
  load.priorities = {{.priority = 0, .weight = 1}, {.priority = 9, .weight = 1}};
  const Tally tally = play(load, {function("a", 1ms)});
  EXPECT_NEAR(tally.priorities.at("9"), 2000, 160);
  EXPECT_EQ(tally.priorities.size(), 2u);
  EXPECT_EQ(tally.timeouts.at(2), 4000);  // rounded up to whole milliseconds
}

TEST(MixedLoad, CancelsAShareOfRunningExecutions) {
  MixedLoad load = load_of({{.request = call_of("a")}});
  load.cancels = {.share = 0.25, .after = distribution::Constant{5ms}};
  const Tally cancelled = play(load, {function("a", 10ms)});
  EXPECT_NEAR(cancelled.ends.at(spearlet::EXECUTION_STATUS_CANCELLED), 1000, 140);
  // An ended execution is not cancelled.
  const Tally too_late = play(load, {function("a", 4ms)});
  EXPECT_EQ(too_late.ends.count(spearlet::EXECUTION_STATUS_CANCELLED), 0u);
  EXPECT_EQ(too_late.ends.at(spearlet::EXECUTION_STATUS_COMPLETED), 4000);
}

TEST(MixedLoad, DrawsOfACallDoNotDependOnTheNode) {
  MixedLoad load =
      load_of({{.request = call_of("a"), .weight = 1}, {.request = call_of("b"), .weight = 1}});
  const Tally wide = play(load, {function("a", 1ms), function("b", 50ms)}, 100);
  load.cancels = {.share = 0.5, .after = distribution::Constant{1ms}};
  const Tally narrow = play(load, {function("a", 1ms), function("b", 50ms)}, 1);
  EXPECT_EQ(wide.calls, narrow.calls);
  EXPECT_NE(wide.calls, play(load, {function("a", 1ms), function("b", 50ms)}, 1, 2).calls);
}

TEST(MixedLoad, CountsRefusedCalls) {
  World world(1, World::Recording::kOff);
  NodeSpec node;
  node.config.slots = 1;
  node.config.queue_limit = 0;
  node.functions = {function("a", 1h)};
  world.add_node(node);
  MixedLoadGenerator generator(world, load_of({{.request = call_of("a")}}), 0);
  world.kernel().run(core::Instant(10min), [] { return false; });
  EXPECT_EQ(generator.calls(), 4000);
  EXPECT_EQ(generator.refused(), 3999);
}

}  // namespace
}  // namespace quintain::sim
