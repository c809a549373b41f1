#include "study/statistics/pit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/calibration.h"

namespace quintain::study::statistics {
namespace {

constexpr double kLevels[] = {0.1, 0.3, 0.5, 0.9};

void expect_range(const std::vector<double>& quantiles, double observation, double low,
                  double high) {
  const PitRange range = pit_range(kLevels, quantiles, observation);
  EXPECT_NEAR(range.low, low, 1e-12) << "at " << observation;
  EXPECT_NEAR(range.high, high, 1e-12) << "at " << observation;
}

TEST(PitRange, IsStraightBetweenQuantiles) {
  const std::vector<double> quantiles = {1, 2, 4, 8};
  expect_range(quantiles, 1.5, 0.2, 0.2);
  expect_range(quantiles, 5, 0.6, 0.6);
  expect_range(quantiles, 2, 0.3, 0.3);
  expect_range(quantiles, 4, 0.5, 0.5);
}

TEST(PitRange, IsAsWideAsTheTailsThatTheForecastLeavesOpen) {
  const std::vector<double> quantiles = {1, 2, 4, 8};
  expect_range(quantiles, 0.5, 0, 0.1);
  expect_range(quantiles, 1, 0, 0.1);
  expect_range(quantiles, 8, 0.9, 1);
  expect_range(quantiles, 800, 0.9, 1);
}

TEST(PitRange, HoldsTheMassThatTheForecastPutOnOneValue) {
  expect_range({1, 2, 2, 3}, 2, 0.2, 0.7);
  expect_range({1, 2, 2, 3}, 1.5, 0.15, 0.15);
  expect_range({1, 2, 2, 3}, 2.5, 0.8, 0.8);
  expect_range({1, 1, 2, 3}, 1, 0, 0.4);
  expect_range({1, 1, 2, 3}, 1.5, 0.45, 0.45);
  expect_range({1, 1, 2, 3}, 0.5, 0, 0.1);
  expect_range({1, 2, 3, 3}, 3, 0.4, 1);
  expect_range({1, 2, 3, 3}, 2.5, 0.35, 0.35);
  expect_range({1, 2, 3, 3}, 4, 0.9, 1);
  expect_range({2, 2, 2, 2}, 2, 0, 1);
  expect_range({2, 2, 2, 2}, 1, 0, 0.1);
  expect_range({2, 2, 2, 2}, 3, 0.9, 1);
}

TEST(PitRange, IsSpreadByTheUniformNumber) {
  const PitRange range{.low = 0.25, .high = 0.75};
  EXPECT_DOUBLE_EQ(range.pit(0.1), 0.3);
  EXPECT_DOUBLE_EQ(range.pit(0.5), 0.5);
}

// A greater observation never has a lesser PIT.
RC_GTEST_PROP(PitRangeProperty, GrowsWithTheObservation, ()) {
  auto quantiles = *rc::gen::container<std::vector<double>>(
      std::size(kLevels), rc::gen::map(rc::gen::inRange(0, 8), [](int i) { return i / 2.0; }));
  std::ranges::sort(quantiles);
  const double a = *rc::gen::inRange(-2, 20) / 4.0;
  const double b = *rc::gen::inRange(-2, 20) / 4.0;
  const PitRange lesser = pit_range(kLevels, quantiles, std::min(a, b));
  const PitRange greater = pit_range(kLevels, quantiles, std::max(a, b));
  RC_ASSERT(lesser.low >= 0 && lesser.low <= lesser.high && lesser.high <= 1);
  RC_ASSERT(lesser.low <= greater.low);
  RC_ASSERT(lesser.high <= greater.high);
}

// The levels .05 to .95, at which a histogram of 20 bins sees a calibrated forecast as exactly
// uniform, for all that it is not straight between its quantiles.
constexpr int kForecasts = 20'000;

// `distribution(u)` says what the next observation's distribution is, by its quantile function.
using Quantile = std::function<double(double p)>;
using Distribution = std::function<Quantile(double u)>;

PitHistogram histogram_of(const Distribution& forecast, const Distribution& truth) {
  std::vector<double> levels;
  for (int i = 1; i < 20; ++i) levels.push_back(i / 20.0);
  sim::Randomness randomness(3);
  core::RandomStream distributions("laws");
  core::RandomStream outcomes("outcomes");
  core::RandomStream spread("spread");
  PitHistogram histogram(20);
  for (int i = 0; i < kForecasts; ++i) {
    const double distribution = randomness.uniform(distributions);
    const Quantile forecast_quantile = forecast(distribution);
    std::vector<double> quantiles;
    for (const double level : levels) quantiles.push_back(forecast_quantile(level));
    const double observation = truth(distribution)(randomness.uniform(outcomes));
    histogram.add(pit_range(levels, quantiles, observation).pit(randomness.uniform(spread)));
  }
  return histogram;
}

double p_value(const Distribution& forecast, const Distribution& truth) {
  return test_uniformity(histogram_of(forecast, truth), kForecasts).p_value;
}

double exponential_quantile(double p) { return -std::log1p(-p); }
Quantile exponential(double) { return exponential_quantile; }

TEST(Pit, OfACalibratedForecastIsUniform) { EXPECT_GT(p_value(exponential, exponential), 0.01); }

TEST(Pit, OfABiasedForecastIsNotUniform) {
  const Distribution biased = [](double) -> Quantile {
    return [](double p) { return 1.25 * exponential_quantile(p); };
  };
  EXPECT_LT(p_value(biased, exponential), 1e-6);
}

TEST(Pit, OfACalibratedForecastOfOneValueIsUniform) {
  const Distribution certain = [](double) -> Quantile { return [](double) { return 5; }; };
  EXPECT_GT(p_value(certain, certain), 0.01);
}

// Whatever would take longer ends at a deadline of its own, which is between the median and the
// last quantile but one: values that several levels share, beginning anywhere between two levels.
TEST(Pit, OfACalibratedForecastWithDeadlinesIsUniform) {
  const Distribution cut = [](double u) -> Quantile {
    const double deadline = exponential_quantile(0.5 + 0.4 * u);
    return [deadline](double p) { return std::min(exponential_quantile(p), deadline); };
  };
  EXPECT_GT(p_value(cut, cut), 0.01);
}

// Some are done at once, with a probability that differs.
TEST(Pit, OfACalibratedForecastWithManyZeroesIsUniform) {
  const Distribution some_at_once = [](double u) -> Quantile {
    return [u](double p) { return std::max(p - 0.1 - 0.6 * u, 0.0); };
  };
  EXPECT_GT(p_value(some_at_once, some_at_once), 0.01);
}

}  // namespace
}  // namespace quintain::study::statistics
