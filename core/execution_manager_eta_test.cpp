// What the execution manager shows its estimator, and what it makes of the answer.
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

// What the estimator was shown last, and what it answers.
struct Shown {
  eta::Target target{};
  eta::NodeState node{};
  eta::Backlog backlog;
  int questions = 0;
  std::vector<eta::Observation> ends;
  std::vector<std::string> introduced;
  std::vector<std::int64_t> arrivals;  // their ranks
  std::vector<Duration> waits;
  Duration p50 = 10s;
  Duration p90 = 20s;
};

class Watching final : public eta::Estimator {
 public:
  explicit Watching(Shown& shown) : shown_(shown) {}
  std::string_view name() const override { return "watching"; }
  eta::Forecast predict(const eta::Target& target, const eta::NodeState& node) override {
    shown_.target = target;
    shown_.node = node;
    shown_.backlog = node.backlog();
    EXPECT_EQ(&node.backlog(), &node.backlog()) << "it is listed once";
    ++shown_.questions;
    eta::Forecast forecast{.point = shown_.p50};
    forecast.quantiles.fill(shown_.p90);
    return forecast;
  }
  void introduce(eta::FunctionIndex function, std::string_view task,
                 std::string_view name) override {
    EXPECT_EQ(function, shown_.introduced.size());
    shown_.introduced.push_back(std::string(task) + "/" + std::string(name));
  }
  void observe_arrival(eta::FunctionIndex, Instant, std::int64_t rank) override {
    shown_.arrivals.push_back(rank);
  }
  void observe_dispatch(eta::FunctionIndex, Instant, Duration waited) override {
    shown_.waits.push_back(waited);
  }
  void observe_end(const eta::Observation& end) override { shown_.ends.push_back(end); }
  std::size_t bytes() const override { return 0; }

 private:
  Shown& shown_;
};

struct Watched {
  explicit Watched(const NodeConfig& config)
      : node(config, nullptr, 1, [this](const eta::EtaConfig&, std::uint64_t) {
          return std::make_unique<Watching>(shown);
        }) {}

  // Ordinals count acceptances from 1.
  std::vector<std::uint64_t> waiting() const {
    std::vector<std::uint64_t> ordinals;
    for (const eta::WaitingExecution& waiting : shown.backlog.waiting)
      ordinals.push_back(waiting.ordinal);
    return ordinals;
  }
  std::string metric(const std::string& id, const std::string& name) {
    return node.look_up(id).result().metrics().at(name);
  }

  Shown shown;
  TestNode node;
};

NodeConfig config_of(int slots, std::string strategy = "fifo") {
  NodeConfig config;
  config.slots = slots;
  config.scheduling.strategy = std::move(strategy);
  return config;
}

TEST(EstimatorSeam, ANodeTakesTheEstimatorThatItIsGiven) {
  Watched watched(config_of(1));
  auto& call = watched.node.async({.id = "a"});
  EXPECT_EQ(call->estimated_completion_ms(), 10'000);
  EXPECT_EQ(call->result().metrics().at("eta_p90_ms"), "20000");
  EXPECT_EQ(call->result().metrics().at("eta_estimator"), "watching");
}

TEST(EstimatorSeam, TheSubjectIsLastAndAlone) {
  Watched watched(config_of(2));
  watched.node.async({.id = "a"});
  EXPECT_THAT(watched.waiting(), ElementsAre(1));
  EXPECT_THAT(watched.shown.backlog.running, IsEmpty());
  EXPECT_EQ(watched.shown.node.slots, 2);
  EXPECT_EQ(watched.shown.node.busy, 0);
  EXPECT_EQ(watched.shown.node.queued, 0);
  EXPECT_EQ(watched.shown.target.ordinal, 1U);
  EXPECT_EQ(watched.shown.target.ahead, 0);
  EXPECT_TRUE(watched.shown.target.dispatched_at.is_never());
}

TEST(EstimatorSeam, RunningOnesAreShownAsTheyAre) {
  Watched watched(config_of(3));
  watched.node.runtime.plan = [](const AttemptSpec& attempt) {
    Plan plan;
    if (attempt.execution_id == "starting") plan.cold_start = 1h;
    return plan;
  };
  watched.node.async({.id = "first", .timeout_ms = 60'000});
  watched.node.run_for(1s);
  watched.node.runtime.finish("first");
  watched.node.async({.id = "warm", .function = "g", .timeout_ms = 50'000});
  watched.node.run_for(1s);
  watched.node.async({.id = "starting", .timeout_ms = 40'000});
  watched.node.run_for(2s);
  watched.node.async({.id = "target"});
  const auto& running = watched.shown.backlog.running;
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
  EXPECT_EQ(watched.shown.node.busy, 2);
  EXPECT_THAT(watched.shown.introduced, ElementsAre("task/f", "task/g"));
}

// One slot is busy; four wait, in the order that the strategy makes; the fifth is asked about.
std::vector<std::uint64_t> order_under(const std::string& strategy) {
  Watched watched(config_of(1, strategy));
  watched.node.add_task(task_spec("other"));
  watched.node.async({.id = "0"});
  watched.node.settle();
  watched.node.async({.id = "a", .timeout_ms = 9000, .priority = 1});
  watched.node.async({.id = "b", .timeout_ms = 5000, .priority = -1});
  watched.node.async({.id = "c", .task = "other", .timeout_ms = 8000, .priority = 7});
  watched.node.async({.id = "d", .timeout_ms = 3000, .priority = 1});
  watched.node.async({.id = "e", .timeout_ms = 8500, .priority = 0});
  EXPECT_EQ(watched.shown.backlog.hidden_count, 0);
  EXPECT_EQ(watched.shown.node.queued, 4);
  return watched.waiting();
}

TEST(EstimatorSeam, ThoseInFrontStandInTheOrderOfTheStrategy) {
  EXPECT_THAT(order_under("fifo"), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(order_under("priority"), ElementsAre(4, 2, 5, 6));
  EXPECT_THAT(order_under("earliest-deadline-first"), ElementsAre(5, 3, 4, 6));
  EXPECT_THAT(order_under("fair-share"), ElementsAre(4, 2, 3, 5, 6));
}

TEST(EstimatorSeam, ThoseWhoMayComeFirstAreAnnounced) {
  const auto overtaking = [](const std::string& strategy) {
    Watched watched(config_of(1, strategy));
    watched.node.async();
    return watched.shown.node.overtaking;
  };
  EXPECT_EQ(overtaking("fifo"), eta::Overtaking::kNever);
  EXPECT_EQ(overtaking("priority"), eta::Overtaking::kByRank);
  EXPECT_EQ(overtaking("shortest-expected-first"), eta::Overtaking::kByRank);
  EXPECT_EQ(overtaking("earliest-deadline-first"), eta::Overtaking::kByRankAndTime);
  EXPECT_EQ(overtaking("fair-share"), eta::Overtaking::kUnforeseeable);
}

TEST(EstimatorSeam, ArrivalsAreShownWithTheirRanks) {
  Watched watched(config_of(1, "priority"));
  watched.node.async({.id = "a", .priority = 3});
  watched.node.sync({.id = "b", .priority = -2});
  EXPECT_THAT(watched.shown.arrivals, ElementsAre(~3, ~-2));
  EXPECT_EQ(watched.shown.questions, 1) << "nobody tells a SYNC caller";
  watched.node.run_for(2s);
  watched.node.runtime.finish("a");
  watched.node.settle();
  EXPECT_THAT(watched.shown.waits, ElementsAre(0s, 2s));
}

// "small" has one instance, so its second waits although slots are free.
TEST(EstimatorSeam, ParkedOnesAreInFrontToo) {
  Watched watched(config_of(2));
  watched.node.add_task(task_spec("small", {}, 1));
  watched.node.async({.id = "a", .task = "small"});
  watched.node.async({.id = "b", .task = "small", .fresh = true});
  watched.node.async({.id = "c", .task = "small"});
  watched.node.async({.id = "d"});
  watched.node.settle();
  watched.node.async({.id = "e"});
  EXPECT_THAT(watched.waiting(), ElementsAre(2, 3, 5));
  const auto& backlog = watched.shown.backlog;
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

TEST(EstimatorSeam, IdleInstancesAreCounted) {
  Watched watched(config_of(3));
  watched.node.async({.id = "a"});
  watched.node.async({.id = "b"});
  watched.node.settle();
  watched.node.runtime.finish("a");
  watched.node.settle();
  watched.node.async({.id = "c"});
  ASSERT_EQ(watched.shown.backlog.shares.size(), 1U);
  EXPECT_EQ(watched.shown.backlog.shares[0].idle, 1);
  EXPECT_EQ(watched.shown.backlog.shares[0].instances, 2);
}

TEST(EstimatorSeam, OfALongQueueTheFirstThousandAreListed) {
  Watched watched(config_of(1));
  for (int i = 0; i < 1202; ++i) watched.node.async();
  const auto& backlog = watched.shown.backlog;
  ASSERT_EQ(backlog.waiting.size(), 1001U);
  EXPECT_EQ(backlog.waiting.front().ordinal, 2U);
  EXPECT_EQ(backlog.waiting[999].ordinal, 1001U);
  EXPECT_EQ(backlog.waiting.back().ordinal, 1202U);
  EXPECT_EQ(backlog.hidden_count, 200);
  EXPECT_EQ(watched.shown.target.ahead, 1200);
}

TEST(EstimatorSeam, EstimatesAreRefreshedWhileItWaitsAndRuns) {
  Watched watched(config_of(1));
  watched.node.async({.id = "a"});
  watched.node.async({.id = "b"});
  watched.node.async({.id = "c"});
  watched.node.run_for(3s);
  watched.shown.p50 = 4s;
  EXPECT_EQ(watched.metric("b", "eta_p50_ms"), "4000");
  EXPECT_THAT(watched.waiting(), ElementsAre(2)) << "c is behind";
  EXPECT_EQ(watched.shown.target.accepted_at, Instant());
  watched.node.runtime.finish("a");
  watched.node.settle();
  watched.shown.p50 = 2s;
  EXPECT_EQ(watched.metric("b", "eta_p50_ms"), "2000");
  EXPECT_THAT(watched.waiting(), IsEmpty());
  EXPECT_EQ(watched.shown.target.dispatched_at, Instant(3s));
  EXPECT_EQ(watched.shown.backlog.running.at(0).ordinal, 2U);
}

TEST(EstimatorSeam, TheDeadlineCutsAnEstimateShort) {
  Watched watched(config_of(1));
  auto& call = watched.node.async({.id = "a", .timeout_ms = 15'000});
  EXPECT_EQ(call->estimated_completion_ms(), 10'000);
  EXPECT_EQ(call->result().metrics().at("eta_p90_ms"), "15000");
  watched.node.run_for(6s);
  EXPECT_EQ(watched.metric("a", "eta_p50_ms"), "9000");
  EXPECT_EQ(watched.metric("a", "eta_p90_ms"), "9000");
}

// A slot comes free at the instant at which the next one's timeout is due: that one is off the
// queue, has not ended, and may be asked about before it has.
TEST(EstimatorSeam, OneWhoseTimeoutIsDueHasNoTimeLeft) {
  for (const std::string_view name : eta::estimator_names()) {
    NodeConfig config = config_of(1);
    config.eta.estimator = name;
    TestNode node(config);
    node.runtime.plan = [](const AttemptSpec&) { return takes(5s); };
    node.async({.id = "a"});
    node.async({.id = "b", .timeout_ms = 5000});
    struct Asks {
      TestNode* node;
      std::string p50;
    } asks{.node = &node, .p50 = ""};
    Timer timer(
        node.environment,
        [](void* self) {
          auto& asking = *static_cast<Asks*>(self);
          EXPECT_EQ(asking.node->queued(), 0);
          asking.p50 = asking.node->look_up("b").result().metrics().at("eta_p50_ms");
        },
        &asks);
    timer.arm(Instant(5s), Precedence::kCancel);
    node.run_for(5s);
    EXPECT_EQ(asks.p50, "0") << name;
    EXPECT_EQ(node.status("b"), kTimeout);
  }
}

TEST(EstimatorSeam, AnAsyncCallerHasHisAnswerBeforeAnythingStarts) {
  Watched watched(config_of(1));
  int started = 0;
  watched.node.runtime.plan = [&](const AttemptSpec&) {
    ++started;
    EXPECT_EQ(watched.node.calls().back().answers(), 1);
    EXPECT_EQ(watched.shown.questions, 1) << "and the estimate was made while it waited";
    EXPECT_EQ(watched.waiting().size(), 1U);
    return takes(0s);
  };
  watched.node.async({.id = "a"});
  watched.node.settle();
  EXPECT_EQ(started, 1);
}

TEST(EstimatorSeam, EndsAreShownAsTheyWere) {
  Watched watched(config_of(1));
  watched.node.runtime.plan = [](const AttemptSpec&) {
    Plan plan = takes(3s);
    plan.cold_start = 2s;
    return plan;
  };
  watched.node.async({.id = "a", .timeout_ms = 60'000});
  watched.node.async({.id = "b", .timeout_ms = 4000});
  watched.node.run_for(1min);
  ASSERT_EQ(watched.shown.ends.size(), 2U);
  const eta::Observation& cut = watched.shown.ends[0];
  EXPECT_EQ(cut.status, kTimeout);
  EXPECT_TRUE(cut.dispatched_at.is_never());
  EXPECT_TRUE(cut.started_at.is_never());
  EXPECT_EQ(cut.ended_at, Instant(4s));
  const eta::Observation& done = watched.shown.ends[1];
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
