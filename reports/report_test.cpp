#include "reports/report.h"

#include <gmock/gmock.h>

#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using ::testing::ElementsAre;

Check check(Verdict verdict) { return {.name = "c", .verdict = verdict}; }

Verdict verdict_of_checks(const std::vector<Verdict>& verdicts) {
  Case c;
  for (const Verdict verdict : verdicts) c.checks.push_back(check(verdict));
  return verdict_of(c);
}

TEST(CaseVerdict, IsDerivedFromTheChecks) {
  using enum Verdict;
  EXPECT_EQ(verdict_of_checks({kPassed}), kPassed);
  EXPECT_EQ(verdict_of_checks({kPassed, kSkipped}), kPassed);
  EXPECT_EQ(verdict_of_checks({kPassed, kFailed}), kFailed);
  EXPECT_EQ(verdict_of_checks({kFailed, kError, kPassed}), kError);
}

TEST(CaseVerdict, AWarningFailsNothing) {
  using enum Verdict;
  EXPECT_EQ(verdict_of_checks({kPassed, kWarning}), kPassed);
  EXPECT_EQ(verdict_of_checks({kWarning}), kPassed) << "something was judged";
  EXPECT_EQ(verdict_of_checks({kWarning, kFailed}), kFailed);
  const Report report{.cases = {{.checks = {check(kWarning), check(kPassed), check(kWarning)}},
                                {.checks = {check(kFailed), check(kWarning)}}}};
  EXPECT_EQ(totals_of(report), (Totals{.cases = 2, .passed = 1, .failed = 1, .warnings = 3}));
  EXPECT_EQ(exit_code(verdict_of(Report{.cases = {report.cases[0]}})), 0);
}

TEST(CaseVerdict, NoCheckIsAnError) {
  EXPECT_EQ(verdict_of(Case{}), Verdict::kError);
  EXPECT_EQ(error_text(Case{}), "no check judged this case");
  EXPECT_EQ(verdict_of_checks({Verdict::kSkipped}), Verdict::kError);
}

TEST(CaseVerdict, ASkipHidesNoFailure) {
  Case c{.skip_reason = "no HTTP"};
  EXPECT_EQ(verdict_of(c), Verdict::kSkipped);
  c.checks = {check(Verdict::kFailed)};
  EXPECT_EQ(verdict_of(c), Verdict::kFailed);
  c.error_message = "lost the target";
  EXPECT_EQ(verdict_of(c), Verdict::kError);
  EXPECT_EQ(error_text(c), "lost the target");
}

TEST(CaseVerdict, NotJudgedCountsApartAndFailsNothing) {
  Case open{.not_judged_reason = "the manifest does not declare node.queue_limit"};
  EXPECT_EQ(verdict_of(open), Verdict::kNotJudged);
  EXPECT_EQ(headline(open), "not judged: the manifest does not declare node.queue_limit");
  const Report alone{.cases = {open}};
  EXPECT_EQ(totals_of(alone), (Totals{.cases = 1, .not_judged = 1}));
  EXPECT_EQ(verdict_of(alone), Verdict::kNotJudged);
  EXPECT_EQ(exit_code(verdict_of(alone)), 0);
  EXPECT_EQ(verdict_of(Report{.cases = {open, {.checks = {check(Verdict::kPassed)}}}}),
            Verdict::kPassed);
  open.checks = {check(Verdict::kFailed)};
  EXPECT_EQ(verdict_of(open), Verdict::kFailed) << "a violation that was seen before counts";
}

TEST(Totals, CountEachCaseOnce) {
  EXPECT_EQ(totals_of(sample_report()), (Totals{.cases = 6,
                                                .passed = 1,
                                                .failed = 1,
                                                .skipped = 1,
                                                .error = 1,
                                                .known_failures = 1,
                                                .unexpected_passes = 1}));
}

TEST(RunVerdict, TheWorstCaseDecides) {
  const std::vector<Case> all = sample_report().cases;
  const Case &passed = all[0], &failed = all[1], &skipped = all[2], &error = all[3];
  const Case &known = all[4], &fixed = all[5];
  const auto code = [](std::vector<Case> cases) {
    return exit_code(verdict_of(Report{.cases = std::move(cases)}));
  };
  EXPECT_EQ(code({passed, skipped, known}), 0);
  EXPECT_EQ(code({known}), 0);
  EXPECT_EQ(code({passed, failed}), 1);
  EXPECT_EQ(code({passed, fixed}), 1);
  EXPECT_EQ(code({failed, error, passed}), 1) << "what was seen to fail stands";
  EXPECT_EQ(code({error, passed}), 3);
  EXPECT_EQ(exit_code(verdict_of(Report{.incomplete = "stopped", .cases = {passed}})), 3);
  EXPECT_EQ(code({}), 3);

  EXPECT_EQ(verdict_of(Report{.cases = {known, skipped}}), Verdict::kPassed);
  EXPECT_EQ(verdict_of(Report{.cases = {skipped}}), Verdict::kSkipped);
  EXPECT_EQ(code({skipped}), 0);
}

TEST(GroupByFolder, KeepsTheOrder) {
  const Report report = sample_report();
  std::vector<std::string> names;
  std::vector<std::size_t> sizes;
  for (const CaseGroup& group : group_by_folder(report)) {
    names.push_back(group.name);
    sizes.push_back(group.cases.size());
  }
  EXPECT_THAT(names, ElementsAre("cancel", "http", "retry", ""));
  EXPECT_THAT(sizes, ElementsAre(3, 1, 1, 1));
}

TEST(NameInGroup, ContainsTheSeedIfThereAreSeveral) {
  Report report = sample_report();
  EXPECT_EQ(name_in_group(report.cases[0], report.seeds), "while-queued[mode=sync]");
  report.seeds = {7, 8};
  EXPECT_EQ(name_in_group(report.cases[0], report.seeds), "while-queued[mode=sync] seed=7");
  EXPECT_EQ(name_in_group(sample_case("a[file=x/y]"), {}), "a[file=x/y]");
}

TEST(Headline, SummarisesTheOutcome) {
  std::vector<std::string> lines;
  for (const Case& c : sample_report().cases) lines.push_back(headline(c));
  EXPECT_THAT(lines, ElementsAre("", "expect/3: a is COMPLETED at 1s,",
                                 "the target has no HTTP interface", "the target did not start",
                                 "known failure: backoff is not implemented yet",
                                 "passes, so it is no longer a known failure: flaky clock"));
}

}  // namespace
}  // namespace quintain::reports
