#include "core/eta/work_ahead.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/random.h"

namespace quintain::core::eta {
namespace {

/// The correction of `count` executions of each of three functions.
WorkAhead::Correction correction(const WorkAhead& work, int count, float mean) {
  WorkAhead::Sum sum(work);
  for (FunctionIndex function = 0; function < 3; ++function) {
    sum.add(function, mean, static_cast<float>(count));
  }
  return sum.correction();
}

float exponential(RandomStream& draws) {
  return static_cast<float>(-std::log(1 - to_unit_interval(draws.next(1))));
}

TEST(WorkAhead, LeavesRightMeansAlone) {
  WorkAhead work;
  RandomStream draws("times");
  for (FunctionIndex i = 0; i < 20'000; ++i) work.observe(i % 3, exponential(draws), 1, 1);
  for (const int count : {10, 300}) {
    const WorkAhead::Correction found = correction(work, count, 1);
    EXPECT_NEAR(found.log_factor, 0, 0.04) << count;
    EXPECT_LT(found.deviation, 0.13) << count;
  }
}

TEST(WorkAhead, CorrectsMeansThatAreWrong) {
  for (const float wrong : {0.4F, 2.5F}) {
    WorkAhead work;
    RandomStream draws("times");
    for (FunctionIndex i = 0; i < 2000; ++i) {
      work.observe(i % 3, exponential(draws), wrong, wrong * wrong);
    }
    for (const int count : {10, 300}) {
      const float right = -std::log2(wrong);
      EXPECT_NEAR(correction(work, count, wrong).log_factor, right, 0.2) << wrong << ' ' << count;
    }
  }
}

TEST(WorkAhead, DoubtsSumsThatWereWrongTogether) {
  WorkAhead work;
  RandomStream draws("times");
  for (FunctionIndex i = 0; i < 40'000; ++i) {
    // The whole node is twice as fast and twice as slow, in turn.
    const float speed = i / 256 % 2 == 0 ? 0.5F : 2.0F;
    work.observe(i % 3, exponential(draws) * speed, 1.25F, 1.5F);
  }
  EXPECT_GT(correction(work, 300, 1.25F).deviation, 0.5);
}

// The learned distribution forgets; a mean over thousands of times does not.
TEST(WorkAhead, TakesTheMeanOfAllTimesWhereItIsKnownBetter) {
  WorkAhead work;
  RandomStream draws("times");
  // The learned mean wanders about the true one.
  double squares_learned = 0;
  double squares = 0;
  for (FunctionIndex i = 0; i < 30'000; ++i) {
    const float learned = 1 + 0.1F * static_cast<float>(std::sin(i / 700.0));
    work.observe(i % 3, exponential(draws), learned, 1);
    if (i < 15'000 || i % 1000 != 0) continue;
    const double learned_error = std::log2(learned);
    const double error = learned_error + correction(work, 300, learned).log_factor;
    squares_learned += learned_error * learned_error;
    squares += error * error;
  }
  EXPECT_LT(squares, 0.6 * squares_learned);
}

TEST(WorkAhead, LeavesShortQueuesAndUnknownNodesAlone) {
  WorkAhead work;
  for (FunctionIndex i = 0; i < 2000; ++i) work.observe(i % 3, 2, 1, 0.01F);
  EXPECT_TRUE(correction(work, 2, 1).none());
  EXPECT_FALSE(correction(work, 3, 1).none());
  EXPECT_TRUE(correction(WorkAhead(), 100, 1).none());
}

TEST(WorkAhead, CountsSimilarExecutions) {
  WorkAhead work;
  for (FunctionIndex i = 0; i < 2000; ++i) work.observe(i % 3, 2, 1, 0.01F);
  WorkAhead::Sum sum(work);
  sum.add(0, 1, 1);
  EXPECT_TRUE(sum.correction().none());
  sum.add_similar(500);
  EXPECT_NEAR(sum.correction().log_factor, 1, 0.1);
}

}  // namespace
}  // namespace quintain::core::eta
