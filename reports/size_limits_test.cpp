#include "reports/size_limits.h"

#include <gmock/gmock.h>

#include <string>

#include "reports/formats.h"
#include "reports/table.h"

namespace quintain::reports {
namespace {

using ::testing::EndsWith;
using ::testing::SizeIs;

// A failed check whose texts and events consist of this text again and again.
Check check_of(const std::string& text, int events) {
  std::string all;
  while (all.size() < 5000) all += text;
  Check check{.name = "SYNC-1",
              .kind = CheckKind::kClause,
              .verdict = Verdict::kFailed,
              .expected = all,
              .observed = all};
  for (int i = 0; i < events; ++i) check.evidence.events.push_back({.text = all});
  return check;
}

Report report_of(const std::string& text, int cases, int checks, int events) {
  Report report;
  for (int i = 0; i < cases; ++i) {
    Case& one = report.cases.emplace_back();
    one.name = "a/" + std::to_string(i);
    for (int c = 0; c < checks; ++c) one.checks.push_back(check_of(text, events));
  }
  return report;
}

TEST(LimitSize, KeepsWhatIsWithinTheLimits) {
  Report report = report_of("plain text, ", 3, 2, 3);
  const Report before = report;
  limit_size(report);
  EXPECT_EQ(report, before);
}

TEST(LimitSize, SaysHowMuchIsLeftOut) {
  Report report = report_of("plain text, ", 1, 1, 30);
  const std::string text = report.cases[0].checks[0].observed;
  limit_size(report, {.text = 100, .check = 1000});
  const Check& check = report.cases[0].checks[0];
  EXPECT_THAT(check.observed, EndsWith("... (5004 bytes)"));
  EXPECT_TRUE(check.observed.starts_with(text.substr(0, 90)));
  EXPECT_EQ(check.evidence.events.size() + static_cast<std::size_t>(check.evidence.omitted), 30u);
  EXPECT_THAT(check.evidence.events, SizeIs(4));
}

TEST(LimitSize, BoundsEveryFormatWhateverTheText) {
  const std::string texts[] = {
      "plain",        std::string(1, '\0'), "\x1b",     "\xff",    "<&>\"'\\", "\n", "\x7f",
      "\xe2\x80\xae", "\xf3\xa0\x81\x81",   "\xc3\xa9", "\xed\xa0"};
  for (const std::string& text : texts) {
    Report report = report_of(text, 40, 15, 10);
    limit_size(report, {.report = std::size_t{512} << 10});
    EXPECT_THAT(report.cases, SizeIs(40));
    EXPECT_THAT(report.cases.back().checks, SizeIs(15));
    // Checks that keep only a little still take their place.
    constexpr std::size_t kMost = std::size_t{1} << 20;
    EXPECT_LE(to_json(report).value().size(), kMost) << text;
    EXPECT_LE(to_junit(report).size(), kMost) << text;
    EXPECT_LE(to_ctrf(report).size(), kMost) << text;
    EXPECT_LE(render_plain(report).size(), kMost) << text;
    EXPECT_TRUE(from_json(to_json(report).value()).ok()) << text;
  }
}

TEST(Shortened, DoesNotSplitACharacter) {
  EXPECT_EQ(shortened("ab", 2), "ab");
  EXPECT_EQ(shortened("abcd", 3), "abc... (4 bytes)");
  // Two bytes of this character count 12.
  EXPECT_EQ(shortened("a\xc3\xa9z", 12), "a... (4 bytes)");
  EXPECT_EQ(shortened("a\xc3\xa9z", 13), "a\xc3\xa9... (4 bytes)");
  EXPECT_EQ(shortened(std::string(100, '\x80'), 60), std::string(7, '\x80') + "... (100 bytes)");
}

}  // namespace
}  // namespace quintain::reports
