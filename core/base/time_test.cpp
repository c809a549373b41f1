#include "core/base/time.h"

#include <gtest/gtest.h>

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

TEST(Time, SumsSaturateAtBothEnds) {
  EXPECT_EQ(saturating_add(1ns, 2ns), 3ns);
  EXPECT_EQ(saturating_add(kForever, 1ns), kForever);
  EXPECT_EQ(saturating_add(1ns, kForever), kForever);
  EXPECT_EQ(saturating_add(kForever, kForever), kForever);
  EXPECT_EQ(saturating_add(Duration::min(), -1ns), Duration::min());
  EXPECT_EQ(saturating_add(kForever, Duration::min()), -1ns);
}

TEST(Time, MillisecondsSaturateAtBothEnds) {
  EXPECT_EQ(saturating_milliseconds(5), 5ms);
  EXPECT_EQ(saturating_milliseconds(-5), -5ms);
  EXPECT_EQ(saturating_milliseconds(kMax / 1'000'000), Duration(kMax / 1'000'000 * 1'000'000));
  EXPECT_EQ(saturating_milliseconds(kMax / 1'000'000 + 1), kForever);
  EXPECT_EQ(saturating_milliseconds(kMax), kForever);
  EXPECT_EQ(saturating_milliseconds(kMin), Duration::min());
}

TEST(Time, RoundsPredictionsUpAndMeasurementsDown) {
  EXPECT_EQ(ceil_milliseconds(1ns), 1);
  EXPECT_EQ(ceil_milliseconds(1ms), 1);
  EXPECT_EQ(ceil_milliseconds(1ms + 1ns), 2);
  EXPECT_EQ(ceil_milliseconds(0ns), 0);
  EXPECT_EQ(ceil_milliseconds(kForever), kMax / 1'000'000 + 1);
  EXPECT_EQ(floor_milliseconds(1ms - 1ns), 0);
  EXPECT_EQ(floor_milliseconds(1ms), 1);
}

TEST(Time, InstantsSaturateAtNever) {
  EXPECT_EQ(Instant(), Instant(0ns));
  EXPECT_EQ(Instant(1s) + 1s, Instant(2s));
  EXPECT_TRUE((Instant(1s) + kForever).is_never());
  EXPECT_TRUE((Instant::never() + 1ns).is_never());
  EXPECT_LT(Instant(kForever - 1ns), Instant::never());
  EXPECT_EQ(Instant(3s) - Instant(1s), 2s);
}

}  // namespace
}  // namespace quintain::core
