#include "scenarios/runner/lanes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "scenarios/runner/run.h"
#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

using reports::Attempt;
using reports::Event;
using reports::Lane;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

reports::Case run_with(const std::string& document, Timelines timelines) {
  RunOptions options;
  options.timelines = timelines;
  return run_scenario(read_good_text(document), 1, options);
}

reports::Timeline timeline_of(const std::string& document) {
  return run_with(document, Timelines::kAll).timeline.value();
}

TEST(LaneRecorder, ShowsWhatEachExecutionDid) {
  const reports::Timeline timeline = timeline_of(R"({"about": "x", "node": {"slots": 1},
      "functions": {"f": {"service": "100ms", "cold_start": "10ms"}}, "steps": [
        {"as": "a", "invoke": "f", "mode": "sync"},
        {"at": "1us", "as": "b", "invoke": "f", "mode": "async", "timeout": "5s"},
        {"at": "150ms", "cancel": "b", "force": true}]})");
  ASSERT_THAT(timeline.lanes, SizeIs(2));
  const Lane& a = timeline.lanes[0];
  EXPECT_EQ(a.name, "#1 'a'");
  EXPECT_EQ(a.function, "f");
  EXPECT_EQ(a.accepted, 0ms);
  EXPECT_EQ(a.ended, 110ms);
  EXPECT_EQ(a.outcome, "COMPLETED");
  EXPECT_EQ(a.eta_p50, std::nullopt);
  EXPECT_THAT(a.attempts, ElementsAre(Attempt{
                              .start = 0ms, .cold_start = true, .running = 10ms, .end = 110ms}));
  EXPECT_THAT(a.marks, IsEmpty());
  const Lane& b = timeline.lanes[1];
  EXPECT_EQ(b.name, "#2 'b'");
  EXPECT_EQ(b.accepted, 1us);
  EXPECT_EQ(b.deadline, 5s + 1us);
  EXPECT_GE(b.eta_p90, b.eta_p50);
  EXPECT_GT(b.eta_p50, b.accepted);
  EXPECT_EQ(b.outcome, "CANCELLED");
  EXPECT_THAT(b.attempts, ElementsAre(Attempt{.start = 110ms, .running = 110ms, .end = 150ms}));
  EXPECT_THAT(b.marks, ElementsAre(Event{150ms, "cancel by force"}));
  EXPECT_THAT(timeline.faults, IsEmpty());
}

TEST(LaneRecorder, ACrashEndsAttemptsAndAStoreKeepsTheirExecutions) {
  const reports::Timeline timeline = timeline_of(R"({"about": "x", "until": "20s",
      "node": {"store": {"commit": "1ms", "restart": "rerun"}},
      "functions": {"f": {"service": "10s"}}, "steps": [
        {"as": "a", "invoke": "f", "mode": "async", "retries": 3},
        {"at": "50ms", "crash": true}, {"at": "60ms", "restart": true}]})");
  ASSERT_THAT(timeline.lanes, SizeIs(1));
  const Lane& a = timeline.lanes[0];
  ASSERT_THAT(a.attempts, SizeIs(2));
  EXPECT_EQ(a.attempts[0].end, 50ms);
  EXPECT_GE(a.attempts[1].start, 60ms);
  EXPECT_EQ(a.outcome, "COMPLETED");
  EXPECT_THAT(a.marks, ElementsAre(Event{60ms, "restored from the store"}));
  EXPECT_THAT(timeline.faults,
              ElementsAre(Event{50ms, "the node crashes"}, Event{60ms, "the node starts again"}));
}

TEST(LaneRecorder, WhatHasNotEndedHasNoEnd) {
  const reports::Timeline timeline = timeline_of(R"({"about": "x", "until": "1s",
      "functions": {"f": {"service": "10s"}}, "steps": [
        {"as": "a", "invoke": "f", "mode": "async"}]})");
  ASSERT_THAT(timeline.lanes, SizeIs(1));
  EXPECT_EQ(timeline.lanes[0].ended, std::nullopt);
  EXPECT_EQ(timeline.lanes[0].outcome, "");
  ASSERT_THAT(timeline.lanes[0].attempts, SizeIs(1));
  EXPECT_EQ(timeline.lanes[0].attempts[0].end, std::nullopt);
}

TEST(LaneRecorder, CountsTheExecutionsBeyondItsLimit) {
  const reports::Timeline timeline = timeline_of(R"({"about": "x",
      "functions": {"f": {"service": "1ms"}}, "loads": [
        {"invoke": "f", "mode": "async", "arrivals": {"every": "2ms"}, "until": "499ms"}]})");
  EXPECT_THAT(timeline.lanes, SizeIs(LaneRecorder::kMaxLanes));
  EXPECT_EQ(timeline.omitted_lanes, 50);
  for (const Lane& lane : timeline.lanes) EXPECT_EQ(lane.outcome, "COMPLETED") << lane.name;
}

TEST(Timelines, AreInTheCasesThatWereChosen) {
  const std::string passes = R"({"about": "x", "functions": {"f": {"service": "1ms"}},
      "steps": [{"as": "a", "invoke": "f", "mode": "sync"}]})";
  std::string fails = passes;
  fails.insert(fails.size() - 1, R"(, "expect": [{"metric": "count.COMPLETED", "equals": 7}])");
  EXPECT_TRUE(run_with(passes, Timelines::kAll).timeline);
  EXPECT_FALSE(run_with(passes, Timelines::kOfFailures).timeline);
  EXPECT_TRUE(run_with(fails, Timelines::kOfFailures).timeline);
  EXPECT_FALSE(run_with(fails, Timelines::kNone).timeline);
}

}  // namespace
}  // namespace quintain::scenarios
