// Reports of results, and lists of known failures.
#include "conformance/verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quintain::conformance {
namespace {

using reports::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const Case kCase{.name = "sync/x", .about = "", .clauses = {"SYNC-1"}, .run = nullptr};

CaseResult result() { return {.test_case = &kCase}; }

std::vector<std::string> names(const reports::Case& report) {
  std::vector<std::string> names;
  for (const auto& check : report.checks) names.push_back(check.name);
  return names;
}

TEST(Verdicts, HasOneCheckPerClauseAndPerFurtherViolation) {
  CaseResult found = result();
  found.findings.record_pass("SYNC-2");
  found.findings.record_failure("SYNC-1", {.expected = "a", .observed = "b"});
  found.findings.record_failure("SYNC-1", {.expected = "c", .observed = "d"});
  const reports::Case report = to_report(found, {.command = "quintain conform --transport sim"});
  EXPECT_THAT(names(report), ElementsAre("SYNC-1", "SYNC-1/2", "SYNC-2"));
  EXPECT_EQ(report.checks[1].observed, "d");
  EXPECT_EQ(verdict_of(report), Verdict::kFailed);
  EXPECT_EQ(report.reproduce, "quintain conform --transport sim --only 'sync/x'");
}

TEST(Verdicts, LimitsAndCountsViolations) {
  CaseResult found = result();
  for (int i = 0; i < 12; ++i) found.findings.record_failure("SYNC-1", {.expected = "a"});
  const reports::Case report = to_report(found, {});
  EXPECT_THAT(report.checks, SizeIs(5));
  EXPECT_THAT(report.checks.back().observed, HasSubstr("7 more violations"));
}

TEST(Verdicts, WarnsForAShouldUnlessStrict) {
  CaseResult found = result();
  found.findings.record_failure("ETA-7", {.expected = "a"});
  EXPECT_EQ(verdict_of(to_report(found, {})), Verdict::kPassed);
  EXPECT_EQ(to_report(found, {}).checks[0].verdict, Verdict::kWarning);
  EXPECT_EQ(verdict_of(to_report(found, {.strict = true})), Verdict::kFailed);
}

TEST(Verdicts, FailsAnAbortedCase) {
  CaseResult found = result();
  found.aborted = "no fixture";
  const reports::Case report = to_report(found, {});
  EXPECT_EQ(verdict_of(report), Verdict::kFailed);
  EXPECT_EQ(report.checks[0].observed, "no fixture");
}

TEST(Verdicts, ShowsTheCallsOfAViolation) {
  CaseResult found = result();
  for (std::uint64_t number = 1; number <= 3; ++number) {
    RecordedCall& recorded = found.recorded_calls.emplace_back();
    recorded.number = number;
    recorded.method = Method::kGetHealth;
    recorded.request = std::make_shared<spearlet::GetHealthRequest>();
  }
  found.findings.record_failure("SYNC-1", {.expected = "a", .recorded_calls = {2}});
  found.findings.record_failure("SYNC-2", {.expected = "a"});
  const reports::Case report = to_report(found, {});
  EXPECT_THAT(report.checks[0].evidence.events, SizeIs(1));
  EXPECT_THAT(report.checks[0].evidence.events[0].text, HasSubstr("#2"));
  EXPECT_THAT(report.checks[1].evidence.events, SizeIs(3));
}

bool same(const std::string& name, const std::string& pattern) { return name == pattern; }

reports::Case judged(const std::string& name, Verdict verdict) {
  return {.name = name, .checks = {{.name = "SYNC-1", .verdict = verdict}}};
}

TEST(KnownFailing, ParsesPatternsAndReasons) {
  const KnownFailing known = parse_known_failing("f", "# comment\n\n a/b  # not yet\nc/d\n");
  ASSERT_THAT(known.entries, SizeIs(2));
  EXPECT_EQ(known.entries[0].pattern, "a/b");
  EXPECT_EQ(known.entries[0].reason, "not yet");
  EXPECT_EQ(known.entries[0].line, 3);
  EXPECT_EQ(known.entries[1].reason, "known to fail");
}

TEST(KnownFailing, DoesNotFailTheRun) {
  std::vector<reports::Case> cases{judged("a/b", Verdict::kFailed)};
  apply(parse_known_failing("f", "a/b # not yet"), same, false, cases);
  EXPECT_EQ(verdict_of(reports::Report{.cases = cases}), Verdict::kPassed);
}

TEST(KnownFailing, FailsTheRunIfItPasses) {
  std::vector<reports::Case> cases{judged("a/b", Verdict::kPassed)};
  apply(parse_known_failing("f", "a/b"), same, false, cases);
  EXPECT_EQ(verdict_of(reports::Report{.cases = cases}), Verdict::kFailed);
}

TEST(KnownFailing, FailsTheRunIfItMatchesNothing) {
  std::vector<reports::Case> cases{judged("a/b", Verdict::kPassed)};
  apply(parse_known_failing("f", "x/y"), same, false, cases);
  ASSERT_THAT(cases, SizeIs(2));
  EXPECT_EQ(cases[1].checks[0].where->line, 1);
  EXPECT_EQ(verdict_of(reports::Report{.cases = cases}), Verdict::kFailed);
}

TEST(KnownFailing, NamesClausesOfAllCasesOrOfOne) {
  for (const char* text : {"SYNC-1", "a/b:SYNC-1"}) {
    std::vector<reports::Case> cases{judged("a/b", Verdict::kFailed)};
    apply(parse_known_failing("f", text), same, false, cases);
    EXPECT_EQ(verdict_of(reports::Report{.cases = cases}), Verdict::kPassed) << text;
    cases[0].known_failure.clear();
    cases[0].checks.push_back({.name = "SYNC-2", .verdict = Verdict::kFailed});
    apply(parse_known_failing("f", text), same, false, cases);
    EXPECT_EQ(verdict_of(reports::Report{.cases = cases}), Verdict::kFailed)
        << text << ": another clause fails too";
  }
}

TEST(KnownFailing, AClauseThatHoldsIsOutOfDateUnlessItsCaseWasNotRun) {
  std::vector<reports::Case> cases{judged("sync/completes", Verdict::kPassed)};
  apply(parse_known_failing("f", "sync/fails:SYNC-1"), same, true, cases);
  EXPECT_THAT(cases, SizeIs(1));
  apply(parse_known_failing("f", "sync/fails:SYNC-1"), same, false, cases);
  EXPECT_THAT(cases, SizeIs(2));
}

TEST(KnownFailing, IsWrittenAndReadBack) {
  std::vector<reports::Case> cases{judged("a/b", Verdict::kFailed),
                                   judged("c/d", Verdict::kPassed)};
  cases[0].checks[0].observed = "no";
  EXPECT_EQ(known_failing_text(cases), "a/b:SYNC-1  # no\n");
  apply(parse_known_failing("f", known_failing_text(cases)), same, false, cases);
  EXPECT_EQ(verdict_of(reports::Report{.cases = cases}), Verdict::kPassed);
}

}  // namespace
}  // namespace quintain::conformance
