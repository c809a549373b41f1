#include "study/statistics/scores.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace quintain::study::statistics {
namespace {

TEST(PinballLoss, WeighsErrorsByTheirSide) {
  EXPECT_DOUBLE_EQ(pinball_loss(0.9, 10, 14), 0.9 * 4);
  EXPECT_DOUBLE_EQ(pinball_loss(0.9, 10, 4), 0.1 * 6);
  EXPECT_EQ(pinball_loss(0.9, 10, 10), 0);
}

// No number has a smaller loss on a sample than the sample's own quantile.
RC_GTEST_PROP(PinballLossProperty, IsSmallestAtTheQuantile, ()) {
  const auto sample = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
      rc::gen::map(rc::gen::inRange(-50, 50), [](int i) { return i / 4.0; })));
  const double level = *rc::gen::inRange(1, 20) / 20.0;
  const double other = *rc::gen::inRange(-200, 200) / 10.0;
  std::vector<double> sorted = sample;
  std::ranges::sort(sorted);
  // Rounding must not raise a product of level and count that is whole.
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

TEST(IntervalScore, IsTheWidthPlusTheWeightedDistance) {
  EXPECT_DOUBLE_EQ(interval_score(0.9, 2, 5, 3), 3);
  EXPECT_DOUBLE_EQ(interval_score(0.9, 2, 5, 5), 3);
  EXPECT_NEAR(interval_score(0.9, 2, 5, 5.5), 3 + 20 * 0.5, 1e-12);
  EXPECT_NEAR(interval_score(0.8, 2, 5, 1), 3 + 10 * 1, 1e-12);
}

// Gneiting and Raftery, section 6.2: the sum of the pinball losses at both ends, divided by half of
// the probability outside.
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
