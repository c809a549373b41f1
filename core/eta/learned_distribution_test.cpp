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

const CommonShape& normal_shape() {
  static const CommonShape shape;
  return shape;
}

void observe(LearnedDistribution& learnt, float log_time) {
  learnt.observe(MeasuredTime::of_log(log_time), kPrior, normal_shape());
}

template <class Distribution>
void learn(LearnedDistribution& learnt, const Distribution& distribution, int count,
           std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < count; ++i) {
    observe(learnt, static_cast<float>(std::log2(distribution(uniform(random)))));
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

TEST(CommonShape, StartsNormal) {
  const CommonShape shape;
  for (double p = 0.001; p < 0.9995; p += 0.001) {
    EXPECT_NEAR(shape.quantile(static_cast<float>(p)), normal_quantile(p), 0.01) << p;
  }
  for (float z = -3.5F; z < 3.5F; z += 0.1F) {
    EXPECT_NEAR(shape.cdf(z), std::erfc(-z / std::sqrt(2.0)) / 2, 5e-4) << z;
    EXPECT_NEAR(shape.density(z), std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265), 0.02) << z;
  }
}

TEST(CommonShape, HasNoMassBeyondEightDeviations) {
  const CommonShape shape;
  EXPECT_EQ(shape.cdf(-9), 0);
  EXPECT_EQ(shape.cdf(9), 1);
  EXPECT_EQ(shape.density(-9), 0);
  EXPECT_EQ(shape.density(8.5F), 0);
}

TEST(CommonShape, ConvergesToTheObservedShape) {
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
  // A value beyond the range counts at its edge, and no observation is lost to rounding.
  for (int i = 0; i < 100'000; ++i) shape.observe(100);
  EXPECT_GT(shape.quantile(0.1F), 7.8F);
}

// ---- The base distribution ----------------------------------------------------------------------

TEST(LearnedDistribution, UnseenFunctionHasTheNodesPrior) {
  LearnedDistribution distribution;
  const LearnedDistribution::Base base =
      distribution.base({.mean = 3, .between = 4, .within = 0.5F, .typical_within = 0.5F});
  EXPECT_FLOAT_EQ(base.mean, 3);
  // The doubt about the mean is normal: 6 degrees of freedom count for the variance within alone.
  EXPECT_FLOAT_EQ(base.freedom, 6 * (1 + 4 / 0.5F));
  // Within, and between: the mean is one of those of the node's functions.
  EXPECT_FLOAT_EQ(base.deviation, std::sqrt(0.5F + 4));
  const QuantileTable& table = distribution.table(
      {.mean = 3, .between = 4, .within = 0.5F, .typical_within = 0.5F}, CommonShape());
  EXPECT_NEAR(table.quantile(0.5F), 8, 0.1);
}

TEST(LearnedDistribution, HasTheConjugatePosterior) {
  LearnedDistribution distribution;
  observe(distribution, 3);
  // The prior weighs within / between = 1/9 of an observation in the mean, and 6 in the variance.
  LearnedDistribution::Base base = distribution.base(kPrior);
  EXPECT_FLOAT_EQ(base.mean, 2.7F);
  EXPECT_FLOAT_EQ(base.freedom, 7 * (1 + 0.9F));
  EXPECT_NEAR(base.deviation, std::sqrt((6 + 0.1 * 9) / 7 * (1 + 0.9)), 1e-6);
  // The first has faded to 0.998 when the second comes.
  observe(distribution, 5);
  EXPECT_FLOAT_EQ(distribution.weight(), 1.998F);
  EXPECT_FLOAT_EQ(distribution.mean(), 3 + 2 / 1.998F);
  base = distribution.base(kPrior);
  const double weight = 1 / 9.0 + 1.998;
  const double mean = 3 + 2 / 1.998;
  const double squares = 4 * 0.998 / 1.998;
  EXPECT_NEAR(base.mean, 1.998 * mean / weight, 1e-5);
  EXPECT_NEAR(base.freedom, 7.998 * (1 + 1 / weight), 1e-4);
  const double variance = (6 + squares + 1.998 / 9 / weight * mean * mean) / 7.998;
  EXPECT_NEAR(base.deviation, std::sqrt(variance * (1 + 1 / weight)), 1e-5);
}

TEST(LearnedDistribution, StandardisedStudentTimesAreNormal) {
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

TEST(LearnedDistribution, ConvergesToADistributionOfTwoPeaks) {
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

TEST(LearnedDistribution, IsExactForAConstant) {
  for (const double seconds : {0.001, 0.0427, 3.0, 1000.0}) {
    const auto distribution = [seconds](double) { return seconds; };
    LearnedDistribution learnt;
    learn(learnt, distribution, 4);
    const QuantileTable& few = learnt.table(kPrior, normal_shape());
    EXPECT_NEAR(few.quantile(0.5F) / seconds, 1, 0.001) << seconds;
    learn(learnt, distribution, 40);
    EXPECT_LT(worst_error(learnt, distribution, 0.05), 0.001) << seconds;
    EXPECT_NEAR(learnt.base(kPrior).mean, std::log2(seconds), 0.05);
  }
}

TEST(LearnedDistribution, IsExactForAFewValues) {
  LearnedDistribution learnt;
  const auto distribution = [](double p) { return p < 0.3 ? 0.25 : p < 0.8 ? 5.0 : 60.0; };
  learn(learnt, distribution, 500);
  const QuantileTable& table = learnt.table(kPrior, normal_shape());
  EXPECT_NEAR(table.quantile(0.15F), 0.25, 0.001);
  EXPECT_NEAR(table.quantile(0.55F), 5, 0.01);
  EXPECT_NEAR(table.quantile(0.92F), 60, 0.1);
}

TEST(LearnedDistribution, FollowsAConstantThatChanges) {
  LearnedDistribution learnt;
  learn(learnt, [](double) { return 5; }, 1000);
  learn(learnt, [](double) { return 8; }, 20);
  EXPECT_NEAR(learnt.table(kPrior, normal_shape()).quantile(0.5F), 8, 0.01);
}

// Beside the atoms there is a continuous part.
TEST(LearnedDistribution, MixesAtomsWithOtherTimes) {
  LearnedDistribution learnt;
  const auto distribution = [](double p) {
    return p < 0.8 ? 1.0 : lognormal_distribution(30, 0.5)(5 * (p - 0.8));
  };
  learn(learnt, distribution, 2000);
  const QuantileTable& table = learnt.table(kPrior, normal_shape());
  EXPECT_NEAR(table.quantile(0.4F), 1, 0.001);
  EXPECT_NEAR(std::log(table.quantile(0.95F) / distribution(0.95)), 0, 0.25);
}

// A Student distribution in log space gives a function of two far modes a tail of years.
TEST(LearnedDistribution, IsBoundedByTwiceTheLongestTimeSeen) {
  LearnedDistribution learnt;
  learn(learnt, [](double p) { return p < 0.5 ? 0.001 : 100.0 + p; }, 300);
  // The histogram knows the longest to an eighth of an octave, and a little doubt remains.
  EXPECT_LT(learnt.table(kPrior, normal_shape()).values().back(), 2 * 101 * 1.15);
  EXPECT_LT(learnt.table(kPrior, normal_shape()).quantile(0.9999999F), 2 * 101 * 1.2);
}

TEST(LearnedDistribution, IsBoundedByTwiceTheLongestTimeOfTheNode) {
  const CommonPrior prior = {.mean = 0, .between = 9, .within = 1, .longest = 3};
  LearnedDistribution unseen;
  EXPECT_LE(unseen.table(prior, normal_shape()).values().back(), 16.001F);
  LearnedDistribution learnt;
  learnt.observe(MeasuredTime::of_log(-10), prior, normal_shape());
  learnt.observe(MeasuredTime::of_log(3), prior, normal_shape());
  EXPECT_LE(learnt.table(prior, normal_shape()).values().back(), 16.001F);
}

// Two modes: the base distribution fits badly, so the histogram must be believed early. One
// lognormal mode: the base distribution is right, and the histogram only adds noise.
TEST(LearnedDistribution, WeighsModelsByHowWellTheyPredict) {
  LearnedDistribution peaks;
  learn(peaks, [](double p) { return p < 0.5 ? 0.01 + p / 1000 : 10.0 + p; }, 150);
  const ModelWeights& of_peaks = peaks.weights(kPrior);
  EXPECT_GT(of_peaks[kHistogram8], 0.5F);
  double smooth = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LearnedDistribution lognormal;
    learn(lognormal, lognormal_distribution(1, 0.7), 150, seed);
    smooth += lognormal.weights(kPrior)[kHistogram8] / 20;
  }
  EXPECT_LT(smooth, 0.3);
}

// Times that follow each other: an autoregression with correlation 0.95.
TEST(LearnedDistribution, FollowsAutocorrelatedTimes) {
  LearnedDistribution learnt;
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 1);
  float z = 0;
  double missed = 0;
  double missed_in_the_long_run = 0;
  for (int i = 0; i < 2000; ++i) {
    z = 0.95F * z + std::sqrt(1 - 0.95F * 0.95F) * normal(random);
    if (i > 200) {
      missed += std::abs(std::log2(learnt.table(kPrior, normal_shape()).quantile(0.5F)) - z);
      missed_in_the_long_run +=
          std::abs(std::log2(learnt.long_run_table(kPrior, normal_shape()).quantile(0.5F)) - z);
    }
    observe(learnt, z);
  }
  EXPECT_GT(learnt.weights(kPrior)[kSlowRecency] + learnt.weights(kPrior)[kFastRecency], 0.7F);
  EXPECT_LT(missed, 0.6 * missed_in_the_long_run);
}

TEST(LearnedDistribution, IndependentTimesAreNotFollowed) {
  LearnedDistribution learnt;
  learn(learnt, lognormal_distribution(1, 0.7), 2000);
  EXPECT_LT(learnt.weights(kPrior)[kSlowRecency] + learnt.weights(kPrior)[kFastRecency], 0.1F);
  EXPECT_EQ(&learnt.table(kPrior, normal_shape()), &learnt.long_run_table(kPrior, normal_shape()));
}

TEST(LearnedDistribution, QuantilesNeverFall) {
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

// The recency models follow a new level at once, the histogram within some hundred times.
TEST(LearnedDistribution, FollowsASuddenChange) {
  LearnedDistribution learnt;
  learn(learnt, lognormal_distribution(1, 0.3), 1000);
  learn(learnt, lognormal_distribution(8, 0.3), 10);
  EXPECT_NEAR(std::log2(learnt.table(kPrior, normal_shape()).quantile(0.5F)), 3, 0.5);
  EXPECT_LT(learnt.long_run_table(kPrior, normal_shape()).quantile(0.5F), 4);
}

// A first call that is a thousand times slower than all others must not be where they are counted.
TEST(LearnedDistribution, LeavesAnOddFirstTimeBehind) {
  for (const double odd : {1000.0, 1e-5}) {
    LearnedDistribution learnt;
    observe(learnt, static_cast<float>(std::log2(odd)));
    learn(learnt, lognormal_distribution(0.05, 0.3), 1000);
    EXPECT_LT(worst_error(learnt, lognormal_distribution(0.05, 0.3), 0.1), 0.2) << odd;
  }
}

TEST(LearnedDistribution, IsNotMovedByAFewOddTimes) {
  LearnedDistribution learnt;
  for (std::uint64_t i = 0; i < 20; ++i) {
    learn(learnt, lognormal_distribution(0.05, 0.3), 100, i + 1);
    observe(learnt, 20);
    observe(learnt, -19);
  }
  EXPECT_LT(worst_error(learnt, lognormal_distribution(0.05, 0.3), 0.1), 0.2);
}

TEST(LearnedDistribution, RebuildsTheTableOnlyAfterEnoughObservations) {
  LearnedDistribution learnt;
  learn(learnt, lognormal_distribution(1, 0.5), 1000);
  const CommonShape shape;
  const float before = learnt.table(kPrior, shape).quantile(0.5F);
  learn(learnt, lognormal_distribution(1, 0.5), 10, 2);
  EXPECT_EQ(learnt.table(kPrior, shape).quantile(0.5F), before);
  learn(learnt, lognormal_distribution(1, 0.5), 40, 3);
  EXPECT_NE(learnt.table(kPrior, shape).quantile(0.5F), before);
}

// The memory of one function.
TEST(LearnedDistribution, ReportsItsMemory) {
  LearnedDistribution learnt;
  EXPECT_EQ(learnt.bytes(), sizeof(LearnedDistribution));
  EXPECT_LE(sizeof(LearnedDistribution), 64U);
  observe(learnt, 1);
  const std::size_t seen = learnt.bytes() - sizeof(LearnedDistribution);
  EXPECT_GE(seen, 128 * 4U);
  EXPECT_LE(seen, 128 * 4U + 130);
  learnt.table(kPrior, CommonShape());
  EXPECT_EQ(learnt.bytes(), sizeof(LearnedDistribution) + seen + sizeof(QuantileTable));
  EXPECT_LT(learnt.bytes(), 1750U);
}

}  // namespace
}  // namespace quintain::core::eta
