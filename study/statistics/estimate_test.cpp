#include "study/statistics/estimate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

// The example of A. M. Law, Simulation Modeling and Analysis, section 4.5: mean 1.34, variance 0.17
// and the 90 % interval 1.34 +- 0.24.
TEST(StudentInterval, MatchesTheTextbook) {
  const double values[] = {1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09};
  const Estimate estimate = student_interval(values, 0.90);
  EXPECT_NEAR(estimate.value, 1.343, 1e-12);
  EXPECT_NEAR(estimate.high - estimate.value, 0.24, 0.005);
  EXPECT_NEAR(estimate.value - estimate.low, estimate.high - estimate.value, 1e-12);

  // At 95 %: t = 2.262157 and a standard error of 0.1294265.
  const Estimate wider = student_interval(values);
  EXPECT_NEAR(wider.high - wider.value, 2.262157 * 0.1294265, 1e-5);
}

TEST(StudentInterval, OfEqualValuesIsAPoint) {
  const double values[] = {3, 3, 3};
  const Estimate estimate = student_interval(values);
  EXPECT_EQ(estimate.low, 3);
  EXPECT_EQ(estimate.high, 3);
}

TEST(RelativeHalfWidth, IsTheDistanceToTheFartherEnd) {
  EXPECT_DOUBLE_EQ((Estimate{.value = 4, .low = 3, .high = 6}).relative_half_width(), 0.5);
  EXPECT_DOUBLE_EQ((Estimate{.value = -4, .low = -7, .high = -3}).relative_half_width(), 0.75);
  EXPECT_EQ((Estimate{.value = 0, .low = 0, .high = 0}).relative_half_width(), 0);
  EXPECT_EQ((Estimate{.value = 0, .low = -1, .high = 1}).relative_half_width(),
            std::numeric_limits<double>::infinity());
}

TEST(GeometricMeanRatio, AveragesTheLogRatiosOfThePairs) {
  const double a[] = {2, 3, 40};
  const double b[] = {1, 3, 10};
  // Ratios 2, 1 and 4: log-ratios of 1, 0 and 2 times log 2, their standard error log 2 / sqrt(3).
  const auto estimate = geometric_mean_ratio(a, b);
  ASSERT_TRUE(estimate);
  EXPECT_NEAR(estimate->value, 2, 1e-12);
  EXPECT_NEAR(estimate->high, 2 * std::exp2(4.302653 / std::sqrt(3.0)), 1e-5);
  EXPECT_NEAR(estimate->low, 2 / std::exp2(4.302653 / std::sqrt(3.0)), 1e-7);

  const auto inverse = geometric_mean_ratio(b, a);
  EXPECT_NEAR(inverse->low, 1 / estimate->high, 1e-12);
  EXPECT_NEAR(inverse->high, 1 / estimate->low, 1e-12);
}

TEST(RatioOfMeans, IsTheJackknifeEstimate) {
  const double a[] = {1, 2, 3};
  const double b[] = {1, 1, 2};
  // 6/4; with one pair left out 5/3, 4/3 and 3/2; so the pseudo-values are 7/6, 11/6 and 3/2.
  const auto estimate = ratio_of_means(a, b);
  ASSERT_TRUE(estimate);
  EXPECT_NEAR(estimate->value, 1.5, 1e-12);
  EXPECT_NEAR(estimate->high - estimate->value, 4.302653 / std::sqrt(27.0), 1e-6);
}

TEST(Ratios, OfProportionalPairsHaveNoWidth) {
  const double b[] = {0.5, 2, 90, 7};
  const double a[] = {0.75, 3, 135, 10.5};
  for (const auto& estimate : {geometric_mean_ratio(a, b), ratio_of_means(a, b)}) {
    ASSERT_TRUE(estimate);
    EXPECT_NEAR(estimate->value, 1.5, 1e-12);
    EXPECT_LT(estimate->relative_half_width(), 1e-12);
  }
}

TEST(Ratios, AreMissingIfADenominatorCanBeZero) {
  const double some[] = {1, 2, 3};
  const double with_zero[] = {1, 0, 3};
  const double all_but_one_zero[] = {0, 5, 0};
  EXPECT_FALSE(geometric_mean_ratio(some, with_zero));
  EXPECT_FALSE(geometric_mean_ratio(with_zero, some));
  EXPECT_TRUE(ratio_of_means(some, with_zero));
  EXPECT_FALSE(ratio_of_means(some, all_but_one_zero));
}

// Ten replications of random congestion, in each of which a is worse than b by about 10 %: 95 % of
// the intervals contain the true ratio, and pairing makes them many times narrower than the spread
// of the congestion.
TEST(Ratios, CoverTheTrueRatioAtTheNominalRate) {
  sim::Randomness randomness(5);
  core::RandomStream stream("pairs");
  constexpr int kIntervals = 2000;
  constexpr double kRatio = 1.1;
  int covered_by_geometric = 0;
  int covered_by_jackknife = 0;
  double half_widths = 0;
  for (int interval = 0; interval < kIntervals; ++interval) {
    std::vector<double> a;
    std::vector<double> b;
    for (int pair = 0; pair < 10; ++pair) {
      const double congestion = std::exp(0.5 * normal_quantile(randomness.uniform(stream)));
      const double noise = 0.05 * normal_quantile(randomness.uniform(stream));
      b.push_back(congestion);
      // The noise's mean, exp(0.05^2 / 2), separates the two ratios.
      a.push_back(congestion * kRatio * std::exp(noise));
    }
    const auto geometric = geometric_mean_ratio(a, b);
    const auto jackknife = ratio_of_means(a, b);
    const double ratio_of_expectations = kRatio * std::exp(0.05 * 0.05 / 2);
    covered_by_geometric += geometric->low <= kRatio && kRatio <= geometric->high ? 1 : 0;
    covered_by_jackknife +=
        jackknife->low <= ratio_of_expectations && ratio_of_expectations <= jackknife->high ? 1 : 0;
    half_widths += geometric->relative_half_width() / kIntervals;
  }
  EXPECT_NEAR(static_cast<double>(covered_by_geometric) / kIntervals, 0.95, 0.02);
  EXPECT_NEAR(static_cast<double>(covered_by_jackknife) / kIntervals, 0.95, 0.03);
  EXPECT_LT(half_widths, 0.04);
}

}  // namespace
}  // namespace quintain::study::statistics
