#include "reports/table.h"

#include <gmock/gmock.h>

#include <chrono>

#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kFailure = R"(FAIL cancel/while-running seed=7 2 checks, 1 failed
  failed expect/3 at scenarios/cancel.json:41
    expected: a is CANCELLED at 150ms
    observed: a is COMPLETED at 1s,
              never cancelled
    evidence:
      150ms  cancel a
         1s  a finished: "café"
      and 12 more events
  reproduce: quintain run scenarios/cancel.json --only cancel/while-running --seed 7
)";

constexpr const char* kOthers = R"(SKIP http/cancel seed=7: the target has no HTTP interface
ERROR cancel/twice seed=7: the target did not start
  reproduce: quintain run scenarios/cancel.json --only cancel/twice --seed 7
KNOWN retry/backoff seed=7: backoff is not implemented yet
FIXED smoke seed=7: passes, so it is no longer a known failure: flaky clock
)";

constexpr const char* kSummary =
    "failed: 6 cases, 1 passed, 1 failed, 1 skipped, 1 error, 1 known failure, "
    "1 known failure that passes\n";

TEST(RenderPlain, ShowsEveryOutcome) {
  EXPECT_EQ(render_plain(sample_report()),
            std::string("PASS cancel/while-queued[mode=sync] seed=7 2 checks\n") + kFailure +
                kOthers + kSummary);
}

TEST(RenderPlain, TellsWhyACaseWasNotJudged) {
  const Report report{.cases = {{.name = "a", .not_judged_reason = "the queue is too short"}}};
  EXPECT_EQ(render_plain(report),
            "OPEN a: not judged: the queue is too short\n"
            "not judged: 1 case, 0 passed, 0 failed, 1 not judged\n");
}

TEST(RenderPlain, ReportWithoutCases) {
  EXPECT_EQ(render_plain({}), "error: 0 cases, 0 passed, 0 failed\n");
}

TEST(RenderPlain, ReportWithOnePass) {
  EXPECT_EQ(render_plain({.seeds = {7}, .cases = {sample_case("a")}}),
            "PASS a seed=7 1 check\npassed: 1 case, 1 passed, 0 failed\n");
}

TEST(RenderPlain, ShowsACheckWithAnError) {
  Case c = sample_case("a");
  c.checks[0].verdict = Verdict::kError;
  c.checks[0].observed = "the history is truncated";
  c.reproduce.clear();
  EXPECT_THAT(render_plain({.seeds = {7}, .cases = {c}}),
              StartsWith(R"(ERROR a seed=7: a check could not judge
  error invariant/one-answer
    expected: it holds
    observed: the history is truncated
)"));
}

constexpr const char* kWarned = R"(PASS a 2 checks, 1 warning
  warning STATE-7
    expected: 200
    observed: 300
  reproduce: quintain run scenarios/cancel.json --only a --seed 7
)";

Report warned_report() {
  Report report{.cases = {sample_case("a"), sample_case("b")}};
  report.cases[0].checks.push_back({.name = "STATE-7",
                                    .kind = CheckKind::kClause,
                                    .verdict = Verdict::kWarning,
                                    .expected = "200",
                                    .observed = "300"});
  return report;
}

TEST(RenderPlain, ShowsWarningsAndOmitsMissingSeeds) {
  EXPECT_EQ(
      render_plain(warned_report()),
      std::string(kWarned) + "PASS b 1 check\npassed: 2 cases, 2 passed, 0 failed, 1 warning\n");
}

TEST(RenderDetails, ShowWarningsAndAreEmptyForAPass) {
  EXPECT_THAT(render_details(warned_report().cases[0]), StartsWith("  warning STATE-7\n"));
  EXPECT_EQ(render_details(sample_case("a")), "");
}

TEST(RenderPlain, EscapesControlCharacters) {
  Case c = sample_case(
      "a\nPASS b\x1b[2J\x7f\xc2\x9b"
      "1mé");
  EXPECT_EQ(render_plain({.seeds = {7}, .cases = {c}}),
            "PASS a\\nPASS b\\x1b[2J\\x7f\\x9b1mé seed=7 1 check\n"
            "passed: 1 case, 1 passed, 0 failed\n");
}

TEST(RenderTable, ShowsEveryOutcomeUnderItsFolder) {
  EXPECT_EQ(render_table(sample_report(), {}),
            std::string(R"(                                    seed  checks  events  time
  ✗ FIXED  smoke                       7       1      42  1.5s
cancel/
  ✓ PASS   while-queued[mode=sync]     7       2      42  1.5s
  ✗ FAIL   while-running               7       2      42  1.5s
  ! ERROR  twice                       7       0      42  1.5s
http/
  - SKIP   cancel                      7       0       0    0s
retry/
  ~ KNOWN  backoff                     7       1      42   30d

)") + kFailure + kOthers +
                "\n" + kSummary);
}

TEST(RenderTable, HasNoDetailsIfAllPassed) {
  EXPECT_EQ(render_table({.seeds = {7}, .cases = {sample_case("a"), sample_case("b")}}, {}),
            R"(              seed  checks  events  time
  ✓ PASS   a     7       1      42  1.5s
  ✓ PASS   b     7       1      42  1.5s

passed: 2 cases, 2 passed, 0 failed
)");
  EXPECT_EQ(render_table({}, {}), "error: 0 cases, 0 passed, 0 failed\n");
}

TEST(RenderTable, ShowsAPassWithWarnings) {
  EXPECT_THAT(render_table(warned_report(), {}), HasSubstr(std::string("\n\n") + kWarned + "\n"));
}

TEST(RenderTable, ASlashInAMatrixValueIsNotAFolder) {
  EXPECT_THAT(render_table({.seeds = {7}, .cases = {sample_case("a[file=x/y]")}}, {}),
              HasSubstr("  ✓ PASS   a[file=x/y]  "));
}

TEST(RenderTable, ALongNameGetsALineOfItsOwn) {
  const std::string text = render_table(
      {.seeds = {7}, .cases = {sample_case("a/" + std::string(60, 'x')), sample_case("a/short")}},
      {.width = 60});
  EXPECT_THAT(text, StartsWith("                                  seed  checks  events  time\n"
                               "a/\n"
                               "  ✓ PASS   " +
                               std::string(60, 'x') +
                               "\n"
                               "                                     7       1      42  1.5s\n"
                               "  ✓ PASS   short                     7       1      42  1.5s\n"));
}

TEST(RenderTable, ANarrowTerminalTruncatesNothing) {
  const std::string wide = render_table(sample_report(), {.width = 1000});
  EXPECT_EQ(render_table(sample_report(), {.width = 100}), wide);
  for (const int width : {-1, 0, 10}) {
    const std::string narrow = render_table(sample_report(), {.width = width});
    EXPECT_THAT(narrow, HasSubstr("  ✓ PASS   while-queued[mode=sync]\n"));
    EXPECT_THAT(narrow, HasSubstr("  ✗ FAIL   while-running            7 "));
  }
}

TEST(RenderTable, AlignsByDisplayWidth) {
  EXPECT_THAT(
      render_table(
          {.seeds = {7}, .cases = {sample_case("日本"), sample_case("café"), sample_case("abcde")}},
          {}),
      HasSubstr("  日本      7 "
                "      1      42  1.5s\n"
                "  ✓ PASS   café      7 "
                "      1      42  1.5s\n"
                "  ✓ PASS   abcde     7 "));
}

TEST(RenderTable, ColoursTheVerdictOnRequest) {
  const std::string coloured = render_table(sample_report(), {.colour = true});
  EXPECT_THAT(coloured, HasSubstr("  \x1b[32m✓ PASS \x1b[0m  while-queued"));
  EXPECT_THAT(coloured, HasSubstr("  \x1b[31m✗ FAIL \x1b[0m  while-running"));
  EXPECT_THAT(coloured, EndsWith(kSummary));
  EXPECT_THAT(render_table(sample_report(), {}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace quintain::reports
