// What the execution manager reports to its estimator, and how it uses the forecasts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/testing/test_node.h"

namespace quintain::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What the estimator was given, and what it returns.
struct Log {
  eta::Target target{};
  eta::NodeState node{};
  eta::Backlog backlog;
  int predictions = 0;
  std::vector<eta::Observation> ends;
  std::vector<std::string> introduced;
  std::vector<std::int64_t> arrivals;  // their ranks
  std::vector<Duration> waits;
  Duration p50 = 10s;
  Duration p90 = 20s;
};

class LoggingEstimator final : public eta::Estimator {
 public:
  explicit LoggingEstimator(Log& log) : log_(log) {}
  std::string_view name() const override { return "logging"; }
  eta::Forecast predict(const eta::Target& target, const eta::NodeState& node) override {
    log_.target = target;
    log_.node = node;
    log_.backlog = node.backlog();
    EXPECT_EQ(&node.backlog(), &node.backlog()) << "it is filled once";
    ++log_.predictions;
    eta::Forecast forecast{.point = log_.p50};
    forecast.quantiles.fill(log_.p90);
    return forecast;
  }
  void introduce(eta::FunctionIndex function, std::string_view task,
                 std::string_view name) override {
    EXPECT_EQ(function, log_.introduced.size());
    log_.introduced.push_back(std::string(task) + "/" + std::string(name));
  }
  void observe_arrival(eta::FunctionIndex, Instant, std::int64_t rank) override {
    log_.arrivals.push_back(rank);
  }
  void observe_dispatch(eta::FunctionIndex, Instant, Duration waited) override {
    log_.waits.push_back(waited);
  }
  void observe_end(const eta::Observation& end) override { log_.ends.push_back(end); }
  std::size_t bytes() const override { return 0; }

 private:
  Log& log_;
};

struct LoggedNode {
  explicit LoggedNode(const NodeConfig& config)
      : node(config, nullptr, 1, [this](const eta::EtaConfig&, std::uint64_t) {
          return std::make_unique<LoggingEstimator>(log);
        }) {}

  // The ordinals of the waiting executions; the first accepted execution has ordinal 1.
  std::vector<std::uint64_t> waiting() const {
    std::vector<std::uint64_t> ordinals;
    for (const eta::WaitingExecution& waiting : log.backlog.waiting)
      ordinals.push_back(waiting.ordinal);
    return ordinals;
  }
  std::string metric(const std::string& id, const std::string& name) {
    return node.look_up(id).result().metrics().at(name);
  }

  Log log;
  TestNode node;
};

NodeConfig config_of(int slots, std::string strategy = "fifo") {
  NodeConfig config;
  config.slots = slots;
  config.scheduling.strategy = std::move(strategy);
  return config;
}

TEST(EstimatorInterface, ANodeUsesTheGivenEstimator) {
  LoggedNode logged(config_of(1));
  auto& call = logged.node.async({.id = "a"});
  EXPECT_EQ(call->estimated_completion_ms(), 10'000);
  EXPECT_EQ(call->result().metrics().at("eta_p90_ms"), "20000");
  EXPECT_EQ(call->result().metrics().at("eta_estimator"), "logging");
}

TEST(EstimatorInterface, TheTargetIsTheLastWaitingExecution) {
  LoggedNode logged(config_of(2));
  logged.node.async({.id = "a"});
  EXPECT_THAT(logged.waiting(), ElementsAre(1));
  EXPECT_THAT(logged.log.backlog.running, IsEmpty());
  EXPECT_EQ(logged.log.node.slots, 2);
  EXPECT_EQ(logged.log.node.busy, 0);
  EXPECT_EQ(logged.log.node.queued, 0);
  EXPECT_EQ(logged.log.target.ordinal, 1U);
  EXPECT_EQ(logged.log.target.ahead, 0);
  EXPECT_TRUE(logged.log.target.dispatched_at.is_never());
}

TEST(EstimatorInterface, DescribesRunningExecutions) {
  LoggedNode logged(config_of(3));
  logged.node.runtime.plan = [](const AttemptSpec& attempt) {
    Plan plan;
    if (attempt.execution_id == "starting") plan.cold_start = 1h;
    return plan;
  };
  logged.node.async({.id = "first", .timeout_ms = 60'000});
  logged.node.run_for(1s);
  logged.node.runtime.finish("first");
  logged.node.async({.id = "warm", .function = "g", .timeout_ms = 50'000});
  logged.node.run_for(1s);
  logged.node.async({.id = "starting", .timeout_ms = 40'000});
  logged.node.run_for(2s);
  logged.node.async({.id = "target"});
  const auto& running = logged.log.backlog.running;
  ASSERT_EQ(running.size(), 2U);
  EXPECT_EQ(running[0].ordinal, 2U);
  EXPECT_EQ(running[0].function, 1U);
  EXPECT_EQ(running[0].dispatched_at, Instant(1s));
  EXPECT_EQ(running[0].started_at, Instant(1s));
  EXPECT_EQ(running[0].deadline, Instant(51s));
  EXPECT_FALSE(running[0].cold);
  EXPECT_EQ(running[1].ordinal, 3U);
  EXPECT_EQ(running[1].dispatched_at, Instant(2s));
  EXPECT_TRUE(running[1].started_at.is_never());
  EXPECT_TRUE(running[1].cold);
  EXPECT_EQ(logged.log.node.busy, 2);
  EXPECT_THAT(logged.log.introduced, ElementsAre("task/f", "task/g"));
}

// The waiting executions in the order of the strategy, if the only slot is busy, four executions
// wait and the fifth is the target.
std::vector<std::uint64_t> order_under(const std::string& strategy) {
  LoggedNode logged(config_of(1, strategy));
  logged.node.add_task(task_spec("other"));
  logged.node.async({.id = "0"});
  logged.node.settle();
  logged.node.async({.id = "a", .timeout_ms = 9000, .priority = 1});
  logged.node.async({.id = "b", .timeout_ms = 5000, .priority = -1});
  logged.node.async({.id = "c", .task = "other", .timeout_ms = 8000, .priority = 7});
  logged.node.async({.id = "d", .timeout_ms = 3000, .priority = 1});
  logged.node.async({.id = "e", .timeout_ms = 8500, .priority = 0});
  EXPECT_EQ(logged.log.backlog.hidden_count, 0);
  EXPECT_EQ(logged.log.node.queued, 4);
  return logged.waiting();
}

TEST(EstimatorInterface, ListsExecutionsAheadInTheOrderOfTheStrategy) {
  EXPECT_THAT(order_under("fifo"), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(order_under("priority"), ElementsAre(4, 2, 5, 6));
  EXPECT_THAT(order_under("earliest-deadline-first"), ElementsAre(5, 3, 4, 6));
  EXPECT_THAT(order_under("fair-share"), ElementsAre(4, 2, 3, 5, 6));
}

TEST(EstimatorInterface, ReportsOvertaking) {
  const auto overtaking = [](const std::string& strategy) {
    LoggedNode logged(config_of(1, strategy));
    logged.node.async();
    return logged.log.node.overtaking;
  };
  EXPECT_EQ(overtaking("fifo"), eta::Overtaking::kNever);
  EXPECT_EQ(overtaking("priority"), eta::Overtaking::kByRank);
  EXPECT_EQ(overtaking("shortest-expected-first"), eta::Overtaking::kByRank);
  EXPECT_EQ(overtaking("earliest-deadline-first"), eta::Overtaking::kByRankAndTime);
  EXPECT_EQ(overtaking("fair-share"), eta::Overtaking::kUnforeseeable);
}

TEST(EstimatorInterface, ReportsArrivalsWithRanks) {
  LoggedNode logged(config_of(1, "priority"));
  logged.node.async({.id = "a", .priority = 3});
  logged.node.sync({.id = "b", .priority = -2});
  EXPECT_THAT(logged.log.arrivals, ElementsAre(~3, ~-2));
  EXPECT_EQ(logged.log.predictions, 1) << "SYNC answers have no estimate";
  logged.node.run_for(2s);
  logged.node.runtime.finish("a");
  logged.node.settle();
  EXPECT_THAT(logged.log.waits, ElementsAre(0s, 2s));
}

// "small" may have one instance, so its second execution waits although a slot is free.
TEST(EstimatorInterface, ListsParkedExecutionsToo) {
  LoggedNode logged(config_of(2));
  logged.node.add_task(task_spec("small", {}, 1));
  logged.node.async({.id = "a", .task = "small"});
  logged.node.async({.id = "b", .task = "small", .fresh = true});
  logged.node.async({.id = "c", .task = "small"});
  logged.node.async({.id = "d"});
  logged.node.settle();
  logged.node.async({.id = "e"});
  EXPECT_THAT(logged.waiting(), ElementsAre(2, 3, 5));
  const auto& backlog = logged.log.backlog;
  ASSERT_EQ(backlog.shares.size(), 2U);
  const eta::TaskShare& small = backlog.shares[backlog.waiting[0].share];
  EXPECT_EQ(backlog.waiting[1].share, backlog.waiting[0].share);
  EXPECT_EQ(small.idle, 0);
  EXPECT_EQ(small.instances, 1);
  EXPECT_EQ(small.limit, 1);
  EXPECT_TRUE(backlog.waiting[0].fresh);
  EXPECT_FALSE(backlog.waiting[1].fresh);
  const eta::TaskShare& task = backlog.shares[backlog.waiting[2].share];
  EXPECT_EQ(task.instances, 1);
  EXPECT_EQ(task.limit, NodeConfig().instances.per_task);
  EXPECT_EQ(task.task, backlog.running[1].task);
  EXPECT_NE(task.task, small.task);
}

TEST(EstimatorInterface, ReportsIdleInstances) {
  LoggedNode logged(config_of(3));
  logged.node.async({.id = "a"});
  logged.node.async({.id = "b"});
  logged.node.settle();
  logged.node.runtime.finish("a");
  logged.node.settle();
  logged.node.async({.id = "c"});
  ASSERT_EQ(logged.log.backlog.shares.size(), 1U);
  EXPECT_EQ(logged.log.backlog.shares[0].idle, 1);
  EXPECT_EQ(logged.log.backlog.shares[0].instances, 2);
}

TEST(EstimatorInterface, ListsTheFirstThousandOfALongQueue) {
  LoggedNode logged(config_of(1));
  for (int i = 0; i < 1202; ++i) logged.node.async();
  const auto& backlog = logged.log.backlog;
  ASSERT_EQ(backlog.waiting.size(), 1001U);
  EXPECT_EQ(backlog.waiting.front().ordinal, 2U);
  EXPECT_EQ(backlog.waiting[999].ordinal, 1001U);
  EXPECT_EQ(backlog.waiting.back().ordinal, 1202U);
  EXPECT_EQ(backlog.hidden_count, 200);
  EXPECT_EQ(logged.log.target.ahead, 1200);
}

TEST(EstimatorInterface, PredictsAgainAtEveryQuery) {
  LoggedNode logged(config_of(1));
  logged.node.async({.id = "a"});
  logged.node.async({.id = "b"});
  logged.node.async({.id = "c"});
  logged.node.run_for(3s);
  logged.log.p50 = 4s;
  EXPECT_EQ(logged.metric("b", "eta_p50_ms"), "4000");
  EXPECT_THAT(logged.waiting(), ElementsAre(2)) << "c is behind";
  EXPECT_EQ(logged.log.target.accepted_at, Instant());
  logged.node.runtime.finish("a");
  logged.node.settle();
  logged.log.p50 = 2s;
  EXPECT_EQ(logged.metric("b", "eta_p50_ms"), "2000");
  EXPECT_THAT(logged.waiting(), IsEmpty());
  EXPECT_EQ(logged.log.target.dispatched_at, Instant(3s));
  EXPECT_EQ(logged.log.backlog.running.at(0).ordinal, 2U);
}

TEST(EstimatorInterface, TheDeadlineLimitsAnEstimate) {
  LoggedNode logged(config_of(1));
  auto& call = logged.node.async({.id = "a", .timeout_ms = 15'000});
  EXPECT_EQ(call->estimated_completion_ms(), 10'000);
  EXPECT_EQ(call->result().metrics().at("eta_p90_ms"), "15000");
  logged.node.run_for(6s);
  EXPECT_EQ(logged.metric("a", "eta_p50_ms"), "9000");
  EXPECT_EQ(logged.metric("a", "eta_p90_ms"), "9000");
}

// A slot is freed at the instant at which the timeout of the next execution is due. That execution
// has left the queue but not ended, and its status may be queried.
TEST(EstimatorInterface, AnExecutionWhoseTimeoutIsDueHasNoTimeLeft) {
  for (const std::string_view name : eta::estimator_names()) {
    NodeConfig config = config_of(1);
    config.eta.estimator = name;
    TestNode node(config);
    node.runtime.plan = [](const AttemptSpec&) { return takes(5s); };
    node.async({.id = "a"});
    node.async({.id = "b", .timeout_ms = 5000});
    struct Query {
      TestNode* node;
      std::string p50;
    } query{.node = &node, .p50 = ""};
    Timer timer(
        node.environment,
        [](void* self) {
          auto& due = *static_cast<Query*>(self);
          EXPECT_EQ(due.node->queued(), 0);
          due.p50 = due.node->look_up("b").result().metrics().at("eta_p50_ms");
        },
        &query);
    timer.arm(Instant(5s), Precedence::kCancel);
    node.run_for(5s);
    EXPECT_EQ(query.p50, "0") << name;
    EXPECT_EQ(node.status("b"), kTimeout);
  }
}

TEST(EstimatorInterface, AnAsyncCallerIsAnsweredBeforeTheStart) {
  LoggedNode logged(config_of(1));
  int started = 0;
  logged.node.runtime.plan = [&](const AttemptSpec&) {
    ++started;
    EXPECT_EQ(logged.node.calls().back().answers(), 1);
    EXPECT_EQ(logged.log.predictions, 1) << "the prediction was made in the queue";
    EXPECT_EQ(logged.waiting().size(), 1U);
    return takes(0s);
  };
  logged.node.async({.id = "a"});
  logged.node.settle();
  EXPECT_EQ(started, 1);
}

TEST(EstimatorInterface, ReportsEnds) {
  LoggedNode logged(config_of(1));
  logged.node.runtime.plan = [](const AttemptSpec&) {
    Plan plan = takes(3s);
    plan.cold_start = 2s;
    return plan;
  };
  logged.node.async({.id = "a", .timeout_ms = 60'000});
  logged.node.async({.id = "b", .timeout_ms = 4000});
  logged.node.run_for(1min);
  ASSERT_EQ(logged.log.ends.size(), 2U);
  const eta::Observation& cut = logged.log.ends[0];
  EXPECT_EQ(cut.status, kTimeout);
  EXPECT_TRUE(cut.dispatched_at.is_never());
  EXPECT_TRUE(cut.started_at.is_never());
  EXPECT_EQ(cut.ended_at, Instant(4s));
  const eta::Observation& done = logged.log.ends[1];
  EXPECT_EQ(done.ordinal, 1U);
  EXPECT_EQ(done.status, kCompleted);
  EXPECT_EQ(done.dispatched_at, Instant());
  EXPECT_EQ(done.started_at, Instant(2s));
  EXPECT_EQ(done.ended_at, Instant(5s));
  EXPECT_EQ(done.deadline, Instant(60s));
  EXPECT_TRUE(done.cold);
}

}  // namespace
}  // namespace quintain::core::testing
