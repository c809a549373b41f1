#include "study/predictions/predictions_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "scenarios/testing/read_text.h"
#include "study/comparison/scoring.h"

namespace quintain::study {
namespace {

using testing::HasSubstr;

StudyReport judged(const std::string& text, const PredictionsFormat& format = {},
                   Notes* notes = nullptr,
                   const std::vector<RecordedGoal>& goals = default_recorded_goals()) {
  json_input::Diagnostics diagnostics;
  Notes unread;
  const auto report = judge_predictions_text("their.csv", text, format, goals,
                                             notes == nullptr ? unread : *notes, diagnostics);
  EXPECT_TRUE(report) << diagnostics.text();
  return report.value_or(StudyReport());
}

std::string errors_of(const std::string& text, const PredictionsFormat& format = {},
                      const std::vector<RecordedGoal>& goals = {}) {
  json_input::Diagnostics diagnostics;
  Notes notes;
  EXPECT_FALSE(judge_predictions_text("their.csv", text, format, goals, notes, diagnostics));
  return scenarios::lines_of(diagnostics);
}

const Flag& flag_of(const EstimatorResult& result, std::string_view name) {
  const auto found = std::ranges::find(result.flags, name, &Flag::name);
  static const Flag kNone;
  EXPECT_NE(found, result.flags.end()) << name;
  return found == result.flags.end() ? kNone : *found;
}

// Executions whose time is uniform in (0, 10), with their distribution times a factor as forecast.
std::string recorded(int count, double factor = 1) {
  std::string text = "execution_id,accepted,ended,how,q50,q80,q90,q95\n";
  core::RandomStream draws("times");
  for (int i = 0; i < count; ++i) {
    const double elapsed = 10 * core::to_unit_interval(draws.next(1));
    text += fmt::format("e{},{},{},completed,{},{},{},{}\n", i, i, i + elapsed, 5 * factor,
                        8 * factor, 9 * factor, 9.5 * factor);
  }
  return text;
}

TEST(PredictionsFile, PassesCalibratedPredictions) {
  const auto report = judged(recorded(4000));
  ASSERT_EQ(report.workloads.size(), 1u);
  const auto& workload = report.workloads[0];
  EXPECT_EQ(report.name, "their");
  EXPECT_EQ(workload.stopped, StopReason::kRecorded);
  EXPECT_EQ(workload.counts.scored, 4000);
  const EstimatorResult& result = workload.estimators.at(0);
  EXPECT_EQ(result.name, "recorded");
  ASSERT_EQ(result.terminal.coverage.size(), 4u);
  EXPECT_NEAR(result.terminal.coverage[0].value, 0.5, 0.03);
  EXPECT_LT(result.terminal.coverage[0].low, 0.5);
  EXPECT_GT(result.terminal.coverage[0].high, 0.5);
  EXPECT_FALSE(flagged(result));
  for (const Flag& flag : result.flags)
    EXPECT_TRUE(!flag.too_few || flag.name.ends_with("no-hindsight"));
  EXPECT_TRUE(std::isnan(result.to_oracle.ratio.value));
  EXPECT_TRUE(std::isnan(result.terminal.crps.value));  // four levels do not support it
  EXPECT_TRUE(result.pit.bins.empty());
  EXPECT_EQ(verdict_of(report), reports::Verdict::kPassed);
}

TEST(PredictionsFile, FlagsBiasedPredictions) {
  const auto report = judged(recorded(4000, 1.25));
  EXPECT_TRUE(flagged(report.workloads[0].estimators[0]));
  EXPECT_NEAR(report.workloads[0].estimators[0].worst_coverage_error.value, 0.2, 0.15);
}

TEST(PredictionsFile, ADishonestForecastFailsByTheDefaultGoals) {
  EXPECT_EQ(verdict_of(judged(recorded(400, 1.25))), reports::Verdict::kFailed);
  EXPECT_EQ(verdict_of(judged(recorded(400, 1.25), {}, nullptr, {})), reports::Verdict::kPassed);
}

TEST(PredictionsFile, SaysTooFewInsteadOfJudging) {
  const auto report = judged(recorded(10, 0.1));
  EXPECT_EQ(verdict_of(report), reports::Verdict::kPassed);
  const Flag& unbiased = flag_of(report.workloads[0].estimators[0], "goal/unbiased");
  EXPECT_EQ(unbiased.too_few, 20);
  EXPECT_THAT(unbiased.observed, HasSubstr("too few"));
}

TEST(PredictionsFile, NothingThatEndedIsAFailure) {
  const auto report =
      judged("execution_id,accepted,ended,how,q50\na,1,2,unfinished,1\nb,1,3,running,1\n");
  EXPECT_EQ(report.workloads[0].counts.scored, 0);
  EXPECT_EQ(verdict_of(report), reports::Verdict::kFailed);
  const EstimatorResult& result = report.workloads[0].estimators[0];
  EXPECT_TRUE(std::isnan(result.terminal.pinball.value));
  EXPECT_TRUE(std::isnan(result.terminal.mean_absolute_error));
  EXPECT_TRUE(result.flags.empty());
}

// Times are exponential with mean 10, a tenth of the recording, which is cut off at 100: many long
// executions have not ended by then.
TEST(PredictionsFile, ExecutionsThatHaveNotEndedAreNoSurvivorsBonus) {
  std::string text = "execution_id,accepted,ended,how,q50,q90\n";
  core::RandomStream draws("times");
  for (int i = 0; i < 2000; ++i) {
    const double accepted = i * 0.05;
    const double elapsed = -10 * std::log(core::to_unit_interval(draws.next(1)));
    const bool ended = accepted + elapsed <= 100;
    text += fmt::format("e{},{},{},{},{},{}\n", i, accepted, ended ? accepted + elapsed : 100.0,
                        ended ? "completed" : "unfinished", 10 * std::log(2), 10 * std::log(10));
  }
  const auto report = judged(text);
  EXPECT_GT(report.workloads[0].counts.unfinished, 150);
  const EstimatorResult& result = report.workloads[0].estimators[0];
  EXPECT_FALSE(flagged(result));
  EXPECT_NEAR(result.terminal.coverage[0].value, 0.5, 0.03);
  EXPECT_NEAR(result.terminal.coverage[1].value, 0.9, 0.02);
}

TEST(PredictionsFile, ReadsWhatOtherToolsWrite) {
  // Slurm's sacct -P, with its own names and words.
  Notes notes;
  auto report = judged(
      "JobID|Submit|End|State|Planned|Max\n"
      "1|2026-01-31T12:00:00|2026-01-31T12:01:00|COMPLETED|00:50|02:00:00\n"
      "2|2026-01-31T12:00:00|2026-01-31T12:02:00|CANCELLED by 1000|2026-01-31T12:03:00|1-00:00:00\n"
      "3|2026-01-31T12:01:00|Unknown|RUNNING|60|3600\n",
      {.columns = {{"execution_id", "JobID"},
                   {"accepted", "Submit"},
                   {"ended", "End"},
                   {"how", "State"},
                   {"q50", "Planned"},
                   {"q95", "Max"}}},
      &notes);
  EXPECT_EQ(report.workloads[0].counts.cancelled, 1);
  EXPECT_EQ(report.workloads[0].counts.unfinished, 1);
  EXPECT_THAT(notes, testing::Contains(HasSubstr("'|'")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("6 times have no time zone")));

  // pandas with its index, semicolons with decimal commas, milliseconds since 1970.
  notes.clear();
  report = judged(
      ";execution_id;accepted;ended;how;q0;q50;q100;region\n"
      "0;a;1790000000000;1790000010000;completed;0,5;10,5;100;eu\n",
      {.time_unit = TimeUnit::kMilliseconds}, &notes);
  EXPECT_EQ(report.levels, (std::vector<double>{0.5}));
  EXPECT_NEAR(report.workloads[0].estimators[0].terminal.mean_absolute_error, 0.5, 1e-9);
  EXPECT_THAT(notes, testing::Contains(HasSubstr("not used: column number 1, 'region'")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("column 'q100' is a bound")));
}

TEST(PredictionsFile, RefusesAbsurdTimesAndNamesTheUnit) {
  const std::string text =
      "execution_id,accepted,ended,how,q50\na,1790000000000,1790000010000,completed,10\n";
  EXPECT_THAT(errors_of(text), HasSubstr("with --time-unit ms it would be 2026-09-21"));
  EXPECT_THAT(errors_of("execution_id,accepted,ended,how,q50\na,1,2,completed,NaN\n"),
              HasSubstr("their.csv:2: column 5, q50: the value is 'NaN'"));
  EXPECT_THAT(errors_of(text, {.columns = {{"accepted", "submit"}}}),
              HasSubstr("there is no column 'submit', which --column accepted=submit names"));
}

TEST(PredictionsFile, GoalsBoundWhatTheyName) {
  const auto verdict = [](const RecordedGoal& goal) {
    return verdict_of(judged(recorded(400), {}, nullptr, {goal}));
  };
  EXPECT_EQ(verdict({.rows = 400}), reports::Verdict::kPassed);
  EXPECT_EQ(verdict({.rows = 401}), reports::Verdict::kFailed);
  EXPECT_EQ(verdict({.mean_absolute_error = 3}), reports::Verdict::kPassed);
  EXPECT_EQ(verdict({.mean_absolute_error = 2}), reports::Verdict::kFailed);
  EXPECT_EQ(verdict({.coverage_error = 0.2}), reports::Verdict::kPassed);
  EXPECT_EQ(verdict({.coverage_error = 1e-9}), reports::Verdict::kFailed);
  // There is no baseline: an unknown number reaches no goal.
  EXPECT_EQ(verdict({.pinball_to_best_baseline = 10}), reports::Verdict::kFailed);
  EXPECT_THAT(errors_of(recorded(3), {}, {{.estimator = "theirs"}}), HasSubstr("'theirs'"));
}

TEST(PredictionsFile, ReadsIsoTimesQuotesAndEveryEnd) {
  const auto report = judged(
      "execution_id,accepted,ended,how,deadline,queue_depth,cold,function,point,p50,q97.5\n"
      "\"a,1\",2026-01-31T12:00:00Z,2026-01-31T12:00:02.5Z,completed,,0,false,f,2,2,4\n"
      "b,2026-01-31T12:00:01Z,2026-01-31T13:00:03+01:00,FAILED,,1,true,f,2,2,4\n"
      "c,2026-01-31T12:00:01Z,2026-01-31T12:00:04Z,timeout,2026-01-31T12:00:04Z,2,1,g,2,2,4\n"
      "d,2026-01-31T12:00:01Z,2026-01-31T12:00:03Z,cancelled,,2,0,g,2,2,4\n"
      "e,2026-01-31T12:00:02Z,,unfinished,,2,0,g,2,2,4\n");
  const auto& workload = report.workloads[0];
  EXPECT_EQ(workload.counts.completed, 1);
  EXPECT_EQ(workload.counts.failed, 1);
  EXPECT_EQ(workload.counts.timed_out, 1);
  EXPECT_EQ(workload.counts.cancelled, 1);
  EXPECT_EQ(workload.counts.unfinished, 1);
  EXPECT_EQ(workload.counts.censored, 3);
  EXPECT_EQ(workload.counts.scored, 5);
  EXPECT_EQ(report.levels, (std::vector<double>{0.5, 0.975}));
  // 2.5, 2, 3 and 2 seconds against points of 2; e was watched for longer than its point.
  EXPECT_EQ(workload.estimators[0].terminal.scored, 5);
  EXPECT_TRUE(std::isnan(workload.estimators[0].terminal.pinball.low));  // too few for an interval
}

TEST(PredictionsFile, ComparesSeveralEstimators) {
  std::string text = "estimator,execution_id,accepted,ended,how,q50\n";
  core::RandomStream draws("times");
  for (int i = 0; i < 400; ++i) {
    const double elapsed = core::to_unit_interval(draws.next(1));
    for (const auto& [name, median] : {std::pair("ewma", 2.0), std::pair("oracle", 0.5)}) {
      text += fmt::format("{},e{},{},{},completed,{}\n", name, i, i, i + elapsed, median);
    }
  }
  const auto report = judged(text);
  ASSERT_EQ(report.workloads[0].estimators.size(), 2u);
  const EstimatorResult& ewma = report.workloads[0].estimators[0];
  EXPECT_EQ(ewma.role, Role::kBaseline);
  EXPECT_EQ(ewma.to_oracle.to, "oracle");
  // The mean of |2 - u| is 1.5, that of |.5 - u| .25.
  EXPECT_NEAR(ewma.to_oracle.ratio.value, 6, 0.4);
  EXPECT_LT(ewma.to_oracle.ratio.low, ewma.to_oracle.ratio.value);
}

TEST(PredictionsFile, ReportsProblemsOfTheHeader) {
  const std::string errors = errors_of("execution_id,acepted,ended,q50,q5o,q50\n1,2,3,4,5,6\n");
  EXPECT_THAT(errors,
              HasSubstr("their.csv:1: column 'accepted' is missing; did you mean 'acepted'?"));
  EXPECT_THAT(errors, HasSubstr("use --column accepted=NAME"));
  EXPECT_THAT(errors, HasSubstr("column 'how' is missing"));
  EXPECT_THAT(errors, HasSubstr("column 'q50' has the level of another column"));
  EXPECT_THAT(errors_of("execution_id,accepted,ended,how\n"), HasSubstr("give at least q50"));
  EXPECT_THAT(errors_of(""), HasSubstr("the file is empty"));
  EXPECT_THAT(errors_of("execution_id,accepted,ended,how,q50\n"), HasSubstr("no predictions"));
}

TEST(PredictionsFile, ReportsProblemsOfAllRows) {
  const std::string errors = errors_of(
      "execution_id,accepted,ended,how,deadline,queue_depth,cold,q50,q90\n"
      "a,1,2,done,,,,1,2\n"
      "b,1,2,completed,,,,3,2\n"
      "c,5,2,completed,,,,1,2\n"
      "d,1,yesterday,completed,,,,1,2\n"
      "e,1,,completed,,,,1,2\n"
      "f,2026-01-31T12:00:00Z,2,completed,,,,1,2\n"
      "g,1,2,completed,0,-1,maybe,x,2\n"
      "h,1\n"
      ",1,2,completed,,,,1,2\n");
  for (const char* const expected :
       {"their.csv:2: how is 'done'", "their.csv:3: the 90 % quantile is 2, below",
        "their.csv:4: it ended before it was accepted", "their.csv:5: ended is 'yesterday'",
        "their.csv:6: ended is empty",
        "their.csv:7: accepted is '2026-01-31T12:00:00Z'; it must be a number",
        "their.csv:8: its deadline is before", "their.csv:8: queue_depth is '-1'",
        "their.csv:8: cold is 'maybe'", "their.csv:8: column 8, q50: the value is 'x'",
        "their.csv:9: the row has 2 fields; it must have 9",
        "their.csv:10: execution_id is empty"}) {
    EXPECT_THAT(errors, HasSubstr(expected));
  }
}

TEST(PredictionsFile, RequiresTheSameExecutionsOfAllEstimators) {
  const std::string header = "estimator,execution_id,accepted,ended,how,q50\n";
  EXPECT_THAT(errors_of(header + "a,e,1,2,completed,1\na,f,1,2,completed,1\nb,e,1,2,completed,1\n"),
              HasSubstr("their.csv:3: 'b' does not predict execution 'f'"));
  EXPECT_THAT(errors_of(header + "a,e,1,2,completed,1\na,e,1,2,completed,1\n"),
              HasSubstr("their.csv:3: 'a' predicts execution 'e' on line 2 too"));
  EXPECT_THAT(errors_of(header + "a,e,1,2,completed,1\nb,e,1,3,completed,1\n"),
              HasSubstr("their.csv:3: execution 'e' has another end on line 2"));
}

TEST(PredictionsFile, ReportsAMissingFile) {
  json_input::Diagnostics diagnostics;
  Notes notes;
  EXPECT_FALSE(judge_predictions("/no/such/file.csv", {}, {}, notes, diagnostics));
  EXPECT_THAT(diagnostics.text(), HasSubstr("/no/such/file.csv"));
}

}  // namespace
}  // namespace quintain::study
