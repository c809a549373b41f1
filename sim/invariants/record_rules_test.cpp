#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/testing/recording_caller.h"
#include "core/testing/requests.h"
#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kRecords[] = "records-equal-history";
constexpr char kStats[] = "stats-equal-tally";
constexpr char kRetention[] = "retention-bounded";

NodeSpec spec_with_a_function() {
  NodeSpec spec = Scene::default_spec();
  FunctionModel function;
  function.task = "task";
  function.service = distribution::Constant{1s};
  spec.functions.push_back(function);
  return spec;
}

// The node works by itself; the test adds to what it tells.
class LivingScene : public Scene {
 public:
  LivingScene() : Scene(spec_with_a_function()) {}

  void invoke() {
    core::testing::RecordingCaller<spearlet::InvokeFunctionResponse> caller;
    world.node(0).service().InvokeFunction(core::testing::async_request(), {}, caller.answer());
    ASSERT_TRUE(caller.status().ok()) << caller.status();
  }
};

// ---- records-equal-history ----------------------------------------------------------------------

TEST(RecordsEqualHistory, HoldsForWhatTheNodeTellsItself) {
  LivingScene scene;
  for (int i = 0; i < 3; ++i) scene.invoke();
  scene.at(1s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kRecords), IsEmpty());
  EXPECT_THAT(scene.complaints(kStats), IsEmpty());
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(RecordsEqualHistory, HoldsOverManyPages) {
  LivingScene scene;
  for (int i = 0; i < 2500; ++i) scene.invoke();
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kRecords), IsEmpty());
}

TEST(RecordsEqualHistory, NotIfTheStatusIsAnother) {
  LivingScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kRunning, kFailed);
  scene.finish(/*settled=*/false);
  ASSERT_EQ(scene.invariant(kRecords).breach_count(), 2);
  EXPECT_THAT(scene.complaints(kRecords)[0],
              HasSubstr("is listed as RUNNING, the history says FAILED"));
  EXPECT_THAT(scene.complaints(kRecords)[1],
              HasSubstr("the listed completed_at is not when it happened"));
  EXPECT_THAT(scene.evidence(kRecords), Contains("execution #1: RUNNING -> FAILED"));
}

TEST(RecordsEqualHistory, NotIfATimeIsAnother) {
  LivingScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kPending, kRunning);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kRecords),
              ElementsAre("the listed started_at is not when it happened"));
}

TEST(RecordsEqualHistory, NotIfOneIsMissing) {
  LivingScene scene;
  scene.invoke();
  scene.accepted(2);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kRecords), ElementsAre("the list ends before it"));
  EXPECT_THAT(scene.evidence(kRecords), ElementsAre("execution #2 is accepted: PENDING"));
}

TEST(RecordsEqualHistory, NotIfOneIsListedTooMany) {
  LivingScene scene;
  scene.invoke();
  scene.at(1s);
  scene.dropped(1);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kRecords),
              ElementsAre("1 executions are listed beyond those on record"));
}

// ---- stats-equal-tally --------------------------------------------------------------------------

TEST(StatsEqualTally, NotIfAnExecutionIsMissing) {
  LivingScene scene;
  scene.invoke();
  scene.accepted(2);
  scene.finish(/*settled=*/false);
  EXPECT_EQ(scene.invariant(kStats).breach_count(), 4);
  EXPECT_THAT(scene.complaints(kStats),
              ElementsAre("GetStats pending_executions is 1, the history counts 2",
                          "GetStats total_executions is 1, the history counts 2",
                          "GetHealth pending_executions is 1, the history counts 2"));
}

TEST(StatsEqualTally, NotIfAnEndIsMissing) {
  LivingScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kRunning, kCompleted);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kStats),
              ElementsAre("GetStats running_executions is 1, the history counts 0",
                          "GetStats completed_executions is 0, the history counts 1",
                          "GetHealth running_executions is 1, the history counts 0"));
}

TEST(StatsEqualTally, NotIfAFailureIsMissing) {
  LivingScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kRunning, kFailed);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.complaints(kStats),
              Contains("GetStats failed_executions is 0, the history counts 1"));
}

// ---- retention-bounded --------------------------------------------------------------------------

// Two records for ten seconds.
Scene forgetful() {
  NodeSpec spec = Scene::default_spec();
  spec.config.retention = {.age = 10s, .count = 2};
  return Scene(spec);
}

void run_to_the_end(Scene& scene, std::uint64_t ordinal) {
  scene.running(ordinal);
  scene.ends(ordinal);
}

TEST(RetentionBounded, HoldsAtTheAge) {
  Scene scene = forgetful();
  run_to_the_end(scene, 1);
  scene.at(10s);
  scene.dropped(1);
  scene.at(20s);
  scene.finish();
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(RetentionBounded, HoldsForTheOldestOfTooMany) {
  Scene scene = forgetful();
  for (const std::uint64_t ordinal : {1U, 2U, 3U}) {
    scene.at(std::chrono::seconds(ordinal));
    run_to_the_end(scene, ordinal);
  }
  scene.dropped(1);
  scene.at(4s);
  scene.finish();
  EXPECT_THAT(scene.breached(), IsEmpty());
}

TEST(RetentionBounded, NotBeforeItsTime) {
  Scene scene = forgetful();
  run_to_the_end(scene, 1);
  scene.at(10s - 1ns);
  scene.dropped(1);
  EXPECT_THAT(scene.breached(), ElementsAre(kRetention));
  EXPECT_THAT(scene.complaints(kRetention), ElementsAre("it is forgotten before its time"));
  EXPECT_THAT(scene.evidence(kRetention), Contains("execution #1 is forgotten"));
}

TEST(RetentionBounded, NotForALiveOne) {
  Scene scene = forgetful();
  scene.running(1);
  scene.dropped(1);
  EXPECT_THAT(scene.breached(), ElementsAre(kRetention));
  EXPECT_THAT(scene.complaints(kRetention), ElementsAre("a live record is forgotten"));
}

TEST(RetentionBounded, NotLongerThanItsAge) {
  Scene scene = forgetful();
  run_to_the_end(scene, 1);
  scene.at(10s + 1ns);
  scene.dropped(1);
  EXPECT_THAT(scene.breached(), ElementsAre(kRetention));
  EXPECT_THAT(scene.complaints(kRetention), ElementsAre("it was kept beyond the age of retention"));
}

TEST(RetentionBounded, NotForEver) {
  Scene scene = forgetful();
  run_to_the_end(scene, 1);
  scene.at(11s);
  run_to_the_end(scene, 2);
  scene.at(12s);
  run_to_the_end(scene, 3);
  EXPECT_THAT(scene.complaints(kRetention), ElementsAre("it is kept beyond the age of retention"));
}

TEST(RetentionBounded, NotMoreThanItsCount) {
  Scene scene = forgetful();
  for (const std::uint64_t ordinal : {1U, 2U, 3U}) run_to_the_end(scene, ordinal);
  scene.finish();
  EXPECT_THAT(scene.breached(), ElementsAre(kRetention));
  EXPECT_THAT(scene.complaints(kRetention), ElementsAre("3 finished records, 2 may be kept"));
}

TEST(RetentionBounded, RecordsGoWithTheirTaskIfThatIsAskedFor) {
  for (const bool clean_up : {true, false}) {
    Scene scene = forgetful();
    run_to_the_end(scene, 1);
    scene.at(1s);
    spearlet::DeleteTaskRequest request;
    request.set_cleanup_executions(clean_up);
    scene.world.open_call(0, request);
    scene.dropped(1);
    EXPECT_EQ(scene.breached().empty(), clean_up);
  }
}

}  // namespace
}  // namespace quintain::sim::testing
