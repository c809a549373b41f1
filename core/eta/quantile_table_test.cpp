#include "core/eta/quantile_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/eta/testing/tables.h"

namespace quintain::core::eta {
namespace {

using testing::constant_distribution;
using testing::exponential_distribution;
using testing::lognormal_distribution;
using testing::pareto_distribution;
using testing::table_of;
using testing::uniform_distribution;

const std::vector<QuantileTable>& some_distributions() {
  static const std::vector<QuantileTable> distributions = {
      table_of(uniform_distribution(2)),          table_of(exponential_distribution(0.1)),
      table_of(lognormal_distribution(3, 1.326)), table_of(lognormal_distribution(1e-3, 0.01)),
      table_of(pareto_distribution(1.5)),         table_of(pareto_distribution(4)),
  };
  return distributions;
}

TEST(QuantileTable, WantsMiddlesAndThenHalvesOfTheTopCell) {
  EXPECT_DOUBLE_EQ(QuantileTable::wanted(0), 0.5 / 256);
  EXPECT_DOUBLE_EQ(QuantileTable::wanted(254), 254.5 / 256);
  EXPECT_DOUBLE_EQ(QuantileTable::wanted(255), 1 - 0.75 / 256);
  EXPECT_DOUBLE_EQ(QuantileTable::wanted(256), 1 - 0.375 / 256);
  EXPECT_DOUBLE_EQ(QuantileTable::wanted(262), 1 - 0.75 / 256 / 128);
}

TEST(QuantileTable, HasTheDistributionsQuantiles) {
  const auto exact = exponential_distribution(2);
  const QuantileTable table = table_of(exact);
  for (double p = 0.05; p < 0.99; p += 0.01) {
    EXPECT_NEAR(table.quantile(static_cast<float>(p)) / exact(p), 1, 2e-3) << p;
  }
}

TEST(QuantileTable, CdfIsTheInverseOfQuantile) {
  for (const QuantileTable& distribution : some_distributions()) {
    for (int i = 1; i < 100'000; ++i) {
      const float p = static_cast<float>(i) * 1e-5F;
      // The topmost cell's middle is one point, so a whole range of probabilities has one quantile.
      if (p > 255.5F / 256 && p < 1 - 0.368F / 256) continue;
      ASSERT_NEAR(distribution.cdf(distribution.quantile(p)), p, 2e-5) << distribution.mean();
    }
  }
}

TEST(QuantileTable, QuantileAndCdfNeverFall) {
  for (const QuantileTable& distribution : some_distributions()) {
    float last = 0;
    for (int i = 1; i < 100'000; ++i) {
      const float quantile = distribution.quantile(static_cast<float>(i) * 1e-5F);
      ASSERT_GE(quantile, last * 0.999999F) << i;
      last = quantile;
    }
    float below = 0;
    for (float seconds = 1e-6F; seconds < 1e6F; seconds *= 1.01F) {
      const float p = distribution.cdf(seconds);
      ASSERT_GE(p, below) << seconds;
      ASSERT_LT(p, 1) << seconds;
      below = p;
    }
    EXPECT_EQ(distribution.cdf(0), 0);
    EXPECT_EQ(distribution.cdf(-1), 0);
  }
}

TEST(QuantileTable, StrataBeyondAreQuantiles) {
  for (const QuantileTable& distribution : some_distributions()) {
    for (const float passed : {0.0F, 0.001F, 0.5F, 0.9F, 0.997F, 0.9999F, 0.9999998F}) {
      for (const float within : {0.01F, 0.5F, 0.99F}) {
        std::array<float, 64> out{};
        distribution.quantiles_beyond(passed, within, out);
        const float stratum = (1 - passed) / 64;
        for (std::size_t i = 0; i < out.size(); ++i) {
          const float p = passed + within * stratum + static_cast<float>(i) * stratum;
          ASSERT_FLOAT_EQ(out[i], distribution.quantile(p)) << passed << " " << within << " " << i;
        }
      }
    }
  }
}

TEST(QuantileTable, MeanIncludesTheTail) {
  EXPECT_NEAR(table_of(uniform_distribution(2)).mean(), 1, 1e-3);
  EXPECT_NEAR(table_of(exponential_distribution(1)).mean(), 1, 2e-3);
  EXPECT_NEAR(table_of(lognormal_distribution(1, 1.326)).mean() / std::exp(1.326 * 1.326 / 2), 1,
              5e-3);
  // The mean of the Pareto distribution is a / (a - 1); the part beyond 1 - 2^-15 is cut.
  EXPECT_NEAR(table_of(pareto_distribution(2.5)).mean() / (2.5 / 1.5), 1, 5e-3);
  EXPECT_NEAR(table_of(pareto_distribution(1.5)).mean() / 3, 1, 0.04);
}

TEST(QuantileTable, MeanSquareIncludesTheTail) {
  EXPECT_NEAR(table_of(uniform_distribution(2)).mean_square(), 4.0 / 3, 2e-3);
  EXPECT_NEAR(table_of(exponential_distribution(1)).mean_square(), 2, 0.02);
  EXPECT_NEAR(table_of(lognormal_distribution(1, 1)).mean_square() / std::exp(2), 1, 0.02);
  EXPECT_NEAR(
      table_of(lognormal_distribution(1, 1.326)).mean_square() / std::exp(2 * 1.326 * 1.326), 1,
      0.1);
}

TEST(QuantileTable, TailContinuesWithItsSlope) {
  for (const double shape : {1.5, 2.0, 4.0}) {
    const auto exact = pareto_distribution(shape);
    const QuantileTable table = table_of(exact);
    for (const double p : {0.999, 0.9999, 0.99999}) {
      EXPECT_NEAR(std::log(table.quantile(static_cast<float>(p))) / std::log(exact(p)), 1, 0.1)
          << shape << " " << p;
    }
  }
}

TEST(QuantileTable, HoldsAConstant) {
  const QuantileTable table = table_of(constant_distribution(7));
  for (float p = 0.01F; p < 0.9985F; p += 0.01F) EXPECT_FLOAT_EQ(table.quantile(p), 7);
  EXPECT_FLOAT_EQ(table.mean(), 7);
  EXPECT_FLOAT_EQ(table.mean_square(), 49);
  EXPECT_LT(table.cdf(6.99F), 0.01F);
  EXPECT_GT(table.cdf(7), 0.99F);
  EXPECT_LT(table.quantile(0.99999F), 7.5F) << "a distribution without spread has no tail";
}

TEST(QuantileTable, HoldsZero) {
  for (const QuantileTable& table : {QuantileTable(), table_of(constant_distribution(0))}) {
    for (const float p : {1e-6F, 0.001F, 0.5F, 0.999F, 0.9999999F}) {
      EXPECT_EQ(table.quantile(p), 0) << p;
    }
    EXPECT_EQ(table.cdf(0), 0);
    EXPECT_GT(table.cdf(1e-9F), 0.99F);
    EXPECT_LT(table.cdf(1e30F), 1);
    EXPECT_EQ(table.mean(), 0);
    std::array<float, 64> out{};
    table.quantiles_beyond(0.9999F, 0.5F, out);
    for (const float time : out) EXPECT_EQ(time, 0);
  }
}

TEST(QuantileTable, FallsToZeroBelowTheFirstPoint) {
  const QuantileTable table = table_of(constant_distribution(8));
  EXPECT_FLOAT_EQ(table.quantile(0.25F / 256), 4);
  EXPECT_FLOAT_EQ(table.cdf(4), 0.25F / 256);
}

TEST(QuantileTable, RoundingDoesNotMakeItFall) {
  std::array<float, QuantileTable::kWanted> quantiles{};
  quantiles.fill(3);
  quantiles[100] = 2.99F;
  QuantileTable table;
  table.assign(quantiles);
  EXPECT_TRUE(std::ranges::is_sorted(table.values()));
}

// Sums over any distribution must be finite.
TEST(QuantileTable, LongestTimesHaveAMean) {
  const QuantileTable table = table_of([](double p) { return p > 0.9 ? 1e38 : 1; });
  EXPECT_TRUE(std::isfinite(table.mean()));
  EXPECT_TRUE(std::isfinite(table.mean_square()));
  EXPECT_GT(table.mean(), 1e9F);
  EXPECT_TRUE(std::isfinite(table.quantile(0.9999999F)));
}

TEST(QuantileTable, KnowsTheQuantilesOfWhatLiesPartlyBeyond) {
  EXPECT_FLOAT_EQ(QuantileTable::partly_beyond(0.3F, 0, 0.7F), 0.3F);
  EXPECT_FLOAT_EQ(QuantileTable::partly_beyond(0.3F, 0.6F, 0), 0.3F);
  // A fifth lies below 0.4, the rest above.
  EXPECT_FLOAT_EQ(QuantileTable::partly_beyond(0.2F, 0.4F, 0.5F), 0.4F);
  EXPECT_FLOAT_EQ(QuantileTable::partly_beyond(0.1F, 0.4F, 0.5F), 0.2F);
  EXPECT_FLOAT_EQ(QuantileTable::partly_beyond(0.6F, 0.4F, 0.5F), 0.7F);
}

TEST(QuantileTable, WhatIsLeftIsBounded) {
  std::array<float, QuantileTable::kWanted> quantiles{};
  quantiles.fill(3);
  QuantileTable table;
  table.assign(quantiles, 10);
  EXPECT_EQ(table.left(5, 2), 3);
  EXPECT_EQ(table.left(50, 2), 8);
  EXPECT_EQ(table.left(50, 20), 20) << "it has outlived the bound";
  EXPECT_EQ(table.left(5, 20), 0);
  table.assign(quantiles);
  EXPECT_EQ(table.left(1e9F, 2), 1e9F - 2);
}

}  // namespace
}  // namespace quintain::core::eta
