#include "study/statistics/warm_up.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

std::vector<double> step(std::size_t first, std::size_t then) {
  std::vector<double> series(first, 10);
  series.resize(first + then, 0);
  return series;
}

TEST(Mser5, LeavesOutAStep) {
  const WarmUp warm_up = mser5(step(20, 80));
  EXPECT_EQ(warm_up.length, 20u);
  EXPECT_FALSE(warm_up.at_limit);
  // In whole groups of five.
  EXPECT_EQ(mser5(step(23, 77)).length, 25u);
  // And of an incomplete last group nothing is seen.
  std::vector<double> series = step(20, 80);
  series.push_back(1000);
  EXPECT_EQ(mser5(series).length, 20u);
}

TEST(Mser5, LeavesOutNothingOfAConstant) {
  const WarmUp warm_up = mser5(step(0, 100));
  EXPECT_EQ(warm_up.length, 0u);
  EXPECT_FALSE(warm_up.at_limit);
}

TEST(Mser5, TellsThatARunIsWarmingUpThroughout) {
  std::vector<double> series;
  for (int i = 0; i < 200; ++i) series.push_back(i);
  const WarmUp warm_up = mser5(series);
  EXPECT_EQ(warm_up.length, 100u);
  EXPECT_TRUE(warm_up.at_limit);
}

TEST(Mser5, SaysNothingOfAShortRun) {
  const WarmUp warm_up = mser5(step(10, 39));
  EXPECT_EQ(warm_up.length, 0u);
  EXPECT_TRUE(warm_up.at_limit);
  EXPECT_FALSE(mser5(step(10, 40)).at_limit);
}

// The rule as it is written down.
RC_GTEST_PROP(Mser5Property, IsItsDefinition, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(50, 200);
  const auto series = *rc::gen::container<std::vector<double>>(
      count, rc::gen::map(rc::gen::inRange(0, 1000), [](int i) { return std::sqrt(i); }));
  std::vector<double> means;
  for (std::size_t i = 0; i + 5 <= count; i += 5) {
    means.push_back((series[i] + series[i + 1] + series[i + 2] + series[i + 3] + series[i + 4]) /
                    5);
  }
  const auto criterion = [&](std::size_t left_out) {
    const auto rest = static_cast<double>(means.size() - left_out);
    double mean = 0;
    for (std::size_t i = left_out; i < means.size(); ++i) mean += means[i] / rest;
    double squares = 0;
    for (std::size_t i = left_out; i < means.size(); ++i) squares += std::pow(means[i] - mean, 2);
    return squares / (rest * rest);
  };
  const WarmUp warm_up = mser5(series);
  RC_ASSERT(warm_up.length % 5 == 0);
  const std::size_t limit = means.size() / 2;
  RC_ASSERT(warm_up.at_limit == (warm_up.length == 5 * limit));
  const double at_found = criterion(warm_up.length / 5);
  for (std::size_t left_out = 0; left_out <= limit; ++left_out) {
    RC_ASSERT(at_found <= criterion(left_out) * (1 + 1e-9));
  }
}

// An autoregression that starts far from its mean.
std::vector<double> autoregression(sim::Randomness& randomness, core::RandomStream& stream,
                                   double start) {
  std::vector<double> series;
  double x = start;
  for (int i = 0; i < 2000; ++i) {
    x = 0.9 * x + std::sqrt(1 - 0.81) * normal_quantile(randomness.uniform(stream));
    series.push_back(x);
  }
  return series;
}

TEST(Mser5, FindsAnInjectedTransientAndLittleWhereThereIsNone) {
  sim::Randomness randomness(4);
  core::RandomStream stream("series");
  constexpr int kSeries = 200;
  int found = 0;
  int at_limit = 0;
  int much_without_cause = 0;
  for (int i = 0; i < kSeries; ++i) {
    // After 22 steps a tenth of the start, two deviations, is left; after 66 nothing.
    const WarmUp warm_up = mser5(autoregression(randomness, stream, 20));
    found += warm_up.length >= 20 && warm_up.length <= 100 ? 1 : 0;
    at_limit += warm_up.at_limit ? 1 : 0;
    const WarmUp without = mser5(autoregression(randomness, stream, 0));
    much_without_cause += without.length > 500 ? 1 : 0;
    at_limit += without.at_limit ? 1 : 0;
  }
  EXPECT_GE(found, kSeries * 85 / 100);
  EXPECT_LE(at_limit, kSeries * 2 / 100);
  EXPECT_LE(much_without_cause, kSeries * 10 / 100);
  RecordProperty("found", found);
  RecordProperty("much_without_cause", much_without_cause);
}

}  // namespace
}  // namespace quintain::study::statistics
