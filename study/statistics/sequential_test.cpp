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
constexpr SequentialRule kTenth = {.relative_error = 0.1, .fewest = 10, .most = 40};

// Of the unknown mean: 0.1 of it is only 0.1 / 1.1 of an estimate that is too high by as much.
TEST(SequentialRule, AsksForMoreThanTheErrorSeemsToSay) {
  EXPECT_NEAR(kTenth.largest_relative_half_width(), 0.0909, 0.0001);
  EXPECT_EQ(kTenth.stop({.replications = 10, .relative_half_width = 0.0910}), std::nullopt);
  EXPECT_EQ(kTenth.stop({.replications = 10, .relative_half_width = 0.0909}),
            StopReason::kPrecisionReached);
}

TEST(SequentialRule, NeverStopsByPrecisionBeforeTheFewest) {
  EXPECT_EQ(kTenth.stop({.replications = 9, .relative_half_width = 0}), std::nullopt);
  EXPECT_EQ(kTenth.stop({.replications = 9, .relative_half_width = 0, .interrupted = true}),
            StopReason::kInterrupted);
  EXPECT_EQ(kTenth.stop({.replications = 0, .relative_half_width = kNone}), std::nullopt);
}

TEST(SequentialRule, StopsAtTheMost) {
  EXPECT_EQ(kTenth.stop({.replications = 39, .relative_half_width = 0.5}), std::nullopt);
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = 0.5}),
            StopReason::kMaxReplications);
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = kNone}),
            StopReason::kMaxReplications);
}

TEST(SequentialRule, NamesTheBetterReason) {
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = 0.01, .interrupted = true}),
            StopReason::kPrecisionReached);
  EXPECT_EQ(kTenth.stop({.replications = 40, .relative_half_width = 1, .interrupted = true}),
            StopReason::kMaxReplications);
  EXPECT_EQ(to_string(StopReason::kPrecisionReached), "precision reached");
  EXPECT_EQ(to_string(StopReason::kMaxReplications), "most replications");
  EXPECT_EQ(to_string(StopReason::kInterrupted), "interrupted");
}

TEST(SequentialRule, SaysWhatIsWrongWithIt) {
  EXPECT_THAT(kTenth.problems(), IsEmpty());
  EXPECT_THAT(
      (SequentialRule{.relative_error = 0, .fewest = 9, .most = 8}.problems()),
      ElementsAre(HasSubstr("relative error is 0; it must be above 0"),
                  HasSubstr("fewest replications are 9; they must be at least 10"),
                  HasSubstr("most replications are 8; they must be no less than the fewest")));
  EXPECT_THAT((SequentialRule{.relative_error = std::nan("")}.problems()),
              ElementsAre(HasSubstr("relative error is nan")));
}

// From 0.2 to 0.1 takes t(n - 1) / sqrt(n) from 2.2622 / sqrt(10) to half of it, 0.3577: with 32 it
// is 2.0395 / sqrt(32) = 0.3605, with 33 it is 2.0369 / sqrt(33) = 0.3546.
TEST(SequentialRule, ExpectsAsManyReplicationsAsTheSpreadTakes) {
  const SequentialRule rule = {.relative_error = 1.0 / 9, .fewest = 10, .most = 100};
  EXPECT_EQ(rule.expected_replications({.replications = 10, .relative_half_width = 0.2}), 33);
  EXPECT_EQ(rule.expected_replications({.replications = 5, .relative_half_width = 0.01}), 10);
  EXPECT_EQ(rule.expected_replications({.replications = 20, .relative_half_width = 0.01}), 20);
  EXPECT_EQ(rule.expected_replications({.replications = 20, .relative_half_width = kNone}), 100);
  EXPECT_EQ(rule.expected_replications({.replications = 101, .relative_half_width = 1}), 101);
}

TEST(SequentialRule, KeepsTheErrorThatItPromises) {
  sim::Randomness randomness(6);
  core::RandomStream stream("replications");
  const SequentialRule rule = {.relative_error = 0.1, .fewest = 10, .most = 1000};
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
    EXPECT_EQ(rule.stop(state), StopReason::kPrecisionReached);
    kept += std::abs(student_interval(results).value - 1) <= 0.1 ? 1 : 0;
    replications += state.replications;
  }
  // Stopping by chance of a small spread costs some of the 95 %, and gamma / (1 + gamma) gains
  // some.
  EXPECT_GE(kept, kStudies * 93 / 100);
  // z^2 0.4^2 / (0.1 / 1.1)^2 = 74
  EXPECT_NEAR(replications / kStudies, 74, 5);
  EXPECT_NEAR(expected / kStudies, 77, 6);
}

}  // namespace
}  // namespace quintain::study::statistics
