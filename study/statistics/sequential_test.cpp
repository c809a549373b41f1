#include "study/statistics/sequential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr SequentialRule kTenth = {
    .relative_error = 0.1, .min_replications = 10, .max_replications = 40};

// The error is relative to the unknown mean: 0.1 of it is 0.1 / 1.1 of an estimate that is 0.1 too
// high.
TEST(SequentialRule, BoundsTheErrorRelativeToTheUnknownMean) {
  EXPECT_NEAR(kTenth.max_relative_half_width(), 0.0909, 0.0001);
  EXPECT_EQ(kTenth.stop({.replications = 10, .relative_half_width = 0.0910}), std::nullopt);
  EXPECT_EQ(kTenth.stop({.replications = 10, .relative_half_width = 0.0909}), StopReason::kPrecise);
}

TEST(SequentialRule, DoesNotStopBeforeTheMinimum) {
  EXPECT_EQ(kTenth.stop({.replications = 9, .relative_half_width = 0}), std::nullopt);
  EXPECT_EQ(kTenth.stop({.replications = 0, .relative_half_width = kNone}), std::nullopt);
}

TEST(SequentialRule, StopsAtTheMaximum) {
  EXPECT_EQ(kTenth.stop({.replications = 39, .relative_half_width = 0.5}), std::nullopt);
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = 0.5}),
            StopReason::kMaxReplications);
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = kNone}),
            StopReason::kMaxReplications);
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = 0.01}), StopReason::kPrecise);
}

TEST(StopReason, HasNames) {
  EXPECT_EQ(to_string(StopReason::kPrecise), "precise");
  EXPECT_EQ(to_string(StopReason::kMaxReplications), "most-replications");
  EXPECT_EQ(to_string(StopReason::kInterrupted), "interrupted");
  EXPECT_EQ(to_string(StopReason::kRecorded), "recorded");
}

TEST(SequentialRule, ReportsItsProblems) {
  EXPECT_THAT(kTenth.problems(), IsEmpty());
  EXPECT_THAT(
      (SequentialRule{.relative_error = 0, .min_replications = 9, .max_replications = 8}
           .problems()),
      ElementsAre(
          HasSubstr("relative error is 0; it must be above 0"),
          HasSubstr("minimum number of replications is 9; it must be at least 10"),
          HasSubstr("maximum number of replications is 8; it must be at least the minimum (9)")));
  EXPECT_THAT((SequentialRule{.relative_error = std::nan("")}.problems()),
              ElementsAre(HasSubstr("relative error is nan")));
}

// Halving the half-width halves t(n - 1) / sqrt(n), from 2.2622 / sqrt(10) to 0.3577: with 32 it is
// 2.0395 / sqrt(32) = 0.3605, with 33 it is 2.0369 / sqrt(33) = 0.3546.
TEST(SequentialRule, ExpectsTheReplicationsThatTheSpreadNeeds) {
  const SequentialRule rule = {
      .relative_error = 1.0 / 9, .min_replications = 10, .max_replications = 100};
  EXPECT_EQ(rule.expected_replications({.replications = 10, .relative_half_width = 0.2}), 33);
  EXPECT_EQ(rule.expected_replications({.replications = 5, .relative_half_width = 0.01}), 10);
  EXPECT_EQ(rule.expected_replications({.replications = 20, .relative_half_width = 0.01}), 20);
  EXPECT_EQ(rule.expected_replications({.replications = 20, .relative_half_width = kNone}), 100);
  EXPECT_EQ(rule.expected_replications({.replications = 101, .relative_half_width = 1}), 101);
}

TEST(SequentialRule, KeepsTheAllowedError) {
  sim::Randomness randomness(6);
  core::RandomStream stream("replications");
  const SequentialRule rule = {
      .relative_error = 0.1, .min_replications = 10, .max_replications = 1000};
  constexpr int kStudies = 1000;
  int kept = 0;
  double replications = 0;
  double expected = 0;
  for (int study = 0; study < kStudies; ++study) {
    std::vector<double> results;
    SequentialState state;
    state.relative_half_width = kNone;
    while (!rule.stop(state)) {
      results.push_back(1 + 0.4 * normal_quantile(randomness.uniform(stream)));
      state.replications = static_cast<int>(results.size());
      if (results.size() < 2) continue;
      state.relative_half_width = student_interval(results).relative_half_width();
      if (results.size() == 30) expected += rule.expected_replications(state);
    }
    EXPECT_EQ(rule.stop(state), StopReason::kPrecise);
    kept += std::abs(student_interval(results).value - 1) <= 0.1 ? 1 : 0;
    replications += state.replications;
  }
  // Stopping at a spread that is small by chance lowers the 95 %, and gamma / (1 + gamma) raises
  // it.
  EXPECT_GE(kept, kStudies * 93 / 100);
  // z^2 0.4^2 / (0.1 / 1.1)^2 = 74
  EXPECT_NEAR(replications / kStudies, 74, 5);
  EXPECT_NEAR(expected / kStudies, 77, 6);
}

}  // namespace
}  // namespace quintain::study::statistics
