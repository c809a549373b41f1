#include "core/eta/learned_distributions.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <random>

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;

void observe(LearnedDistributions& distributions, FunctionIndex function, float log_time) {
  distributions.observe(function, MeasuredTime::of_log(log_time));
}

float normal(std::mt19937_64& random, double mean, double deviation) {
  return static_cast<float>(std::normal_distribution<double>(mean, deviation)(random));
}

TEST(MeasuredTime, IsAtLeastAMicrosecond) {
  EXPECT_FLOAT_EQ(MeasuredTime::of(8s).seconds, 8);
  EXPECT_FLOAT_EQ(MeasuredTime::of(8s).log, 3);
  EXPECT_FLOAT_EQ(MeasuredTime::of(0s).log, MeasuredTime::of(1us).log);
  EXPECT_NEAR(MeasuredTime::of(1us).log, std::log2(1e-6), 1e-5);
  EXPECT_FLOAT_EQ(MeasuredTime::of_log(3).seconds, 8);
}

TEST(LearnedDistributions, UsesThePriorAsMedianBeforeAnythingWasSeen) {
  LearnedDistributions distributions(4s);
  EXPECT_NEAR(distributions.table(7).quantile(0.5F), 4, 0.05);
}

TEST(LearnedDistributions, AssumesAnUnseenFunctionToBeLikeTheOthers) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  // 100 functions with medians about 2^-5 s, an octave apart, each within half an octave of its
  // own.
  for (FunctionIndex function = 0; function < 100; ++function) {
    const float median = normal(random, -5, 1);
    for (int i = 0; i < 50; ++i) observe(distributions, function, normal(random, median, 0.5));
  }
  const QuantileTable& unseen = distributions.table(1000);
  EXPECT_NEAR(std::log2(unseen.quantile(0.5F)), -5, 0.3);
  // Deviation: sqrt(1 + 0.25), and a little more because it is uncertain.
  const double spread = std::log2(unseen.quantile(0.84F) / unseen.quantile(0.16F)) / 2;
  EXPECT_NEAR(spread, std::sqrt(1.25), 0.3);
}

// So that an answer does not wait for tables. One that no forecast has used is left as it is.
TEST(LearnedDistributions, MakesTablesInUseAgainAfterAnObservation) {
  LearnedDistributions distributions(1s);
  observe(distributions, 0, 0);
  const QuantileTable& table = distributions.table(0);
  const float at_first = table.mean();
  observe(distributions, 0, 5);
  const float renewed = table.mean();
  EXPECT_GT(renewed, 2 * at_first);
  observe(distributions, 0, 6);
  EXPECT_EQ(table.mean(), renewed);
  EXPECT_GT(distributions.table(0).mean(), renewed);
}

TEST(LearnedDistributions, DoesNotMoveOneFunctionByAnother) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    observe(distributions, 0, normal(random, 3, 0.3));
    observe(distributions, 1, normal(random, -3, 0.3));
  }
  EXPECT_NEAR(std::log2(distributions.table(0).quantile(0.5F)), 3, 0.1);
  EXPECT_NEAR(std::log2(distributions.table(1).quantile(0.5F)), -3, 0.1);
}

// After four times, a function on a node of regular functions is better known than one on a node of
// irregular ones.
TEST(LearnedDistributions, BorrowsSpreadFromOtherFunctions) {
  const auto spread_of = [](double within) {
    LearnedDistributions distributions(1s);
    std::mt19937_64 random(1);
    for (FunctionIndex function = 0; function < 30; ++function) {
      const float median = normal(random, 0, 2);
      for (int i = 0; i < 60; ++i) observe(distributions, function, normal(random, median, within));
    }
    for (const float log : {0.95F, 1.0F, 1.02F, 1.05F}) {
      distributions.observe(99, MeasuredTime::of_log(log));
    }
    return std::log2(distributions.table(99).quantile(0.9F) /
                     distributions.table(99).quantile(0.1F));
  };
  EXPECT_LT(spread_of(0.1), 0.6);
  EXPECT_GT(spread_of(1), 1.5);
}

TEST(LearnedDistributions, LikelihoodIsHighestAtTheRightShift) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) observe(distributions, 0, normal(random, 0, 0.5));
  constexpr std::array<float, 5> kShifts = {-2, -1, 0, 1, 2};
  std::array<float, 5> likelihoods{};
  distributions.likelihoods(0, 1, kShifts, likelihoods);
  for (const std::size_t i : {0U, 1U, 2U, 4U}) EXPECT_LT(likelihoods[i], likelihoods[3]) << i;
  // One deviation is half an octave: the densities at 2 and at 0 deviations.
  EXPECT_NEAR(likelihoods[2] / likelihoods[3], std::exp(-2), 0.05);
  EXPECT_NEAR(distributions.standardise(0, 1), 2, 0.2);
  // No single time decides alone.
  distributions.likelihoods(0, 1000, kShifts, likelihoods);
  for (const float likelihood : likelihoods) EXPECT_FLOAT_EQ(likelihood, 0.01F / 16);
}

// One function may be seen for the first time on a node that has only seen short times.
TEST(LearnedDistributions, NoForecastExceedsTwiceTheLongestTimeSeen) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  for (FunctionIndex function = 0; function < 30; ++function) {
    const float median = normal(random, -5, 4);
    for (int i = 0; i < 3; ++i) {
      observe(distributions, function, std::min(normal(random, median, 3), 4.0F));
    }
  }
  observe(distributions, 0, 4);
  for (FunctionIndex function = 0; function < 40; ++function) {
    EXPECT_LE(distributions.table(function).values().back(), 32.01F) << function;
  }
}

TEST(LearnedDistributions, DensityIsHighestWhereTimesAre) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) observe(distributions, 0, normal(random, 1, 0.5));
  // That of the normal distribution, per octave.
  EXPECT_NEAR(distributions.density(0, 1), 0.8, 0.15);
  EXPECT_NEAR(distributions.density(0, 2), 0.8 * std::exp(-2), 0.05);
  EXPECT_GT(distributions.density(0, 50), 0);
  EXPECT_GT(distributions.density(99, 1), 0) << "an unseen function";
}

TEST(LearnedDistributions, ReportsItsMemory) {
  LearnedDistributions distributions(1s);
  EXPECT_EQ(distributions.bytes(), 0U);
  for (FunctionIndex function = 0; function < 1000; ++function) {
    observe(distributions, function, 0);
    distributions.table(function);
  }
  EXPECT_LT(distributions.bytes() / 1000, 1800U);
  EXPECT_GT(distributions.bytes() / 1000, 1500U);
}

// ---- Executions in flight together --------------------------------------------------------------

// Batches of ten, accepted together: the times of a batch are about the same, or not.
float common_after_batches(double between, double within, int functions) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  Instant now;
  for (int batch = 0; batch < 40 * functions; ++batch) {
    const Instant accepted_at = now;
    const double middle = normal(random, 0, between);
    for (int i = 0; i < 10; ++i) {
      now = now + 1s;
      distributions.observe(static_cast<FunctionIndex>(batch % functions),
                            MeasuredTime::of_log(normal(random, middle, within)),
                            Flight{.accepted_at = accepted_at, .ended_at = now});
    }
  }
  return distributions.table(0).common();
}

TEST(LearnedDistributions, ExecutionsOfABatchAreAlike) {
  EXPECT_GT(common_after_batches(2, 0.3, 1), 0.85F);
  EXPECT_GT(common_after_batches(2, 0.3, 30), 0.85F);
  const float half = common_after_batches(1, 1, 30);
  EXPECT_GT(half, 0.5F);
  EXPECT_LT(half, 0.8F);
}

TEST(LearnedDistributions, IndependentExecutionsAreNotAlike) {
  const float one = common_after_batches(0, 1, 1);
  EXPECT_NEAR(one, common_after_batches(0, 2, 1), 0.001) << "only the doubt about the function";
  EXPECT_LT(one, 0.06F);
  EXPECT_LT(common_after_batches(0, 1, 30), 0.2F);
}

// Times that follow each other say nothing of executions that are in flight together.
TEST(LearnedDistributions, ExecutionsOneAfterTheOtherAreNotCompared) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  Instant now;
  for (int i = 0; i < 2000; ++i) {
    const double middle = i / 100 % 2;
    const Instant accepted_at = now;
    now = now + 1s;
    distributions.observe(0, MeasuredTime::of_log(normal(random, 4 * middle, 0.3)),
                          Flight{.accepted_at = accepted_at, .ended_at = now});
  }
  EXPECT_LT(distributions.table(0).common(), 0.06F);
}

}  // namespace
}  // namespace quintain::core::eta
