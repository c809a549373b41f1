#include "study/comparison/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "study/comparison/oracle.h"
#include "study/testing/small_study.h"

namespace quintain::study {
namespace {

CellResult cell_of(const Workload& workload, std::uint64_t seed = 1,
                   std::vector<std::string> estimators = {"queue-length", "ewma", "best"}) {
  const auto cell =
      run_cell(workload, seed, {.estimators = std::move(estimators), .stopwatch = {}});
  EXPECT_TRUE(cell.ok()) << cell.status();
  return cell.ok() ? *cell : CellResult();
}

const SeriesScores& scores_of(const CellResult& cell, std::string_view estimator) {
  return *std::ranges::find(cell.estimators, estimator, &SeriesScores::estimator);
}

TEST(Cell, CountsEveryCall) {
  const Study study = small_study();
  for (const Workload& workload : study.workloads) {
    const CellResult cell = cell_of(workload);
    const CallCounts& counts = cell.counts;
    EXPECT_EQ(counts.predicted, 1200);
    EXPECT_EQ(
        counts.completed + counts.failed + counts.timed_out + counts.cancelled + counts.unfinished,
        counts.predicted);
    EXPECT_GE(counts.dropped, 200);
    EXPECT_EQ(cell.warm_up_cut, static_cast<double>(counts.dropped));
    // Three estimators, the oracle, three controls.
    ASSERT_EQ(cell.estimators.size(), 7u);
    EXPECT_EQ(cell.estimators[3].estimator, kOracleName);
    for (const SeriesScores& scores : cell.estimators) {
      EXPECT_EQ(scores.terminal.scored, counts.predicted - counts.dropped);
      EXPECT_EQ(scores.success.scored + scores.success.censored, scores.terminal.scored);
    }
  }
}

TEST(Cell, CountsTimeoutsCancelsFailuresAndChanges) {
  const CellResult cell = cell_of(small_study().workloads[1]);
  EXPECT_GT(cell.counts.timed_out, 0);
  EXPECT_GT(cell.counts.cancelled, 0);
  EXPECT_GT(cell.counts.failed, 0);
  // Ten arrivals a second, so that the changes are near the 600th and the 900th.
  ASSERT_EQ(cell.changes.size(), 2u);
  EXPECT_NEAR(cell.changes[0], 600, 120);
  EXPECT_NEAR(cell.changes[1], 900, 150);
  EXPECT_GT(cell.estimators[0].after_change.executions, 400);
  ASSERT_EQ(cell.closed_forms.size(), 1u);
  EXPECT_EQ(cell.closed_forms[0].size(), 20u);
}

TEST(Cell, DependsOnWorkloadAndSeedOnly) {
  const Workload workload = small_study().workloads[1];
  EXPECT_EQ(to_json(cell_of(workload, 1)), to_json(cell_of(workload, 1)));
  EXPECT_NE(cell_of(workload, 1).digest, cell_of(workload, 2).digest);
}

TEST(Cell, EstimatorsDoNotAffectEachOther) {
  // All see the same executions, independent of the other estimators.
  const Workload workload = small_study().workloads[0];
  const CellResult all = cell_of(workload);
  const CellResult few = cell_of(workload, 1, {"queue-length"});
  EXPECT_EQ(scores_of(all, "queue-length"), scores_of(few, "queue-length"));
  EXPECT_EQ(scores_of(all, kOracleName), scores_of(few, kOracleName));
  EXPECT_EQ(all.digest, few.digest);
}

TEST(Cell, TheOracleHasTheSmallestLoss) {
  const CellResult cell = cell_of(small_study().workloads[0]);
  EXPECT_LT(scores_of(cell, kOracleName).terminal.pinball,
            scores_of(cell, "ewma").terminal.pinball);
  EXPECT_LT(scores_of(cell, kOracleName).terminal.pinball,
            scores_of(cell, "queue-length").terminal.pinball);
}

TEST(Cell, MeasuresCostsWithTheGivenStopwatch) {
  std::int64_t now = 0;
  const auto cell =
      run_cell(small_study().workloads[0], 1,
               {.estimators = {"queue-length"}, .stopwatch = [&] { return now += 7; }});
  ASSERT_EQ(cell->costs.size(), 2u);  // and the oracle
  EXPECT_EQ(cell->costs[0].estimator, "queue-length");
  EXPECT_EQ(cell->costs[0].p50, 7);
  EXPECT_EQ(cell->costs[0].p99, 7);
  EXPECT_FALSE(cell->costs[0].by_depth.empty());
  EXPECT_TRUE(cell_of(small_study().workloads[0]).costs.empty());
}

TEST(Cell, CanBeAborted) {
  const std::atomic<bool> abort = true;
  const auto cell = run_cell(small_study().workloads[0], 1,
                             {.estimators = {"queue-length"}, .stopwatch = {}, .abort = &abort});
  EXPECT_TRUE(absl::IsCancelled(cell.status()));
}

TEST(Cell, CountsUnfinishedExecutions) {
  Workload workload = small_study().workloads[0];
  workload.until = core::Instant(std::chrono::seconds(60));
  const CellResult cell = cell_of(workload);
  EXPECT_LT(cell.counts.predicted, 800);
  EXPECT_GT(cell.counts.unfinished, 0);
  EXPECT_EQ(scores_of(cell, "ewma").success.censored, cell.counts.unfinished);
}

TEST(CellJson, ReadsBackTheSame) {
  CellResult cell = cell_of(small_study().workloads[0]);
  cell.costs.push_back({.estimator = "x", .p50 = 1, .p99 = 2, .by_depth = {{3, 4}}});
  const auto again = cell_from_json(to_json(cell));
  ASSERT_TRUE(again);
  EXPECT_TRUE(*again == cell);
}

TEST(CellJson, ReadsBackNaN) {
  CellResult cell = cell_of(small_study().workloads[1]);
  cell.estimators[0].width_50 = std::nan("");
  const auto again = cell_from_json(to_json(cell));
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::isnan(again->estimators[0].width_50));
  EXPECT_EQ(to_json(*again), to_json(cell));
}

TEST(CellJson, RejectsOtherText) {
  EXPECT_FALSE(cell_from_json(""));
  EXPECT_FALSE(cell_from_json("{}"));
  std::string text = to_json(cell_of(small_study().workloads[0]));
  EXPECT_FALSE(cell_from_json(text.substr(0, text.size() / 2)));
  text.insert(1, "\"unknown\":1,");
  EXPECT_FALSE(cell_from_json(text));
}

TEST(ExplainExecution, TellsTheStateTheWeightsAndTheOutcome) {
  const Study study = small_study();
  const CellOptions options = {.estimators = study.estimators, .stopwatch = {}};
  const auto text = explain_execution(study.workloads[0], 1, options, 700);
  ASSERT_TRUE(text.ok()) << text.status();
  for (const std::string_view part :
       {"execution 700 of steady under seed 1: f0", "after the acceptance",
        "the node: ", " of 4 slots busy", "work that waits", "speed factor 1, ",
        "\n  state+calibrated            1.00 ", "\n  queue-length+conformal", "\n  oracle"}) {
    EXPECT_THAT(*text, testing::HasSubstr(part));
  }
  EXPECT_EQ(*text, *explain_execution(study.workloads[0], 1, options, 700));
}

TEST(ExplainExecution, FindsTheWorstAndRefusesWhatIsNotThere) {
  const Study study = small_study();
  const CellOptions options = {.estimators = study.estimators, .stopwatch = {}};
  const auto worst = explain_execution(study.workloads[1], 1, options, std::nullopt);
  ASSERT_TRUE(worst.ok()) << worst.status();
  EXPECT_THAT(*worst, testing::HasSubstr("of rough under seed 1"));
  const auto none = explain_execution(study.workloads[0], 1, options, 1'000'000);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(none.status().message(), testing::HasSubstr("1200 were accepted"));
}

}  // namespace
}  // namespace quintain::study
