#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kInstances = "instances-within-limits";

NodeSpec small_node() {
  NodeSpec spec = Scene::default_spec();
  spec.config.instances.per_node = 2;
  spec.config.instances.idle_expiry = 1min;
  FunctionModel& model = spec.functions.emplace_back();
  model.task = "task";
  model.instance_limit = 1;
  return spec;
}

TEST(InstancesWithinLimits, AnInstanceIsUsedByOneExecutionAfterTheOther) {
  Scene scene;
  scene.occupied(1, "task-i1");
  scene.freed(1);
  scene.occupied(1, "task-i1");  // a second attempt of the same execution
  scene.freed(1);
  scene.released(1);
  scene.occupied(2, "task-i1");
  EXPECT_THAT(scene.violations_of(kInstances), IsEmpty());
  scene.occupied(3, "task-i1");
  EXPECT_THAT(scene.violations_of(kInstances),
              ElementsAre("instance 'task-i1' has another execution, #2"));
}

TEST(InstancesWithinLimits, AnInstanceThatHasEndedIsNotUsedAgain) {
  Scene retired;
  retired.occupied(1);
  retired.freed(1);
  retired.released(1);
  retired.retired("task-i1");
  retired.occupied(2, "task-i1");
  EXPECT_THAT(retired.violations_of(kInstances),
              ElementsAre("an attempt starts in instance 'task-i1', which has ended"));
  Scene killed;
  killed.occupied(1);
  killed.freed(1, /*killed=*/true);
  killed.released(1);
  killed.occupied(2, "task-i1");
  EXPECT_THAT(killed.violations_of(kInstances), SizeIs(1));
}

TEST(InstancesWithinLimits, AnInstanceIsNotRetiredWhileAnAttemptRuns) {
  Scene scene;
  scene.occupied(1);
  scene.retired("task-i1");
  EXPECT_THAT(scene.violations_of(kInstances),
              ElementsAre("instance 'task-i1' is retired while its attempt runs"));
}

TEST(InstancesWithinLimits, TaskAndNodeHaveLimits) {
  Scene scene(small_node());
  scene.occupied(1);
  EXPECT_THAT(scene.violations_of(kInstances), IsEmpty());
  scene.occupied(2);
  EXPECT_THAT(scene.violations_of(kInstances),
              ElementsAre("task 'task' has 2 instances, it may have 1"));
  scene.freed(2, /*killed=*/true);
  scene.released(2);
  scene.retired("task-i1");
  Scene third(small_node());
  third.occupied(1);
  third.occupied(2);
  third.occupied(3);
  EXPECT_THAT(third.violations_of(kInstances),
              ::testing::Contains("the node has 3 instances, it may have 2"));
}

TEST(InstancesWithinLimits, AnIdleInstanceIsRetiredAtItsExpiry) {
  const auto kept_for = [](core::Duration idle, bool settled) {
    Scene scene(small_node());
    scene.at(1s);
    scene.occupied(1);
    scene.freed(1);
    scene.released(1);
    scene.at(1s + idle);
    scene.finish(settled);
    return scene.violations_of(kInstances);
  };
  EXPECT_THAT(kept_for(1min, true), IsEmpty());
  EXPECT_THAT(kept_for(1min + 1ns, true),
              ElementsAre("instance 'task-i1' is kept beyond its idle expiry"));
  EXPECT_THAT(kept_for(1min + 1ns, false), IsEmpty());
}

}  // namespace
}  // namespace quintain::sim::testing
