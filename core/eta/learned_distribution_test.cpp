#include "core/eta/learned_distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "core/eta/testing/tables.h"

namespace quintain::core::eta {
namespace {

using testing::lognormal_distribution;
using testing::normal_quantile;

constexpr CommonPrior kPrior = {.mean = 0, .between = 9, .within = 1};

template <class Distribution>
void learn(LearnedDistribution& learnt, const Distribution& distribution, int count,
           std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < count; ++i) {
    learnt.observe(static_cast<float>(std::log2(distribution(uniform(random)))));
  }
}

// The largest relative error of a quantile from `from` to 1 - `from`.
template <class Distribution>
double worst_error(LearnedDistribution& learnt, const Distribution& distribution,
                   double from = 0.05) {
  const QuantileTable& table = learnt.table(kPrior, CommonShape());
  double worst = 0;
  for (double p = from; p < 1 - from + 1e-9; p += 0.01) {
    worst = std::max(worst,
                     std::abs(std::log(table.quantile(static_cast<float>(p)) / distribution(p))));
  }
  return worst;
}

// ---- The common shape ---------------------------------------------------------------------------

TEST(CommonShape, BeginsNormal) {
  const CommonShape shape;
  for (double p = 0.001; p < 0.9995; p += 0.001) {
    EXPECT_NEAR(shape.quantile(static_cast<float>(p)), normal_quantile(p), 0.01) << p;
  }
  for (float z = -3.5F; z < 3.5F; z += 0.1F) {
    EXPECT_NEAR(shape.cdf(z), std::erfc(-z / std::sqrt(2.0)) / 2, 5e-4) << z;
    EXPECT_NEAR(shape.density(z), std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265), 0.02) << z;
  }
}

TEST(CommonShape, BeyondEightDeviationsIsNothing) {
  const CommonShape shape;
  EXPECT_EQ(shape.cdf(-9), 0);
  EXPECT_EQ(shape.cdf(9), 1);
  EXPECT_EQ(shape.density(-9), 0);
  EXPECT_EQ(shape.density(8.5F), 0);
}

TEST(CommonShape, TurnsIntoWhatItIs) {
  CommonShape shape;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<float> uniform(-1.7320508F, 1.7320508F);
  const auto before = shape.version();
  for (int i = 0; i < 30'000; ++i) shape.observe(uniform(random));
  EXPECT_GT(shape.version(), before);
  for (const float p : {0.1F, 0.25F, 0.5F, 0.75F, 0.9F}) {
    EXPECT_NEAR(shape.quantile(p), (p - 0.5F) * 2 * 1.7320508F, 0.08) << p;
    EXPECT_NEAR(shape.cdf(shape.quantile(p)), p, 1e-5);
  }
  // What lies beyond counts at the edge, and no observation is lost to rounding.
  for (int i = 0; i < 100'000; ++i) shape.observe(100);
  EXPECT_GT(shape.quantile(0.1F), 7.8F);
}

// ---- The base distribution
// -------------------------------------------------------------------------------

TEST(LearnedDistribution, UnseenItHasTheNodesPrior) {
  LearnedDistribution distribution;
  const LearnedDistribution::Base base =
      distribution.base({.mean = 3, .between = 4, .within = 0.5F});
  EXPECT_FLOAT_EQ(base.mean, 3);
  EXPECT_FLOAT_EQ(base.freedom, 6);
  // Within, and between: the mean is one of those of the node's functions.
  EXPECT_FLOAT_EQ(base.deviation, std::sqrt(0.5F + 4));
  const QuantileTable& table =
      distribution.table({.mean = 3, .between = 4, .within = 0.5F}, CommonShape());
  EXPECT_NEAR(table.quantile(0.5F), 8, 0.1);
}

TEST(LearnedDistribution, ThePosteriorIsTheConjugateOne) {
  LearnedDistribution distribution;
  distribution.observe(3);
  // The prior weighs within / between = 1/9 of an observation in the mean, and 6 in the variance.
  LearnedDistribution::Base base = distribution.base(kPrior);
  EXPECT_FLOAT_EQ(base.mean, 2.7F);
  EXPECT_FLOAT_EQ(base.freedom, 7);
  EXPECT_NEAR(base.deviation, std::sqrt((6 + 0.1 * 9) / 7 * (1 + 0.9)), 1e-6);
  // The first has faded to 0.998 when the second comes.
  distribution.observe(5);
  EXPECT_FLOAT_EQ(distribution.weight(), 1.998F);
  EXPECT_FLOAT_EQ(distribution.mean(), 3 + 2 / 1.998F);
  base = distribution.base(kPrior);
  const double weight = 1 / 9.0 + 1.998;
  const double mean = 3 + 2 / 1.998;
  const double squares = 4 * 0.998 / 1.998;
  EXPECT_NEAR(base.mean, 1.998 * mean / weight, 1e-5);
  EXPECT_FLOAT_EQ(base.freedom, 7.998F);
  const double variance = (6 + squares + 1.998 / 9 / weight * mean * mean) / 7.998;
  EXPECT_NEAR(base.deviation, std::sqrt(variance * (1 + 1 / weight)), 1e-5);
}

TEST(LearnedDistribution, StandardisedIsNormalWhereTheDistributionIsStudents) {
  const LearnedDistribution::Base base = {.mean = 1, .deviation = 2, .freedom = 10};
  EXPECT_NEAR(LearnedDistribution::standardise(base, 1), 0, 1e-6);
  // Student's quantiles with 10 degrees of freedom, of tables, at the normal quantile's
  // probability.
  EXPECT_NEAR(LearnedDistribution::standardise(base, 1 + 2 * 1.812461F), 1.644854, 0.02);
  EXPECT_NEAR(LearnedDistribution::standardise(base, 1 - 2 * 2.763769F), -2.326348, 0.05);
  const LearnedDistribution::Base known = {.mean = 1, .deviation = 2, .freedom = 1e6F};
  EXPECT_NEAR(LearnedDistribution::standardise(known, 5), 2, 1e-4);
}

// ---- The table ----------------------------------------------------------------------------------

TEST(LearnedDistribution, ConvergesToALognormalDistribution) {
  const auto distribution = lognormal_distribution(0.2, 0.8);
  double few = 0;
  double many = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LearnedDistribution learnt;
    learn(learnt, distribution, 10, seed);
    few += worst_error(learnt, distribution) / 20;
    learn(learnt, distribution, 3000, seed + 100);
    many += worst_error(learnt, distribution) / 20;
  }
  EXPECT_LT(few, 0.8);
  EXPECT_LT(many, 0.12);
}

TEST(LearnedDistribution, ConvergesToALawOfTwoPeaks) {
  const auto distribution = [](double p) {
    return p < 0.5 ? lognormal_distribution(0.01, 0.2)(2 * p)
                   : lognormal_distribution(10, 0.2)(2 * p - 1);
  };
  LearnedDistribution learnt;
  learn(learnt, distribution, 3000);
  const QuantileTable& table = learnt.table(kPrior, CommonShape());
  for (const double p : {0.15, 0.25, 0.35, 0.7, 0.8}) {
    EXPECT_NEAR(std::log(table.quantile(static_cast<float>(p)) / distribution(p)), 0, 0.15) << p;
  }
}

// Its bins are an eighth of an octave wide.
TEST(LearnedDistribution, ConvergesToAConstant) {
  for (const double seconds : {0.001, 0.0427, 3.0, 1000.0}) {
    const auto distribution = [seconds](double) { return seconds; };
    LearnedDistribution learnt;
    learn(learnt, distribution, 20);
    const double few = worst_error(learnt, distribution);
    learn(learnt, distribution, 3000);
    EXPECT_LT(worst_error(learnt, distribution), 0.09) << seconds;
    EXPECT_LT(worst_error(learnt, distribution), few) << seconds;
    EXPECT_NEAR(learnt.base(kPrior).mean, std::log2(seconds), 1e-2);
  }
}

TEST(LearnedDistribution, NeverFalls) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    LearnedDistribution learnt;
    learn(learnt, lognormal_distribution(1, 0.1 * static_cast<double>(seed)),
          static_cast<int>(seed * 3), seed);
    const QuantileTable& table = learnt.table(kPrior, CommonShape());
    EXPECT_TRUE(std::ranges::is_sorted(table.values())) << seed;
    EXPECT_GT(table.values().front(), 0) << seed;
    EXPECT_TRUE(std::isfinite(table.mean_square())) << seed;
  }
}

TEST(LearnedDistribution, FollowsSlowChange) {
  LearnedDistribution learnt;
  learn(learnt, lognormal_distribution(1, 0.5), 2000);
  learn(learnt, lognormal_distribution(4, 0.5), 3000);
  EXPECT_LT(worst_error(learnt, lognormal_distribution(4, 0.5)), 0.2);
}

TEST(LearnedDistribution, ForgetsWhenTold) {
  LearnedDistribution learnt;
  learn(learnt, lognormal_distribution(1, 0.5), 2000);
  learnt.forget(2);
  EXPECT_FLOAT_EQ(learnt.weight(), 2);
  learnt.forget(10);
  EXPECT_FLOAT_EQ(learnt.weight(), 2) << "there is no more to keep";
  learn(learnt, lognormal_distribution(8, 0.5), 60);
  EXPECT_NEAR(learnt.table(kPrior, CommonShape()).quantile(0.5F), 8, 1.5);
  EXPECT_LT(worst_error(learnt, lognormal_distribution(8, 0.5), 0.2), 0.35);
}

// A first call that is a thousand times slower than all others must not be where they are counted.
TEST(LearnedDistribution, AnOddFirstTimeIsLeftBehind) {
  for (const double odd : {1000.0, 1e-5}) {
    LearnedDistribution learnt;
    learnt.observe(static_cast<float>(std::log2(odd)));
    learn(learnt, lognormal_distribution(0.05, 0.3), 1000);
    EXPECT_LT(worst_error(learnt, lognormal_distribution(0.05, 0.3), 0.1), 0.2) << odd;
  }
}

TEST(LearnedDistribution, AnOddTimeNowAndThenMovesNothing) {
  LearnedDistribution learnt;
  for (std::uint64_t i = 0; i < 20; ++i) {
    learn(learnt, lognormal_distribution(0.05, 0.3), 100, i + 1);
    learnt.observe(20);
    learnt.observe(-19);
  }
  EXPECT_LT(worst_error(learnt, lognormal_distribution(0.05, 0.3), 0.1), 0.2);
}

TEST(LearnedDistribution, TheTableIsMadeAnewOnlyForNews) {
  LearnedDistribution learnt;
  learn(learnt, lognormal_distribution(1, 0.5), 1000);
  const CommonShape shape;
  const float before = learnt.table(kPrior, shape).quantile(0.5F);
  for (int i = 0; i < 10; ++i) learnt.observe(10);
  EXPECT_EQ(learnt.table(kPrior, shape).quantile(0.5F), before);
  for (int i = 0; i < 40; ++i) learnt.observe(10);
  EXPECT_GT(learnt.table(kPrior, shape).quantile(0.5F), before);
}

// What one function costs.
TEST(LearnedDistribution, SaysWhatItHolds) {
  LearnedDistribution learnt;
  EXPECT_EQ(learnt.bytes(), sizeof(LearnedDistribution));
  EXPECT_LE(sizeof(LearnedDistribution), 64U);
  learnt.observe(1);
  EXPECT_EQ(learnt.bytes(), sizeof(LearnedDistribution) + 128 * 4);
  learnt.table(kPrior, CommonShape());
  EXPECT_EQ(learnt.bytes(), sizeof(LearnedDistribution) + 128 * 4 + sizeof(QuantileTable));
  EXPECT_LT(learnt.bytes(), 1700U);
}

}  // namespace
}  // namespace quintain::core::eta
