#include "conformance/statement.h"

#include <gmock/gmock.h>

#include <string>

namespace quintain::conformance {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Manifest manifest() {
  Manifest made = reference_manifest();
  made.implementation = {
      .name = "A server", .version = "1.2", .url = "", .contact = "Someone <a@example.com>"};
  return made;
}

reports::Case judged(std::string name, std::string clause, reports::Verdict verdict) {
  reports::Case one;
  one.name = std::move(name);
  one.checks.push_back({.name = std::move(clause) + "/1",
                        .kind = reports::CheckKind::kClause,
                        .verdict = verdict,
                        .expected = "e",
                        .observed = "o"});
  return one;
}

reports::Report report() {
  reports::Report made;
  made.tool_version = "0.1.0";
  made.command = "quintain conform --manifest m.json";
  made.wall_clock.started_at = "2024-05-01T12:00:00Z";
  made.cases = {judged("sync/a", "SYNC-1", reports::Verdict::kPassed),
                judged("sync/b", "SYNC-2", reports::Verdict::kPassed)};
  return made;
}

TEST(Statement, SaysWhoseServerWasJudgedByWhatAndWithWhichVerdict) {
  const std::string text = statement(report(), manifest());
  EXPECT_THAT(text, HasSubstr("date: \"2024-05-01\"\n"));
  EXPECT_THAT(text, HasSubstr("  name: \"A server\"\n  version: \"1.2\"\n"));
  EXPECT_THAT(text, HasSubstr("signed_off_by: \"Someone <a@example.com>\"\n"));
  EXPECT_THAT(text, HasSubstr("  version: \"0.1.0\"\n"));
  EXPECT_THAT(text, HasSubstr("profile: contract\nresult: passed\n"));
  EXPECT_THAT(text, HasSubstr("  SYNC:\n    held: [SYNC-1, SYNC-2]\n    not_judged: [SYNC-3"));
  EXPECT_THAT(text, HasSubstr("known_failures: []\n"));
}

TEST(Statement, AViolatedClauseIsNotHeldAlsoInAKnownFailure) {
  reports::Report run = report();
  run.cases.push_back(judged("sync/c", "SYNC-1", reports::Verdict::kFailed));
  run.cases.back().known_failure = "not yet";
  const std::string text = statement(run, manifest());
  EXPECT_THAT(text, HasSubstr("    held: [SYNC-2]\n    violated: [SYNC-1]\n"));
  EXPECT_THAT(text, HasSubstr("known_failures:\n  - {case: \"sync/c\", reason: \""));
  EXPECT_THAT(text, HasSubstr("result: passed\n"));
}

TEST(Statement, SaysWhatWasNotJudged) {
  reports::Report run = report();
  run.cases.push_back({.name = "list/a", .not_judged_reason = "no \"fixture\"\n- x"});
  const std::string text = statement(run, manifest());
  EXPECT_THAT(text, HasSubstr("\nnot_judged:\n  - {case: \"list/a\", reason: \""));
  EXPECT_THAT(text, Not(HasSubstr("\n- x")));
}

TEST(Statement, ContainsOnlyClausesThatApplyToTheProfile) {
  Manifest other = manifest();
  other.profile = "spear-2026-05";
  EXPECT_THAT(statement(report(), other), Not(HasSubstr("ETA-1")));
  EXPECT_THAT(statement(report(), manifest()), HasSubstr("ETA-1"));
}

TEST(Statement, NeedsAnImplementationThatIsNamed) {
  EXPECT_EQ(missing_for_statement(manifest()), "");
  EXPECT_EQ(missing_for_statement(reference_manifest()),
            "implementation.name, implementation.version, implementation.contact");
}

}  // namespace
}  // namespace quintain::conformance
