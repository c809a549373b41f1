// Durations as text: parsing, its errors, formatting, and round trips.
#include "core/base/duration_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

Duration parsed(std::string_view text) {
  std::string error;
  const auto duration = parse_duration(text, error);
  EXPECT_TRUE(duration) << text << ": " << error;
  return duration.value_or(Duration(-1));
}

std::string error_of(std::string_view text) {
  std::string error;
  EXPECT_FALSE(parse_duration(text, error)) << text;
  return error;
}

TEST(DurationText, ReadsEveryUnit) {
  EXPECT_EQ(parsed("10ns"), 10ns);
  EXPECT_EQ(parsed("250us"), 250us);
  EXPECT_EQ(parsed("150ms"), 150ms);
  EXPECT_EQ(parsed("2s"), 2s);
  EXPECT_EQ(parsed("3m"), 3min);
  EXPECT_EQ(parsed("1h"), 1h);
  EXPECT_EQ(parsed("30d"), 720h);
  EXPECT_EQ(parsed("1h30m"), 90min);
  EXPECT_EQ(parsed("0s"), 0ns);
}

TEST(DurationText, ReadsFractionsExactly) {
  EXPECT_EQ(parsed("1.5s"), 1500ms);
  EXPECT_EQ(parsed("0.1s"), 100ms);
  EXPECT_EQ(parsed("1.000000001s"), 1s + 1ns);
  EXPECT_EQ(parsed("1.50000000000000000000000000s"), 1500ms);
  EXPECT_EQ(parsed("0.0000000000003125d"), 27ns);  // the maximum of 16 digits
}

TEST(DurationText, RejectsMoreThanAHundredYears) {
  EXPECT_EQ(parsed("36525d"), kMaxDuration);
  EXPECT_EQ(error_of("36525d1ns"), "it is longer than 100 years");
  EXPECT_EQ(error_of("99999999999999999999999999999999999999999s"), "it is longer than 100 years");
}

TEST(DurationText, ExplainsErrors) {
  const std::string units = "; the units are d, h, m, s, ms, us and ns";
  EXPECT_EQ(error_of(""), "it is empty");
  EXPECT_EQ(error_of("-5ms"), "a duration is not negative");
  EXPECT_EQ(error_of("fast"), "\"fast\" is not a number with its unit");
  EXPECT_EQ(error_of(".5s"), "\".5s\" is not a number with its unit");
  EXPECT_EQ(error_of("5"), "it lacks a unit" + units);
  EXPECT_EQ(error_of("5sec"), "there is no unit \"sec\"" + units);
  EXPECT_EQ(error_of("5 ms"), "there is no unit \" ms\"" + units);
  EXPECT_EQ(error_of("1.s"), "digits are missing after the point");
  EXPECT_EQ(error_of("30m1h"), "units go from the largest to the smallest, each at most once");
  EXPECT_EQ(error_of("1h1h"), "units go from the largest to the smallest, each at most once");
  EXPECT_EQ(error_of("0.5ns"), "it is finer than a nanosecond");
  EXPECT_EQ(error_of("0." + std::string(200, '1') + "d"), "it is finer than a nanosecond");
}

TEST(DurationText, FormatsExactlyAndShortly) {
  EXPECT_EQ(format_duration(0ns), "0s");
  EXPECT_EQ(format_duration(1ns), "1ns");
  EXPECT_EQ(format_duration(1us), "1us");
  EXPECT_EQ(format_duration(999'999ns), "999.999us");
  EXPECT_EQ(format_duration(1ms), "1ms");
  EXPECT_EQ(format_duration(150ms), "150ms");
  EXPECT_EQ(format_duration(1'500us), "1.5ms");
  EXPECT_EQ(format_duration(1s), "1s");
  EXPECT_EQ(format_duration(2'500ms), "2.5s");
  EXPECT_EQ(format_duration(1s + 1ns), "1.000000001s");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(60'500ms), "1m0.5s");
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_duration(30 * 24h), "30d");
  EXPECT_EQ(format_duration(36h + 10s), "1d12h10s");
  EXPECT_EQ(format_duration(-2'500ms), "-2.5s");
  EXPECT_EQ(format_duration(std::chrono::nanoseconds::min()), "-106751d23h47m16.854775808s");
}

RC_GTEST_PROP(DurationTextProperty, FormattedTextIsReadBack, ()) {
  const Duration duration(*rc::gen::inRange<std::int64_t>(0, kMaxDuration.count()));
  RC_ASSERT(parsed(format_duration(duration)) == duration);
}

RC_GTEST_PROP(DurationTextProperty, ReadsNanosecondsAsAFractionOfASecond, ()) {
  const auto nanoseconds = *rc::gen::inRange<std::int64_t>(0, kMaxDuration.count());
  std::string fraction = std::to_string(nanoseconds % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  const std::string text = std::to_string(nanoseconds / 1'000'000'000) + "." + fraction + "s";
  RC_ASSERT(parsed(text) == Duration(nanoseconds));
}

RC_GTEST_PROP(DurationTextProperty, EveryTextIsReadOrRejectedWithAReason,
              (const std::string& text)) {
  std::string error;
  const auto duration = parse_duration(text, error);
  RC_ASSERT(duration.has_value() == error.empty());
}

}  // namespace
}  // namespace quintain::core
