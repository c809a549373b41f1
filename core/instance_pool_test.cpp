// The pool of instances: reuse, limits and idle expiry, by examples and against random operations.
#include "core/instance_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "core/testing/calls.h"
#include "core/testing/fakes.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class InstancePoolTest : public ::testing::Test {
 protected:
  explicit InstancePoolTest(const InstanceConfig& config = {.per_node = 3,
                                                            .per_task = 3,
                                                            .idle_expiry = 60s})
      : pool(environment, runtime, config) {}

  static Instance* ready(Instance* instance) {
    instance->mark_ready();
    return instance;
  }

  testing::ManualEnvironment environment;
  testing::ScriptedRuntime runtime{environment};
  testing::TestTasks tasks;
  Task& a = tasks.add(testing::task_spec("a"), {});
  Task& b = tasks.add(testing::task_spec("b"), {});
  Task& small = tasks.add(testing::task_spec("small", {}, 1), {});
  InstancePool pool;
};

TEST_F(InstancePoolTest, ANewInstanceIsColdAndAReusedOneIsWarm) {
  Instance* first = pool.acquire(a, false);
  EXPECT_FALSE(first->ready());
  EXPECT_EQ(first->id(), "a-i1");
  first->mark_ready();
  pool.release(*first);
  EXPECT_EQ(pool.acquire(a, false), first);
  EXPECT_TRUE(first->ready());
  EXPECT_EQ(pool.size(), 1);
}

TEST_F(InstancePoolTest, InstancesAreNotSharedBetweenTasks) {
  Instance* of_a = ready(pool.acquire(a, false));
  pool.release(*of_a);
  EXPECT_NE(pool.acquire(b, false), of_a);
}

TEST_F(InstancePoolTest, ReusesTheMostRecentlyUsedFirst) {
  Instance* first = ready(pool.acquire(a, false));
  Instance* second = ready(pool.acquire(a, false));
  pool.release(*second);
  pool.release(*first);
  EXPECT_EQ(pool.acquire(a, false), first);
  EXPECT_EQ(pool.acquire(a, false), second);
}

TEST_F(InstancePoolTest, RetiresAnInstanceThatNeverBecameReady) {
  pool.release(*pool.acquire(a, false));
  EXPECT_EQ(pool.size(), 0);
  EXPECT_THAT(runtime.calls, ElementsAre("retire a-i1"));
}

TEST_F(InstancePoolTest, DiscardDoesNotCallTheRuntime) {
  pool.discard(*pool.acquire(a, false));
  EXPECT_EQ(pool.size(), 0);
  EXPECT_THAT(runtime.calls, IsEmpty());
  EXPECT_EQ(pool.acquire(a, false)->number(), 2U) << "numbers are not reused";
}

TEST_F(InstancePoolTest, ObeysTheLimitOfATask) {
  Instance* only = ready(pool.acquire(small, false));
  EXPECT_FALSE(pool.available(small));
  EXPECT_EQ(pool.acquire(small, false), nullptr);
  EXPECT_EQ(pool.acquire(small, true), nullptr);
  EXPECT_TRUE(pool.available(a));
  pool.release(*only);
  EXPECT_TRUE(pool.available(small));
}

TEST_F(InstancePoolTest, AtTheNodesLimitRetiresTheLongestIdle) {
  Instance* one = ready(pool.acquire(a, false));
  Instance* two = ready(pool.acquire(a, false));
  pool.acquire(a, false);
  EXPECT_FALSE(pool.available(b));
  EXPECT_EQ(pool.acquire(b, false), nullptr);
  pool.release(*two);
  pool.release(*one);
  EXPECT_TRUE(pool.available(b));
  EXPECT_NE(pool.acquire(b, false), nullptr);
  EXPECT_THAT(runtime.calls, ElementsAre("retire a-i2"));
  EXPECT_EQ(pool.size(), 3);
}

TEST_F(InstancePoolTest, FreshAtTheTasksLimitRetiresTheWarmOne) {
  Instance* warm = ready(pool.acquire(small, false));
  pool.release(*warm);
  Instance* fresh = pool.acquire(small, true);
  EXPECT_FALSE(fresh->ready());
  EXPECT_EQ(fresh->id(), "small-i2");
  EXPECT_THAT(runtime.calls, ElementsAre("retire small-i1"));
}

TEST_F(InstancePoolTest, FreshBelowTheLimitsKeepsTheWarmOneIdle) {
  Instance* warm = ready(pool.acquire(a, false));
  pool.release(*warm);
  EXPECT_NE(pool.acquire(a, true), warm);
  EXPECT_EQ(pool.size(), 2);
  EXPECT_EQ(pool.acquire(a, false), warm);
}

TEST_F(InstancePoolTest, AnIdleInstanceExpires) {
  Instance* instance = ready(pool.acquire(a, false));
  environment.advance_to(Instant(90s));
  EXPECT_EQ(pool.size(), 1) << "it is in use, not idle";
  pool.release(*instance);
  environment.advance_to(Instant(150s - 1ns));
  EXPECT_EQ(pool.size(), 1);
  environment.advance_to(Instant(150s));
  EXPECT_EQ(pool.size(), 0);
  EXPECT_THAT(runtime.calls, ElementsAre("retire a-i1"));
}

TEST_F(InstancePoolTest, ReuseDisarmsTheIdleExpiry) {
  Instance* instance = ready(pool.acquire(a, false));
  pool.release(*instance);
  environment.advance_to(Instant(59s));
  EXPECT_EQ(pool.acquire(a, false), instance);
  environment.advance_to(Instant(200s));
  EXPECT_EQ(pool.size(), 1);
}

TEST_F(InstancePoolTest, KeepsNoIdleInstancesOfADeletedTask) {
  Instance* busy = ready(pool.acquire(a, false));
  pool.release(*ready(pool.acquire(a, true)));
  pool.release(*ready(pool.acquire(b, true)));
  tasks.find("a")->deleted = true;
  pool.retire_idle(a);
  EXPECT_EQ(pool.size(), 2);
  pool.release(*busy);
  EXPECT_THAT(runtime.calls, ElementsAre("retire a-i2", "retire a-i1"));
  EXPECT_EQ(pool.size(), 1);
}

// After any operations, available() predicts acquire(), and the limits hold.
RC_GTEST_FIXTURE_PROP(InstancePoolTest, LimitsHold, ()) {
  const auto words = *rc::gen::resize(200, rc::gen::arbitrary<std::vector<std::uint32_t>>());
  std::vector<std::pair<Task*, Instance*>> held;
  Task* const all[] = {&a, &b, &small};
  for (const std::uint32_t word : words) {
    Task& task = *all[(word >> 8) % 3];
    const auto in_use = std::ranges::count(held, &task, [](const auto& h) { return h.first; });
    if (word % 4 < 2) {
      const bool available = pool.available(task);
      RC_ASSERT(available == (held.size() < 3 && (&task != &small || in_use < 1)));
      Instance* instance = pool.acquire(task, word % 4 == 1);
      RC_ASSERT((instance != nullptr) == available);
      if (instance != nullptr) held.emplace_back(&task, instance);
    } else if (word % 4 == 2 && !held.empty()) {
      const auto chosen = held.begin() + static_cast<std::ptrdiff_t>((word >> 16) % held.size());
      Instance& instance = *chosen->second;
      held.erase(chosen);
      const std::uint32_t end = (word >> 12) % 4;
      if (end > 0) instance.mark_ready();
      end > 1 ? pool.release(instance) : pool.discard(instance);
    } else {
      environment.run_for(std::chrono::seconds((word >> 16) % 50));
    }
    RC_ASSERT(pool.size() <= 3);
    RC_ASSERT(pool.size() >= static_cast<int>(held.size()));
  }
}

}  // namespace
}  // namespace quintain::core
