#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kLegal[] = "legal-transitions";
constexpr char kOnce[] = "one-outcome";
constexpr char kEnds[] = "every-execution-ends";

// ---- legal-transitions --------------------------------------------------------------------------

TEST(LegalTransitions, HoldsForEveryLegalPath) {
  Scene scene;
  scene.running(1);
  scene.ends(1, kCompleted);
  std::uint64_t ordinal = 2;
  for (const auto end : {kFailed, kCancelled, kTimeout}) {
    scene.accepted(ordinal);
    scene.transition(ordinal++, kPending, end);
    scene.running(ordinal);
    scene.ends(ordinal++, end);
  }
  EXPECT_THAT(scene.violations_of(kLegal), IsEmpty());
}

TEST(LegalTransitions, FailsFromPendingToCompleted) {
  Scene scene;
  scene.accepted(1);
  scene.transition(1, kPending, kCompleted);
  EXPECT_THAT(scene.violations_of(kLegal), ElementsAre("PENDING -> COMPLETED while it is PENDING"));
  EXPECT_THAT(scene.evidence(kLegal), ElementsAre("execution #1 is accepted: PENDING",
                                                  "execution #1: PENDING -> COMPLETED"));
}

TEST(LegalTransitions, FailsBackToPending) {
  Scene scene;
  scene.running(1);
  scene.transition(1, kRunning, kPending);
  EXPECT_THAT(scene.violations_of(kLegal), ElementsAre("RUNNING -> PENDING while it is RUNNING"));
}

TEST(LegalTransitions, FailsFromAStatusThatItDoesNotHave) {
  Scene scene;
  scene.accepted(1);
  scene.transition(1, kRunning, kCompleted);
  EXPECT_THAT(scene.violations_of(kLegal), ElementsAre("RUNNING -> COMPLETED while it is PENDING"));
}

TEST(LegalTransitions, FailsToUnspecified) {
  Scene scene;
  scene.running(1);
  scene.transition(1, kRunning, spearlet::EXECUTION_STATUS_UNSPECIFIED);
  EXPECT_THAT(scene.violations_of(kLegal),
              ElementsAre("RUNNING -> UNSPECIFIED while it is RUNNING"));
}

TEST(LegalTransitions, FailsForAnExecutionThatWasNotAccepted) {
  Scene scene;
  scene.transition(7, kPending, kRunning);
  EXPECT_THAT(scene.violated(), ElementsAre(kLegal));
  EXPECT_THAT(scene.violations_of(kLegal),
              ElementsAre("an execution that was never accepted changes its status"));
  EXPECT_THAT(scene.evidence(kLegal), ElementsAre("execution #7: PENDING -> RUNNING"));
}

// ---- one-outcome --------------------------------------------------------------------------------

TEST(OneOutcome, HoldsForOneEndPerExecution) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.ends(1);
  scene.ends(2);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(OneOutcome, FailsForTwoOutcomes) {
  Scene scene;
  scene.running(1);
  scene.ends(1);
  scene.transition(1, kCompleted, kTimeout);
  EXPECT_THAT(scene.violations_of(kOnce),
              ElementsAre("it had ended COMPLETED and becomes TIMEOUT"));
  EXPECT_THAT(scene.evidence(kOnce), Contains("execution #1: COMPLETED -> TIMEOUT"));
}

TEST(OneOutcome, FailsForTheSameOutcomeTwice) {
  Scene scene;
  scene.running(1);
  scene.ends(1);
  scene.transition(1, kCompleted, kCompleted);
  EXPECT_THAT(scene.violations_of(kOnce),
              ElementsAre("it had ended COMPLETED and becomes COMPLETED"));
}

// ---- every-execution-ends -----------------------------------------------------------------------

TEST(EveryExecutionEnds, HoldsIfTheExecutionHasEnded) {
  Scene scene;
  scene.running(1);
  scene.ends(1);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(EveryExecutionEnds, FailsIfNothingIsLeftToDo) {
  Scene scene;
  scene.running(1);
  scene.finish(/*settled=*/true);
  EXPECT_THAT(scene.violated(), ElementsAre(kEnds));
  EXPECT_THAT(scene.violations_of(kEnds), ElementsAre("it is RUNNING forever"));
  EXPECT_THAT(scene.evidence(kEnds), Contains("execution #1: PENDING -> RUNNING"));
}

TEST(EveryExecutionEnds, HoldsUpToTheDeadlineWhenTheTimeIsOver) {
  Scene scene;
  scene.running(1, {.deadline = 10s});
  scene.at(10s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(EveryExecutionEnds, FailsBeyondTheDeadline) {
  Scene scene;
  scene.running(1, {.deadline = 10s});
  scene.at(10s + 1ns);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kEnds), ElementsAre("it is RUNNING beyond its deadline"));
}

}  // namespace
}  // namespace quintain::sim::testing
