#include "reports/comparison.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int kSeeds = 20;

// A case with one value of each metric for each seed.
Report report_of(const std::vector<std::pair<std::string, std::vector<double>>>& metrics,
                 std::uint64_t first_seed = 1) {
  Report report;
  for (std::size_t i = 0; i < metrics.front().second.size(); ++i) {
    Case& c = report.cases.emplace_back(sample_case("load/a"));
    c.seed = first_seed + i;
    c.metrics.clear();
    for (const auto& [name, values] : metrics) c.metrics.push_back({name, values[i], "ms"});
    report.seeds.push_back(c.seed);
  }
  return report;
}

// ---- Outcomes -----------------------------------------------------------------------------------

TEST(Compare, AReportIsNotWorseThanItself) {
  const Comparison comparison = compare(sample_report(), sample_report(), {});
  EXPECT_FALSE(comparison.is_worse());
  EXPECT_THAT(comparison.outcomes, IsEmpty());
  EXPECT_THAT(comparison.metrics, IsEmpty());
  EXPECT_EQ(comparison.compared_cases, 6);
}

TEST(Compare, FindsWhatIsWorseBetterNewAndGone) {
  Report base = sample_report();
  Report head = sample_report();
  head.cases[0].checks[0].verdict = Verdict::kFailed;  // it passed
  head.cases[1].checks[1].verdict = Verdict::kPassed;  // it failed
  head.cases.erase(head.cases.begin() + 2);
  head.cases.push_back(sample_case("new/passes"));
  const Comparison comparison = compare(base, head, {});
  ASSERT_THAT(comparison.outcomes, SizeIs(4));
  EXPECT_EQ(comparison.outcomes[0].change, Change::kWorse);
  EXPECT_EQ(comparison.outcomes[0].name, "cancel/while-queued[mode=sync]");
  EXPECT_EQ(comparison.outcomes[0].before, "passed");
  EXPECT_EQ(comparison.outcomes[0].after, "failed");
  EXPECT_EQ(comparison.outcomes[1].change, Change::kBetter);
  EXPECT_EQ(comparison.outcomes[2].change, Change::kNew);
  EXPECT_EQ(comparison.outcomes[3].change, Change::kGone);
  EXPECT_TRUE(comparison.is_worse());
}

TEST(Compare, ANewCaseThatFailsIsWorse) {
  Report head = sample_report();
  head.cases.push_back(head.cases[1]);
  head.cases.back().name = "new/fails";
  EXPECT_TRUE(compare(sample_report(), head, {}).is_worse());
}

// ---- Tests --------------------------------------------------------------------------------------

TEST(SignedRank, IsExactForFewPairs) {
  // All of one sign: 2 of 2^n.
  EXPECT_DOUBLE_EQ(signed_rank_p({1, 2, 3, 4, 5, 6}), 2.0 / 64);
  EXPECT_DOUBLE_EQ(signed_rank_p({-1, -2, -3, -4, -5, -6}), 2.0 / 64);
  // W = 3: the subsets {}, {1}, {2}, {3}, {1, 2} of {1, ..., 6}.
  EXPECT_DOUBLE_EQ(signed_rank_p({1, 2, -3, 4, 5, 6}), 10.0 / 64);
  EXPECT_DOUBLE_EQ(signed_rank_p({0, 0, 0}), 1);
}

TEST(SignedRank, OfManyPairsIsNearTheExactValue) {
  std::vector<double> differences;
  for (int i = 1; i <= 24; ++i) differences.push_back(i % 4 == 0 ? -i : i);
  const double exact = signed_rank_p(differences);
  for (int i = 0; i < 2; ++i) differences.push_back(0);  // they do not count
  EXPECT_DOUBLE_EQ(signed_rank_p(differences), exact);
  // A tie makes it the normal approximation.
  differences[0] = differences[1];
  EXPECT_THAT(signed_rank_p(differences), DoubleNear(exact, 0.01));
}

TEST(RankSum, SeparatedSamplesDifferAndEqualOnesDoNot) {
  EXPECT_LT(rank_sum_p({1, 2, 3, 4, 5, 6, 7, 8}, {11, 12, 13, 14, 15, 16, 17, 18}), 0.001);
  EXPECT_GT(rank_sum_p({1, 3, 5, 7, 9, 11, 13, 15}, {2, 4, 6, 8, 10, 12, 14, 16}), 0.5);
  EXPECT_DOUBLE_EQ(rank_sum_p({1, 1, 1}, {1, 1, 1}), 1);
}

// ---- Metrics ------------------------------------------------------------------------------------

TEST(Compare, TooFewSeedsDecideNothing) {
  const Comparison comparison = compare(report_of({{"response_ms.mean", {10, 11, 12}}}),
                                        report_of({{"response_ms.mean", {20, 22, 24}}}), {});
  EXPECT_FALSE(comparison.is_worse());
  EXPECT_EQ(comparison.undecided_metrics, 1);
}

TEST(Compare, TheNameOfAMetricSaysWhichDirectionIsWorse) {
  const std::vector<double> low = {10, 11, 12, 13, 14, 15, 16, 17};
  const std::vector<double> high = {20, 22, 24, 26, 28, 30, 32, 34.5};
  const auto change_of = [&](const std::string& metric) {
    const auto comparison = compare(report_of({{metric, low}}), report_of({{metric, high}}), {});
    return comparison.metrics.empty() ? Change::kGone : comparison.metrics[0].change;
  };
  EXPECT_EQ(change_of("response_ms.p99"), Change::kWorse);
  EXPECT_EQ(change_of("share.COMPLETED"), Change::kBetter);
  EXPECT_EQ(change_of("attempts"), Change::kOther);
}

TEST(Compare, ChangesBelowTheThresholdDoNotCount) {
  std::vector<double> base;
  std::vector<double> head;
  for (int i = 0; i < kSeeds; ++i) {
    base.push_back(100 + i);
    head.push_back((100 + i) * (1.01 + 0.0001 * i));
  }
  const auto compare_at = [&](double threshold) {
    return compare(report_of({{"wait_ms.mean", base}}), report_of({{"wait_ms.mean", head}}),
                   {.threshold = threshold});
  };
  EXPECT_FALSE(compare_at(0.02).is_worse());
  EXPECT_TRUE(compare_at(0.005).is_worse());
}

TEST(Compare, OtherSeedsAreTwoSamples) {
  std::vector<double> base;
  std::vector<double> head;
  for (int i = 0; i < kSeeds; ++i) {
    base.push_back(100 + i % 5 + 0.01 * i);
    head.push_back(110 + i % 5 + 0.01 * i);
  }
  const Comparison comparison =
      compare(report_of({{"wait_ms.mean", base}}), report_of({{"wait_ms.mean", head}}, 1000), {});
  ASSERT_THAT(comparison.metrics, SizeIs(1));
  EXPECT_EQ(comparison.metrics[0].pairs, 0);
  EXPECT_EQ(comparison.metrics[0].change, Change::kWorse);
}

// The share of 1,000 comparisons over 20 seeds, of 20 metrics each, in which the first metric is
// worse, and in which any is. The draws of a seed differ by half, and the two programs by 3 %.
std::pair<double, double> shares_of_worse(double first_is_longer_by) {
  constexpr int kTrials = 1000;
  constexpr int kMetrics = 20;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  int first = 0;
  int any = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<std::pair<std::string, std::vector<double>>> base;
    std::vector<std::pair<std::string, std::vector<double>>> head;
    for (int metric = 0; metric < kMetrics; ++metric) {
      const std::string name = "wait_ms." + std::to_string(metric);
      auto& before = base.emplace_back(name, std::vector<double>()).second;
      auto& after = head.emplace_back(name, std::vector<double>()).second;
      for (int seed = 0; seed < kSeeds; ++seed) {
        const double value = 100 * std::exp(0.5 * normal(random));
        before.push_back(value);
        after.push_back(value * (metric == 0 ? 1 + first_is_longer_by : 1) *
                        std::exp(0.03 * normal(random)));
      }
    }
    const Comparison comparison = compare(report_of(base), report_of(head), {});
    any += comparison.is_worse() ? 1 : 0;
    for (const MetricChange& change : comparison.metrics) {
      first += change.metric == "wait_ms.0" && change.change == Change::kWorse ? 1 : 0;
    }
  }
  return {static_cast<double>(first) / kTrials, static_cast<double>(any) / kTrials};
}

TEST(Compare, FindsARegressionOf5PercentAndNoneWhereThereIsNone) {
  const double power = shares_of_worse(0.05).first;
  const double false_alarms = shares_of_worse(0).second;
  RecordProperty("power", std::to_string(power));
  RecordProperty("false_alarms", std::to_string(false_alarms));
  EXPECT_GT(power, 0.95);
  EXPECT_LT(false_alarms, 0.05);
}

// ---- Texts --------------------------------------------------------------------------------------

TEST(RenderComparison, EndsWithTheVerdict) {
  Report head = sample_report();
  head.cases[0].checks[0].verdict = Verdict::kFailed;
  const Comparison comparison = compare(sample_report(), head, {});
  EXPECT_THAT(render_comparison(comparison),
              HasSubstr("worse   cancel/while-queued[mode=sync]: passed -> failed: "));
  EXPECT_THAT(render_comparison(comparison), HasSubstr("\nworse: 6 cases compared (1 worse"));
  EXPECT_THAT(comparison_markdown(comparison), StartsWith("## quintain compare\n\nworse: "));
  const auto json = nlohmann::json::parse(comparison_json(comparison));
  EXPECT_EQ(json.at("worse"), true);
  EXPECT_EQ(json.at("outcomes").at(0).at("change"), "worse");
}

TEST(RenderComparison, NothingInATextIsMarkup) {
  Report head = sample_report();
  head.cases.push_back(sample_case("new/|x|<b>\x1b[31m"));
  const std::string text = comparison_markdown(compare(sample_report(), head, {}));
  EXPECT_THAT(text, HasSubstr("&#124;x&#124;&lt;b&gt;&#92;x1b"));
}

}  // namespace
}  // namespace quintain::reports
