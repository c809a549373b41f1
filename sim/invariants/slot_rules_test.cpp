#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kLimit[] = "slots-within-limit";
constexpr char kIdle[] = "no-idle-slot-while-work-waits";
constexpr char kRetries[] = "attempts-within-retries";

// ---- slots-within-limit -------------------------------------------------------------------------

TEST(SlotsWithinLimit, HoldsForOneAttemptPerSlot) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.ends(1);
  scene.running(3);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(SlotsWithinLimit, FailsForOneAttemptTooMany) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.running(3);
  EXPECT_THAT(scene.violated(), ElementsAre(kLimit));
  EXPECT_THAT(scene.violations_of(kLimit), ElementsAre("3 attempts run on 2 slots"));
  EXPECT_THAT(scene.evidence(kLimit), Contains("execution #3: the runtime is at work"));
}

TEST(SlotsWithinLimit, FailsIfTheMachineIsBusyWithAnEndedExecution) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.transition(1, kRunning, kTimeout);
  scene.released(1);
  scene.running(3);
  EXPECT_THAT(scene.violations_of(kLimit), ElementsAre("3 attempts run on 2 slots"));
}

// ---- no-idle-slot-while-work-waits --------------------------------------------------------------

TEST(NoIdleSlotWhileWorkWaits, HoldsWhileAllSlotsAreHeld) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.accepted(3);
  scene.at(1s);
  scene.ends(1);
  scene.starts(3);  // at the same instant
  scene.at(2s);
  scene.ends(2);
  scene.ends(3);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(NoIdleSlotWhileWorkWaits, FailsIfAnExecutionWaitsWhileASlotIsFree) {
  Scene scene;
  scene.running(1);
  scene.accepted(2);
  scene.at(1s);
  scene.starts(2);
  EXPECT_THAT(scene.violated(), ElementsAre(kIdle));
  EXPECT_THAT(scene.violations_of(kIdle), ElementsAre("1 wait while 1 of 2 slots are held"));
  EXPECT_THAT(scene.evidence(kIdle), Contains("execution #2 is accepted: PENDING"));
}

TEST(NoIdleSlotWhileWorkWaits, FailsIfAReleasedSlotIsNotUsed) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.accepted(3);
  scene.at(1s);
  scene.ends(1);
  scene.finish();
  EXPECT_THAT(scene.violations_of(kIdle), ElementsAre("1 wait while 1 of 2 slots are held"));
}

TEST(NoIdleSlotWhileWorkWaits, FailsIfAnEndedExecutionKeepsItsSlot) {
  Scene scene;
  scene.running(1);
  scene.at(1s);
  scene.freed(1);
  scene.transition(1, kRunning, kCompleted);
  scene.at(2s);
  scene.released(1);
  EXPECT_THAT(scene.violated(), ElementsAre(kIdle));
  EXPECT_THAT(scene.violations_of(kIdle), ElementsAre("1 ended executions hold a slot"));
  EXPECT_THAT(scene.evidence(kIdle), Contains("execution #1: RUNNING -> COMPLETED"));
}

TEST(NoIdleSlotWhileWorkWaits, AnExecutionThatEndsInTheQueueNoLongerWaits) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.accepted(3);
  scene.at(1s);
  scene.cancel(3);
  scene.transition(3, kPending, kCancelled);
  scene.ends(1);
  scene.at(2s);
  scene.ends(2);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(NoIdleSlotWhileWorkWaits, APausedRetryKeepsItsSlot) {
  Scene scene;
  scene.running(1, {.retries = 1});
  scene.freed(1);
  scene.running(2);
  scene.accepted(3);
  scene.at(1s);
  scene.dispatched(1, 2);
  scene.occupied(1);
  scene.at(2s);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(NoIdleSlotWhileWorkWaits, ARetryIsNotADispatch) {
  Scene scene;
  scene.running(1, {.retries = 1});
  scene.freed(1);
  scene.accepted(2);
  scene.dispatched(1, 2);
  scene.at(1s);
  scene.starts(2);
  EXPECT_THAT(scene.violations_of(kIdle), ElementsAre("1 wait while 1 of 2 slots are held"));
}

TEST(NoIdleSlotWhileWorkWaits, ATaskWithAnInstanceLimitMayWaitWhileASlotIsFree) {
  NodeSpec spec = Scene::default_spec();
  FunctionModel narrow;
  narrow.task = "narrow";
  narrow.instance_limit = 1;
  spec.functions.push_back(narrow);
  Scene scene(spec);
  scene.running(1);
  scene.accepted(2);
  scene.at(1s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

// ---- attempts-within-retries --------------------------------------------------------------------

TEST(AttemptsWithinRetries, HoldsForTheAllowedNumber) {
  Scene scene;
  scene.running(1, {.retries = 2});
  scene.freed(1);
  scene.dispatched(1, 2);
  scene.dispatched(1, 3);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(AttemptsWithinRetries, FailsForOneAttemptMore) {
  Scene scene;
  scene.running(1, {.retries = 1});
  scene.dispatched(1, 2);
  scene.dispatched(1, 3);
  EXPECT_THAT(scene.violated(), ElementsAre(kRetries));
  EXPECT_THAT(scene.violations_of(kRetries), ElementsAre("attempt 3 with 1 retries allowed"));
  EXPECT_THAT(scene.evidence(kRetries), Contains("execution #1 gets attempt 3, with a cold start"));
}

TEST(AttemptsWithinRetries, FailsForAGapInTheNumbers) {
  Scene scene;
  scene.running(1, {.retries = 5});
  scene.dispatched(1, 3);
  EXPECT_THAT(scene.violations_of(kRetries), ElementsAre("attempt 3 follows attempt 1"));
}

TEST(AttemptsWithinRetries, FailsAfterTheEnd) {
  Scene scene;
  scene.running(1, {.retries = 1});
  scene.ends(1, kFailed);
  scene.dispatched(1, 2);
  EXPECT_THAT(scene.violations_of(kRetries), ElementsAre("an attempt begins after the end"));
}

}  // namespace
}  // namespace quintain::sim::testing
