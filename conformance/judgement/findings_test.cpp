#include "conformance/judgement/findings.h"

#include <gmock/gmock.h>

namespace quintain::conformance {
namespace {

using ::testing::ElementsAre;

TEST(Findings, CountWhatHeldAndKeepWhatBroke) {
  Findings findings;
  findings.record_pass("SYNC-1");
  findings.record_pass("SYNC-1");
  const Violation violation{"an empty status_endpoint", "\"/status/a\"", {3}};
  findings.record_failure("SYNC-1", violation);
  const Finding& finding = findings.by_clause().at("SYNC-1");
  EXPECT_EQ(finding.judged, 3);
  EXPECT_THAT(finding.violations, ElementsAre(violation));
}

TEST(Findings, TellHeldFromBrokenFromNeverJudged) {
  Findings findings;
  findings.record_pass("SYNC-1");
  findings.record_failure("SYNC-2", {});
  EXPECT_TRUE(findings.judged("SYNC-1"));
  EXPECT_FALSE(findings.broke("SYNC-1"));
  EXPECT_TRUE(findings.judged("SYNC-2"));
  EXPECT_TRUE(findings.broke("SYNC-2"));
  EXPECT_FALSE(findings.judged("SYNC-3"));
  EXPECT_FALSE(findings.broke("SYNC-3"));
}

#ifndef NDEBUG
TEST(FindingsDeathTest, RefuseAClauseThatIsNotInTheCatalogue) {
  Findings findings;
  EXPECT_DEATH(findings.record_pass("SYNC-99"), "no such clause");
}
#endif

}  // namespace
}  // namespace quintain::conformance
