#include "study/comparison/scoring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/random.h"
#include "study/comparison/oracle.h"

namespace quintain::study {
namespace {

const std::vector<double> kLevels = {0.05, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95};

// Executions whose time is uniform in (0, 1).
std::vector<PredictedExecution> uniform_executions(std::size_t count) {
  std::vector<PredictedExecution> executions;
  core::RandomStream times("times");
  core::RandomStream ties("ties");
  for (std::size_t i = 0; i < count; ++i) {
    executions.push_back({.arrival = static_cast<std::int64_t>(i),
                          .elapsed = core::to_unit_interval(times.next(1)),
                          .uniform = core::to_unit_interval(ties.next(1)),
                          .function = static_cast<std::uint32_t>(i % 3)});
  }
  return executions;
}

// Forecasts of the true distribution, whose quantiles are the levels, times a factor.
Forecasts forecasts(std::size_t count, double factor = 1) {
  Forecasts made{.estimator = "made"};
  for (std::size_t i = 0; i < count; ++i) {
    made.points.push_back(0.5 * factor);
    for (const double level : kLevels) made.quantiles.push_back(level * factor);
  }
  return made;
}

TEST(Scoring, MatchesACalculationByHand) {
  const std::vector<PredictedExecution> executions = {{.elapsed = 2}, {.elapsed = 6}};
  const std::vector<double> levels = {0.25, 0.5, 0.75};
  const Forecasts said{.estimator = "x", .points = {3, 4}, .quantiles = {1, 3, 4, 2, 4, 5}};
  const SeriesScores scores = score(levels, executions, said);
  EXPECT_EQ(scores.estimator, "x");
  EXPECT_EQ(scores.terminal.scored, 2);
  // At .25: .25 * (2 - 1) and .25 * (6 - 2); at .5: .5 * 1 and .5 * 2; at .75: .25 * 2 and .75 * 1.
  EXPECT_NEAR(scores.terminal.pinball_by_level[0], (0.25 + 1) / 2, 1e-12);
  EXPECT_NEAR(scores.terminal.pinball_by_level[1], (0.5 + 1) / 2, 1e-12);
  EXPECT_NEAR(scores.terminal.pinball_by_level[2], (0.5 + 0.75) / 2, 1e-12);
  EXPECT_NEAR(scores.terminal.pinball, (0.625 + 0.75 + 0.625) / 3, 1e-12);
  EXPECT_NEAR(scores.terminal.absolute_error, 1.5, 1e-12);
  EXPECT_NEAR(scores.terminal.percentage_error, (0.5 + 2.0 / 6) / 2, 1e-12);
  EXPECT_NEAR(scores.terminal.error, 0.5, 1e-12);
  EXPECT_EQ(scores.terminal.coverage, (std::vector<double>{0, 0.5, 0.5}));
  EXPECT_NEAR(scores.width_50, 3, 1e-12);
  // Beyond the levels nothing is known.
  EXPECT_TRUE(std::isnan(scores.width_90));
  EXPECT_TRUE(std::isnan(scores.terminal.judged_coverage[3]));
  EXPECT_EQ(scores.terminal.judged_coverage[0], 0.5);
}

TEST(Scoring, TheTrueDistributionIsCalibrated) {
  const auto executions = uniform_executions(20'000);
  const SeriesScores scores = score(kLevels, executions, forecasts(executions.size()));
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    EXPECT_NEAR(scores.terminal.coverage[i], kLevels[i], 0.015);
  }
  std::int64_t most = 0;
  for (const std::int64_t n : scores.pit) most = std::max(most, n);
  EXPECT_LT(most, 1200);  // of 1000 expected
  EXPECT_GT(scores.pit_effective, 10'000);
  EXPECT_EQ(scores.windows.size(), 20'000 / kWindow);
  EXPECT_NEAR(static_cast<double>(scores.scatter.size()), kScatter, 5);
}

TEST(Scoring, DeadlinesCutQuantilesButNotTheTimeToSuccess) {
  auto executions = uniform_executions(20'000);
  // All deadlines are at .6.
  for (auto& execution : executions) {
    execution.limit = 0.6;
    if (execution.elapsed <= 0.6) continue;
    execution.elapsed = 0.6;
    execution.end = End::kTimedOut;
  }
  const SeriesScores scores = score(kLevels, executions, forecasts(executions.size()));
  EXPECT_EQ(scores.terminal.scored, 20'000);
  // The mass at the deadline is spread over the levels, so that the true distribution is still
  // calibrated.
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    EXPECT_NEAR(scores.terminal.coverage[i], kLevels[i], 0.015) << kLevels[i];
  }
  EXPECT_NEAR(scores.width_90, 0.55, 1e-9);
  // Executions that were cut short are not dropped: without them the median would seem too late.
  EXPECT_NEAR(static_cast<double>(scores.success.censored), 8'000, 300);
  EXPECT_EQ(scores.success.scored + scores.success.censored, 20'000);
  EXPECT_NEAR(scores.success.coverage[2], 0.5, 0.015);
}

TEST(Scoring, RandomCancelsDoNotChangeTheCoverageOfSuccess) {
  auto executions = uniform_executions(20'000);
  core::RandomStream when("cancels");
  for (auto& execution : executions) {
    const double cancelled = core::to_unit_interval(when.next(1)) * 2;
    if (cancelled >= execution.elapsed) continue;
    execution.elapsed = cancelled;
    execution.end = End::kCancelled;
  }
  const SeriesScores scores = score(kLevels, executions, forecasts(executions.size()));
  EXPECT_GT(scores.success.censored, 4'000);
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    EXPECT_NEAR(scores.success.coverage[i], kLevels[i], 0.015) << kLevels[i];
  }
  EXPECT_GT(scores.terminal.coverage[2], 0.55);  // a cancel cannot be predicted
}

TEST(Scoring, UnfinishedExecutionsAreCensoredAndNotInTheTerminalScores) {
  const std::vector<PredictedExecution> executions = {{.elapsed = 2},
                                                      {.elapsed = 1, .end = End::kUnfinished}};
  const std::vector<double> levels = {0.5};
  const SeriesScores scores =
      score(levels, executions, {.estimator = "x", .points = {1, 1}, .quantiles = {1, 1}});
  EXPECT_EQ(scores.terminal.scored, 1);
  EXPECT_EQ(scores.success.scored, 1);
  EXPECT_EQ(scores.success.censored, 1);
}

TEST(Scoring, APointMassIsSpreadOverTheLevels) {
  auto executions = uniform_executions(10'000);
  for (auto& execution : executions) execution.elapsed = 1;
  Forecasts said = forecasts(executions.size());
  for (double& quantile : said.quantiles) quantile = 1;
  const SeriesScores scores = score(kLevels, executions, said);
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    EXPECT_NEAR(scores.terminal.coverage[i], kLevels[i], 0.02);
  }
}

TEST(Scoring, AddsUpGroupsAndChanges) {
  auto executions = uniform_executions(3'000);
  for (std::size_t i = 0; i < executions.size(); ++i) {
    executions[i].depth = i < 1500 ? 0 : 5;
    executions[i].cold = i % 2 == 0;
    if (i >= 1000) {
      executions[i].arrivals_since_change = static_cast<std::int64_t>(i - 1000);
      executions[i].ends_since_change = static_cast<std::int64_t>(i - 1000);
    }
  }
  stratify(executions);
  const SeriesScores scores = score(kLevels, executions, forecasts(executions.size()));
  ASSERT_EQ(scores.by_depth.size(), 2u);
  EXPECT_EQ(scores.by_depth[1].at, 5);
  EXPECT_EQ(scores.by_depth[1].executions, 1500);
  EXPECT_EQ(scores.after_change.executions, kAfterChange);
  EXPECT_EQ(scores.recovery.size(), 20u);
  EXPECT_EQ(scores.recovery[3].executions, kRecoveryStep);
  std::int64_t in_strata = 0;
  for (const auto& stratum : scores.strata) in_strata += stratum.executions;
  EXPECT_EQ(in_strata, 3'000);
}

TEST(Scoring, AddsUpLossesByDepth) {
  auto executions = uniform_executions(8);
  constexpr std::array<std::int64_t, 8> kDepths = {0, 1, 3, 4, 15, 16, 99, 100};
  for (std::size_t i = 0; i < executions.size(); ++i) executions[i].depth = kDepths[i];
  const SeriesScores scores = score(kLevels, executions, forecasts(executions.size()));
  std::vector<std::int64_t> counts;
  double sum = 0;
  for (const LossSum& group : scores.losses_by_depth) {
    counts.push_back(group.executions);
    sum += group.pinball;
  }
  EXPECT_EQ(counts, (std::vector<std::int64_t>{1, 2, 2, 2, 1}));
  EXPECT_NEAR(sum / 8, scores.terminal.pinball, 1e-12);
}

TEST(Stratify, NumbersFifthsAndThirds) {
  std::vector<PredictedExecution> executions;
  for (int i = 0; i < 100; ++i) {
    executions.push_back({.depth = i, .function = i < 40 ? 0u : (i < 75 ? 1u : 2u)});
  }
  stratify(executions);
  EXPECT_EQ(executions[0].depth_quintile, 1);
  EXPECT_EQ(executions[99].depth_quintile, 5);
  EXPECT_EQ(executions[0].popularity_tercile, 3);
  EXPECT_LT(executions[99].popularity_tercile, 3);
  for (auto& execution : executions) execution.depth = 0;
  stratify(executions);
  EXPECT_EQ(executions[99].depth_quintile, 1);  // with equal queues there is one group
}

TEST(Quantiles, AreNeverInterpolated) {
  const std::vector<double> quantiles = {1, 2, 4, 5, 6, 7, 8};
  EXPECT_EQ(quantile_at(kLevels, quantiles, 0.5), 4);
  EXPECT_TRUE(std::isnan(quantile_at(kLevels, quantiles, 0.375)));
  EXPECT_TRUE(std::isnan(quantile_at(kLevels, quantiles, 0.04)));
  EXPECT_TRUE(std::isnan(quantile_at(kLevels, quantiles, 0.96)));
}

TEST(Crps, NeedsLevelsThatSupportIt) {
  std::vector<double> levels;
  for (int i = 1; i < 20; ++i) levels.push_back(0.05 * i);
  EXPECT_TRUE(supports_crps(levels));
  EXPECT_FALSE(supports_crps(std::vector{0.5}));
  EXPECT_FALSE(supports_crps(kLevels));  // seven
  levels.resize(17);                     // up to 85 %
  EXPECT_FALSE(supports_crps(levels));
  // Of a uniform forecast on (0, 1) at 0.3 the CRPS is the integral of (F(x) - [x > 0.3])^2.
  std::vector<double> fine;
  for (int i = 1; i < 1000; ++i) fine.push_back(i / 1000.0);
  const std::vector<PredictedExecution> one = {{.elapsed = 0.3}};
  const SeriesScores scores = score(fine, one, {.points = {0.5}, .quantiles = fine});
  EXPECT_NEAR(scores.terminal.crps, (0.027 + 0.343) / 3, 1e-3);
}

TEST(Controls, AreBiasedNarrowOrPeeking) {
  const auto executions = uniform_executions(5'000);
  const auto controls = make_controls(kLevels, executions, forecasts(executions.size()));
  ASSERT_EQ(controls.size(), 3u);
  const SeriesScores honest = score(kLevels, executions, forecasts(executions.size()));
  const SeriesScores biased = score(kLevels, executions, controls[0]);
  const SeriesScores narrow = score(kLevels, executions, controls[1]);
  const SeriesScores peeking = score(kLevels, executions, controls[2]);
  EXPECT_NEAR(biased.terminal.judged_coverage[0], 0.625, 0.02);
  EXPECT_NEAR(narrow.terminal.judged_coverage[0], 0.5, 0.02);
  EXPECT_NEAR(narrow.terminal.judged_coverage[2], 0.7, 0.02);
  EXPECT_EQ(peeking.terminal.coverage, honest.terminal.coverage);
  EXPECT_NEAR(peeking.terminal.pinball, honest.terminal.pinball / 2, 1e-12);
  for (const Forecasts& control : controls) EXPECT_TRUE(is_control(control.estimator));
}

// Computed by scoringrules, see study/statistics/testing/reference_values.py.
TEST(Scoring, TheCrpsIsThatOfAnIndependentImplementation) {
  std::ifstream file(QUINTAIN_SOURCE_DIR "/study/statistics/testing/reference_values.json");
  const nlohmann::json document = nlohmann::json::parse(file);
  const auto levels = document.at("levels").get<std::vector<double>>();
  ASSERT_FALSE(document.at("crps").empty());
  for (const nlohmann::json& row : document.at("crps")) {
    const std::vector<PredictedExecution> executions = {{.elapsed = row["observation"]}};
    const Forecasts said{
        .estimator = "x", .points = {0}, .quantiles = row["quantiles"].get<std::vector<double>>()};
    EXPECT_NEAR(score(levels, executions, said).terminal.crps, row["crps"].get<double>(), 1e-9);
  }
}

}  // namespace
}  // namespace quintain::study
