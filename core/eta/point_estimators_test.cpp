#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "core/eta/factories.h"
#include "core/testing/test_node.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;

// These estimators look at the counts alone.
NodeState node_state(int busy, std::int64_t queued) {
  return {.now = Instant(100s), .slots = 4, .busy = busy, .queued = queued, .backlog = {}};
}
const NodeState kIdle = node_state(1, 0);
const NodeState kFull = node_state(4, 7);

// Accepted `since` ago, with `ahead` executions in front.
Target waiting(Duration since, std::int64_t ahead = 0, FunctionIndex function = 0) {
  return {.function = function,
          .ordinal = 1,
          .accepted_at = Instant(100s - since),
          .dispatched_at = Instant::never(),
          .ahead = ahead};
}

// Accepted 50 s ago, in its slot for `since`.
Target serving(Duration since, FunctionIndex function = 0) {
  return {.function = function,
          .ordinal = 1,
          .accepted_at = Instant(50s),
          .dispatched_at = Instant(100s - since),
          .ahead = 0};
}

void see(Estimator& estimator, FunctionIndex function, Duration waited, Duration service,
         spearlet::ExecutionStatus status = testing::kCompleted) {
  estimator.observe_dispatch(function, Instant(waited), waited);
  estimator.observe_end({.function = function,
                         .ordinal = 1,
                         .accepted_at = Instant(),
                         .deadline = Instant::never(),
                         .dispatched_at = Instant(waited),
                         .started_at = Instant(waited),
                         .ended_at = Instant(waited + service),
                         .cold = false,
                         .status = status});
}

TEST(Estimators, MakesAnEstimatorForEveryName) {
  for (const std::string_view name : estimator_names()) {
    EtaConfig config;
    config.estimator = name;
    const auto estimator = make_estimator(config, 1);
    ASSERT_NE(estimator, nullptr) << name;
    EXPECT_EQ(estimator->name(), name);
  }
  EtaConfig config;
  config.estimator = "oracle";
  EXPECT_EQ(make_estimator(config, 1), nullptr);
}

TEST(Estimators, P90IsThatOfTheExponentialDistribution) {
  for (const auto& estimator :
       {make_ewma(10s), make_last_to_enter_service(10s), make_queue_length(10s)}) {
    const Forecast estimate = estimator->predict(waiting(0s), kIdle);
    EXPECT_EQ(estimate.point, 10s) << estimator->name();
    EXPECT_NEAR(std::chrono::duration<double>(estimate.quantiles[k90Level]).count(),
                10 * std::log(10), 1e-6);
  }
}

TEST(Estimators, MeansIgnoreExecutionsThatWereCutShort) {
  for (const auto& estimator :
       {make_ewma(10s), make_last_to_enter_service(10s), make_queue_length(10s)}) {
    see(*estimator, 0, 0s, 1s, testing::kTimeout);
    see(*estimator, 0, 0s, 1s, testing::kCancelled);
    EXPECT_EQ(estimator->predict(waiting(0s), kIdle).point, 10s) << estimator->name();
    see(*estimator, 0, 0s, 2s, testing::kFailed);
    EXPECT_EQ(estimator->predict(waiting(0s), kIdle).point, 2s) << estimator->name();
  }
}

TEST(Constant, IsItsValueMinusTheTimePassed) {
  const auto estimator = make_constant(5s);
  see(*estimator, 0, 1s, 100s);
  EXPECT_EQ(estimator->predict(waiting(0s), kFull).point, 5s);
  EXPECT_EQ(estimator->predict(waiting(2s), kFull).point, 3s);
  EXPECT_EQ(estimator->predict(waiting(2s), kFull).quantiles[k90Level], 3s);
  EXPECT_EQ(estimator->predict(waiting(9s), kFull).point, 0s);
}

TEST(Ewma, IsTheMeanResponseTimeMinusTheTimePassed) {
  const auto estimator = make_ewma(1s);
  see(*estimator, 0, 10s, 20s);
  see(*estimator, 0, 0s, 40s);
  EXPECT_EQ(estimator->predict(waiting(0s), kFull).point, 35s);
  EXPECT_EQ(estimator->predict(waiting(5s), kFull).point, 30s);
  EXPECT_EQ(estimator->predict(serving(1s), kFull).point, 0s) << "accepted 50 s ago";
}

TEST(LastToEnterService, IsTheLastDelayPlusTheMeanService) {
  const auto estimator = make_last_to_enter_service(1s);
  see(*estimator, 0, 30s, 10s);
  see(*estimator, 1, 8s, 20s);
  EXPECT_EQ(estimator->predict(waiting(0s, 0, 0), kFull).point, 18s);
  EXPECT_EQ(estimator->predict(waiting(0s, 0, 1), kFull).point, 28s);
  EXPECT_EQ(estimator->predict(waiting(5s, 0, 0), kFull).point, 13s);
  EXPECT_EQ(estimator->predict(waiting(9s, 0, 0), kFull).point, 10s) << "the delay is outlived";
  EXPECT_EQ(estimator->predict(waiting(0s, 0, 0), kIdle).point, 10s) << "a slot is free";
  EXPECT_EQ(estimator->predict(serving(4s, 0), kFull).point, 6s);
  EXPECT_EQ(estimator->predict(serving(40s, 0), kFull).point, 0s);
}

TEST(QueueLength, IsTheTimeOfTheDeparturesAheadPlusTheMeanService) {
  const auto estimator = make_queue_length(1s);
  see(*estimator, 0, 0s, 10s);
  see(*estimator, 1, 0s, 30s);
  // E[S] is 20 s, so with 4 slots there is a departure every 5 s.
  EXPECT_EQ(estimator->predict(waiting(0s, 0, 0), kFull).point, 5s + 10s);
  EXPECT_EQ(estimator->predict(waiting(0s, 7, 1), kFull).point, 40s + 30s);
  EXPECT_EQ(estimator->predict(waiting(0s, 7, 5), kFull).point, 40s + 20s);
  EXPECT_EQ(estimator->predict(waiting(0s, 0, 0), kIdle).point, 10s) << "a slot is free";
  EXPECT_EQ(estimator->predict(serving(4s, 1), kFull).point, 26s);
  EXPECT_EQ(estimator->predict(serving(40s, 1), kFull).point, 0s);
}

}  // namespace
}  // namespace quintain::core::eta
