// The tracker of executions: transitions, retention, lookups, and the tally against a model.
#include "core/execution_tracker.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/testing/test_node.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;
using testing::kCancelled;
using testing::kCompleted;
using testing::kFailed;
using testing::kPending;
using testing::kRunning;
using testing::kTimeout;

class TrackerTest : public ::testing::Test {
 protected:
  explicit TrackerTest(const RetentionConfig& retention = {.age = 60s, .count = 3})
      : tracker(environment, retention, tasks.task_account, tasks, nullptr) {}

  AsyncExecution& add(const std::string& id) { return tracker.add(id, f); }

  AsyncExecution& add_finished(const std::string& id) {
    AsyncExecution& execution = add(id);
    tracker.transition(execution, kRunning);
    tracker.transition(execution, kCompleted);
    return execution;
  }

  testing::ManualEnvironment environment;
  testing::TestTasks tasks;
  Task& task = tasks.add(testing::task_spec("task"), {});
  Function& f = *tasks.function(task, "f", 1);
  AsyncExecutionTracker tracker;
};

TEST_F(TrackerTest, ANewRecordIsPendingAndFoundByIdAndOrdinal) {
  environment.advance_to(Instant(5s));
  AsyncExecution& execution = add("a");
  EXPECT_EQ(execution.status(), kPending);
  EXPECT_FALSE(execution.finished());
  EXPECT_EQ(execution.ordinal, 1U);
  EXPECT_EQ(execution.accepted_at, Instant(5s));
  EXPECT_EQ(execution.wall_accepted_at.since_epoch, testing::kWallStart.since_epoch + 5s);
  EXPECT_EQ(execution.task.get(), &task);
  EXPECT_EQ(tracker.find("a"), &execution);
  EXPECT_EQ(tracker.find_ordinal(1), &execution);
  EXPECT_EQ(tracker.find("b"), nullptr);
  EXPECT_EQ(tracker.find_ordinal(0), nullptr);
  EXPECT_EQ(tracker.find_ordinal(2), nullptr);
  EXPECT_EQ(tracker.last_ordinal(), 1U);
}

TEST_F(TrackerTest, TransitionsSetTheirTimes) {
  AsyncExecution& execution = add("a");
  EXPECT_TRUE(execution.started_at.is_never());
  environment.advance_to(Instant(1s));
  tracker.transition(execution, kRunning);
  EXPECT_EQ(execution.started_at, Instant(1s));
  EXPECT_TRUE(execution.completed_at.is_never());
  EXPECT_EQ(execution.execution_time(), 0s);
  environment.advance_to(Instant(3s));
  tracker.transition(execution, kFailed);
  EXPECT_EQ(execution.completed_at, Instant(3s));
  EXPECT_EQ(execution.execution_time(), 2s);
  EXPECT_EQ(execution.wall_completed_at.since_epoch, testing::kWallStart.since_epoch + 3s);
}

TEST_F(TrackerTest, AnExecutionThatNeverStartedHasNoStart) {
  AsyncExecution& execution = add("a");
  environment.advance_to(Instant(1s));
  tracker.transition(execution, kTimeout);
  EXPECT_TRUE(execution.started_at.is_never());
  EXPECT_EQ(execution.execution_time(), 0s);
}

using TrackerDeathTest = TrackerTest;

TEST_F(TrackerDeathTest, AnIllegalTransitionFailsAnAssertion) {
  AsyncExecution& execution = add("a");
  EXPECT_DEATH(tracker.transition(execution, kCompleted), "is_legal_transition");
  tracker.transition(execution, kRunning);
  EXPECT_DEATH(tracker.transition(execution, kPending), "is_legal_transition");
  tracker.transition(execution, kCompleted);
  EXPECT_DEATH(tracker.transition(execution, kCancelled), "is_legal_transition");
}

TEST_F(TrackerDeathTest, AnIdMustBeFree) {
  add("a");
  EXPECT_DEATH(add("a"), "used twice");
}

TEST_F(TrackerTest, DropsRecordsByAge) {
  add_finished("a");
  environment.advance_to(Instant(30s));
  add_finished("b");
  add("live");
  environment.advance_to(Instant(60s - 1ns));
  EXPECT_NE(tracker.find("a"), nullptr);
  environment.advance_to(Instant(60s));
  EXPECT_EQ(tracker.find("a"), nullptr);
  EXPECT_NE(tracker.find("b"), nullptr);
  environment.advance_to(Instant(90s));
  EXPECT_EQ(tracker.find("b"), nullptr);
  EXPECT_NE(tracker.find("live"), nullptr);
}

TEST_F(TrackerTest, DropsRecordsByCountStartingWithTheFirstFinished) {
  AsyncExecution& slow = add("slow");
  add_finished("a");
  add_finished("b");
  add_finished("c");
  tracker.transition(slow, kCancelled);
  EXPECT_EQ(tracker.find("a"), nullptr);
  for (const char* kept : {"b", "c", "slow"}) EXPECT_NE(tracker.find(kept), nullptr);
  EXPECT_EQ(tracker.find("slow"), &slow);
}

TEST_F(TrackerTest, ReusesIdsButNotOrdinals) {
  tracker.drop(add_finished("a"));
  EXPECT_EQ(tracker.next_after(0), nullptr);
  AsyncExecution& again = add("a");
  EXPECT_EQ(again.ordinal, 2U);
  EXPECT_EQ(again.status(), kPending);
  EXPECT_TRUE(again.started_at.is_never());
  EXPECT_TRUE(again.result.empty());
}

TEST_F(TrackerTest, NextAfterSkipsDroppedRecords) {
  add("a");
  AsyncExecution& b = add_finished("b");
  AsyncExecution& c = add("c");
  tracker.drop(b);
  EXPECT_EQ(tracker.next_after(0)->execution_id, "a");
  EXPECT_EQ(tracker.next_after(1), &c);
  EXPECT_EQ(tracker.next_after(2), &c);
  EXPECT_EQ(tracker.next_after(3), nullptr);
  EXPECT_EQ(tracker.next_after(std::numeric_limits<std::uint64_t>::max()), nullptr);
}

TEST_F(TrackerTest, HolderFindsOnlyTheActiveAttempt) {
  testing::TestNode node;
  AsyncExecution& execution = add("a");
  execution.live = node.live(execution);
  const AttemptId first = tracker.new_attempt_id(execution);
  execution.live->attempt = first;
  EXPECT_EQ(tracker.holder(first), nullptr) << "not active yet";
  execution.live->attempt_active = true;
  EXPECT_EQ(tracker.holder(first), &execution);
  const AttemptId second = tracker.new_attempt_id(execution);
  EXPECT_NE(first, second);
  execution.live->attempt = second;
  EXPECT_EQ(tracker.holder(first), nullptr);
  EXPECT_EQ(tracker.holder(second), &execution);
  execution.live.reset();
  EXPECT_EQ(tracker.holder(second), nullptr);
  EXPECT_EQ(tracker.holder(AttemptId{0xffffffffffffffff}), nullptr);
}

TEST_F(TrackerTest, MaintainsTheTasksActivity) {
  AsyncExecution& execution = add("a");
  EXPECT_EQ(task.activity.active, 1);
  EXPECT_EQ(task.activity.records, 1);
  EXPECT_EQ(task.activity.last_status, kPending);
  environment.advance_to(Instant(1s));
  tracker.transition(execution, kCancelled);
  EXPECT_EQ(task.activity.active, 0);
  EXPECT_EQ(task.activity.records, 1);
  EXPECT_EQ(task.activity.last_status, kCancelled);
  EXPECT_EQ(task.activity.updated_at.since_epoch, testing::kWallStart.since_epoch + 1s);
  tracker.drop(execution);
  EXPECT_EQ(task.activity.records, 0);
}

// Compares the tally with a count over the records after random operations.
RC_GTEST_FIXTURE_PROP(TrackerTest, TallyEqualsACountOverTheRecords, ()) {
  const auto words = *rc::gen::resize(200, rc::gen::arbitrary<std::vector<std::uint32_t>>());
  std::map<std::uint64_t, AsyncExecution*> live;
  std::vector<std::uint64_t> ended;  // in the order of their ends
  std::uint64_t accepted = 0;
  for (const std::uint32_t word : words) {
    const auto any = [&] {
      return std::next(live.begin(), static_cast<std::ptrdiff_t>(
                                         (word >> 8) % std::max<std::size_t>(live.size(), 1)));
    };
    switch (word % 5) {
      case 0:
      case 1:
        ++accepted;
        live.emplace(accepted, &add(std::to_string(accepted)));
        break;
      case 2:
        if (live.empty()) break;
        tracker.set_memory_used(*any()->second, word >> 16);
        if (any()->second->status() == kPending) tracker.transition(*any()->second, kRunning);
        break;
      case 3: {
        if (live.empty()) break;
        const auto chosen = any();
        const bool running = chosen->second->status() == kRunning;
        tracker.transition(*chosen->second, running ? kCompleted : kTimeout);
        ended.push_back(chosen->first);
        live.erase(chosen);
        break;
      }
      case 4:
        environment.run_for(std::chrono::milliseconds((word >> 8) % 20'000));
        break;
      default:
        break;
    }
    AsyncExecutionTracker::Tally counted;
    std::set<std::uint64_t> kept;
    for (const AsyncExecution* record = tracker.next_after(0); record != nullptr;
         record = tracker.next_after(record->ordinal)) {
      counted.add(*record);
      kept.insert(record->ordinal);
      RC_ASSERT(tracker.find(record->execution_id) == record);
      if (record->finished()) RC_ASSERT(environment.now() < record->completed_at + 60s);
    }
    RC_ASSERT(counted.by_status == tracker.tally().by_status);
    RC_ASSERT(counted.completed_time == tracker.tally().completed_time);
    RC_ASSERT(counted.memory_used_bytes == tracker.tally().memory_used_bytes);
    RC_ASSERT(task.activity.records == tracker.tally().total());
    RC_ASSERT(task.activity.active == static_cast<std::int64_t>(live.size()));
    for (const auto& [ordinal, execution] : live) RC_ASSERT(kept.contains(ordinal));
    RC_ASSERT(kept.size() <= live.size() + 3);
    // Every dropped record ended before every finished record that is kept.
    for (std::size_t i = 1; i < ended.size(); ++i) {
      if (kept.contains(ended[i - 1])) RC_ASSERT(kept.contains(ended[i]));
    }
  }
}

}  // namespace
}  // namespace quintain::core
