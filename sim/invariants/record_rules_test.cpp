#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/testing/calls.h"
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

// The node runs real executions; the test adds events.
class RunningScene : public Scene {
 public:
  RunningScene() : Scene(spec_with_a_function()) {}

  void invoke() {
    core::testing::RecordingCaller<spearlet::InvokeFunctionResponse> caller;
    world.node(0).service().InvokeFunction(core::testing::async_request(), {}, caller.answer());
    ASSERT_TRUE(caller.status().ok()) << caller.status();
  }
};

// ---- records-equal-history ----------------------------------------------------------------------

TEST(RecordsEqualHistory, HoldsForTheEventsOfTheNode) {
  RunningScene scene;
  for (int i = 0; i < 3; ++i) scene.invoke();
  scene.at(1s);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kRecords), IsEmpty());
  EXPECT_THAT(scene.violations_of(kStats), IsEmpty());
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(RecordsEqualHistory, HoldsOverManyPages) {
  RunningScene scene;
  for (int i = 0; i < 2500; ++i) scene.invoke();
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kRecords), IsEmpty());
}

TEST(RecordsEqualHistory, FailsForAWrongStatus) {
  RunningScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kRunning, kFailed);
  scene.finish(/*settled=*/false);
  ASSERT_EQ(scene.invariant(kRecords).violation_count(), 2);
  EXPECT_THAT(scene.violations_of(kRecords)[0],
              HasSubstr("is listed as RUNNING, the history says FAILED"));
  EXPECT_THAT(scene.violations_of(kRecords)[1],
              HasSubstr("the listed completed_at is not when it happened"));
  EXPECT_THAT(scene.evidence(kRecords), Contains("execution #1: RUNNING -> FAILED"));
}

TEST(RecordsEqualHistory, FailsForAWrongTime) {
  RunningScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kPending, kRunning);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kRecords),
              ElementsAre("the listed started_at is not when it happened"));
}

TEST(RecordsEqualHistory, FailsForAMissingRecord) {
  RunningScene scene;
  scene.invoke();
  scene.accepted(2);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kRecords), ElementsAre("the list ends before it"));
  EXPECT_THAT(scene.evidence(kRecords), ElementsAre("execution #2 is accepted: PENDING"));
}

TEST(RecordsEqualHistory, FailsForARecordTooMany) {
  RunningScene scene;
  scene.invoke();
  scene.at(1s);
  scene.dropped(1);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kRecords),
              ElementsAre("1 executions are listed beyond those on record"));
}

// ---- stats-equal-tally --------------------------------------------------------------------------

TEST(StatsEqualTally, FailsForAMissingExecution) {
  RunningScene scene;
  scene.invoke();
  scene.accepted(2);
  scene.finish(/*settled=*/false);
  EXPECT_EQ(scene.invariant(kStats).violation_count(), 4);
  EXPECT_THAT(scene.violations_of(kStats),
              ElementsAre("GetStats pending_executions is 1, the history counts 2",
                          "GetStats total_executions is 1, the history counts 2",
                          "GetHealth pending_executions is 1, the history counts 2"));
}

TEST(StatsEqualTally, FailsForAMissingEnd) {
  RunningScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kRunning, kCompleted);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kStats),
              ElementsAre("GetStats running_executions is 1, the history counts 0",
                          "GetStats completed_executions is 0, the history counts 1",
                          "GetHealth running_executions is 1, the history counts 0"));
}

TEST(StatsEqualTally, FailsForAMissingFailure) {
  RunningScene scene;
  scene.invoke();
  scene.at(1ms);
  scene.transition(1, kRunning, kFailed);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of(kStats),
              Contains("GetStats failed_executions is 0, the history counts 1"));
}

// ---- retention-bounded --------------------------------------------------------------------------

// The node keeps two records for ten seconds.
Scene scene_with_retention() {
  NodeSpec spec = Scene::default_spec();
  spec.config.retention = {.age = 10s, .count = 2};
  return Scene(spec);
}

void run_to_end(Scene& scene, std::uint64_t ordinal) {
  scene.running(ordinal);
  scene.ends(ordinal);
}

TEST(RetentionBounded, HoldsAtTheAge) {
  Scene scene = scene_with_retention();
  run_to_end(scene, 1);
  scene.at(10s);
  scene.dropped(1);
  scene.at(20s);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(RetentionBounded, HoldsForTheOldestRecordBeyondTheCount) {
  Scene scene = scene_with_retention();
  for (const std::uint64_t ordinal : {1U, 2U, 3U}) {
    scene.at(std::chrono::seconds(ordinal));
    run_to_end(scene, ordinal);
  }
  scene.dropped(1);
  scene.at(4s);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(RetentionBounded, FailsBeforeTheAge) {
  Scene scene = scene_with_retention();
  run_to_end(scene, 1);
  scene.at(10s - 1ns);
  scene.dropped(1);
  EXPECT_THAT(scene.violated(), ElementsAre(kRetention));
  EXPECT_THAT(scene.violations_of(kRetention), ElementsAre("it is forgotten before its time"));
  EXPECT_THAT(scene.evidence(kRetention), Contains("execution #1 is forgotten"));
}

TEST(RetentionBounded, FailsForALiveRecord) {
  Scene scene = scene_with_retention();
  scene.running(1);
  scene.dropped(1);
  EXPECT_THAT(scene.violated(), ElementsAre(kRetention));
  EXPECT_THAT(scene.violations_of(kRetention), ElementsAre("a live record is forgotten"));
}

TEST(RetentionBounded, FailsAfterTheAge) {
  Scene scene = scene_with_retention();
  run_to_end(scene, 1);
  scene.at(10s + 1ns);
  scene.dropped(1);
  EXPECT_THAT(scene.violated(), ElementsAre(kRetention));
  EXPECT_THAT(scene.violations_of(kRetention),
              ElementsAre("it was kept beyond the age of retention"));
}

TEST(RetentionBounded, FailsForARecordThatIsKeptForever) {
  Scene scene = scene_with_retention();
  run_to_end(scene, 1);
  scene.at(11s);
  run_to_end(scene, 2);
  scene.at(12s);
  run_to_end(scene, 3);
  EXPECT_THAT(scene.violations_of(kRetention),
              ElementsAre("it is kept beyond the age of retention"));
}

TEST(RetentionBounded, FailsBeyondTheCount) {
  Scene scene = scene_with_retention();
  for (const std::uint64_t ordinal : {1U, 2U, 3U}) run_to_end(scene, ordinal);
  scene.finish();
  EXPECT_THAT(scene.violated(), ElementsAre(kRetention));
  EXPECT_THAT(scene.violations_of(kRetention), ElementsAre("3 finished records, 2 may be kept"));
}

TEST(RetentionBounded, RecordsMayBeDeletedWithTheirTask) {
  for (const bool clean_up : {true, false}) {
    Scene scene = scene_with_retention();
    run_to_end(scene, 1);
    scene.at(1s);
    spearlet::DeleteTaskRequest request;
    request.set_cleanup_executions(clean_up);
    scene.world.open_call(0, request);
    scene.dropped(1);
    EXPECT_EQ(scene.violated().empty(), clean_up);
  }
}

}  // namespace
}  // namespace quintain::sim::testing
