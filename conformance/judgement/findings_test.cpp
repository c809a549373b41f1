#include "conformance/judgement/findings.h"

#include <gmock/gmock.h>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

using ::testing::ElementsAre;

TEST(Findings, CountsJudgementsAndKeepsViolations) {
  Findings findings;
  findings.record_pass("SYNC-1");
  findings.record_pass("SYNC-1");
  const Violation violation{"an empty status_endpoint", "\"/status/a\"", {3}};
  findings.record_failure("SYNC-1", violation);
  const Finding& finding = findings.by_clause().at("SYNC-1");
  EXPECT_EQ(finding.judged, 3);
  EXPECT_THAT(finding.violations, ElementsAre(violation));

  Findings sum;
  sum.record_pass("SYNC-1");
  sum.add("SYNC-1", finding);
  EXPECT_EQ(sum.by_clause().at("SYNC-1").judged, 4);
  EXPECT_THAT(sum.by_clause().at("SYNC-1").violations, ElementsAre(violation));
}

TEST(Findings, DistinguishesPassedViolatedAndNotJudged) {
  Findings findings;
  findings.record_pass("SYNC-1");
  findings.record_failure("SYNC-2", {});
  EXPECT_TRUE(findings.judged("SYNC-1"));
  EXPECT_FALSE(findings.violated("SYNC-1"));
  EXPECT_TRUE(findings.judged("SYNC-2"));
  EXPECT_TRUE(findings.violated("SYNC-2"));
  EXPECT_FALSE(findings.judged("SYNC-3"));
  EXPECT_FALSE(findings.violated("SYNC-3"));
}

TEST(Findings, ExpectsTheTextOfTheClauseByDefault) {
  Findings findings;
  findings.record_failure("SYNC-2", {.observed = "x"});
  EXPECT_EQ(findings.by_clause().at("SYNC-2").violations[0].expected, find_clause("SYNC-2")->text);
}

TEST(Findings, KeepsTheFirstViolationsAndCountsTheOthers) {
  Findings findings;
  EXPECT_FALSE(findings.is_full("SYNC-1"));
  for (int i = 0; i < 1000; ++i) {
    findings.record_failure("SYNC-1", {.observed = std::to_string(i)});
  }
  findings.record_further_failures("SYNC-1", 7);
  findings.record_further_failures("SYNC-2", 0);
  const Finding& finding = findings.by_clause().at("SYNC-1");
  EXPECT_EQ(finding.violations.size(), Findings::kMaxViolations);
  EXPECT_EQ(finding.violations.back().observed, std::to_string(Findings::kMaxViolations - 1));
  EXPECT_EQ(finding.judged, 1007);
  EXPECT_EQ(finding.further, 1007 - static_cast<std::int64_t>(Findings::kMaxViolations));
  EXPECT_TRUE(findings.is_full("SYNC-1"));
  EXPECT_FALSE(findings.judged("SYNC-2"));

  Findings sum;
  sum.add("SYNC-1", finding);
  sum.add("SYNC-1", finding);
  EXPECT_EQ(sum.by_clause().at("SYNC-1").violations.size(), Findings::kMaxViolations);
  EXPECT_EQ(sum.by_clause().at("SYNC-1").further,
            2014 - static_cast<std::int64_t>(Findings::kMaxViolations));
}

TEST(Findings, ShortensLongTexts) {
  Findings findings;
  findings.record_failure("SYNC-1", {std::string(1'000'000, 'e'), std::string(2'000'000, 'o')});
  const Violation& violation = findings.by_clause().at("SYNC-1").violations[0];
  EXPECT_LT(violation.expected.size(), 20'000u);
  EXPECT_TRUE(violation.observed.ends_with("... (2000000 bytes)"));
}

#ifndef NDEBUG
TEST(FindingsDeathTest, RejectsAClauseThatIsNotInTheCatalogue) {
  Findings findings;
  EXPECT_DEATH(findings.record_pass("SYNC-99"), "no such clause");
}
#endif

}  // namespace
}  // namespace quintain::conformance
