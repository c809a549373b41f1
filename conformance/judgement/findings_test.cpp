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

#ifndef NDEBUG
TEST(FindingsDeathTest, RejectsAClauseThatIsNotInTheCatalogue) {
  Findings findings;
  EXPECT_DEATH(findings.record_pass("SYNC-99"), "no such clause");
}
#endif

}  // namespace
}  // namespace quintain::conformance
