#include "conformance/summary.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "reports/table.h"

namespace quintain::conformance {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

reports::Case failing(const std::string& name, const std::string& clause, std::size_t events = 1) {
  reports::Case one{.name = name};
  one.checks = {{.name = clause,
                 .kind = reports::CheckKind::kClause,
                 .verdict = reports::Verdict::kFailed,
                 .expected = "it holds",
                 .observed = std::string(2000, 'x')}};
  one.checks[0].evidence.events.resize(events);
  return one;
}

TEST(Shortened, KeepsVerdictsAndShortensTexts) {
  reports::Report report;
  for (int i = 0; i < 100; ++i)
    report.cases.push_back(failing("a/" + std::to_string(i), "SYNC-1", 40));
  const reports::Report brief = shortened(report);
  EXPECT_EQ(totals_of(brief), totals_of(report));
  EXPECT_THAT(brief.cases.front().checks[0].evidence.events, SizeIs(2));
  EXPECT_EQ(brief.cases.front().checks[0].evidence.omitted, 38);
  EXPECT_LT(brief.cases.front().checks[0].observed.size(), 500U);
  // The clause has been explained before.
  EXPECT_THAT(brief.cases.back().checks[0].evidence.events, IsEmpty());
  EXPECT_EQ(brief.cases.back().checks[0].observed, "");
}

TEST(Shortened, TakesALineForACaseWhoseClausesWereExplainedBefore) {
  reports::Report report;
  for (const char* name : {"a/1", "a/2", "a/3"}) report.cases.push_back(failing(name, "SYNC-1"));
  report.cases[2].checks.push_back(failing("", "STATE-2").checks[0]);
  const std::string text = reports::render_plain(shortened(report));
  EXPECT_THAT(text, HasSubstr("FAIL a/1 1 check, 1 failed\n  failed SYNC-1\n"));
  EXPECT_THAT(text, HasSubstr("FAIL a/2 1 check, 1 failed: SYNC-1\nFAIL a/3 "));
  EXPECT_THAT(text, HasSubstr("FAIL a/3 2 checks, 2 failed: SYNC-1\n  failed STATE-2\n"));
}

TEST(Shortened, DoesNotCutACharacter) {
  reports::Report report{.cases = {failing("a", "SYNC-1")}};
  std::string text;
  for (int i = 0; i < 400; ++i) text += "é";
  report.cases[0].checks[0].observed = "x" + text;
  EXPECT_THAT(shortened(report).cases[0].checks[0].observed, HasSubstr("é... ("));
}

TEST(TableByClause, NamesTheMostFrequentCauseFirst) {
  const reports::Report report{
      .cases = {failing("a/1", "SYNC-1"), failing("a/2", "STATE-2"), failing("a/3", "STATE-2/2")}};
  const std::string text = table_by_clause(report);
  EXPECT_THAT(text, HasSubstr("SYNC             0         1\n"));
  EXPECT_LT(text.find("STATE-2 in 2 cases, first in a/2"), text.find("SYNC-1 in 1 case"));
  EXPECT_EQ(table_by_clause({}), "");
  EXPECT_THAT(table_by_clause(report, 1), HasSubstr("and 1 more violated clause"));
}

}  // namespace
}  // namespace quintain::conformance
