// Dispatch to slots and instances under each strategy, and estimates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/execution_manager.h"
#include "core/testing/test_node.h"

namespace quintain::core::testing {
namespace {

using ::testing::ElementsAre;

NodeConfig strategy(std::string name, std::string estimator = NodeConfig().eta.estimator) {
  NodeConfig config;
  config.slots = 1;
  config.eta.estimator = std::move(estimator);
  config.scheduling.strategy = std::move(name);
  return config;
}

// The order of attempt starts without the first, which kept the slot busy.
std::string order(const TestNode& node) {
  std::string ids;
  for (const std::string& call : node.runtime.calls) {
    if (call.starts_with("start ")) ids += call[6];
  }
  return ids.substr(1);
}

// A node whose only slot is busy for 10 ms. Executions take 10 ms, those of "long" 50 ms.
struct Busy {
  explicit Busy(const std::string& name, std::string estimator = NodeConfig().eta.estimator)
      : node(strategy(name, std::move(estimator))) {
    node.runtime.plan = [](const AttemptSpec& attempt) {
      return takes(attempt.function_name == "long" ? 50ms : 10ms);
    };
    node.add_task(task_spec("other"));
    node.async({.id = "0"});
  }
  std::string finish() {
    node.run_for(10s);
    return order(node);
  }
  TestNode node;
};

TEST(Scheduling, FifoOrdersByArrival) {
  Busy busy("fifo");
  busy.node.async({.id = "a", .priority = 1});
  busy.node.async({.id = "b", .priority = 9});
  busy.node.async({.id = "c", .timeout_ms = 1000});
  EXPECT_EQ(busy.finish(), "abc");
}

TEST(Scheduling, PriorityOrdersByPriority) {
  Busy busy("priority");
  busy.node.async({.id = "a"});
  busy.node.async({.id = "b", .priority = 5});
  busy.node.async({.id = "c", .priority = -1});
  busy.node.async({.id = "d", .priority = 5});
  EXPECT_EQ(busy.finish(), "bdac");
}

TEST(Scheduling, ShortestExpectedFirstOrdersByHistory) {
  Busy busy("shortest-expected-first");
  busy.node.async({.id = "1", .function = "long"});
  busy.node.async({.id = "2", .function = "short"});
  busy.node.run_for(10s);
  busy.node.async({.id = "3"});
  busy.node.async({.id = "a", .function = "long"});
  busy.node.async({.id = "b", .function = "short"});
  busy.node.async({.id = "c", .function = "short"});
  EXPECT_EQ(busy.finish(), "123bca");
}

TEST(Scheduling, EarliestDeadlineFirstOrdersByDeadline) {
  Busy busy("earliest-deadline-first");
  busy.node.async({.id = "a", .timeout_ms = 9000});
  busy.node.async({.id = "b"});
  busy.node.async({.id = "c", .timeout_ms = 8000});
  EXPECT_EQ(busy.finish(), "cab");
}

TEST(Scheduling, FairShareAlternatesBetweenTasks) {
  Busy busy("fair-share");
  for (const char* id : {"a", "b", "c", "d"}) busy.node.async({.id = id});
  busy.node.async({.id = "x", .task = "other"});
  busy.node.async({.id = "y", .task = "other"});
  // "0" belongs to the same task as a to d, so the other task goes first.
  EXPECT_EQ(busy.finish(), "xaybcd");
}

TEST(Scheduling, NoExecutionWaitsLongerThanTheStarvationBound) {
  NodeConfig config = strategy("priority");
  config.scheduling.starvation_bound = 100ms;
  TestNode node(config);
  node.runtime.plan = [](const AttemptSpec&) { return takes(30ms); };
  node.async({.id = "0"});
  node.async({.id = "z", .priority = -1});
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    node.async({.id = id});
    node.run_for(20ms);
  }
  node.run_for(1s);
  // z has waited 90 ms at the third turn and 120 ms at the fourth.
  EXPECT_EQ(order(node), "abczde");
}

TEST(Dispatch, ATasksInstanceLimitDelaysNoOtherTask) {
  NodeConfig config;
  config.slots = 3;
  TestNode node(config);
  node.add_task(task_spec("small", {}, 1));
  node.async({.id = "a", .task = "small"});
  node.async({.id = "b", .task = "small"});
  node.async({.id = "c", .task = "small"});
  node.async({.id = "x"});
  node.async({.id = "y"});
  node.async({.id = "z"});
  node.settle();
  EXPECT_EQ(node.busy(), 3);
  for (const char* id : {"a", "x", "y"}) EXPECT_EQ(node.status(id), kRunning) << id;
  node.runtime.finish("x");
  node.settle();
  EXPECT_EQ(node.status("z"), kRunning);
  EXPECT_EQ(node.status("b"), kPending);
  node.runtime.finish("a");
  node.settle();
  EXPECT_EQ(node.status("b"), kRunning);
  EXPECT_EQ(node.status("c"), kPending);
  EXPECT_EQ(node.busy(), 3);
  node.cancel("b", true);
  node.settle();
  EXPECT_EQ(node.status("c"), kRunning);
}

TEST(Dispatch, ForceNewInstanceStartsColdDespiteAWarmOne) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec&) { return takes(1ms); };
  node.async({.id = "a"});
  node.run_for(1ms);
  node.async({.id = "b"});
  node.run_for(1ms);
  node.async({.id = "c", .fresh = true});
  node.run_for(1ms);
  EXPECT_THAT(node.runtime.calls,
              ElementsAre("start a#1 cold", "start b#1 warm", "start c#1 cold"));
  EXPECT_NE(node.runtime.instance("c"), node.runtime.instance("a"));
}

TEST(Dispatch, BusySlotsNeverExceedInstances) {
  NodeConfig config;
  config.slots = 4;
  config.instances.per_node = 2;
  TestNode node(config);
  node.add_task(task_spec("other"));
  node.async({.id = "a"});
  node.async({.id = "b"});
  node.async({.id = "x", .task = "other"});
  node.settle();
  EXPECT_EQ(node.busy(), 2);
  node.runtime.finish("a");
  node.settle();
  EXPECT_EQ(node.status("x"), kRunning);
  EXPECT_EQ(node.runtime.count("retire task-i1"), 1);
}

// ---- Estimates ----------------------------------------------------------------------------------

TEST(EtaClause, Eta2EstimatesDependOnTheFunction) {
  Busy busy("fifo", "queue-length");
  busy.node.run_for(10ms);
  busy.node.async({.function = "long"});
  busy.node.async({.function = "short"});
  busy.node.run_for(10s);
  EXPECT_EQ(busy.node.async({.id = "a", .function = "long"})->estimated_completion_ms(), 50);
  busy.node.run_for(1s);
  EXPECT_EQ(busy.node.async({.id = "b", .function = "short"})->estimated_completion_ms(), 10);
}

TEST(EtaClause, Eta3EstimatesGrowWithTheQueue) {
  TestNode node(strategy("fifo", "queue-length"));
  std::vector<std::int64_t> estimates;
  for (int i = 0; i < 4; ++i) estimates.push_back(node.async()->estimated_completion_ms());
  EXPECT_THAT(estimates, ElementsAre(1000, 2000, 3000, 4000));
}

TEST(EtaClause, RefreshedEstimatesShrinkAndEndWithTheExecution) {
  NodeConfig config;
  config.eta.estimator = "queue-length";
  TestNode node(config);
  node.async({.id = "a"});
  const auto p50 = [&] { return node.look_up("a").result().metrics().at("eta_p50_ms"); };
  EXPECT_EQ(p50(), "1000");
  node.run_for(400ms);
  EXPECT_EQ(p50(), "600");
  EXPECT_EQ(node.look_up("a").result().metrics().at("eta_p90_ms"), "1382");
  node.run_for(2s);
  EXPECT_EQ(p50(), "0");
  node.runtime.finish("a");
  EXPECT_TRUE(node.look_up("a").result().metrics().empty());
}

}  // namespace
}  // namespace quintain::core::testing
