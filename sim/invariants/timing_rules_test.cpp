#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kExact[] = "timeouts-exact";
constexpr char kGrace[] = "cancel-within-grace";
constexpr char kNothing[] = "nothing-runs-after-the-end";

// ---- timeouts-exact -----------------------------------------------------------------------------

TEST(TimeoutsExact, HoldsAtTheDeadline) {
  Scene scene;
  scene.running(1, {.deadline = 10s});
  scene.running(2, {.deadline = 10s});
  scene.at(10s);
  scene.ends(1, kTimeout);
  scene.ends(2, kCompleted);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(TimeoutsExact, FailsOneNanosecondEarly) {
  Scene scene;
  scene.running(1, {.deadline = 10ms});
  scene.at(10ms - 1ns);
  scene.ends(1, kTimeout);
  EXPECT_THAT(scene.violated(), ElementsAre(kExact));
  EXPECT_THAT(scene.violations_of(kExact), ElementsAre("TIMEOUT -1e-06 ms off the deadline"));
  EXPECT_THAT(scene.evidence(kExact), Contains("execution #1: RUNNING -> TIMEOUT"));
}

TEST(TimeoutsExact, FailsForALateTimeout) {
  Scene scene;
  scene.running(1, {.deadline = 10ms});
  scene.at(12ms);
  scene.ends(1, kTimeout);
  EXPECT_THAT(scene.violations_of(kExact), ElementsAre("TIMEOUT 2 ms off the deadline"));
}

TEST(TimeoutsExact, FailsForOtherTransitionsAfterTheDeadline) {
  Scene scene;
  scene.accepted(1, {.deadline = 10ms});
  scene.at(11ms);
  scene.starts(1);
  scene.ends(1, kCompleted);
  EXPECT_THAT(scene.violations_of(kExact),
              ElementsAre("RUNNING 1 ms after the deadline", "COMPLETED 1 ms after the deadline"));
}

// ---- cancel-within-grace ------------------------------------------------------------------------

TEST(CancelWithinGrace, HoldsAtTheEndOfTheGrace) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.cancel(1);
  scene.cancel(2);
  scene.at(3s);
  scene.ends(2, kCompleted);
  scene.at(5s);
  scene.ends(1, kCancelled);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(CancelWithinGrace, FailsAfterTheGrace) {
  Scene scene;
  scene.running(1);
  scene.cancel(1);
  scene.at(5s + 1ns);
  scene.ends(1, kCancelled);
  EXPECT_THAT(scene.violated(), ElementsAre(kGrace));
  EXPECT_THAT(scene.violations_of(kGrace),
              ElementsAre("it has not ended within the grace of its cancel"));
  EXPECT_THAT(scene.evidence(kGrace), Contains("execution #1: cancel"));
}

TEST(CancelWithinGrace, FailsIfTheExecutionHasNotEndedWhenTheRunEnds) {
  Scene scene;
  scene.running(1);
  scene.cancel(1);
  scene.at(6s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violated(), ElementsAre(kGrace));
}

TEST(CancelWithinGrace, HoldsWhileTheGraceLasts) {
  Scene scene;
  scene.running(1);
  scene.cancel(1);
  scene.at(4s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(CancelWithinGrace, AQueuedExecutionMustEndAtOnce) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.accepted(3);
  scene.cancel(3);
  scene.transition(3, kPending, kCancelled);
  scene.at(1ns);
  EXPECT_THAT(scene.violated(), IsEmpty());
  scene.accepted(4);
  scene.cancel(4);
  scene.at(1s);
  scene.transition(4, kPending, kCancelled);
  EXPECT_THAT(scene.violated(), ElementsAre(kGrace, "stops-follow-cancels"));
}

TEST(CancelWithinGrace, AForcedCancelEndsTheGrace) {
  Scene scene;
  scene.running(1);
  scene.cancel(1);
  scene.at(1s);
  scene.cancel(1, /*force=*/true);
  scene.at(2s);
  scene.ends(1, kCancelled);
  EXPECT_THAT(scene.violations_of(kGrace),
              ElementsAre("it has not ended within the grace of its cancel"));
}

TEST(CancelWithinGrace, FailsWithoutACancelRequest) {
  Scene scene;
  scene.running(1);
  scene.ends(1, kCancelled);
  EXPECT_THAT(scene.violated(), ElementsAre(kGrace));
  EXPECT_THAT(scene.violations_of(kGrace), ElementsAre("CANCELLED without a request"));
}

// ---- nothing-runs-after-the-end -----------------------------------------------------------------

TEST(NothingRunsAfterTheEnd, HoldsIfTheMachineStopsAtTheSameInstant) {
  Scene scene;
  scene.running(1);
  scene.at(1s);
  scene.transition(1, kRunning, kTimeout);
  scene.freed(1);
  scene.released(1);
  scene.at(2s);
  scene.finish();
  EXPECT_THAT(scene.violations_of(kNothing), IsEmpty());
}

TEST(NothingRunsAfterTheEnd, FailsIfTheMachineStopsLater) {
  Scene scene;
  scene.running(1, {.deadline = 1s});
  scene.at(1s);
  scene.transition(1, kRunning, kTimeout);
  scene.released(1);
  scene.at(1s + 1ns);
  scene.freed(1);
  EXPECT_THAT(scene.violated(), ElementsAre(kNothing));
  EXPECT_THAT(scene.violations_of(kNothing),
              ElementsAre("it has ended, and the runtime is still at work for it"));
  EXPECT_THAT(scene.evidence(kNothing), Contains("execution #1: the runtime is at work"));
}

TEST(NothingRunsAfterTheEnd, FailsIfTheMachineNeverStops) {
  Scene scene;
  scene.running(1);
  scene.cancel(1);
  scene.transition(1, kRunning, kCancelled);
  scene.released(1);
  scene.finish();
  EXPECT_THAT(scene.violated(), ElementsAre(kNothing));
}

TEST(NothingRunsAfterTheEnd, FailsIfAnAttemptStartsAfterTheEnd) {
  Scene scene;
  scene.accepted(1);
  scene.cancel(1);
  scene.transition(1, kPending, kCancelled);
  scene.occupied(1);
  EXPECT_THAT(scene.violated(), ElementsAre(kNothing));
  EXPECT_THAT(scene.violations_of(kNothing),
              ElementsAre("the runtime begins an attempt after the end"));
}

}  // namespace
}  // namespace quintain::sim::testing
