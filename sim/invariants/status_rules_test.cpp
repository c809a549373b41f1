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
constexpr char kRetries[] = "attempts-within-retries";

// ---- legal-transitions --------------------------------------------------------------------------

TEST(LegalTransitions, HoldsOnEveryLegalWay) {
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
  EXPECT_THAT(scene.complaints(kLegal), IsEmpty());
}

TEST(LegalTransitions, NotFromPendingToCompleted) {
  Scene scene;
  scene.accepted(1);
  scene.transition(1, kPending, kCompleted);
  EXPECT_THAT(scene.complaints(kLegal), ElementsAre("PENDING -> COMPLETED while it is PENDING"));
  EXPECT_THAT(scene.evidence(kLegal), ElementsAre("execution #1 is accepted: PENDING",
                                                  "execution #1: PENDING -> COMPLETED"));
}

TEST(LegalTransitions, NotBackToPending) {
  Scene scene;
  scene.running(1);
  scene.transition(1, kRunning, kPending);
  EXPECT_THAT(scene.complaints(kLegal), ElementsAre("RUNNING -> PENDING while it is RUNNING"));
}

TEST(LegalTransitions, NotFromAnotherStatusThanItHas) {
  Scene scene;
  scene.accepted(1);
  scene.transition(1, kRunning, kCompleted);
  EXPECT_THAT(scene.complaints(kLegal), ElementsAre("RUNNING -> COMPLETED while it is PENDING"));
}

TEST(LegalTransitions, NotToUnspecified) {
  Scene scene;
  scene.running(1);
  scene.transition(1, kRunning, spearlet::EXECUTION_STATUS_UNSPECIFIED);
  EXPECT_THAT(scene.complaints(kLegal), ElementsAre("RUNNING -> UNSPECIFIED while it is RUNNING"));
}

TEST(LegalTransitions, NotOfAnExecutionThatNobodyAccepted) {
  Scene scene;
  scene.transition(7, kPending, kRunning);
  EXPECT_THAT(scene.breached(), ElementsAre(kLegal));
  EXPECT_THAT(scene.complaints(kLegal),
              ElementsAre("an execution that was never accepted changes its status"));
  EXPECT_THAT(scene.evidence(kLegal), ElementsAre("execution #7: PENDING -> RUNNING"));
}

// ---- one-outcome --------------------------------------------------------------------------------

TEST(OneOutcome, HoldsForOneEndEach) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.ends(1);
  scene.ends(2);
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(OneOutcome, NotForTwo) {
  Scene scene;
  scene.running(1);
  scene.ends(1);
  scene.transition(1, kCompleted, kTimeout);
  EXPECT_THAT(scene.complaints(kOnce), ElementsAre("it had ended COMPLETED and becomes TIMEOUT"));
  EXPECT_THAT(scene.evidence(kOnce), Contains("execution #1: COMPLETED -> TIMEOUT"));
}

TEST(OneOutcome, NotForTheSameTwice) {
  Scene scene;
  scene.running(1);
  scene.ends(1);
  scene.transition(1, kCompleted, kCompleted);
  EXPECT_THAT(scene.complaints(kOnce), ElementsAre("it had ended COMPLETED and becomes COMPLETED"));
}

// ---- every-execution-ends -----------------------------------------------------------------------

TEST(EveryExecutionEnds, HoldsIfItHas) {
  Scene scene;
  scene.running(1);
  scene.ends(1);
  scene.finish();
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(EveryExecutionEnds, NotIfNothingIsLeftToDo) {
  Scene scene;
  scene.running(1);
  scene.finish(/*settled=*/true);
  EXPECT_THAT(scene.breached(), ElementsAre(kEnds));
  EXPECT_THAT(scene.complaints(kEnds), ElementsAre("it is RUNNING for ever"));
  EXPECT_THAT(scene.evidence(kEnds), Contains("execution #1: PENDING -> RUNNING"));
}

TEST(EveryExecutionEnds, HoldsUpToTheDeadlineIfTheTimeIsOver) {
  Scene scene;
  scene.running(1, {.deadline = 10s});
  scene.at(10s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(EveryExecutionEnds, NotBeyondTheDeadline) {
  Scene scene;
  scene.running(1, {.deadline = 10s});
  scene.at(10s + 1ns);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kEnds), ElementsAre("it is RUNNING beyond its deadline"));
}

// ---- attempts-within-retries --------------------------------------------------------------------

TEST(AttemptsWithinRetries, HoldsForAsManyAsAreAllowed) {
  Scene scene;
  scene.running(1, {.retries = 2});
  scene.freed(1);
  scene.begun(1, 2);
  scene.begun(1, 3);
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(AttemptsWithinRetries, NotForOneMore) {
  Scene scene;
  scene.running(1, {.retries = 1});
  scene.begun(1, 2);
  scene.begun(1, 3);
  EXPECT_THAT(scene.breached(), ElementsAre(kRetries));
  EXPECT_THAT(scene.complaints(kRetries), ElementsAre("attempt 3 with 1 retries allowed"));
  EXPECT_THAT(scene.evidence(kRetries), Contains("execution #1 gets attempt 3, with a cold start"));
}

TEST(AttemptsWithinRetries, NotWithAGapInTheNumbers) {
  Scene scene;
  scene.running(1, {.retries = 5});
  scene.begun(1, 3);
  EXPECT_THAT(scene.complaints(kRetries), ElementsAre("attempt 3 follows attempt 1"));
}

TEST(AttemptsWithinRetries, NotAfterTheEnd) {
  Scene scene;
  scene.running(1, {.retries = 1});
  scene.ends(1, kFailed);
  scene.begun(1, 2);
  EXPECT_THAT(scene.complaints(kRetries), ElementsAre("an attempt begins after the end"));
}

}  // namespace
}  // namespace quintain::sim::testing
