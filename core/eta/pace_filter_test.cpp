#include "core/eta/pace_filter.h"

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

  void complete(PaceFilter& filter, double log_pace) {
    const double log = log_pace + std::normal_distribution<double>(0, deviation_)(random_);
    PaceFilter::Likelihood likelihood{};
    for (std::size_t i = 0; i < PaceFilter::kStates; ++i) {
      const double z = (log - PaceFilter::kLogPaces[i]) / deviation_;
      likelihood[i] = static_cast<float>(0.99 * std::exp(-z * z / 2) / 2.5066 + 0.01 / 16);
    }
    filter.observe(likelihood);
  }

 private:
  double deviation_;
  std::mt19937_64 random_;
};

// How many completions until the expected pace is within a quarter octave of `log_pace`.
int completions_until(PaceFilter& filter, Node& node, double log_pace) {
  int count = 0;
  while (std::abs(static_cast<double>(filter.mean()) - log_pace) > 0.25 && count < 10'000) {
    node.complete(filter, log_pace);
    ++count;
  }
  return count;
}

TEST(PaceFilter, PacesGoFromAnEighthToEightfold) {
  EXPECT_EQ(PaceFilter::kLogPaces.front(), -3);
  EXPECT_EQ(PaceFilter::kLogPaces[12], 0);
  EXPECT_EQ(PaceFilter::kLogPaces.back(), 3);
}

TEST(PaceFilter, BeginsAsUsual) {
  const PaceFilter filter;
  EXPECT_EQ(filter.mean(), 0);
  EXPECT_TRUE(filter.pace().uniform);
  for (const float factor : filter.pace().factor) EXPECT_EQ(factor, 1);
}

TEST(PaceFilter, FindsADoublingAndTheReturn) {
  int found = 0;
  int returned = 0;
  constexpr int kTrials = 50;
  for (std::uint64_t seed = 1; seed <= kTrials; ++seed) {
    PaceFilter filter;
    Node node(1, seed);
    for (int i = 0; i < 200; ++i) node.complete(filter, 0);
    found += completions_until(filter, node, 1);
    for (int i = 0; i < 100; ++i) node.complete(filter, 1);
    returned += completions_until(filter, node, 0);
  }
  // A doubling is one deviation here. A CUSUM that alarms falsely once in 3000 needs some 15.
  EXPECT_LT(found / kTrials, 28);
  EXPECT_LT(returned / kTrials, 28);
  EXPECT_GT(found / kTrials, 5) << "that would be credulous";
}

TEST(PaceFilter, OfConstantTimesTheFirstOnesTell) {
  for (const double log_pace : {-2.0, 1.0, 3.0}) {
    PaceFilter filter;
    Node node(0.1);
    EXPECT_LE(completions_until(filter, node, log_pace), 4) << log_pace;
  }
}

TEST(PaceFilter, KeepsStillWhileNothingChanges) {
  PaceFilter filter;
  Node node(1);
  int doubtful = 0;
  double squares = 0;
  constexpr int kCompletions = 50'000;
  for (int i = 0; i < kCompletions; ++i) {
    node.complete(filter, 0);
    const Pace pace = filter.pace();
    const auto usual = std::ranges::count(pace.factor, 1.0F);
    doubtful += usual * 10 < 9 * static_cast<std::ptrdiff_t>(kLanes) ? 1 : 0;
    squares += static_cast<double>(filter.mean()) * static_cast<double>(filter.mean());
  }
  EXPECT_LT(doubtful, 0.03 * kCompletions);
  EXPECT_LT(std::sqrt(squares / kCompletions), 0.12);
}

TEST(PaceFilter, DoubtGoesIntoTheLanes) {
  PaceFilter filter;
  PaceFilter::Likelihood even{};
  even.fill(0);
  even[12] = 1;
  even[16] = 10'000.0F * 2 * 8;  // as likely as not, about, after a jump of that probability
  filter.observe(even);
  const Pace pace = filter.pace();
  EXPECT_FALSE(pace.uniform);
  const auto usual = std::ranges::count(pace.factor, 1.0F);
  const auto doubled =
      std::ranges::count_if(pace.factor, [](float f) { return f > 1.99F && f < 2.01F; });
  EXPECT_EQ(usual + doubled, static_cast<std::ptrdiff_t>(kLanes));
  EXPECT_GT(usual, 10);
  EXPECT_GT(doubled, 10);
  EXPECT_TRUE(std::ranges::is_sorted(pace.factor)) << "lanes of one pace stand side by side";
  EXPECT_NEAR(filter.mean(), static_cast<double>(doubled) / kLanes, 0.02);
}

TEST(PaceFilter, EvidenceOfWhatRunsIsWeighedButNotKept) {
  PaceFilter filter;
  PaceFilter::Likelihood hint{};
  hint.fill(1);
  hint[16] = 60;
  filter.observe(hint);
  PaceFilter::Likelihood late{};
  late.fill(1e-6F);
  late[16] = 1;
  const Pace pace = filter.pace(late);
  EXPECT_NEAR(pace.factor[0], 2, 1e-4);
  EXPECT_TRUE(pace.uniform);
  EXPECT_EQ(filter.pace().factor[kLanes / 2], 1) << "not remembered";
}

TEST(PaceFilter, EveryLaneHasAPace) {
  PaceFilter filter;
  PaceFilter::Likelihood only{};
  only.fill(1e-9F);
  only[PaceFilter::kStates - 1] = 1;
  for (int i = 0; i < 20; ++i) filter.observe(only);
  for (const float factor : filter.pace().factor) EXPECT_NEAR(factor, 8, 1e-4);
}

// However long one unlikely thing follows the other, a probability stays one.
TEST(PaceFilter, NothingUnderflows) {
  PaceFilter filter;
  PaceFilter::Likelihood tiny{};
  tiny.fill(1e-30F);
  for (int i = 0; i < 1000; ++i) filter.observe(tiny);
  EXPECT_TRUE(std::isfinite(filter.mean()));
  EXPECT_NEAR(filter.mean(), 0, 1e-3);
}

}  // namespace
}  // namespace quintain::core::eta
