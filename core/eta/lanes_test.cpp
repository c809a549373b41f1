#include "core/eta/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
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
using Purpose = LaneDraws::Purpose;

Lanes all(float value) {
  Lanes lanes{};
  lanes.fill(value);
  return lanes;
}

double mean(const Lanes& lanes) {
  return std::accumulate(lanes.begin(), lanes.end(), 0.0) / kLanes;
}

double correlation(const Lanes& a, const Lanes& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const double x = a[lane] - mean(a);
    const double y = b[lane] - mean(b);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

TEST(LaneDraws, TakesOneDrawFromEachStratum) {
  const LaneDraws draws(1);
  const QuantileTable distribution = table_of(uniform_distribution(kLanes));
  for (std::uint64_t ordinal = 0; ordinal < 1000; ++ordinal) {
    Lanes lanes{};
    draws.sample(distribution, ordinal, Purpose::kService, lanes);
    std::array<int, kLanes> found{};
    for (const float time : lanes) ++found.at(static_cast<std::size_t>(time));
    for (const int count : found) ASSERT_EQ(count, 1) << ordinal;
  }
}

// A stratum has eight points of the table; an execution takes the same one in all strata.
TEST(LaneDraws, HasTheDistributionsMeanOverManyExecutions) {
  const LaneDraws draws(2);
  const QuantileTable distribution = table_of(lognormal_distribution(1, 1));
  double sum = 0;
  std::vector<double> of_lane(kLanes);
  constexpr int kExecutions = 20'000;
  for (std::uint64_t ordinal = 0; ordinal < kExecutions; ++ordinal) {
    Lanes lanes{};
    draws.sample(distribution, ordinal, Purpose::kService, lanes);
    sum += mean(lanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) of_lane[lane] += lanes[lane];
  }
  EXPECT_NEAR(sum / kExecutions / distribution.mean(), 1, 0.005);
  // All lanes have the same mean: the deviation is sqrt(e - 1) of the mean.
  const double error = 1.31 / std::sqrt(kExecutions);
  for (const double lane : of_lane) {
    EXPECT_NEAR(lane / kExecutions / distribution.mean(), 1, 4.5 * error);
  }
}

TEST(LaneDraws, RepeatsItsDraws) {
  const LaneDraws draws(3);
  const LaneDraws again(3);
  const QuantileTable distribution = table_of(exponential_distribution(1));
  Lanes first{};
  Lanes second{};
  draws.sample(distribution, 5, Purpose::kService, first);
  again.sample(distribution, 5, Purpose::kService, second);
  EXPECT_EQ(first, second);
  draws.sample_remaining(distribution, 0.3F, all(2), true, 5, Purpose::kRemainder, first);
  again.sample_remaining(distribution, 0.3F, all(2), true, 5, Purpose::kRemainder, second);
  EXPECT_EQ(first, second);
}

TEST(LaneDraws, DependsOnSeedExecutionAndPurpose) {
  const QuantileTable distribution = table_of(exponential_distribution(1));
  const auto lanes_of = [&](std::uint64_t seed, std::uint64_t ordinal, Purpose purpose) {
    Lanes lanes{};
    LaneDraws(seed).sample(distribution, ordinal, purpose, lanes);
    return lanes;
  };
  const Lanes one = lanes_of(1, 1, Purpose::kService);
  EXPECT_NE(one, lanes_of(2, 1, Purpose::kService));
  EXPECT_NE(one, lanes_of(1, 2, Purpose::kService));
  EXPECT_NE(one, lanes_of(1, 1, Purpose::kColdStart));
}

TEST(LaneDraws, DrawsOfExecutionsAreIndependent) {
  const LaneDraws draws(4);
  const QuantileTable distribution = table_of(uniform_distribution(1));
  constexpr int kPairs = 20'000;
  double sum = 0;
  double squares = 0;
  for (std::uint64_t ordinal = 0; ordinal < kPairs; ++ordinal) {
    Lanes a{};
    Lanes b{};
    draws.sample(distribution, ordinal, Purpose::kService, a);
    draws.sample(distribution, ordinal + 1, Purpose::kService, b);
    const double r = correlation(a, b);
    sum += r;
    squares += r * r;
  }
  // Of random orders the correlation has mean 0 and variance 1 / (lanes - 1).
  const double error = 1 / std::sqrt((kLanes - 1.0) * kPairs);
  EXPECT_NEAR(sum / kPairs, 0, 4 * error);
  EXPECT_NEAR(squares / kPairs, 1 / (kLanes - 1.0), 0.1 / (kLanes - 1.0));
}

// What lies beyond the probability has the share of the lanes that the mixture has there.
TEST(LaneDraws, SamplesPartlyBeyondAProbability) {
  const LaneDraws draws(1);
  const QuantileTable distribution = table_of(uniform_distribution(1));
  double sum = 0;
  std::size_t beyond = 0;
  constexpr std::uint64_t kDraws = 100;
  for (std::uint64_t ordinal = 0; ordinal < kDraws; ++ordinal) {
    Lanes out{};
    draws.sample_partly_beyond(distribution, 1, 0.8F, 0.5F, ordinal, out);
    for (const float time : out) {
      sum += time / kLanes / kDraws;
      beyond += time > 0.8F ? 1 : 0;
    }
  }
  // Half of the times lie anywhere, half between 0.8 and 1.
  EXPECT_NEAR(sum, 0.5 * 0.5 + 0.5 * 0.9, 0.005);
  EXPECT_NEAR(static_cast<double>(beyond) / kLanes / kDraws, 0.5 * 0.2 + 0.5, 0.01);
}

TEST(LaneDraws, SamplesInCommonBeyondAProbability) {
  const LaneDraws draws(1);
  const QuantileTable distribution = table_of(uniform_distribution(1), 1);
  Lanes one{};
  Lanes two{};
  draws.sample_common(distribution, 1, 0.6F, 7, one);
  draws.sample_common(distribution, 1, 0.6F, 8, two);
  double sum = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    EXPECT_GE(one[lane], 0.59F);
    EXPECT_NEAR(one[lane], two[lane], 1.0F / kLanes);
    sum += one[lane] / kLanes;
  }
  EXPECT_NEAR(sum, 0.8, 0.01);
}

// The sum of many executions' times, lane by lane, has the spread of a sum of independent ones.
TEST(LaneDraws, ExecutionsOfAnUnknownFunctionShareTheirPlace) {
  const LaneDraws draws(1);
  const QuantileTable unknown = table_of(uniform_distribution(1), 1);
  const QuantileTable known = table_of(uniform_distribution(1));
  const auto draw = [&](const QuantileTable& table, FunctionIndex function, std::uint64_t ordinal,
                        Lanes& out) {
    if (draws.has_common_place(table, ordinal)) {
      draws.sample_common(table, function, 0, ordinal, out);
    } else {
      draws.sample(table, ordinal, LaneDraws::Purpose::kService, out);
    }
  };
  // The distance between two executions' draws, as a mean over the lanes.
  const auto distance = [&](const QuantileTable& table, FunctionIndex other) {
    double sum = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
      Lanes one{};
      Lanes two{};
      draw(table, 1, 2 * i, one);
      draw(table, other, 2 * i + 1, two);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        sum += std::abs(one[lane] - two[lane]) / 100 / kLanes;
      }
    }
    return sum;
  };
  EXPECT_LT(distance(unknown, 1), 1.0 / kLanes) << "they differ within their strata only";
  EXPECT_NEAR(distance(known, 1), 1.0 / 3, 0.02);
  EXPECT_GT(distance(unknown, 2), 0.2);
}

TEST(LaneDraws, SumsHaveTheVarianceOfIndependentSums) {
  const LaneDraws draws(5);
  const QuantileTable distribution = table_of(uniform_distribution(1));
  double variance = 0;
  constexpr int kSums = 500;
  constexpr int kTerms = 48;
  for (int i = 0; i < kSums; ++i) {
    Lanes sum{};
    for (int term = 0; term < kTerms; ++term) {
      Lanes lanes{};
      draws.sample(distribution, static_cast<std::uint64_t>(i * kTerms + term), Purpose::kService,
                   lanes);
      for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] += lanes[lane];
    }
    const double middle = mean(sum);
    for (const float value : sum) variance += (value - middle) * (value - middle) / (kLanes - 1);
  }
  EXPECT_NEAR(variance / kSums, kTerms / 12.0, 0.04 * kTerms / 12.0);
}

// By brute force: whole times of the distribution, slowed down; only those above the age count.
struct Rest {
  double mean;
  double median;
};
template <class Distribution>
Rest rest_of(const Distribution& distribution, double age, double factor) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> rests;
  while (rests.size() < 200'000) {
    const double whole = distribution(uniform(random)) * factor;
    if (whole > age) rests.push_back(whole - age);
  }
  std::ranges::sort(rests);
  return {.mean = std::accumulate(rests.begin(), rests.end(), 0.0) / 200'000,
          .median = rests[100'000]};
}

// Over many executions.
template <class Distribution>
Rest sampled_rest_of(const Distribution& distribution, float age, float factor, bool uniform) {
  const LaneDraws draws(6);
  const QuantileTable table = table_of(distribution);
  std::vector<float> rests;
  for (std::uint64_t ordinal = 0; ordinal < 2000; ++ordinal) {
    Lanes lanes{};
    draws.sample_remaining(table, age, all(factor), uniform, ordinal, Purpose::kRemainder, lanes);
    rests.insert(rests.end(), lanes.begin(), lanes.end());
  }
  std::ranges::sort(rests);
  const auto count = static_cast<double>(rests.size());
  return {.mean = std::accumulate(rests.begin(), rests.end(), 0.0) / count,
          .median = rests[rests.size() / 2]};
}

TEST(LaneDraws, RemainderIsConditionedOnTheAge) {
  const auto check = [](const auto& distribution, float age, float factor) {
    const Rest exact = rest_of(distribution, age, factor);
    for (const bool uniform : {true, false}) {
      const Rest sampled = sampled_rest_of(distribution, age, factor, uniform);
      // Beyond the table the tail is a power distribution, heavier than any of these.
      EXPECT_NEAR(sampled.mean / exact.mean, 1, 0.03) << age << " " << factor << " " << uniform;
      EXPECT_NEAR(sampled.median / exact.median, 1, 0.02) << age << " " << factor << " " << uniform;
    }
  };
  check(exponential_distribution(1), 0, 1);
  check(exponential_distribution(1), 2, 1);
  check(exponential_distribution(1), 2, 3);
  check(exponential_distribution(1), 0.5F, 0.25F);
  check(uniform_distribution(10), 7, 1);
  check(uniform_distribution(10), 7, 2);
  check(lognormal_distribution(1, 0.5), 2, 1);
  check(lognormal_distribution(1, 0.5), 1.5F, 1.4F);
}

TEST(LaneDraws, TailContinuesBeyondTheTable) {
  const auto distribution = pareto_distribution(2.5);
  const QuantileTable table = table_of(distribution);
  for (const float factor : {1.0F, 3.0F}) {
    const float age = 2 * table.values().back() * factor;
    for (const bool uniform : {true, false}) {
      // A power distribution has no scale: the median of the rest is in proportion to the age.
      const Rest rest = sampled_rest_of(distribution, age, factor, uniform);
      EXPECT_NEAR(rest.median / (age * (std::exp2(1 / 2.5) - 1)), 1, 0.1) << factor;
    }
  }
}

// A heavy tail is believed up to the bound; what has outlived the bound may take as long again.
TEST(LaneDraws, RemainderIsBounded) {
  std::array<float, QuantileTable::kWanted> quantiles{};
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    quantiles[i] =
        std::min(static_cast<float>(pareto_distribution(0.6)(QuantileTable::wanted(i))), 1000.0F);
  }
  QuantileTable table;
  table.assign(quantiles, 1000);
  const LaneDraws draws(1);
  for (const float age : {0.0F, 900.0F, 5000.0F}) {
    for (const float factor : {1.0F, 2.0F}) {
      for (const bool uniform : {true, false}) {
        Lanes lanes{};
        draws.sample_remaining(table, age, all(factor), uniform, 1, Purpose::kRemainder, lanes);
        const float longest = std::max(factor * 1000, 2 * age);
        for (const float rest : lanes) EXPECT_LE(rest, (longest - age) * 1.0001F) << age;
      }
    }
  }
}

TEST(LaneDraws, RemainderBeyondAConstantIsShort) {
  const auto distribution = constant_distribution(1);
  for (const float age : {0.5F, 0.999F}) {
    EXPECT_NEAR(sampled_rest_of(distribution, age, 1, true).median, 1 - age, 1e-4);
  }
  const Rest rest = sampled_rest_of(distribution, 2, 1, true);
  EXPECT_GE(rest.median, 0);
  EXPECT_LT(rest.mean, 0.1);
}

TEST(LaneDraws, ConditionsEachLaneByItsOwnSpeedFactor) {
  const LaneDraws draws(7);
  const QuantileTable distribution = table_of(uniform_distribution(10));
  Lanes factor = all(1);
  std::fill(factor.begin() + kLanes / 2, factor.end(), 2.0F);
  double slow = 0;
  double fast = 0;
  for (std::uint64_t ordinal = 0; ordinal < 2000; ++ordinal) {
    Lanes lanes{};
    draws.sample_remaining(distribution, 8, factor, false, ordinal, Purpose::kRemainder, lanes);
    fast += std::accumulate(lanes.begin(), lanes.begin() + kLanes / 2, 0.0);
    slow += std::accumulate(lanes.begin() + kLanes / 2, lanes.end(), 0.0);
  }
  // Of what is uniform up to 10, after 8: 1; up to 20: 6.
  EXPECT_NEAR(fast / 2000 / (kLanes / 2.0), 1, 0.03);
  EXPECT_NEAR(slow / 2000 / (kLanes / 2.0), 6, 0.1);
}

TEST(LaneDraws, PicksDistributionsEquallyOften) {
  const LaneDraws draws(8);
  const QuantileTable one = table_of(constant_distribution(1));
  const QuantileTable ten = table_of(constant_distribution(10));
  const std::vector<const QuantileTable*> distributions = {&one, &one, &one, &ten};
  int tens = 0;
  for (std::uint64_t ordinal = 0; ordinal < 2000; ++ordinal) {
    Lanes lanes{};
    LaneDraws::Picks picks{};
    draws.sample_among(distributions, ordinal, Purpose::kOvertaker, picks, lanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      tens += lanes[lane] > 5 ? 1 : 0;
      ASSERT_EQ(lanes[lane] > 5, picks[lane] == 3);
    }
  }
  EXPECT_NEAR(tens / (2000.0 * kLanes), 0.25, 0.01);
}

TEST(LaneDraws, NormalSampleHasNormalQuantiles) {
  const LaneDraws draws(9);
  Lanes lanes{};
  draws.sample_normal(1, Purpose::kSpeedFactor, lanes);
  Lanes sorted = lanes;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < kLanes; ++i) {
    EXPECT_NEAR(sorted[i], testing::normal_quantile((static_cast<double>(i) + 0.5) / kLanes), 1e-6);
  }
  EXPECT_NE(lanes, sorted);
}

TEST(LaneDraws, ReportsItsMemory) { EXPECT_EQ(LaneDraws(1).bytes(), 128 * kLanes); }

}  // namespace
}  // namespace quintain::core::eta
