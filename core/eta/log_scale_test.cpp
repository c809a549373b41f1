#include "core/eta/log_scale.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>

namespace quintain::core::eta {
namespace {

// Every 997th float between two: a prime, so that all kinds of mantissas occur.
template <class Visit>
void for_floats(float from, float to, const Visit& visit) {
  const auto last = std::bit_cast<std::uint32_t>(to);
  for (auto bits = std::bit_cast<std::uint32_t>(from); bits < last; bits += 997) {
    visit(std::bit_cast<float>(bits));
  }
}

TEST(LogScale, LogarithmsAreThoseOfTheLibrary) {
  float worst = 0;
  for_floats(1e-37F, 1e38F, [&](float x) {
    const double off = static_cast<double>(log2_of(x)) - std::log2(static_cast<double>(x));
    worst = std::max(worst, static_cast<float>(std::abs(off)));
  });
  EXPECT_LT(worst, 1e-5F);
}

TEST(LogScale, LogarithmsNearOneAreExactToTheLastBits) {
  float worst = 0;
  for_floats(0.71F, 1.41F, [&](float x) {
    const double off = static_cast<double>(log2_of(x)) - std::log2(static_cast<double>(x));
    worst = std::max(worst, static_cast<float>(std::abs(off)));
  });
  EXPECT_LT(worst, 2e-7F);
}

TEST(LogScale, PowersAreThoseOfTheLibrary) {
  float worst = 0;
  for (int i = -124'000; i <= 125'000; ++i) {
    const float x = static_cast<float>(i) * 1e-3F;
    const double truth = std::exp2(static_cast<double>(x));
    const double off = static_cast<double>(exp2_of(x)) / truth - 1;
    worst = std::max(worst, static_cast<float>(std::abs(off)));
  }
  EXPECT_LT(worst, 1e-6F);
}

TEST(LogScale, ReturnsTheValueAtTheEdgeBeyondTheRange) {
  EXPECT_EQ(exp2_of(1e30F), exp2_of(126));
  EXPECT_EQ(exp2_of(-1e30F), exp2_of(-125));
  EXPECT_GT(exp2_of(-1e30F), 0);
  EXPECT_TRUE(std::isfinite(exp2_of(1e30F)));
}

TEST(LogScale, WholePowersAreNearWhole) {
  for (int n = -100; n <= 100; ++n) {
    EXPECT_FLOAT_EQ(log2_of(std::ldexp(1.0F, n)), static_cast<float>(n));
    EXPECT_NEAR(exp2_of(static_cast<float>(n)) / std::ldexp(1.0F, n), 1, 1e-6) << n;
  }
}

// Otherwise distributions would fall. The boundaries between octaves are included.
TEST(LogScale, NeitherFallsByMoreThanRounding) {
  float last = log2_of(1e-6F);
  for_floats(1e-6F, 1e6F, [&](float x) {
    const float log = log2_of(x);
    ASSERT_GE(log, last - 2e-6F) << x;
    last = log;
  });
  last = 0;
  for (int i = -200'000; i <= 200'000; ++i) {
    const float power = exp2_of(static_cast<float>(i) * 1e-4F);
    ASSERT_GE(power, last * (1 - 1e-6F)) << i;
    last = power;
  }
}

TEST(LogScale, EachIsTheInverseOfTheOther) {
  for (int i = -1200; i <= 1200; ++i) {
    const float x = static_cast<float>(i) * 0.1F;
    EXPECT_NEAR(log2_of(exp2_of(x)), x, 1e-5) << x;
  }
}

// They can be computed at compile time, so no library is involved.
static_assert(log2_of(8) == 3);
static_assert(exp2_of(3) > 7.99999F && exp2_of(3) < 8.00001F);

}  // namespace
}  // namespace quintain::core::eta
