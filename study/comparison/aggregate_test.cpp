#include "study/comparison/aggregate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "study/report/study_report.h"

namespace quintain::study {
namespace {

// A series with calibrated forecasts, or the given coverage.
SeriesScores series(std::string name, double pinball,
                    std::vector<double> judged = {0.5, 0.8, 0.9, 0.95}) {
  SeriesScores scores{.estimator = std::move(name)};
  for (PartScores* part : {&scores.terminal, &scores.success}) {
    part->scored = 2000;
    part->pinball = pinball;
    part->pinball_by_level = {pinball};
    part->coverage = {judged[0]};
    part->judged_coverage = judged;
  }
  scores.pit.assign(kPitBins, 100);
  scores.pit_effective = 2000;
  StratumScores stratum{.executions = 600};
  for (const double coverage : judged) {
    stratum.covered.push_back(std::lround(coverage * 600));
  }
  scores.strata = {stratum};
  return scores;
}

const Flag& flag(const EstimatorResult& result, std::string_view name) {
  return *std::ranges::find(result.flags, name, &Flag::name);
}

// The result of four replications; `make` returns the scores of each.
template <class Make>
WorkloadResult summary(Make make, std::vector<Goal> goals = {}) {
  Workload workload;
  workload.goals = std::move(goals);
  std::vector<CellResult> cells(4);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i].seed = i + 1;
    cells[i].estimators = make(static_cast<double>(i));
  }
  return summarise(workload, cells, "best");
}

const EstimatorResult& result(const WorkloadResult& workload, std::string_view name) {
  return *find_estimator(workload, name);
}

TEST(Aggregate, PoolsLossesByDepth) {
  const auto workload = summary([](double i) {
    SeriesScores scores = series("best", 1);
    scores.losses_by_depth = {{10, 20 + i}, {0, 0}, {4, 10}, {0, 0}, {1, i}};
    return std::vector{scores, series("oracle", 1)};
  });
  const std::vector<DepthLoss>& groups = result(workload, "best").by_depth;
  ASSERT_EQ(groups.size(), 5u);
  EXPECT_EQ(groups[0].executions, 40);
  EXPECT_NEAR(groups[0].pinball, 86.0 / 40, 1e-12);
  EXPECT_NEAR(groups[0].share, 86.0 / 132, 1e-12);
  EXPECT_TRUE(std::isnan(groups[1].pinball));
  EXPECT_EQ(groups[2].from, 4);
  EXPECT_EQ(groups[2].to, 15);
  EXPECT_EQ(groups[4].to, std::nullopt);
  EXPECT_NEAR(groups[4].share, 6.0 / 132, 1e-12);
}

TEST(Aggregate, DerivesRolesFromNames) {
  EXPECT_EQ(role_of("queue-length"), Role::kBaseline);
  EXPECT_EQ(role_of("queue-length+conformal"), Role::kEstimator);
  EXPECT_EQ(role_of("state"), Role::kEstimator);
  EXPECT_EQ(role_of("oracle"), Role::kOracle);
  EXPECT_EQ(role_of("control-narrow"), Role::kControl);
}

TEST(Aggregate, IntervalsAreOverReplications) {
  const auto interval = interval_over(std::vector{1.0, 2.0, 3.0});
  EXPECT_EQ(interval.value, 2);
  EXPECT_NEAR(interval.high - interval.value, 4.30265 / std::sqrt(3), 1e-4);  // t with 2 degrees
  EXPECT_TRUE(std::isnan(interval_over(std::vector{1.0}).low));
  EXPECT_EQ(interval_over(std::vector{1.0, kUnknown, 3.0}).value, 2);
  EXPECT_TRUE(std::isnan(interval_over(std::vector{kUnknown}).value));
}

TEST(Aggregate, RatiosArePaired) {
  // The congestion of a seed is the same for both, so that their ratio is exact.
  const auto workload = summary([](double i) {
    return std::vector{series("best", 1.1 * (1 + i)), series("ewma", 2 * (1 + i)),
                       series("les", 1.5 * (1 + i)), series("oracle", 1 + i)};
  });
  const EstimatorResult& best = result(workload, "best");
  EXPECT_EQ(best.to_oracle.to, "oracle");
  EXPECT_NEAR(best.to_oracle.ratio.value, 1.1, 1e-12);
  EXPECT_NEAR(best.to_oracle.ratio.high, 1.1, 1e-9);
  EXPECT_EQ(best.to_best_baseline.to, "les");
  EXPECT_NEAR(best.to_best_baseline.ratio.value, 1.1 / 1.5, 1e-12);
  EXPECT_EQ(best.to_baselines.size(), 2u);
  EXPECT_GT(best.terminal.pinball.high - best.terminal.pinball.low, 1);
  EXPECT_EQ(best.terminal.scored, 8000);
  EXPECT_EQ(workload.seeds, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST(Aggregate, JudgesOnlyStrataWithEnoughExecutions) {
  const auto skewed = [](double) {
    auto scores = series("best", 1);
    scores.strata[0].covered[0] = 400;  // 66.7 % of 600, in each of four replications
    scores.strata.push_back(
        {.depth_quintile = 2, .executions = 200, .covered = {200, 200, 200, 200}});
    return std::vector{scores, series("oracle", 1)};
  };
  const auto workload = summary(skewed);
  EXPECT_EQ(result(workload, "best").strata.size(), 2u);
  EXPECT_NEAR(result(workload, "best").worst_stratum_error, 1.0 / 6, 1e-9);
}

TEST(Aggregate, RecoversAtTheFirstStepWithoutALaterExcess) {
  const auto changed = [](std::vector<double> losses) {
    return [losses](double) {
      auto one = series("best", 1);
      auto oracle = series("oracle", 1);
      for (const double loss : losses) {
        one.recovery.push_back({.executions = 100, .pinball = loss});
        oracle.recovery.push_back({.executions = 100, .pinball = 1});
      }
      one.after_change = {.executions = 200, .pinball = 3};
      oracle.after_change = {.executions = 200, .pinball = 2};
      return std::vector{one, oracle};
    };
  };
  const auto adaptation = [&](std::vector<double> losses) {
    return result(summary(changed(std::move(losses))), "best").adaptation;
  };
  EXPECT_EQ(adaptation({2, 1.05, 1.3, 1.1, 1.0})->completions_until_recovered, 300);
  EXPECT_EQ(adaptation({1, 1, 1})->completions_until_recovered, 0);
  EXPECT_FALSE(adaptation({1, 1, 1.2})->completions_until_recovered);
  EXPECT_NEAR(adaptation({1, 1, 1})->after_change.value, 1.5, 1e-12);
}

TEST(Flags, HonestForecastsPass) {
  const auto workload = summary([](double i) {
    return std::vector{series("best", 1.02 + i / 1000, {0.505, 0.79, 0.9 + i / 1000, 0.95}),
                       series("oracle", 1)};
  });
  for (const Flag& each : result(workload, "best").flags) EXPECT_TRUE(each.holds) << each.name;
  EXPECT_FALSE(flagged(result(workload, "best")));
}

TEST(Flags, FlagsCalibrationOnlyIfTheIntervalExcludesIt) {
  const auto with = [](double spread, double at_90) {
    return summary([=](double i) {
      return std::vector{series("best", 1, {0.5, 0.8, at_90 + (i - 1.5) * spread, 0.95}),
                         series("oracle", 1)};
    });
  };
  EXPECT_FALSE(flag(result(with(0.001, 0.86), "best"), "calibrated").holds);
  EXPECT_TRUE(flag(result(with(0.02, 0.86), "best"), "calibrated").holds);   // it may be chance
  EXPECT_TRUE(flag(result(with(0.001, 0.88), "best"), "calibrated").holds);  // it is small
  EXPECT_NEAR(result(with(0.001, 0.86), "best").worst_coverage_error.value, 0.04, 1e-9);
}

TEST(Flags, FlagsBiasUnevennessAndForesight) {
  const auto workload = summary([](double i) {
    auto biased = series("best", 1.2, {0.6 + i / 1000, 0.8, 0.9, 0.95});
    biased.pit[0] = 400;
    return std::vector{biased, series("peeker", 0.8 + i / 1000), series("oracle", 1)};
  });
  EXPECT_FALSE(flag(result(workload, "best"), "unbiased").holds);
  EXPECT_FALSE(flag(result(workload, "best"), "flat").holds);
  EXPECT_TRUE(flag(result(workload, "best"), "no-better-than-the-oracle").holds);
  EXPECT_FALSE(flag(result(workload, "peeker"), "no-better-than-the-oracle").holds);
  EXPECT_TRUE(flag(result(workload, "peeker"), "calibrated").holds);
}

TEST(Flags, AreGoalsWhereAGoalNamesThem) {
  const auto make = [](double i) {
    return std::vector{series("best", 1.2, {0.6 + i / 1000, 0.8, 0.9, 0.95}), series("oracle", 1)};
  };
  const auto demanded = summary(make, {{.flags = {"unbiased", "no-better-than-the-oracle"}}});
  EXPECT_FALSE(flag(result(demanded, "best"), "goal/unbiased").holds);
  EXPECT_TRUE(flag(result(demanded, "best"), "goal/no-better-than-the-oracle").holds);
  EXPECT_EQ(result(demanded, "best").flags.size(), 6u);
}

TEST(Flags, ComparesGoalsWithTheValue) {
  const auto make = [](double i) {
    // 1.02 on the geometric mean, between about .98 and 1.06.
    return std::vector{series("best", 1.02 * std::exp((i - 1.5) * 0.02)), series("ewma", 1.2),
                       series("oracle", 1)};
  };
  const auto kept = summary(make, {{.pinball_to_oracle = 1.021, .coverage_error = 0}});
  const Flag& goal = flag(result(kept, "best"), "goal/pinball-to-oracle");
  EXPECT_TRUE(goal.holds) << goal.observed;
  EXPECT_TRUE(flag(result(kept, "best"), "goal/coverage-error").holds);
  const auto missed = summary(make, {{.pinball_to_oracle = 1.0, .after_change_to_oracle = 1}});
  EXPECT_FALSE(flag(result(missed, "best"), "goal/pinball-to-oracle").holds);
  EXPECT_THAT(flag(result(missed, "best"), "goal/pinball-to-oracle").observed,
              testing::HasSubstr("0.02 too much"));
  // Without a change of regime the goal cannot be reached.
  EXPECT_FALSE(flag(result(missed, "best"), "goal/after-change-to-oracle").holds);
  const auto of_other = summary(make, {{.estimator = "ewma", .pinball_to_oracle = 1}});
  EXPECT_EQ(result(of_other, "best").flags.size(), 4u);
  EXPECT_FALSE(flag(result(of_other, "ewma"), "goal/pinball-to-oracle").holds);
}

TEST(ClosedForms, MayDifferByFourStandardErrors) {
  Workload workload;
  workload.closed_forms = {{.model = "M/M/1", .reference = 4}};
  const auto check = [&](double mean) {
    std::vector<CellResult> cells(2);
    for (auto& cell : cells) {
      cell.estimators = {series("oracle", 1)};
      cell.closed_forms = {{mean - 0.1, mean + 0.1}};
    }
    return summarise(workload, cells, "best").analytic.at(0);
  };
  EXPECT_TRUE(check(4.1).holds);
  EXPECT_NEAR(check(4.1).z, 0.1 / (std::sqrt(0.04 / 3) / 2), 1e-6);
  EXPECT_FALSE(check(4.3).holds);
}

TEST(Oracle, ThatIsNotCalibratedIsNamedAndNoRatioToItIsPrinted) {
  const auto result_with = [](double coverage, bool single_calls) {
    std::vector<SeriesScores> one = {series("best", 2), series("oracle", 1),
                                     series("control-peeking", 0.5)};
    for (SeriesScores& scores : one) {
      scores.terminal.scored = 10'000;
      scores.terminal.judged_coverage = {0.5, coverage, 0.9, 0.95};
    }
    CellResult cell;
    cell.estimators = one;
    Workload workload;
    workload.name = "w";
    workload.single_calls = single_calls;
    workload.goals = {{.pinball_to_oracle = 3}};
    return summarise(workload, std::vector{cell, cell}, "best");
  };
  const WorkloadResult good = result_with(0.81, false);
  EXPECT_EQ(good.no_oracle, "");
  EXPECT_NEAR(good.estimators[0].to_oracle.ratio.value, 2, 1e-9);
  EXPECT_FALSE(good.estimators[0].to_reference);

  const WorkloadResult off = result_with(0.84, false);
  EXPECT_THAT(off.no_oracle, testing::HasSubstr("the oracle itself is not calibrated"));
  EXPECT_TRUE(std::isnan(off.estimators[0].to_oracle.ratio.value));
  ASSERT_TRUE(off.estimators[0].to_reference);
  EXPECT_NEAR(off.estimators[0].to_reference->ratio.value, 2, 1e-9);
  EXPECT_TRUE(flag(off.estimators[0], "goal/pinball-to-oracle").holds);
  EXPECT_FALSE(flag(off.estimators[2], "no-better-than-the-oracle").holds);

  const WorkloadResult recorded = result_with(0.8, true);
  EXPECT_EQ(recorded.estimators[1].name, "marginal");
  EXPECT_EQ(recorded.estimators[1].role, Role::kReference);
  EXPECT_EQ(recorded.estimators[0].to_reference->to, "marginal");
}

}  // namespace
}  // namespace quintain::study
