#include "study/statistics/scores.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

// As many evenly spaced levels, and a standard normal distribution's quantiles at them.
struct NormalForecast {
  explicit NormalForecast(int count) {
    for (int i = 1; i <= count; ++i) {
      levels.push_back(static_cast<double>(i) / (count + 1));
      quantiles.push_back(normal_quantile(levels.back()));
    }
  }
  std::vector<double> levels;
  std::vector<double> quantiles;
};

TEST(PinballLoss, WeighsMissesByTheirSide) {
  EXPECT_DOUBLE_EQ(pinball_loss(0.9, 10, 14), 0.9 * 4);
  EXPECT_DOUBLE_EQ(pinball_loss(0.9, 10, 4), 0.1 * 6);
  EXPECT_EQ(pinball_loss(0.9, 10, 10), 0);
}

TEST(PinballLoss, IsAveragedOverTheLevels) {
  const double levels[] = {0.25, 0.5, 0.75};
  const double quantiles[] = {1, 2, 4};
  EXPECT_DOUBLE_EQ(mean_pinball_loss(levels, quantiles, 3), (0.25 * 2 + 0.5 * 1 + 0.25 * 1) / 3);
  EXPECT_DOUBLE_EQ(crps_of_quantiles(levels, quantiles, 3), (0.25 * 2 + 0.5 * 1 + 0.25 * 1) / 1.5);
}

// No number does better on a sample than the sample's own quantile.
RC_GTEST_PROP(PinballLossProperty, IsLeastAtTheQuantile, ()) {
  const auto sample = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
      rc::gen::map(rc::gen::inRange(-50, 50), [](int i) { return i / 4.0; })));
  const double level = *rc::gen::inRange(1, 20) / 20.0;
  const double other = *rc::gen::inRange(-200, 200) / 10.0;
  std::vector<double> sorted = sample;
  std::ranges::sort(sorted);
  // A level times a count, where whole, must not come out a bit above.
  const auto rank =
      static_cast<std::size_t>(std::ceil(level * static_cast<double>(sample.size()) - 1e-9));
  const double quantile = sorted[rank - 1];
  double at_quantile = 0;
  double at_other = 0;
  for (const double value : sample) {
    at_quantile += pinball_loss(level, quantile, value);
    at_other += pinball_loss(level, other, value);
  }
  RC_ASSERT(at_quantile <= at_other + 1e-9);
}

TEST(CrpsOfNormal, IsThePublishedNumber) {
  EXPECT_NEAR(crps_of_normal(0, 1, 0), 0.23369497725510913, 1e-15);
  // (sqrt(2) - 1) / sqrt(pi), the same in closed form, in another unit and place.
  EXPECT_NEAR(crps_of_normal(7, 3, 7), 3 * (std::sqrt(2.0) - 1) / std::sqrt(std::acos(-1.0)),
              1e-14);
  // Far off, the distance less half of the distribution's mean absolute difference.
  EXPECT_NEAR(crps_of_normal(0, 1, 40), 40 - 1 / std::sqrt(std::acos(-1.0)), 1e-12);
  EXPECT_DOUBLE_EQ(crps_of_normal(1, 2, 4), crps_of_normal(1, 2, -2));
}

TEST(CrpsOfNormal, IsTheIntegralOfTheSquaredDifferenceOfDistributionFunctions) {
  constexpr double kObservation = 1.3;
  constexpr double kStep = 1e-4;
  double integral = 0;
  for (double x = -10 + kStep / 2; x < 12; x += kStep) {
    const double forecast = std::erfc(-x / std::sqrt(2.0)) / 2;
    integral += std::pow(forecast - (x >= kObservation ? 1 : 0), 2) * kStep;
  }
  EXPECT_NEAR(crps_of_normal(0, 1, kObservation), integral, 1e-4);
}

TEST(CrpsOfQuantiles, TendsToTheCrps) {
  const NormalForecast fine(9999);
  const NormalForecast coarse(19);
  for (const double observation : {-2.0, 0.0, 0.7}) {
    const double crps = crps_of_normal(0, 1, observation);
    EXPECT_NEAR(crps_of_quantiles(fine.levels, fine.quantiles, observation) / crps, 1, 2e-4);
    const double coarse_ratio =
        crps_of_quantiles(coarse.levels, coarse.quantiles, observation) / crps;
    EXPECT_GT(coarse_ratio, 1.035);
    EXPECT_LT(coarse_ratio, 1.055);
  }
}

TEST(FairCrps, OfFewMembersByHand) {
  EXPECT_DOUBLE_EQ(fair_crps_of_sample({0, 1}, 3), 2.5 - 0.5);

  EXPECT_DOUBLE_EQ(fair_crps_of_sample({0, 10}, 5), 0);
  EXPECT_DOUBLE_EQ(fair_crps_of_sample({4, 0, 2}, 2), 4.0 / 3 - 16.0 / 12);
  EXPECT_DOUBLE_EQ(fair_crps_of_sample({0, 0, 10, 10, 5}, 5), 4 - 120.0 / 40);
}

RC_GTEST_PROP(FairCrpsProperty, IsItsDefinition, (std::vector<int> more, int a, int b)) {
  std::vector<double> sample = {a / 1e6, b / 1e6};
  for (const int value : more) sample.push_back(value / 1e6);
  const double observation = *rc::gen::inRange(-1000, 1000) / 10.0;
  const auto members = static_cast<double>(sample.size());
  double distance = 0;
  double spread = 0;
  double scale = 1;
  for (const double x : sample) {
    distance += std::abs(x - observation);
    scale = std::max(scale, std::abs(x - observation));
    for (const double y : sample) spread += std::abs(x - y);
  }
  const double expected = distance / members - spread / (2 * members * (members - 1));
  RC_ASSERT(std::abs(fair_crps_of_sample(sample, observation) - expected) <= 1e-12 * scale);
}

// Its mean over samples is the CRPS of the distribution, however small the samples.
TEST(FairCrps, IsUnbiased) {
  sim::Randomness randomness(1);
  core::RandomStream stream("samples");
  for (const int members : {2, 3, 16}) {
    std::vector<double> scores;
    for (int i = 0; i < 20'000; ++i) {
      std::vector<double> sample;
      for (int member = 0; member < members; ++member) {
        sample.push_back(normal_quantile(randomness.uniform(stream)));
      }
      scores.push_back(fair_crps_of_sample(std::move(sample), 0.5));
    }
    const Estimate estimate = student_interval(scores, 0.9999);
    const double crps = crps_of_normal(0, 1, 0.5);
    EXPECT_LT(estimate.low, crps) << members << " members";
    EXPECT_GT(estimate.high, crps) << members << " members";
    EXPECT_LT(estimate.relative_half_width(), 0.1);
  }
}

TEST(IntervalScore, IsTheWidthAndTheWeightedMiss) {
  EXPECT_DOUBLE_EQ(interval_score(0.9, 2, 5, 3), 3);
  EXPECT_DOUBLE_EQ(interval_score(0.9, 2, 5, 5), 3);
  EXPECT_NEAR(interval_score(0.9, 2, 5, 5.5), 3 + 20 * 0.5, 1e-12);
  EXPECT_NEAR(interval_score(0.8, 2, 5, 1), 3 + 10 * 1, 1e-12);
}

// Gneiting and Raftery, section 6.2: the sum of the pinball losses at both ends, over half of what
// is outside.
RC_GTEST_PROP(IntervalScoreProperty, IsTheSumOfItsEndsPinballLosses, ()) {
  const double outside = *rc::gen::inRange(1, 20) / 20.0;
  const double low = *rc::gen::inRange(-100, 100) / 8.0;
  const double high = low + *rc::gen::inRange(0, 100) / 8.0;
  const double observation = *rc::gen::inRange(-300, 300) / 8.0;
  const double losses = pinball_loss(outside / 2, low, observation) +
                        pinball_loss(1 - outside / 2, high, observation);
  const double score = interval_score(1 - outside, low, high, observation);
  RC_ASSERT(std::abs(score - losses / (outside / 2)) <= 1e-9 * (1 + score));
}

}  // namespace
}  // namespace quintain::study::statistics
