#include "core/eta/learned_distributions.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <random>

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;

float normal(std::mt19937_64& random, double mean, double deviation) {
  return static_cast<float>(std::normal_distribution<double>(mean, deviation)(random));
}

TEST(LearnedDistributions, TimesAreOfAMicrosecondAtLeast) {
  EXPECT_FLOAT_EQ(log_time(8s), 3);
  EXPECT_FLOAT_EQ(log_time(0s), log_time(1us));
  EXPECT_NEAR(log_time(1us), std::log2(1e-6), 1e-5);
}

TEST(LearnedDistributions, BeforeAnythingWasSeenThePriorIsTheMedian) {
  LearnedDistributions distributions(4s);
  EXPECT_NEAR(distributions.table(7).quantile(0.5F), 4, 0.05);
}

TEST(LearnedDistributions, AnUnseenFunctionIsOneOfTheNodes) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  // 100 functions with medians about 2^-5 s, an octave apart, each within half an octave of its
  // own.
  for (FunctionIndex function = 0; function < 100; ++function) {
    const float median = normal(random, -5, 1);
    for (int i = 0; i < 50; ++i) distributions.observe(function, normal(random, median, 0.5));
  }
  const QuantileTable& unseen = distributions.table(1000);
  EXPECT_NEAR(std::log2(unseen.quantile(0.5F)), -5, 0.3);
  // Deviation: sqrt(1 + 0.25) and what is not known of it, for 6 degrees of freedom.
  const double spread = std::log2(unseen.quantile(0.84F) / unseen.quantile(0.16F)) / 2;
  EXPECT_NEAR(spread, std::sqrt(1.25), 0.3);
}

TEST(LearnedDistributions, OneFunctionDoesNotMoveAnother) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    distributions.observe(0, normal(random, 3, 0.3));
    distributions.observe(1, normal(random, -3, 0.3));
  }
  EXPECT_NEAR(std::log2(distributions.table(0).quantile(0.5F)), 3, 0.1);
  EXPECT_NEAR(std::log2(distributions.table(1).quantile(0.5F)), -3, 0.1);
}

// Of four times seen, a function of a node of quiet functions knows more than one of a wild node.
TEST(LearnedDistributions, SpreadIsBorrowedFromTheOthers) {
  const auto spread_of = [](double within) {
    LearnedDistributions distributions(1s);
    std::mt19937_64 random(1);
    for (FunctionIndex function = 0; function < 30; ++function) {
      const float median = normal(random, 0, 2);
      for (int i = 0; i < 60; ++i) distributions.observe(function, normal(random, median, within));
    }
    for (int i = 0; i < 4; ++i) distributions.observe(99, 1);
    return std::log2(distributions.table(99).quantile(0.9F) /
                     distributions.table(99).quantile(0.1F));
  };
  EXPECT_LT(spread_of(0.1), 0.6);
  EXPECT_GT(spread_of(1), 1.5);
}

TEST(LearnedDistributions, LikelihoodsPeakAtTheRightShift) {
  LearnedDistributions distributions(1s);
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) distributions.observe(0, normal(random, 0, 0.5));
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

TEST(LearnedDistributions, ForgetsOneFunctionAlone) {
  LearnedDistributions distributions(1s);
  for (int i = 0; i < 300; ++i) {
    distributions.observe(0, 0);
    distributions.observe(1, 0);
  }
  distributions.forget(0, 2);
  for (int i = 0; i < 5; ++i) {
    distributions.observe(0, 4);
    distributions.observe(1, 4);
  }
  EXPECT_GT(distributions.table(0).quantile(0.5F), 7);
  EXPECT_LT(distributions.table(1).quantile(0.5F), 1.1F);
}

TEST(LearnedDistributions, SaysWhatItHolds) {
  LearnedDistributions distributions(1s);
  EXPECT_EQ(distributions.bytes(), 0U);
  for (FunctionIndex function = 0; function < 1000; ++function) {
    distributions.observe(function, 0);
    distributions.table(function);
  }
  EXPECT_LT(distributions.bytes() / 1000, 1800U);
  EXPECT_GT(distributions.bytes() / 1000, 1500U);
}

}  // namespace
}  // namespace quintain::core::eta
