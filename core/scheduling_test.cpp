// The ranks of the scheduling strategies, and the order that results from them.
#include "core/scheduling.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/testing/test_node.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

class SchedulingTest : public ::testing::Test {
 protected:
  // An execution of the task with this name and of its only function.
  AsyncExecution& execution(const std::string& name) {
    auto& execution = executions_.emplace_back(std::make_unique<AsyncExecution>());
    Task* task = tasks_.find(name);
    execution->task = task != nullptr ? task : &tasks_.add(testing::task_spec(name), {});
    execution->function = tasks_.function(*execution->task, "f", 1);
    execution->live = node_.live(*execution);
    return *execution;
  }

  void observe(const std::string& name, Duration service) {
    service_times_.observe({.function = execution(name).function->index,
                            .ordinal = 1,
                            .accepted_at = Instant(),
                            .deadline = Instant::never(),
                            .dispatched_at = Instant(),
                            .started_at = Instant(),
                            .ended_at = Instant(service),
                            .cold = false,
                            .status = testing::kCompleted});
  }

  std::int64_t rank_of_priority(const std::string& priority) {
    AsyncExecution& waiting = execution("p");
    (*waiting.live->request.mutable_invocation_metadata())["priority"] = priority;
    return strategy("priority")->rank(waiting);
  }

  std::unique_ptr<SchedulingStrategy> strategy(std::string_view name) {
    return make_scheduling_strategy(name, service_times_);
  }

  testing::TestNode node_;
  testing::TestTasks tasks_;
  eta::ServiceTimes service_times_{10ns};
  std::vector<std::unique_ptr<AsyncExecution>> executions_;
};

TEST_F(SchedulingTest, OnlyListedNamesMakeAStrategy) {
  EXPECT_EQ(scheduling_strategy_names().size(), 5U);
  for (const std::string_view name : scheduling_strategy_names())
    EXPECT_NE(strategy(name), nullptr);
  EXPECT_EQ(strategy("lifo"), nullptr);
  EXPECT_EQ(strategy(""), nullptr);
}

TEST_F(SchedulingTest, FifoRanksAllExecutionsEqually) {
  EXPECT_EQ(strategy("fifo")->rank(execution("a")), strategy("fifo")->rank(execution("b")));
}

TEST_F(SchedulingTest, LargerPrioritiesGoFirstOverTheWholeRange) {
  const std::vector<std::int64_t> falling = {kMax, 5, 1, 0, -1, -5, kMin};
  for (std::size_t i = 1; i < falling.size(); ++i) {
    EXPECT_LT(rank_of_priority(std::to_string(falling[i - 1])),
              rank_of_priority(std::to_string(falling[i])));
  }
  EXPECT_EQ(strategy("priority")->rank(execution("p")), rank_of_priority("0"));
}

TEST(StatedPriority, RejectsAnythingButAnInteger) {
  spearlet::InvokeFunctionRequest request;
  EXPECT_EQ(stated_priority(request), 0);
  std::string& stated = (*request.mutable_invocation_metadata())["priority"];
  stated = "-3";
  EXPECT_EQ(stated_priority(request), -3);
  for (const char* text : {"", "high", "1.5", "9223372036854775808", "1 2"}) {
    stated = text;
    EXPECT_EQ(stated_priority(request), std::nullopt) << text;
  }
}

TEST_F(SchedulingTest, ShortestExpectedFirstRanksByTheFunctionsMean) {
  observe("short", 5ns);
  observe("long", 50ns);
  const auto shortest = strategy("shortest-expected-first");
  EXPECT_EQ(shortest->rank(execution("short")), 5);
  EXPECT_EQ(shortest->rank(execution("long")), 50);
  EXPECT_EQ(shortest->rank(execution("unknown")), 27) << "the node's mean, (5 + 50) / 2";
}

TEST_F(SchedulingTest, EarliestDeadlineFirstRanksByTheDeadline) {
  AsyncExecution& sooner = execution("a");
  sooner.deadline = Instant(1s);
  AsyncExecution& later = execution("a");
  later.deadline = Instant(2s);
  EXPECT_LT(strategy("earliest-deadline-first")->rank(sooner),
            strategy("earliest-deadline-first")->rank(later));
}

// Queues all arrivals, then serves them by rank, equal ranks by arrival. Returns the order.
std::string serve(SchedulingStrategy& strategy, const std::vector<AsyncExecution*>& arrivals) {
  std::multimap<std::int64_t, const AsyncExecution*> queue;
  for (const AsyncExecution* arrival : arrivals) queue.emplace(strategy.rank(*arrival), arrival);
  std::string order;
  while (!queue.empty()) {
    const auto [rank, next] = *queue.begin();
    queue.erase(queue.begin());
    strategy.on_dispatched(rank);
    order += next->task->id();
  }
  return order;
}

TEST_F(SchedulingTest, FairShareAlternatesBetweenTasks) {
  const auto fair = strategy("fair-share");
  AsyncExecution& a = execution("a");
  AsyncExecution& b = execution("b");
  EXPECT_EQ(serve(*fair, {&a, &a, &a, &a, &b, &b}), "ababaa");
}

TEST_F(SchedulingTest, FairShareWeighsTasksByExpectedService) {
  observe("a", 30ns);
  observe("b", 10ns);
  const auto fair = strategy("fair-share");
  AsyncExecution& a = execution("a");
  AsyncExecution& b = execution("b");
  // Start tags: a 0, 30, 60; b 0, 10, 20, 30, 40.
  EXPECT_EQ(serve(*fair, {&a, &a, &a, &b, &b, &b, &b, &b}), "abbbabba");
}

TEST_F(SchedulingTest, FairShareGivesNoCreditForIdleTime) {
  const auto fair = strategy("fair-share");
  AsyncExecution& a = execution("a");
  AsyncExecution& b = execution("b");
  serve(*fair, {&a, &a, &a, &a});
  // b was idle while a was served four times; it must not be served four times in a row now.
  EXPECT_EQ(serve(*fair, {&a, &a, &b, &b, &b}), "babab");
}

TEST_F(SchedulingTest, FairShareForgetsIdleTasksOnly) {
  const auto fair = strategy("fair-share");
  AsyncExecution& busy = execution("z");
  for (int i = 0; i < 1000; ++i) {
    AsyncExecution& passing = execution("t" + std::to_string(i));
    fair->on_dispatched(fair->rank(busy));
    fair->rank(passing);
  }
  AsyncExecution& fresh = execution("y");
  EXPECT_LT(fair->rank(fresh), fair->rank(busy));
}

}  // namespace
}  // namespace quintain::core
