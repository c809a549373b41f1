#include "study/statistics/steady_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <span>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

std::vector<double> step(std::size_t first, std::size_t then) {
  std::vector<double> series(first, 10);
  series.resize(first + then, 0);
  return series;
}

TEST(Mser5, DropsAStep) {
  EXPECT_EQ(mser5(step(20, 80)), 20u);
  // In whole groups of five.
  EXPECT_EQ(mser5(step(23, 77)), 25u);
  // An incomplete last group is ignored.
  std::vector<double> series = step(20, 80);
  series.push_back(1000);
  EXPECT_EQ(mser5(series), 20u);
}

TEST(Mser5, DropsNothingOfAConstant) { EXPECT_EQ(mser5(step(0, 100)), 0u); }

TEST(Mser5, DropsAtMostHalf) {
  std::vector<double> series;
  for (int i = 0; i < 200; ++i) series.push_back(i);
  EXPECT_EQ(mser5(series), 100u);
}

TEST(Mser5, DropsNothingOfAShortRun) {
  EXPECT_EQ(mser5(step(10, 39)), 0u);
  EXPECT_EQ(mser5(step(10, 40)), 10u);
}

RC_GTEST_PROP(Mser5Property, MatchesItsDefinition, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(50, 200);
  const auto series = *rc::gen::container<std::vector<double>>(
      count, rc::gen::map(rc::gen::inRange(0, 1000), [](int i) { return std::sqrt(i); }));
  std::vector<double> means;
  for (std::size_t i = 0; i + 5 <= count; i += 5) {
    means.push_back((series[i] + series[i + 1] + series[i + 2] + series[i + 3] + series[i + 4]) /
                    5);
  }
  const auto criterion = [&](std::size_t dropped) {
    const auto rest = static_cast<double>(means.size() - dropped);
    double mean = 0;
    for (std::size_t i = dropped; i < means.size(); ++i) mean += means[i] / rest;
    double squares = 0;
    for (std::size_t i = dropped; i < means.size(); ++i) squares += std::pow(means[i] - mean, 2);
    return squares / (rest * rest);
  };
  const std::size_t found = mser5(series);
  const std::size_t limit = means.size() / 2;
  RC_ASSERT(found % 5 == 0);
  RC_ASSERT(found / 5 <= limit);
  const double at_found = criterion(found / 5);
  for (std::size_t dropped = 0; dropped <= limit; ++dropped) {
    RC_ASSERT(at_found <= criterion(dropped) * (1 + 1e-9));
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

TEST(Mser5, FindsAnInjectedTransientAndLittleWithoutOne) {
  sim::Randomness randomness(4);
  core::RandomStream stream("series");
  constexpr int kSeries = 200;
  int found = 0;
  int at_limit = 0;
  int long_without_cause = 0;
  for (int i = 0; i < kSeries; ++i) {
    // After 22 steps a tenth of the start, two deviations, is left; after 66 nothing.
    const std::size_t length = mser5(autoregression(randomness, stream, 20));
    found += length >= 20 && length <= 100 ? 1 : 0;
    at_limit += length == 1000 ? 1 : 0;
    const std::size_t without = mser5(autoregression(randomness, stream, 0));
    long_without_cause += without > 500 ? 1 : 0;
    at_limit += without == 1000 ? 1 : 0;
  }
  EXPECT_GE(found, kSeries * 85 / 100);
  EXPECT_LE(at_limit, kSeries * 2 / 100);
  EXPECT_LE(long_without_cause, kSeries * 10 / 100);
}

TEST(MeansOfBatches, DropObservationsThatFillNoBatchFromTheStart) {
  const double series[] = {100, 100, 1, 2, 3, 4, 5, 9};
  EXPECT_THAT(means_of_batches(series, 3), ElementsAre(1.5, 3.5, 7));
  EXPECT_THAT(means_of_batches(series, 8), ElementsAreArray(series));
  EXPECT_THAT(means_of_batches(std::span(series).first(1), 1), ElementsAre(100));
}

}  // namespace
}  // namespace quintain::study::statistics
