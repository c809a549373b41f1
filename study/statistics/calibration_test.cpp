#include "study/statistics/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

using ::testing::ElementsAre;

PitHistogram histogram_of(const std::vector<double>& pits, std::size_t bins) {
  PitHistogram histogram(bins);
  for (const double pit : pits) histogram.add(pit);
  return histogram;
}

// Uniform numbers with the ranks of a normal autoregression: the PITs of a calibrated forecast in a
// run with correlation.
std::vector<double> correlated_pits(sim::Randomness& randomness, core::RandomStream& stream,
                                    double correlation, std::size_t count) {
  std::vector<double> pits;
  double z = normal_quantile(randomness.uniform(stream));
  while (pits.size() < count) {
    pits.push_back(std::erfc(-z / std::numbers::sqrt2) / 2);
    z = correlation * z +
        std::sqrt(1 - correlation * correlation) * normal_quantile(randomness.uniform(stream));
  }
  return pits;
}

// ---- PIT
// -----------------------------------------------------------------------------------------

constexpr double kLevels[] = {0.1, 0.3, 0.5, 0.9};

void expect_range(const std::vector<double>& quantiles, double observation, double low,
                  double high) {
  const PitRange range = pit_range(kLevels, quantiles, observation);
  EXPECT_NEAR(range.low, low, 1e-12) << "at " << observation;
  EXPECT_NEAR(range.high, high, 1e-12) << "at " << observation;
}

TEST(PitRange, InterpolatesBetweenQuantiles) {
  const std::vector<double> quantiles = {1, 2, 4, 8};
  expect_range(quantiles, 1.5, 0.2, 0.2);
  expect_range(quantiles, 5, 0.6, 0.6);
  expect_range(quantiles, 2, 0.3, 0.3);
  expect_range(quantiles, 4, 0.5, 0.5);
}

TEST(PitRange, CoversTheTailsBeyondTheOuterQuantiles) {
  const std::vector<double> quantiles = {1, 2, 4, 8};
  expect_range(quantiles, 0.5, 0, 0.1);
  expect_range(quantiles, 1, 0, 0.1);
  expect_range(quantiles, 8, 0.9, 1);
  expect_range(quantiles, 800, 0.9, 1);
}

TEST(PitRange, CoversTheMassOnASingleValue) {
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

// A larger observation never has a smaller PIT.
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

// At the levels .05 to .95 the histogram of 20 bins of a calibrated forecast is exactly uniform,
// even though its distribution function is not a straight line between the quantiles.
constexpr int kForecasts = 20'000;

// `distribution(u)` returns the quantile function of the next observation's distribution.
using Quantile = std::function<double(double p)>;
using Distribution = std::function<Quantile(double u)>;

PitHistogram histogram_of_forecast(const Distribution& forecast, const Distribution& truth) {
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
  return test_uniformity(histogram_of_forecast(forecast, truth), kForecasts).p_value;
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

// Each execution ends at the latest at its own deadline, between the median and the last quantile
// but one: several levels share a value, and its mass starts anywhere between two levels.
TEST(Pit, OfACalibratedForecastWithDeadlinesIsUniform) {
  const Distribution cut = [](double u) -> Quantile {
    const double deadline = exponential_quantile(0.5 + 0.4 * u);
    return [deadline](double p) { return std::min(exponential_quantile(p), deadline); };
  };
  EXPECT_GT(p_value(cut, cut), 0.01);
}

// A share of the executions, which varies, takes no time.
TEST(Pit, OfACalibratedForecastWithManyZeroesIsUniform) {
  const Distribution some_at_once = [](double u) -> Quantile {
    return [u](double p) { return std::max(p - 0.1 - 0.6 * u, 0.0); };
  };
  EXPECT_GT(p_value(some_at_once, some_at_once), 0.01);
}

// ---- Histogram, band and test -------------------------------------------------------------------

TEST(PitHistogram, CountsFromEndToEnd) {
  const PitHistogram histogram = histogram_of({0, 0.1, 0.25, 0.49, 0.5, 0.99, 1, 1}, 4);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 1, 3));
  EXPECT_EQ(histogram.count(), 8u);
  EXPECT_EQ(histogram.share(3), 3.0 / 8);
}

// Of binomial(100, 1/10): P(< 5) = .0237, P(> 16) = .0206.
TEST(UniformBand, IsBinomial) {
  const Band band = uniform_band(10, 100.9);
  EXPECT_DOUBLE_EQ(band.low, 0.05);
  EXPECT_DOUBLE_EQ(band.high, 0.16);
}

TEST(UniformBand, ContainsUniformPitsAtTheNominalRate) {
  sim::Randomness randomness(7);
  core::RandomStream stream("pits");
  constexpr int kHistograms = 2000;
  const Band band = uniform_band(20, 1000);
  int within = 0;
  for (int i = 0; i < kHistograms; ++i) {
    const PitHistogram histogram =
        histogram_of(correlated_pits(randomness, stream, /*correlation=*/0, 1000), 20);
    for (std::size_t bin = 0; bin < 20; ++bin) {
      const double share = histogram.share(bin);
      within += band.low <= share && share <= band.high ? 1 : 0;
    }
  }
  EXPECT_NEAR(within / (20.0 * kHistograms), 0.96, 0.01);
}

// A die thrown 60 times, a textbook example of Pearson's test: 13.4 with 5 degrees of freedom,
// p = .020.
TEST(Uniformity, IsPearsonsTest) {
  std::vector<double> throws;
  const int counts[] = {5, 8, 9, 8, 10, 20};
  for (int face = 0; face < 6; ++face) {
    throws.insert(throws.end(), static_cast<std::size_t>(counts[face]), (face + 0.5) / 6);
  }
  const PitHistogram histogram = histogram_of(throws, 6);
  const UniformityTest test = test_uniformity(histogram, 60);
  EXPECT_NEAR(test.statistic, 13.4, 1e-9);
  EXPECT_EQ(test.freedom, 5);
  EXPECT_NEAR(test.p_value, 0.0199, 0.00005);
  // With an effective count of 30 throws the statistic is half as large.
  EXPECT_NEAR(test_uniformity(histogram, 30).statistic, 6.7, 1e-9);
  EXPECT_NEAR(test_uniformity(histogram, 30).p_value, chi_squared_tail(6.7, 5), 1e-12);
}

TEST(Uniformity, TakesCorrelationIntoAccount) {
  sim::Randomness randomness(8);
  core::RandomStream stream("pits");
  constexpr int kRuns = 400;
  constexpr std::size_t kCount = 4000;
  for (const double correlation : {0.0, 0.5, 0.9}) {
    int rejected = 0;
    int rejected_without_correction = 0;
    for (int run = 0; run < kRuns; ++run) {
      const auto pits = correlated_pits(randomness, stream, correlation, kCount);
      const PitHistogram histogram = histogram_of(pits, 10);
      const double effective = effective_count_of_histogram(pits, 10, /*batches=*/40);
      rejected += test_uniformity(histogram, effective).p_value < 0.05 ? 1 : 0;
      rejected_without_correction += test_uniformity(histogram, kCount).p_value < 0.05 ? 1 : 0;
    }
    SCOPED_TRACE(correlation);
    EXPECT_GE(rejected, kRuns * 0.025);
    EXPECT_LE(rejected, kRuns * 0.20);
    if (correlation == 0.9) {
      EXPECT_GE(rejected_without_correction, kRuns * 0.6);
    }
  }
}

// The forecast has 3/4 of the right width, where the truth is normal.
TEST(Uniformity, RejectsNarrowForecastsOfACorrelatedRun) {
  sim::Randomness randomness(13);
  core::RandomStream stream("pits");
  constexpr int kRuns = 200;
  int rejected = 0;
  for (int run = 0; run < kRuns; ++run) {
    auto pits = correlated_pits(randomness, stream, /*correlation=*/0.9, 4000);
    for (double& pit : pits) {
      pit = std::erfc(-normal_quantile(pit) / 0.75 / std::numbers::sqrt2) / 2;
    }
    const double effective = effective_count_of_histogram(pits, 10, 40);
    rejected += test_uniformity(histogram_of(pits, 10), effective).p_value < 0.05 ? 1 : 0;
  }
  EXPECT_GE(rejected, kRuns * 0.9);
}

// ---- Effective count ----------------------------------------------------------------------------

TEST(EffectiveCount, IsLowerForCorrelatedPits) {
  sim::Randomness randomness(9);
  core::RandomStream stream("pits");
  const auto pits = correlated_pits(randomness, stream, /*correlation=*/0.8, 400'000);
  EXPECT_LT(effective_count_of_histogram(pits, 10, 1000), 0.9 * 400'000);
}

TEST(EffectiveCount, OfIndependentPitsIsNearlyTheirCount) {
  sim::Randomness randomness(10);
  core::RandomStream stream("pits");
  const auto pits = correlated_pits(randomness, stream, /*correlation=*/0, 100'000);
  EXPECT_GE(effective_count_of_histogram(pits, 10, 1000), 95'000);
  EXPECT_LE(effective_count_of_histogram(pits, 10, 1000), 100'000);
}

TEST(EffectiveCount, IsAtMostTheCount) {
  const std::vector<double> constant(100, 0.5);
  EXPECT_EQ(effective_count_of_histogram(constant, 10, 10), 100);
  EXPECT_NEAR(effective_count_of_histogram({{0.1, 0.1, 0.9, 0.9}}, 2, 2), 1, 1e-9);
}

}  // namespace
}  // namespace quintain::study::statistics
