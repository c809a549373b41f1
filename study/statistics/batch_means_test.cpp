#include "study/statistics/batch_means.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <vector>

#include "sim/random/distribution.h"

namespace quintain::study::statistics {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

TEST(BatchMeans, IsTheTextbookIntervalWithoutControls) {
  BatchMeans batches;
  for (const double output : {1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09}) {
    batches.add(output);
  }
  // The example of A. M. Distribution, section 4.5: mean 1.34, variance 0.17; t = 2.26 at 9
  // degrees.
  const MeanEstimate estimate = batches.estimate();
  EXPECT_NEAR(estimate.mean, 1.343, 1e-12);
  EXPECT_NEAR(estimate.standard_error, 0.1294265, 1e-6);
  EXPECT_NEAR(estimate.half_width, 2.262157 * 0.1294265, 1e-5);
  EXPECT_NEAR(estimate.explained, 0, 1e-12);
}

TEST(BatchMeans, AControlThatExplainsEverythingLeavesNoDoubt) {
  BatchMeans batches;
  for (const double deviation : {-2.0, 1.0, 0.5, 3.0, -0.25}) {
    const double controls[] = {deviation, deviation * deviation};
    batches.add(7 + 2 * deviation - 0.5 * deviation * deviation, controls);
  }
  const MeanEstimate estimate = batches.estimate();
  EXPECT_NEAR(estimate.mean, 7, 1e-9);
  EXPECT_NEAR(estimate.standard_error, 0, 1e-9);
  EXPECT_NEAR(estimate.explained, 1, 1e-9);
}

// 95 % of the intervals hold the truth, whatever the regression takes out of them.
TEST(BatchMeans, CoversTheTruthAsOftenAsItSays) {
  sim::Randomness randomness(1);
  core::RandomStream stream("batches");
  constexpr int kIntervals = 2000;
  int covered = 0;
  for (int interval = 0; interval < kIntervals; ++interval) {
    BatchMeans batches;
    for (int batch = 0; batch < 12; ++batch) {
      const double control = randomness.uniform(stream) - 0.5;
      const double noise = randomness.uniform(stream) + randomness.uniform(stream) - 1;
      const double controls[] = {control};
      batches.add(5 + 3 * control + noise, controls);
    }
    const MeanEstimate estimate = batches.estimate();
    covered += std::abs(estimate.mean - 5) <= estimate.half_width ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(covered) / kIntervals, 0.95, 0.02);
}

TEST(MeansOfBatches, LeaveOutTheBeginThatFillsNone) {
  const double series[] = {100, 100, 1, 2, 3, 4, 5, 9};
  EXPECT_THAT(means_of_batches(series, 3), ElementsAre(1.5, 3.5, 7));
  EXPECT_THAT(means_of_batches(series, 8), ElementsAreArray(series));
  EXPECT_THAT(means_of_batches(std::span(series).first(1), 1), ElementsAre(100));
}

// An autoregression x' = x / 2 + noise has correlations of 1/2, 1/4, ...: the variance of its mean
// is three times what it were without. So an interval that takes it for independent is too narrow.
TEST(BatchMeansInterval, CoversTheMeanOfACorrelatedSeries) {
  sim::Randomness randomness(2);
  core::RandomStream stream("series");
  constexpr int kIntervals = 1000;
  int covered = 0;
  int covered_by_naive = 0;
  for (int interval = 0; interval < kIntervals; ++interval) {
    std::vector<double> series;
    double x = 0;
    for (int i = 0; i < 1000; ++i) {
      x = x / 2 + randomness.uniform(stream) - 0.5;
      series.push_back(x);
    }
    const Estimate estimate = batch_means_interval(series, 20);
    const Estimate naive = student_interval(series);
    covered += estimate.low <= 0 && 0 <= estimate.high ? 1 : 0;
    covered_by_naive += naive.low <= 0 && 0 <= naive.high ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(covered) / kIntervals, 0.95, 0.025);
  EXPECT_LT(static_cast<double>(covered_by_naive) / kIntervals, 0.80);
}

}  // namespace
}  // namespace quintain::study::statistics
