#include "core/eta/speed_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace quintain::core::eta {
namespace {

// A node whose functions' times are lognormal; the deviation in octaves.
class Node {
 public:
  explicit Node(double deviation, std::uint64_t seed = 1) : deviation_(deviation), random_(seed) {}

  void complete(SpeedFilter& filter, double log_speed_factor) {
    const double log = log_speed_factor + std::normal_distribution<double>(0, deviation_)(random_);
    SpeedFilter::Likelihood likelihood{};
    for (std::size_t i = 0; i < SpeedFilter::kStates; ++i) {
      const double z = (log - SpeedFilter::kLogFactors[i]) / deviation_;
      likelihood[i] = static_cast<float>(0.99 * std::exp(-z * z / 2) / 2.5066 + 0.01 / 16);
    }
    filter.observe(likelihood);
  }

 private:
  double deviation_;
  std::mt19937_64 random_;
};

// The number of completions until the expected speed factor is within a quarter octave of
// `log_speed_factor`.
int completions_until(SpeedFilter& filter, Node& node, double log_speed_factor) {
  int count = 0;
  while (std::abs(static_cast<double>(filter.mean()) - log_speed_factor) > 0.25 && count < 10'000) {
    node.complete(filter, log_speed_factor);
    ++count;
  }
  return count;
}

TEST(SpeedFilter, FactorsRangeFromAnEighthToEightfold) {
  EXPECT_EQ(SpeedFilter::kLogFactors.front(), -3);
  EXPECT_EQ(SpeedFilter::kLogFactors[12], 0);
  EXPECT_EQ(SpeedFilter::kLogFactors.back(), 3);
}

TEST(SpeedFilter, StartsAtTheUsualSpeed) {
  const SpeedFilter filter;
  EXPECT_EQ(filter.mean(), 0);
  EXPECT_TRUE(filter.speed_factor().uniform);
  for (const float factor : filter.speed_factor().factor) EXPECT_EQ(factor, 1);
}

TEST(SpeedFilter, FindsADoublingAndTheReturn) {
  int found = 0;
  int returned = 0;
  constexpr int kTrials = 50;
  for (std::uint64_t seed = 1; seed <= kTrials; ++seed) {
    SpeedFilter filter;
    Node node(1, seed);
    for (int i = 0; i < 200; ++i) node.complete(filter, 0);
    found += completions_until(filter, node, 1);
    for (int i = 0; i < 100; ++i) node.complete(filter, 1);
    returned += completions_until(filter, node, 0);
  }
  // A doubling is one deviation here. A CUSUM that alarms falsely once in 3000 needs some 15.
  EXPECT_LT(found / kTrials, 28);
  EXPECT_LT(returned / kTrials, 28);
  EXPECT_GT(found / kTrials, 5) << "it must not believe so soon";
}

TEST(SpeedFilter, FindsAChangeOfConstantTimesAtOnce) {
  for (const double log_speed_factor : {-2.0, 1.0, 3.0}) {
    SpeedFilter filter;
    Node node(0.1);
    EXPECT_LE(completions_until(filter, node, log_speed_factor), 4) << log_speed_factor;
  }
}

TEST(SpeedFilter, IsStillWhileNothingChanges) {
  SpeedFilter filter;
  Node node(1);
  int doubtful = 0;
  double squares = 0;
  constexpr int kCompletions = 50'000;
  for (int i = 0; i < kCompletions; ++i) {
    node.complete(filter, 0);
    const SpeedFactor speed_factor = filter.speed_factor();
    const auto usual = std::ranges::count(speed_factor.factor, 1.0F);
    doubtful += usual * 10 < 9 * static_cast<std::ptrdiff_t>(kLanes) ? 1 : 0;
    squares += static_cast<double>(filter.mean()) * static_cast<double>(filter.mean());
  }
  EXPECT_LT(doubtful, 0.03 * kCompletions);
  EXPECT_LT(std::sqrt(squares / kCompletions), 0.12);
}

TEST(SpeedFilter, SpreadsDoubtOverTheLanes) {
  SpeedFilter filter;
  SpeedFilter::Likelihood even{};
  even.fill(0);
  even[12] = 1;
  even[16] = 10'000.0F * 2 * 8;  // as likely as not, about, after a jump of that probability
  filter.observe(even);
  const SpeedFactor speed_factor = filter.speed_factor();
  EXPECT_FALSE(speed_factor.uniform);
  const auto usual = std::ranges::count(speed_factor.factor, 1.0F);
  const auto doubled =
      std::ranges::count_if(speed_factor.factor, [](float f) { return f > 1.99F && f < 2.01F; });
  EXPECT_EQ(usual + doubled, static_cast<std::ptrdiff_t>(kLanes));
  EXPECT_GT(usual, 5);
  EXPECT_GT(doubled, 5);
  EXPECT_TRUE(std::ranges::is_sorted(speed_factor.factor))
      << "lanes of one speed factor are adjacent";
  EXPECT_NEAR(filter.mean(), static_cast<double>(doubled) / kLanes, 0.02);
}

TEST(SpeedFilter, DoesNotRememberEvidenceOfRunningExecutions) {
  SpeedFilter filter;
  SpeedFilter::Likelihood hint{};
  hint.fill(1);
  hint[16] = 60;
  filter.observe(hint);
  SpeedFilter::Likelihood late{};
  late.fill(1e-6F);
  late[16] = 1;
  const SpeedFactor speed_factor = filter.speed_factor(late);
  EXPECT_NEAR(speed_factor.factor[0], 2, 1e-4);
  EXPECT_TRUE(speed_factor.uniform);
  EXPECT_EQ(filter.speed_factor().factor[kLanes / 2], 1) << "not remembered";
}

TEST(SpeedFilter, GivesEveryLaneAFactor) {
  SpeedFilter filter;
  SpeedFilter::Likelihood only{};
  only.fill(1e-9F);
  only[SpeedFilter::kStates - 1] = 1;
  for (int i = 0; i < 20; ++i) filter.observe(only);
  for (const float factor : filter.speed_factor().factor) EXPECT_NEAR(factor, 8, 1e-4);
}

// Probabilities stay probabilities after any number of unlikely completions.
TEST(SpeedFilter, DoesNotUnderflow) {
  SpeedFilter filter;
  SpeedFilter::Likelihood tiny{};
  tiny.fill(1e-30F);
  for (int i = 0; i < 1000; ++i) filter.observe(tiny);
  EXPECT_TRUE(std::isfinite(filter.mean()));
  EXPECT_NEAR(filter.mean(), 0, 1e-3);
}

// ---- Whether the filter is used -----------------------------------------------------------------

// The shift is the true one, or none, or wrong; a time is two bits likelier under the true shift.
void complete(SpeedFilterJudge& judge, float shift, double bits) {
  judge.observe(shift, [&](float) { return static_cast<float>(bits); });
}

TEST(SpeedFilterJudge, DoesNotTrustAtFirst) { EXPECT_FALSE(SpeedFilterJudge().trusts(1)); }

TEST(SpeedFilterJudge, TrustsAShiftThatPredictsBetter) {
  SpeedFilterJudge judge;
  int count = 0;
  for (; !judge.trusts(1) && count < 1000; ++count) complete(judge, 1, 1);
  // 16 completions until this shift is judged, then more than 12 bits.
  EXPECT_GT(count, 16 + 12);
  EXPECT_LT(count, 16 + 20);
}

TEST(SpeedFilterJudge, ASingleTimeDoesNotDecide) {
  SpeedFilterJudge judge;
  for (int i = 0; i < 20; ++i) complete(judge, 1, 0);
  complete(judge, 1, 1000);
  EXPECT_FALSE(judge.trusts(1));
}

TEST(SpeedFilterJudge, StopsTrustingAShiftThatPredictsWorse) {
  SpeedFilterJudge judge;
  for (int i = 0; i < 1000; ++i) complete(judge, 1, 1);
  ASSERT_TRUE(judge.trusts(1));
  int count = 0;
  for (; judge.trusts(1) && count < 1000; ++count) complete(judge, 1, -1);
  EXPECT_GT(count, 12);
  EXPECT_LT(count, 100);
}

// Once trusted, forecasts with the filter are compared with those without it at every completion.
TEST(SpeedFilterJudge, StopsTrustingAFilterThatHasBecomeWorseThanNone) {
  SpeedFilterJudge judge;
  for (int i = 0; i < 40; ++i) complete(judge, 1, 1);
  ASSERT_TRUE(judge.trusted());
  for (int i = 0; i < 200; ++i) complete(judge, 0, -1);
  EXPECT_FALSE(judge.trusted());
}

TEST(SpeedFilterJudge, JudgesOnlyShifts) {
  SpeedFilterJudge judge;
  for (int i = 0; i < 1000; ++i) complete(judge, 0.01F, 1);
  EXPECT_FALSE(judge.trusts(1));
}

TEST(SpeedFilterJudge, ANodeThatStopsIsNotASlowNode) {
  SpeedFilterJudge judge;
  for (int i = 0; i < 200; ++i) complete(judge, 3, 1);
  EXPECT_FALSE(judge.trusts(3));
  EXPECT_FALSE(judge.trusts(-3));
  EXPECT_FALSE(judge.trusts(1));
}

}  // namespace
}  // namespace quintain::core::eta
