#include "study/report/study_table.h"

#include <gmock/gmock.h>

#include "study/report/sample_study_report.h"

namespace quintain::study {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

EstimatorResult result(std::string name, Role role, double to_oracle) {
  EstimatorResult r{.name = std::move(name), .role = role};
  for (const double level : {0.5, 0.8, 0.9, 0.95}) {
    r.terminal.coverage.push_back(around(level * 0.99, 0.01));
  }
  r.to_oracle = {"oracle", around(to_oracle, 0.005)};
  r.to_best_baseline = {"ewma", around(to_oracle / 2, 0.01)};
  r.worst_coverage_error = around(0.0095, 0.002);
  r.worst_stratum_error = 0.021;
  return r;
}

StudyReport small_study() {
  StudyReport report{.default_estimator = "best", .levels = {0.5, 0.8, 0.9, 0.95}};
  WorkloadResult w{.name = "steady", .about = "load .85", .seeds = {1, 2}};
  w.counts = {.predicted = 100, .completed = 90, .timed_out = 10, .censored = 10, .scored = 100};
  w.warm_up_found = 80;
  w.warm_up_cut = 200;
  w.stopped = StopReason::kPrecise;
  w.relative_half_width = 0.004;
  w.wanted_half_width = 0.005;
  w.analytic = {{"M/M/1", "mean wait", 4, around(4.01, 0.03), 0.65, true}};
  w.estimators = {result("best", Role::kEstimator, 1.014), result("ewma", Role::kBaseline, 2.028),
                  result("oracle", Role::kOracle, 1), result("biased", Role::kControl, 1.2)};
  w.estimators[0].flags = {{"goal/pinball-to-oracle", true, "<= 1.02", "1.014"}};
  w.estimators[1].flags = {{"calibrated", false, "<= 2 pp", "21.1 pp"}};
  w.estimators[3].flags = {{"calibrated", false, "<= 2 pp", "19 pp"}};
  report.workloads = {w};
  return report;
}

TEST(RenderStudy, ShowsResultsCountsControlsAndGoals) {
  EXPECT_EQ(render_study(small_study(), {}), R"(steady: load .85
                    pinball/oracle        /best baseline        50 %  80 %  90 %  95 %  worst error pp     worst stratum pp
  best    default   1.014 [1.009, 1.019]  0.507 [0.497, 0.517]  49.5  79.2  89.1  94.0  0.95 [0.75, 1.15]  2.10
  ewma    baseline  2.028 [2.023, 2.033]  1.014 [1.004, 1.024]  49.5  79.2  89.1  94.0  0.95 [0.75, 1.15]  2.10
  oracle  oracle    1.000 [0.995, 1.005]  0.500 [0.490, 0.510]  49.5  79.2  89.1  94.0  0.95 [0.75, 1.15]  2.10
  biased  control   1.200 [1.195, 1.205]  0.600 [0.590, 0.610]  49.5  79.2  89.1  94.0  0.95 [0.75, 1.15]  2.10
  ✗ ewma: not calibrated
  ✓ M/M/1, mean wait: 4.00 expected, 4.01 [3.98, 4.04] measured, 0.650 standard errors away
  executions: 100 predicted, 0 refused, 90 completed, 0 failed, 10 timed out, 0 cancelled, 10 censored, 0 unfinished, 0 in the warm-up, 100 scored
  warm-up: MSER-5 found 80 arrivals, 200 were cut
  stopped: precise enough after 2 replications (half-width 0.400 %, wanted 0.500 %)

negative controls
  ✓ biased: flagged on steady

goals
  ✓ steady best goal/pinball-to-oracle: expected <= 1.02, observed 1.014

best, the default
workload  pinball/oracle        /best baseline              worst coverage error pp
steady    1.014 [1.009, 1.019]  0.507 [0.497, 0.517]  ewma  0.95 [0.75, 1.15]

passed: 1 workload
)");
}

TEST(RenderStudy, OfAnEmptyReportIsAnError) {
  EXPECT_EQ(render_study({}, {}), "error: 0 workloads\n");
}

TEST(RenderStudy, ShowsWhatFailed) {
  StudyReport report = small_study();
  WorkloadResult& w = report.workloads[0];
  w.estimators[0].flags[0].holds = false;
  w.estimators[0].flags.push_back({"flat", false, "p >= 0.001", "p < 0.001"});
  w.estimators[3].flags[0].holds = true;
  w.analytic[0].holds = false;
  const std::string text = render_study(report, {});
  EXPECT_THAT(text, HasSubstr("  ✗ best: goal/pinball-to-oracle: expected <= 1.02"));
  EXPECT_THAT(text, HasSubstr("  ! best: no goal, but not flat: expected p >= 0.001, observed p < "
                              "0.001\n"));
  EXPECT_THAT(text, HasSubstr("  ✗ steady best goal/pinball-to-oracle: expected"));
  EXPECT_THAT(text, HasSubstr("  ✗ biased: not flagged on steady; flagged nowhere\n"));
  EXPECT_THAT(text, HasSubstr("  ✗ M/M/1, mean wait: "));
  EXPECT_THAT(text, EndsWith("\nfailed: 1 workload\n"));
}

TEST(RenderStudy, ShowsTheLossByQueue) {
  StudyReport report = small_study();
  double factor = 1;
  for (EstimatorResult& estimator : report.workloads[0].estimators) {
    estimator.by_depth = {{0, 0, 90, factor, 0.9}, {1, 3, 0, kUnknown, 0}, {100, {}, 10, 1, 0.1}};
    factor *= 2;
  }
  const std::string text = render_study(report, {});
  EXPECT_THAT(text, HasSubstr("  loss by queue  0      1-3  100+\n"
                              "  executions     90     0    10\n"
                              "  % of the loss  90.0   0.0  10.0\n"
                              "  / ewma         0.500  -    1.000\n"
                              "  / oracle       0.250  -    1.000\n"));
}

TEST(RenderStudy, ShowsAFlagThatIsDemandedOnce) {
  StudyReport report = small_study();
  std::vector<Flag>& flags = report.workloads[0].estimators[0].flags;
  flags.push_back({"flat", false, "p >= 0.001", "p < 0.001"});
  flags.push_back({"goal/flat", false, "p >= 0.001", "p < 0.001"});
  const std::string text = render_study(report, {});
  EXPECT_THAT(text, HasSubstr("  ✗ best: goal/flat: expected p >= 0.001, observed p < 0.001\n"));
  EXPECT_THAT(text, Not(HasSubstr("best: no goal")));
}

TEST(RenderStudy, PutsALongNameOnItsOwnLine) {
  StudyReport report = small_study();
  report.workloads[0].estimators[1].name = std::string(60, 'x');
  EXPECT_THAT(render_study(report, {}),
              HasSubstr("  " + std::string(60, 'x') + "\n          baseline  2.028 "));
}

TEST(RenderStudy, EscapesControlCharacters) {
  StudyReport report = small_study();
  report.workloads[0].name = "a\nPASS\x1b[2J";
  report.workloads[0].estimators[3].name = "b\rc";
  const std::string text = render_study(report, {});
  EXPECT_THAT(text, StartsWith("a\\nPASS\\x1b[2J: load .85\n"));
  EXPECT_THAT(text, HasSubstr("  ✓ b\\x0dc: flagged on a\\nPASS\\x1b[2J\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(RenderStudy, ShowsUnknownNumbersAsADash) {
  const std::string text = render_study(sample_study_report(), {});
  EXPECT_THAT(text, HasSubstr("  best          default   -               0.719  "));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

TEST(RenderStudy, ColoursMarksOnlyIfTheStyleHasColour) {
  const std::string coloured = render_study(small_study(), {.colour = true});
  EXPECT_THAT(coloured, HasSubstr("  \x1b[32m✓\x1b[0m steady best"));
  EXPECT_THAT(coloured, HasSubstr("  \x1b[31m✗\x1b[0m ewma: not calibrated"));
  EXPECT_THAT(render_study(small_study(), {}), Not(HasSubstr("\x1b")));
}

TEST(RenderStudy, StatesTheReasonToStopAndThePrecision) {
  StudyReport report = small_study();
  WorkloadResult& w = report.workloads[0];
  w.seeds = {1};
  w.relative_half_width = 0.012;
  const auto stopped = [&](StopReason reason) {
    w.stopped = reason;
    const std::string text = render_study(report, {});
    const std::size_t start = text.find("stopped: ") + 9;
    return text.substr(start, text.find('\n', start) - start);
  };
  EXPECT_EQ(stopped(StopReason::kMaxReplications),
            "after 1 replication, the most allowed (half-width 1.20 %, wanted 0.500 %)");
  EXPECT_EQ(stopped(StopReason::kInterrupted),
            "interrupted after 1 replication (half-width 1.20 %, wanted 0.500 %)");
  EXPECT_EQ(stopped(StopReason::kRecorded), "all recorded predictions are scored");
  w.wanted_half_width = 0;
  EXPECT_EQ(stopped(StopReason::kPrecise),
            "precise enough after 1 replication (half-width 1.20 %)");
}

TEST(RenderStudy, FormatsNumbersOfAnySize) {
  StudyReport report = small_study();
  WorkloadResult& w = report.workloads[0];
  const auto exact = [&](double reference) {
    w.analytic[0].reference = reference;
    const std::string text = render_study(report, {});
    const std::size_t start = text.find("mean wait: ") + 11;
    return text.substr(start, text.find(' ', start) - start);
  };
  EXPECT_EQ(exact(0), "0");
  EXPECT_EQ(exact(0.0123456), "0.0123");
  EXPECT_EQ(exact(-1.41421), "-1.41");
  EXPECT_EQ(exact(1234.5), "1234");
  EXPECT_EQ(exact(1e-9), "1.00e-09");
  EXPECT_EQ(exact(2.5e9), "2.50e+09");
  EXPECT_EQ(exact(kUnknown), "-");
  w.warm_up_found = 41.3966;
  w.warm_up_cut = 12000;
  EXPECT_THAT(render_study(report, {}), HasSubstr("MSER-5 found 41.4 arrivals, 12000 were cut"));
}

TEST(RenderStudy, FindsALevelThatWasComputed) {
  StudyReport report = small_study();
  report.levels = {0.5, 0.8, 0.7 + 0.2, 0.95};
  ASSERT_NE(report.levels[2], 0.9);
  EXPECT_THAT(render_study(report, {}), HasSubstr("49.5  79.2  89.1  94.0"));
  report.levels = {0.5, 0.8};
  EXPECT_THAT(render_study(report, {}), HasSubstr("49.5  79.2  -     -"));
}

TEST(RenderSummary, HasALineForAWorkloadWithoutTheDefaultEstimator) {
  StudyReport report = small_study();
  report.default_estimator = "state";
  EXPECT_THAT(render_summary(report), EndsWith("\nsteady\n"));
}

}  // namespace
}  // namespace quintain::study
