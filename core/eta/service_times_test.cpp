#include "core/eta/service_times.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/testing/test_node.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;

Observation held(FunctionIndex function, Duration service,
                 spearlet::ExecutionStatus status = testing::kCompleted) {
  return {.function = function,
          .ordinal = 1,
          .accepted_at = Instant(),
          .deadline = Instant::never(),
          .dispatched_at = Instant(1s),
          .started_at = Instant(1s),
          .ended_at = Instant(1s + service),
          .cold = false,
          .status = status};
}

TEST(MovingMean, IsThePlainAverageAtFirst) {
  MovingMean mean;
  EXPECT_FALSE(mean.known());
  for (const double value : {1.0, 2.0, 6.0}) mean.add(value);
  EXPECT_TRUE(mean.known());
  EXPECT_DOUBLE_EQ(mean.value(), 3.0);
}

TEST(MovingMean, WeighsAnObservationOneHundredthLater) {
  MovingMean mean;
  for (int i = 0; i < 100; ++i) mean.add(10);
  mean.add(110);
  EXPECT_DOUBLE_EQ(mean.value(), 11);
  mean.add(111);
  EXPECT_DOUBLE_EQ(mean.value(), 12);
}

TEST(ServiceTimes, FallBackFromTheFunctionToTheNodeToThePrior) {
  ServiceTimes times(7ns);
  EXPECT_EQ(times.mean(0), 7ns);
  EXPECT_EQ(times.node_mean(), 7ns);
  times.observe(held(2, 10ns));
  times.observe(held(2, 20ns));
  times.observe(held(0, 60ns));
  EXPECT_EQ(times.mean(2), 15ns);
  EXPECT_EQ(times.mean(0), 60ns);
  EXPECT_EQ(times.mean(1), 30ns);
  EXPECT_EQ(times.mean(99), 30ns);
  EXPECT_EQ(times.node_mean(), 30ns);
}

TEST(ServiceTimes, LearnOnlyFromExecutionsThatEndedByThemselves) {
  ServiceTimes times(7ns);
  times.observe(held(0, 1ns, testing::kTimeout));
  times.observe(held(0, 1ns, testing::kCancelled));
  Observation never_began = held(0, 1ns, testing::kFailed);
  never_began.dispatched_at = Instant::never();
  times.observe(never_began);
  EXPECT_EQ(times.mean(0), 7ns);
  times.observe(held(0, 9ns, testing::kFailed));
  EXPECT_EQ(times.mean(0), 9ns);
}

}  // namespace
}  // namespace quintain::core::eta
