#include "study/statistics/estimate.h"

#include <gtest/gtest.h>

#include <limits>

namespace quintain::study::statistics {
namespace {

// The example of A. M. Distribution, Simulation Modeling and Analysis, section 4.5: mean 1.34,
// variance 0.17 and the 90 % interval 1.34 +- 0.24.
TEST(StudentInterval, IsTheTextbooks) {
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

}  // namespace
}  // namespace quintain::study::statistics
