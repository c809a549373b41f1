#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "reports/formats.h"
#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A report with one case, which failed and contains what a hostile target may send.
Report nasty_report(const std::string& text) {
  Report report = sample_report();
  Case c = report.cases[1];
  c.name = "cancel/" + text;
  c.checks[1].expected = text;
  c.checks[1].observed = text;
  report.cases = {c};
  return report;
}

// ---- TAP ----------------------------------------------------------------------------------------

TEST(ToTap, HasALineForEachCaseAndADirectiveForThoseThatDoNotCount) {
  std::vector<std::string> results;
  for (const std::string& line : lines_of(to_ci_format(sample_report(), CiFormat::kTap))) {
    if (!line.starts_with("  ")) results.push_back(line);
  }
  EXPECT_THAT(results, ElementsAre("TAP version 14", "1..6", "ok - cancel/while-queued[mode=sync]",
                                   "not ok - cancel/while-running",
                                   "ok - http/cancel # SKIP the target has no HTTP interface",
                                   "not ok - cancel/twice",
                                   "not ok - retry/backoff # TODO backoff is not implemented yet",
                                   "not ok - smoke"));
}

TEST(ToTap, AFailureHasItsDetailsAsYaml) {
  const auto lines = lines_of(to_ci_format(sample_report(), CiFormat::kTap));
  const auto failed = std::ranges::find(lines, "not ok - cancel/while-running");
  ASSERT_GT(lines.end() - failed, 6);
  EXPECT_EQ(failed[1], "  ---");
  EXPECT_THAT(failed[2], StartsWith("  message: \""));
  EXPECT_EQ(failed[3], "  severity: fail");
  EXPECT_THAT(failed[5], HasSubstr("a is CANCELLED at 150ms"));
  EXPECT_EQ(failed[6], "  ...");
}

TEST(ToTap, AnInterruptedRunBailsOut) {
  Report report = sample_report();
  report.incomplete = "interrupted by SIGINT";
  EXPECT_THAT(to_ci_format(report, CiFormat::kTap), EndsWith("Bail out! interrupted by SIGINT\n"));
}

TEST(ToTap, NothingInATextIsADirectiveOrALine) {
  const std::string text =
      to_ci_format(nasty_report("x # SKIP y\nok - forged\x1b[31m"), CiFormat::kTap);
  EXPECT_THAT(lines_of(text), Not(Contains(StartsWith("ok"))));
  // Within the YAML it has no meaning.
  EXPECT_EQ(lines_of(text)[2], "not ok - cancel/x \\# SKIP y ok - forged\\\\x1b[31m");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

// ---- SARIF --------------------------------------------------------------------------------------

nlohmann::json sarif(const Report& report) {
  return nlohmann::json::parse(to_ci_format(report, CiFormat::kSarif)).at("runs").at(0);
}

TEST(ToSarif, HasTheFailedChecksWithTheirPlaces) {
  const auto results = sarif(sample_report()).at("results");
  ASSERT_THAT(results, SizeIs(3));
  const auto& failed = results[0];
  EXPECT_EQ(failed.at("ruleId"), "expectation");
  EXPECT_EQ(failed.at("level"), "error");
  const auto& place = failed.at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("artifactLocation").at("uri"), "scenarios/cancel.json");
  EXPECT_EQ(place.at("region").at("startLine"), 41);
  EXPECT_THAT(failed.at("message").at("text").get<std::string>(), HasSubstr("never cancelled"));
  EXPECT_EQ(results[1].at("ruleId"), "error");
  EXPECT_EQ(results[2].at("ruleId"), "known-failure-passes");
}

TEST(ToSarif, LeavesOutWhatHasNoPlace) {
  Report report = sample_report();
  for (Case& c : report.cases) c.file.clear();
  EXPECT_THAT(sarif(report).at("results"), SizeIs(1));
  report.cases.clear();
  EXPECT_THAT(sarif(report).at("results"), SizeIs(0));
}

TEST(ToSarif, AFingerprintFollowsFromTheCheck) {
  const auto print = [](const nlohmann::json& run, std::size_t i) {
    return run.at("results").at(i).at("partialFingerprints").at("quintain/v1");
  };
  Report moved = sample_report();
  moved.cases[1].checks[1].where->line = 99;
  EXPECT_EQ(print(sarif(sample_report()), 0), print(sarif(moved), 0));
  EXPECT_NE(print(sarif(sample_report()), 0), print(sarif(sample_report()), 1));
}

TEST(ToSarif, APathIsAUri) {
  Report report = sample_report();
  report.cases[1].checks[1].where->file = "/a folder/caf\xc3\xa9#1.json";
  EXPECT_THAT(to_ci_format(report, CiFormat::kSarif),
              HasSubstr("\"file:///a%20folder/caf%C3%A9%231.json\""));
}

TEST(ToSarif, SaysWhetherTheRunItselfWasGood) {
  Report report = sample_report();
  EXPECT_EQ(sarif(report).at("invocations").at(0).at("executionSuccessful"), false);
  std::erase_if(report.cases, [](const Case& c) { return !c.error_message.empty(); });
  EXPECT_EQ(sarif(report).at("invocations").at(0).at("executionSuccessful"), true);
}

// ---- Markdown -----------------------------------------------------------------------------------

TEST(ToMarkdown, HasTheTotalsAndTheFailures) {
  const std::string text = to_ci_format(sample_report(), CiFormat::kMarkdown);
  EXPECT_THAT(text, StartsWith("## quintain: failed\n"));
  EXPECT_THAT(text, HasSubstr("| 6 | 1 | 2 | 1 | 0 | 1 | 1 | 0 |"));
  EXPECT_THAT(text, HasSubstr("<b>cancel/while-running</b>"));
  EXPECT_THAT(text, HasSubstr("<b>smoke</b>"));
  EXPECT_THAT(text, Not(HasSubstr("<b>cancel/while-queued")));
}

TEST(ToMarkdown, NothingInATextIsMarkdownOrHtml) {
  const std::string text = to_ci_format(
      nasty_report("</pre><script>|x|`[link](http://a) @team #1 *b* _i_"), CiFormat::kMarkdown);
  EXPECT_THAT(text, Not(HasSubstr("<script")));
  EXPECT_THAT(text, Not(HasSubstr("[link]")));
  EXPECT_THAT(text, Not(HasSubstr("@team")));
  EXPECT_THAT(text, Not(HasSubstr("|x|")));
}

TEST(ToMarkdown, IsOfBoundedSize) {
  Report report = sample_report();
  Case failed = report.cases[1];
  failed.checks[1].observed = std::string(100'000, '<');
  report.cases.assign(200, failed);
  const std::string text = to_ci_format(report, CiFormat::kMarkdown);
  EXPECT_LT(text.size(), std::size_t{1} << 20);
  EXPECT_THAT(text, EndsWith("more\n"));
}

// ---- Annotations --------------------------------------------------------------------------------

TEST(ToAnnotations, HasALineForEachFailure) {
  const auto lines = lines_of(to_ci_format(sample_report(), CiFormat::kAnnotations));
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_THAT(
      lines[0],
      StartsWith("::error file=scenarios/cancel.json,line=41,title=cancel/while-running::"));
  EXPECT_THAT(lines[1], HasSubstr("title=cancel/twice::the target did not start"));
  EXPECT_THAT(lines[2], HasSubstr("title=smoke::"));
  EXPECT_THAT(lines[3], StartsWith("::notice title=quintain::1 of 6 cases passed"));
}

TEST(ToAnnotations, AWarningIsOne) {
  Report report = sample_report();
  report.cases = {report.cases[0]};
  report.cases[0].checks[1].verdict = Verdict::kWarning;
  EXPECT_THAT(lines_of(to_ci_format(report, CiFormat::kAnnotations)),
              Contains(StartsWith("::warning file=")));
}

TEST(ToAnnotations, NothingInATextIsACommandOrAProperty) {
  const auto lines = lines_of(to_ci_format(
      nasty_report("50%,line=1::forged\n::set-output name=x::y"), CiFormat::kAnnotations));
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("title=cancel/50%25%2Cline=1%3A%3Aforged"));
}

TEST(ToAnnotations, AreNoMoreThanAreShown) {
  Report report = sample_report();
  report.cases.assign(30, report.cases[1]);
  const auto lines = lines_of(to_ci_format(report, CiFormat::kAnnotations));
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& l) { return l.starts_with("::error"); }),
            10);
  EXPECT_THAT(lines, Contains("::error::21 more cases failed"));
}

}  // namespace
}  // namespace quintain::reports
