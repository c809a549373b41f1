// The queue of executions: order, starvation bound, parking, and its behaviour against a model.
#include "core/execution_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/testing/test_node.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBound = 100ns;

// Creates waiting executions, whose rank is their deadline.
class QueueTest : public ::testing::Test {
 public:
  ~QueueTest() override {
    for (AsyncExecution& execution : executions) {
      if (execution.live->queued()) queue.remove(execution);
    }
  }

  Task& task(const std::string& id) {
    Task* found = tasks.find(id);
    return found != nullptr ? *found : tasks.add(testing::task_spec(id), {});
  }

  AsyncExecution& push(const std::string& task_id, std::int64_t rank, Duration accepted_at = 0ns) {
    AsyncExecution& execution = executions.emplace_back();
    execution.ordinal = executions.size();
    execution.task = &task(task_id);
    execution.function = tasks.function(*execution.task, "f", 1);
    execution.accepted_at = Instant(accepted_at);
    execution.deadline = Instant(Duration(rank));
    execution.live = node.live(execution);
    queue.push(execution);
    return execution;
  }

  testing::TestNode node;
  testing::TestTasks tasks;
  eta::ServiceTimes service_times{1s};
  ExecutionQueue queue{make_scheduling_strategy("earliest-deadline-first", service_times), kBound};
  std::list<AsyncExecution> executions;
  const std::function<bool(const Task&)> any_task = [](const Task&) { return true; };
};

TEST_F(QueueTest, PopsByRankAndThenByArrival) {
  AsyncExecution& last = push("a", 2);
  AsyncExecution& first = push("b", 1);
  AsyncExecution& second = push("a", 1);
  EXPECT_EQ(queue.size(), 3);
  EXPECT_EQ(queue.pop(Instant(), any_task), &first);
  EXPECT_EQ(queue.pop(Instant(), any_task), &second);
  EXPECT_EQ(queue.pop(Instant(), any_task), &last);
  EXPECT_EQ(queue.pop(Instant(), any_task), nullptr);
  EXPECT_EQ(queue.size(), 0);
}

TEST_F(QueueTest, ExecutionsThatHaveWaitedForTheBoundGoFirst) {
  AsyncExecution& old = push("a", 9, 0ns);
  AsyncExecution& old_too = push("a", 8, 1ns);
  AsyncExecution& urgent = push("a", 1, 50ns);
  EXPECT_EQ(queue.pop(Instant(kBound - 1ns), any_task), &urgent);
  AsyncExecution& urgent_too = push("a", 1, 99ns);
  EXPECT_EQ(queue.pop(Instant(kBound), any_task), &old);
  EXPECT_EQ(queue.pop(Instant(kBound), any_task), &urgent_too);
  EXPECT_EQ(queue.pop(Instant(kBound + 1ns), any_task), &old_too);
}

TEST_F(QueueTest, SkipsATaskThatMayNotStartUntilItIsUnparked) {
  push("a", 1);
  AsyncExecution& second = push("a", 2);
  AsyncExecution& other = push("b", 3);
  int checked = 0;
  const auto not_a = [&](const Task& task) {
    ++checked;
    return task.id() != "a";
  };
  EXPECT_EQ(queue.pop(Instant(), not_a), &other);
  EXPECT_EQ(checked, 3);
  EXPECT_EQ(queue.pop(Instant(), not_a), nullptr);
  EXPECT_EQ(checked, 3) << "parked executions are not checked again";
  EXPECT_EQ(queue.size(), 2);
  queue.remove(executions.front());
  queue.unpark(task("a"));
  EXPECT_EQ(queue.pop(Instant(), any_task), &second);
}

TEST_F(QueueTest, UnparksTheNextExecutionWhenOneIsPopped) {
  for (const std::int64_t rank : {3, 1, 2, 5, 4}) push("a", rank);
  EXPECT_EQ(queue.pop(Instant(), [](const Task&) { return false; }), nullptr);
  queue.unpark(task("a"));
  std::vector<std::int64_t> ranks;
  while (AsyncExecution* execution = queue.pop(Instant(), any_task)) {
    ranks.push_back(execution->deadline.since_start().count());
  }
  EXPECT_EQ(ranks, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

TEST_F(QueueTest, UnparksTheNextExecutionWhenOneIsRemoved) {
  AsyncExecution& first = push("a", 1);
  AsyncExecution& second = push("a", 2);
  AsyncExecution& third = push("a", 3);
  AsyncExecution& fourth = push("a", 4);
  queue.pop(Instant(), [](const Task&) { return false; });
  queue.unpark(task("a"));
  queue.remove(first);
  queue.remove(second);
  EXPECT_EQ(queue.pop(Instant(), any_task), &third);
  EXPECT_EQ(queue.pop(Instant(), any_task), &fourth);
}

TEST_F(QueueTest, CountsExecutionsAhead) {
  AsyncExecution& first = push("a", 3);
  AsyncExecution& second = push("a", 1);
  AsyncExecution& third = push("b", 1);
  EXPECT_EQ(queue.ahead_of(first), 0);
  EXPECT_EQ(queue.ahead_of(second), 1);
  EXPECT_EQ(queue.ahead_of(third), 2);
  queue.remove(first);
  EXPECT_EQ(queue.ahead_of(second), 0);
  EXPECT_EQ(queue.ahead_of(third), 1);
}

TEST_F(QueueTest, CountsParkedExecutionsAhead) {
  push("a", 1);
  AsyncExecution& second = push("a", 2);
  queue.pop(Instant(), [](const Task&) { return false; });
  EXPECT_EQ(queue.ahead_of(second), 1);
  AsyncExecution& third = push("b", 3);
  EXPECT_EQ(queue.ahead_of(second), 1);
  EXPECT_EQ(queue.ahead_of(third), 2);
}

// Compares the queue with a list that is searched linearly, under arrivals, removals, ends,
// changing task limits and passing time. Above all, no wake-up is lost: if any waiting execution
// may start, pop returns one.
RC_GTEST_FIXTURE_PROP(QueueTest, BehavesLikeAList, ()) {
  constexpr std::size_t kTasks = 4;
  const auto words = *rc::gen::resize(300, rc::gen::arbitrary<std::vector<std::uint32_t>>());
  std::list<AsyncExecution*> waiting;  // in the order of arrival
  int running[kTasks] = {};
  int limit[kTasks] = {0, 1, 2, 3};
  Duration clock{0};
  const auto number = [](const Task& t) { return static_cast<std::size_t>(t.id()[0] - '0'); };
  const auto may_start = [&](const Task& t) { return running[number(t)] < limit[number(t)]; };
  for (const std::uint32_t word : words) {
    const std::size_t chosen = (word >> 8) % kTasks;
    const std::string name = std::to_string(chosen);
    switch (word % 8) {
      case 0:
      case 1:
      case 2:
        waiting.push_back(&push(name, (word >> 16) % 5, clock));
        break;
      case 3:
      case 4: {
        AsyncExecution* expected = nullptr;
        for (AsyncExecution* candidate : waiting) {
          if (!may_start(*candidate->task)) continue;
          if (expected == nullptr || candidate->deadline < expected->deadline) expected = candidate;
          if (clock - candidate->accepted_at.since_start() >= kBound) {
            expected = candidate;
            break;
          }
        }
        RC_ASSERT(queue.pop(Instant(clock), may_start) == expected);
        if (expected != nullptr) {
          waiting.remove(expected);
          ++running[number(*expected->task)];
        }
        break;
      }
      case 5:  // an execution of the task ends, or the limit is raised
        if (running[chosen] > 0) {
          --running[chosen];
        } else {
          ++limit[chosen];
        }
        queue.unpark(task(name));
        break;
      case 6:
        if (!waiting.empty()) {
          const auto victim = std::next(waiting.begin(),
                                        static_cast<std::ptrdiff_t>((word >> 16) % waiting.size()));
          queue.remove(**victim);
          waiting.erase(victim);
        }
        break;
      case 7:
        clock += Duration((word >> 16) % 60);
        if (limit[chosen] > 0) --limit[chosen];
        break;
      default:
        break;
    }
    RC_ASSERT(queue.size() == static_cast<std::int64_t>(waiting.size()));
    std::int64_t before = 0;
    for (AsyncExecution* execution : waiting) {
      RC_ASSERT(queue.ahead_of(*execution) >= before);
      RC_ASSERT(queue.ahead_of(*execution) < queue.size());
      ++before;
    }
  }
}

}  // namespace
}  // namespace quintain::core
