#include "study/report/study_text.h"

#include <gmock/gmock.h>

#include "study/report/sample_study_report.h"

namespace quintain::study {
namespace {

using ::testing::ElementsAre;

TEST(HumanNumber, HasThreeDigits) {
  EXPECT_EQ(human_number(0), "0");
  EXPECT_EQ(human_number(0.0123456), "0.0123");
  EXPECT_EQ(human_number(-1.41421), "-1.41");
  EXPECT_EQ(human_number(12.3456), "12.3");
  EXPECT_EQ(human_number(1234.5), "1234");
  EXPECT_EQ(human_number(1e-9), "1.00e-09");
  EXPECT_EQ(human_number(2.5e9), "2.50e+09");
  EXPECT_EQ(human_number(kUnknown), "-");
}

TEST(PlainNumber, IsAsShortAsItCanBe) {
  EXPECT_EQ(plain_number(64), "64");
  EXPECT_EQ(plain_number(41.3966), "41.4");
  EXPECT_EQ(plain_number(0), "0");
  EXPECT_EQ(plain_number(12000), "12000");
  EXPECT_EQ(plain_number(kUnknown), "-");
}

TEST(HumanCount, GroupsDigits) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1\u202f000");
  EXPECT_EQ(human_count(-1234567), "-1\u202f234\u202f567");
  EXPECT_EQ(human_count(-123), "-123");
}

TEST(HumanSeconds, PicksAUnit) {
  EXPECT_EQ(human_seconds(0), "0 s");
  EXPECT_EQ(human_seconds(75.0), "75.0 s");
  EXPECT_EQ(human_seconds(0.0213), "21.3 ms");
  EXPECT_EQ(human_seconds(-2.1e-6), "-2.10 µs");
  EXPECT_EQ(human_seconds(1.5e-7), "150 ns");
  EXPECT_EQ(human_seconds(kUnknown), "-");
}

TEST(HumanSeconds, OfAnIntervalHaveOneUnit) {
  EXPECT_EQ(human_seconds(Interval{0.213, 0.0998, 1.2}), "213 [99.8, 1200] ms");
  EXPECT_EQ(human_seconds(Interval{2, kUnknown, kUnknown}), "2.00 s");
  EXPECT_EQ(human_seconds(Interval{kUnknown, kUnknown, kUnknown}), "-");
}

TEST(HumanBytes, PicksAUnit) {
  EXPECT_EQ(human_bytes(92.16), "92.2 B");
  EXPECT_EQ(human_bytes(18'432), "18.0 KiB");
  EXPECT_EQ(human_bytes(1'245'184), "1.19 MiB");
}

TEST(HumanPValue, IsNeverZero) {
  EXPECT_EQ(human_p_value(0.41), "= 0.410");
  EXPECT_EQ(human_p_value(1e-300), "< 0.001");
  EXPECT_EQ(human_p_value(kUnknown), "unknown");
}

TEST(Shares, ArePercentAndPoints) {
  EXPECT_EQ(percent(0.9021), "90.2");
  EXPECT_EQ(percent(1), "100.0");
  EXPECT_EQ(points(-0.00001), "0.00");
  EXPECT_EQ(points(0.0042), "0.42");
  EXPECT_EQ(human_ratio(1.0137), "1.014");
  EXPECT_EQ(human_ratio(12.04), "12.0");
}

TEST(WithInterval, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(with_interval({1.014, 1.009, 1.019}, human_ratio), "1.014 [1.009, 1.019]");
  EXPECT_EQ(with_interval({1.014, kUnknown, kUnknown}, human_ratio), "1.014");
  EXPECT_EQ(with_interval({1, 1, 1}, human_ratio), "1.000");
  EXPECT_EQ(with_interval({kUnknown, kUnknown, kUnknown}, human_ratio), "-");
}

TEST(CoverageAt, FindsALevelThatWasComputed) {
  const Scores scores{.coverage = {{.value = 0.31}, {.value = 0.88}}};
  EXPECT_EQ(coverage_at(scores, {0.1 + 0.2, 0.9}, 0.3).value, 0.31);
  EXPECT_EQ(coverage_at(scores, {0.3, 0.9}, 0.9).value, 0.88);
  EXPECT_TRUE(std::isnan(coverage_at(scores, {0.3, 0.9}, 0.5).value));
  EXPECT_TRUE(std::isnan(coverage_at({}, {0.3, 0.9}, 0.9).value));
}

TEST(Leading, AreTheDefaultTheOracleAndTheBestBaseline) {
  const StudyReport report = sample_study_report();
  std::vector<std::string> names;
  for (const EstimatorResult* r : leading(report.workloads[0], "best")) names.push_back(r->name);
  EXPECT_THAT(names, ElementsAre("best", "queue-length", "oracle"));
  names.clear();
  for (const EstimatorResult* r : leading(report.workloads[0], "queue-length")) {
    names.push_back(r->name);
  }
  EXPECT_THAT(names, ElementsAre("queue-length", "oracle"));
  names.clear();
  for (const EstimatorResult* r : leading(report.workloads[0], "?")) names.push_back(r->name);
  EXPECT_THAT(names, ElementsAre("oracle"));
}

TEST(DescribeStop, SaysWhyAndHowPrecise) {
  WorkloadResult w{.seeds = {1}, .relative_half_width = 0.012, .wanted_half_width = 0.005};
  EXPECT_EQ(describe_stop(w),
            "after 1 replication, the most allowed (half-width 1.20 %, wanted 0.500 %)");
  w.seeds = {1, 2};
  w.stopped = StopReason::kPrecise;
  EXPECT_EQ(describe_stop(w),
            "precise enough after 2 replications (half-width 1.20 %, wanted 0.500 %)");
  w.wanted_half_width = 0;
  EXPECT_EQ(describe_stop(w), "precise enough after 2 replications (half-width 1.20 %)");
  w.wanted_half_width = 0.005;
  w.stopped = StopReason::kInterrupted;
  EXPECT_EQ(describe_stop(w),
            "interrupted after 2 replications (half-width 1.20 %, wanted 0.500 %)");
  w.stopped = StopReason::kRecorded;
  EXPECT_EQ(describe_stop(w), "all that was recorded is scored");
}

TEST(NamedCounts, HaveEveryCount) {
  const Counts counts{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::int64_t sum = 0;
  for (const auto& [name, n] : named_counts(counts)) sum += n;
  EXPECT_EQ(sum, 55);
}

TEST(ControlOutcomes, TellWhereEachWasFlagged) {
  StudyReport report = sample_study_report();
  EXPECT_THAT(control_outcomes(report),
              ElementsAre(ControlOutcome{"biased by 1.25", {"stationary", "regime-change"}, {}}));
  report.workloads[0].estimators.back().flags.clear();
  EXPECT_THAT(control_outcomes(report),
              ElementsAre(ControlOutcome{"biased by 1.25", {"regime-change"}, {"stationary"}}));
}

}  // namespace
}  // namespace quintain::study
