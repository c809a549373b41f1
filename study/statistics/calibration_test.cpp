#include "study/statistics/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
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

// Uniform numbers with the ranks of a normal autoregression; of such a forecast all is right but
// its independence.
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

// ---- Histogram, band and test -------------------------------------------------------------------

TEST(PitHistogram, CountsFromEndToEnd) {
  const PitHistogram histogram = histogram_of({0, 0.1, 0.25, 0.49, 0.5, 0.99, 1, 1}, 4);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 1, 3));
  EXPECT_EQ(histogram.count(), 8u);
  EXPECT_EQ(histogram.share(3), 3.0 / 8);
}

// Of binomial(100, 1/10): P(< 5) = .0237, P(> 16) = .0206, and P(< 3) = .0019, P(> 19) = .0020.
TEST(UniformBand, IsBinomial) {
  const Band pointwise = uniform_band(10, 100.9, BandKind::kPointwise);
  EXPECT_DOUBLE_EQ(pointwise.low, 0.05);
  EXPECT_DOUBLE_EQ(pointwise.high, 0.16);
  const Band simultaneous = uniform_band(10, 100, BandKind::kSimultaneous);
  EXPECT_DOUBLE_EQ(simultaneous.low, 0.03);
  EXPECT_DOUBLE_EQ(simultaneous.high, 0.19);
}

TEST(UniformBand, HoldsUniformPitsAsOftenAsItSays) {
  sim::Randomness randomness(7);
  core::RandomStream stream("pits");
  constexpr int kHistograms = 2000;
  const Band pointwise = uniform_band(20, 1000, BandKind::kPointwise);
  const Band simultaneous = uniform_band(20, 1000, BandKind::kSimultaneous);
  int all_within = 0;
  int within = 0;
  for (int i = 0; i < kHistograms; ++i) {
    const PitHistogram histogram =
        histogram_of(correlated_pits(randomness, stream, /*correlation=*/0, 1000), 20);
    bool all = true;
    for (std::size_t bin = 0; bin < 20; ++bin) {
      const double share = histogram.share(bin);
      within += pointwise.low <= share && share <= pointwise.high ? 1 : 0;
      all = all && simultaneous.low <= share && share <= simultaneous.high;
    }
    all_within += all ? 1 : 0;
  }
  EXPECT_NEAR(within / (20.0 * kHistograms), 0.96, 0.01);
  EXPECT_GE(all_within, kHistograms * 0.945);
  EXPECT_LE(all_within, kHistograms * 0.985);
}

// A die thrown 60 times, a textbook example of Pearson's test: 13.4 at 5 degrees, p = .020.
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
  // Were they worth but 30 throws, it would be half as telling.
  EXPECT_NEAR(test_uniformity(histogram, 30).statistic, 6.7, 1e-9);
  EXPECT_NEAR(test_uniformity(histogram, 30).p_value, chi_squared_tail(6.7, 5), 1e-12);
}

// Uniform but correlated PITs are rejected about as often as the test says; more often by the
// correction of first order, and mostly without any.
TEST(Uniformity, TakesCorrelationIntoAccount) {
  sim::Randomness randomness(8);
  core::RandomStream stream("pits");
  constexpr int kRuns = 400;
  constexpr std::size_t kCount = 4000;
  constexpr std::size_t kBatches = 40;
  for (const double correlation : {0.0, 0.5, 0.9}) {
    int rejected = 0;
    int rejected_by_first_order = 0;
    int rejected_by_naive = 0;
    for (int run = 0; run < kRuns; ++run) {
      const auto pits = correlated_pits(randomness, stream, correlation, kCount);
      const PitHistogram histogram = histogram_of(pits, 10);
      const double effective = effective_count_of_histogram(pits, 10, kBatches);
      rejected += test_uniformity(pits, 10, kBatches).p_value < 0.05 ? 1 : 0;
      rejected_by_first_order += test_uniformity(histogram, effective).p_value < 0.05 ? 1 : 0;
      rejected_by_naive += test_uniformity(histogram, kCount).p_value < 0.05 ? 1 : 0;
    }
    SCOPED_TRACE(correlation);
    EXPECT_LE(rejected, kRuns * 0.10);
    EXPECT_GE(rejected, kRuns * 0.025);
    EXPECT_LE(rejected_by_first_order, kRuns * 0.20);
    if (correlation == 0.9) {
      EXPECT_GE(rejected_by_first_order, kRuns * 0.10);
      EXPECT_GE(rejected_by_naive, kRuns * 0.6);
    }
  }
}

// Nine for ten bins of independent PITs, however few the batches; less with correlation.
TEST(Uniformity, HasTheDegreesOfFreedomThatAreThere) {
  sim::Randomness randomness(14);
  core::RandomStream stream("pits");
  constexpr int kRuns = 200;
  const auto mean_freedom = [&](double correlation) {
    double freedom = 0;
    for (int run = 0; run < kRuns; ++run) {
      const auto pits = correlated_pits(randomness, stream, correlation, 2000);
      freedom += test_uniformity(pits, 10, /*batches=*/20).freedom / kRuns;
    }
    return freedom;
  };
  EXPECT_GT(mean_freedom(0), 8);
  EXPECT_LT(mean_freedom(0.9), 7);
}

// A forecast that is too narrow is still told from a right one.
TEST(Uniformity, FindsWhatIsWrongInCorrelatedPits) {
  sim::Randomness randomness(13);
  core::RandomStream stream("pits");
  constexpr int kRuns = 200;
  int found = 0;
  for (int run = 0; run < kRuns; ++run) {
    auto pits = correlated_pits(randomness, stream, /*correlation=*/0.9, 4000);
    // Of a forecast with 3/4 of the width, where the truth is normal.
    for (double& pit : pits)
      pit = std::erfc(-normal_quantile(pit) / 0.75 / std::numbers::sqrt2) / 2;
    found += test_uniformity(pits, 10, 40).p_value < 0.05 ? 1 : 0;
  }
  EXPECT_GE(found, kRuns * 0.9);
}

// All in one bin, which never scatters.
TEST(Uniformity, OfAConstantIsPearsonsTest) {
  const std::vector<double> pits(100, 0.5);
  const UniformityTest test = test_uniformity(pits, 4, 10);
  EXPECT_NEAR(test.statistic, 300, 1e-9);
  EXPECT_EQ(test.freedom, 3);
  EXPECT_LT(test.p_value, 1e-6);
}

// ---- Effective counts ---------------------------------------------------------------------------

// What normal numbers of correlation r are as uniform ones: 6/pi asin(r/2). The variance of the
// mean grows by 1 + 2 (r1 + r2 + ...).
TEST(EffectiveCount, IsThatOfTheTheory) {
  sim::Randomness randomness(9);
  core::RandomStream stream("pits");
  constexpr double kCorrelation = 0.8;
  constexpr std::size_t kCount = 400'000;
  const auto pits = correlated_pits(randomness, stream, kCorrelation, kCount);
  double inflation = 1;
  for (double r = kCorrelation; r > 1e-9; r *= kCorrelation) {
    inflation += 2 * 6 / std::numbers::pi * std::asin(r / 2);
  }
  EXPECT_NEAR(effective_count(pits, 1000) * inflation / kCount, 1, 0.15);
  // Bins forget sooner.
  EXPECT_GT(effective_count_of_histogram(pits, 10, 1000), 1.5 * effective_count(pits, 1000));
  EXPECT_LT(effective_count_of_histogram(pits, 10, 1000), 0.9 * kCount);
}

TEST(EffectiveCount, OfIndependentPitsIsNearlyTheirCount) {
  sim::Randomness randomness(10);
  core::RandomStream stream("pits");
  const auto pits = correlated_pits(randomness, stream, /*correlation=*/0, 100'000);
  EXPECT_GE(effective_count(pits, 1000), 90'000);
  EXPECT_GE(effective_count_of_histogram(pits, 10, 1000), 95'000);
  EXPECT_LE(effective_count_of_histogram(pits, 10, 1000), 100'000);
}

TEST(EffectiveCount, StaysBetweenTheBatchesAndTheCount) {
  std::vector<double> alternating;
  for (int i = 0; i < 100; ++i) alternating.push_back(i % 2);
  EXPECT_EQ(effective_count(alternating, 10), 100);
  const std::vector<double> constant(100, 0.5);
  EXPECT_EQ(effective_count(constant, 10), 100);
  EXPECT_EQ(effective_count_of_histogram(constant, 10, 10), 100);
  // Batches that know of no scatter within.
  std::vector<double> steps;
  for (int i = 0; i < 100; ++i) steps.push_back(i / 25);
  EXPECT_NEAR(effective_count(steps, 4), 3 * 100.0 / 99, 1e-9);
  // The first two of 102 are in no batch.
  steps.insert(steps.begin(), 2, 1000);
  EXPECT_NEAR(effective_count(steps, 4), 3 * 100.0 / 99, 1e-9);
  EXPECT_NEAR(effective_count_of_histogram({{0.1, 0.1, 0.9, 0.9}}, 2, 2), 1, 1e-9);
}

// ---- Coverage -----------------------------------------------------------------------------------

// R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
// methods", Statistics in Medicine 17, 1998, table I, method 3.
TEST(WilsonInterval, IsNewcombesTable) {
  const struct {
    double successes, trials, low, high;
  } rows[] = {{81, 263, 0.2553, 0.3662},
              {15, 148, 0.0624, 0.1605},
              {0, 20, 0, 0.1611},
              {1, 29, 0.0061, 0.1718}};
  for (const auto& row : rows) {
    const Estimate estimate = wilson_interval(row.successes / row.trials, row.trials);
    EXPECT_DOUBLE_EQ(estimate.value, row.successes / row.trials);
    EXPECT_NEAR(estimate.low, row.low, 0.00005);
    EXPECT_NEAR(estimate.high, row.high, 0.00005);
  }
  const Estimate all = wilson_interval(1, 20);
  EXPECT_EQ(all.high, 1);
  EXPECT_NEAR(all.low, 1 - 0.1611, 0.00005);
}

TEST(Coverage, CountsFromAboveTheLowToTheHigh) {
  const std::vector<double> pits = {0, 0.25, 0.3, 0.75, 0.8, 1};
  EXPECT_DOUBLE_EQ(coverage(pits, 0.25, 0.75, 2).value, 2.0 / 6);
  EXPECT_DOUBLE_EQ(coverage(pits, 0, 0.75, 2).value, 4.0 / 6);
  EXPECT_DOUBLE_EQ(coverage(pits, 0.25, 1, 2).value, 4.0 / 6);
  const Estimate everything = coverage(pits, 0, 1, 3);
  EXPECT_EQ(everything.low, 1);
  EXPECT_EQ(everything.high, 1);
}

TEST(Coverage, IntervalStaysWithinZeroAndOne) {
  const Estimate wide = coverage(std::vector<double>{0.2, 0.2, 0.2, 0.8}, 0, 0.5, 2);
  EXPECT_EQ(wide.value, 0.75);
  EXPECT_EQ(wide.low, 0);
  EXPECT_EQ(wide.high, 1);
}

TEST(Coverage, IntervalHoldsTheNominalOneOfCorrelatedPits) {
  sim::Randomness randomness(11);
  core::RandomStream stream("pits");
  constexpr int kRuns = 500;
  int covered = 0;
  int covered_by_wilson = 0;
  int covered_by_effective_wilson = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto pits = correlated_pits(randomness, stream, /*correlation=*/0.9, 4000);
    const Estimate estimate = coverage(pits, 0.1, 0.9, 20);
    covered += estimate.low <= 0.8 && 0.8 <= estimate.high ? 1 : 0;
    const Estimate wilson = wilson_interval(estimate.value, 4000);
    covered_by_wilson += wilson.low <= 0.8 && 0.8 <= wilson.high ? 1 : 0;
    std::vector<double> within;
    for (const double pit : pits) within.push_back(pit > 0.1 && pit <= 0.9 ? 1 : 0);
    const Estimate effective = wilson_interval(estimate.value, effective_count(within, 20));
    covered_by_effective_wilson += effective.low <= 0.8 && 0.8 <= effective.high ? 1 : 0;
  }
  EXPECT_NEAR(covered, kRuns * 0.95, kRuns * 0.03);
  EXPECT_LT(covered_by_wilson, kRuns * 0.8);
  EXPECT_NEAR(covered_by_effective_wilson, kRuns * 0.94, kRuns * 0.04);
}

}  // namespace
}  // namespace quintain::study::statistics
