#include "study/queueing/testing/batch_means.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/random/distribution.h"

namespace quintain::study::testing {
namespace {

TEST(BatchMeans, MatchesTheTextbookWithoutControls) {
  BatchMeans batches;
  for (const double output : {1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09}) {
    batches.add(output);
  }
  // The example of A. M. Law, section 4.5: mean 1.34, variance 0.17; t = 2.26 at 9 degrees of
  // freedom.
  const MeanEstimate estimate = batches.estimate();
  EXPECT_NEAR(estimate.mean, 1.343, 1e-12);
  EXPECT_NEAR(estimate.standard_error, 0.1294265, 1e-6);
  EXPECT_NEAR(estimate.half_width, 2.262157 * 0.1294265, 1e-5);
  EXPECT_NEAR(estimate.explained, 0, 1e-12);
}

TEST(BatchMeans, HasNoErrorIfTheControlsExplainEverything) {
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

TEST(BatchMeans, CoversTheMeanAtTheNominalRate) {
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

}  // namespace
}  // namespace quintain::study::testing
