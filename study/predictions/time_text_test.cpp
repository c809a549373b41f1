#include "study/predictions/time_text.h"

#include <gtest/gtest.h>

namespace quintain::study {
namespace {

double unix_seconds(std::string_view text) {
  const auto parsed = parse_dated_time(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? absl::ToDoubleSeconds(parsed->time - absl::UnixEpoch()) : 0;
}

TEST(TimeText, ReadsDatedTimesOfManyTools) {
  for (const char* const text :
       {"2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.5+00:00", "2026-03-01T13:00:00.5+01:00",
        "2026-03-01 12:00:00.500000+00:00", "2026-03-01T12:00:00.5", "2026-03-01 12:00:00.5",
        "2026-03-01 12:00:00,5", "2026-03-01T12:00:00.5+0000", "2026-03-01 12:00:00.5 +0000 UTC",
        "2026-03-01 12:00:00.5 UTC"}) {
    EXPECT_DOUBLE_EQ(unix_seconds(text), 1772366400.5) << text;
  }
  EXPECT_FALSE(parse_dated_time("2026-03-01T12:00:00Z")->assumed_utc);
  EXPECT_TRUE(parse_dated_time("2026-03-01T12:00:00")->assumed_utc);
  for (const char* const text : {"", "yesterday", "12.5", "2026-13-01T00:00:00Z", "12:00:00"}) {
    EXPECT_FALSE(parse_dated_time(text)) << text;
  }
}

TEST(TimeText, ReadsDurationsOfManyTools) {
  const auto seconds = [](std::string_view text, TimeUnit unit = TimeUnit::kSeconds) {
    const auto parsed = parse_duration_text(text, unit, /*decimal_comma=*/false);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(-1);
  };
  EXPECT_DOUBLE_EQ(seconds("90.5"), 90.5);
  EXPECT_DOUBLE_EQ(seconds("90500", TimeUnit::kMilliseconds), 90.5);
  EXPECT_DOUBLE_EQ(seconds("1m30.5s"), 90.5);
  EXPECT_DOUBLE_EQ(seconds("0 days 00:01:30.5"), 90.5);
  EXPECT_DOUBLE_EQ(seconds("-1 days +23:59:59"), -1);
  EXPECT_DOUBLE_EQ(seconds("1-02:03:04"), 86400 + 7384);
  EXPECT_DOUBLE_EQ(seconds("02:03:04"), 7384);
  EXPECT_DOUBLE_EQ(seconds("03:04"), 184);
  EXPECT_DOUBLE_EQ(seconds("P1DT2H3M4.5S"), 86400 + 7384.5);
  EXPECT_DOUBLE_EQ(parse_duration_text("1,5", TimeUnit::kSeconds, true).value(), 1.5);
  for (const char* const text :
       {"", "NaN", "inf", "abc", "1,5", "1:2:3:4", "00:61:00", "PT", "P1Y", "1 days x", "-"}) {
    EXPECT_FALSE(parse_duration_text(text, TimeUnit::kSeconds, false)) << text;
  }
}

TEST(TimeText, KeepsNanosecondsSince1970Exact) {
  const long double one = parse_number("1790000000000000001", false).value();
  const long double two = parse_number("1790000000000000000", false).value();
  EXPECT_EQ(static_cast<double>(one - two), 1);
}

TEST(TimeText, KnowsMissingValues) {
  for (const char* const text : {"", "NaT", "nan", "NULL", "None", "N/A", "Unknown", "<NA>"}) {
    EXPECT_TRUE(is_missing(text)) << text;
  }
  EXPECT_FALSE(is_missing("0"));
}

}  // namespace
}  // namespace quintain::study
