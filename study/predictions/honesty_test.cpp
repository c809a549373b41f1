#include "study/predictions/honesty.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/base/random.h"
#include "study/testing/recorded_files.h"

namespace quintain::study {
namespace {

const std::vector<double> kLevels = {0.05, 0.25, 0.5, 0.75, 0.95};

struct Data {
  std::vector<PredictedExecution> executions;
  std::vector<double> accepted;
  Forecasts forecasts{.estimator = "theirs"};

  std::vector<Flag> flags() const {
    const RecordedSeries series{executions, accepted, kLevels};
    return honesty_flags(series, dependence_of(series), forecasts, 1);
  }
  bool breaks(std::string_view name) const {
    const auto all = flags();
    const auto found = std::ranges::find(all, name, &Flag::name);
    EXPECT_NE(found, all.end());
    return found != all.end() && !found->holds;
  }
};

// Exponential times whose mean is known to the forecaster and differs between executions, one
// after the other. `bend` makes the quantiles of one execution from the true ones and the outcome.
template <class Bend>
Data independent(int count, Bend bend) {
  Data data;
  core::RandomStream draws("honesty");
  double now = 0;
  for (int i = 0; i < count; ++i) {
    const double mean = std::exp(2 * core::to_unit_interval(draws.next(1)));
    const double time = -mean * std::log(core::to_unit_interval(draws.next(1)));
    data.executions.push_back({.arrival = i, .elapsed = time});
    data.accepted.push_back(now);
    now += time;
    for (const double level : kLevels) {
      data.forecasts.quantiles.push_back(
          bend(-mean * std::log1p(-level), mean * std::log(2), time));
    }
    data.forecasts.points.push_back(mean);
  }
  return data;
}

TEST(Honesty, AnHonestForecasterBreaksNothing) {
  for (const int count : {5, 20, 100, 1000}) {
    const Data data = independent(count, [](double q, double, double) { return q; });
    for (const Flag& flag : data.flags()) EXPECT_TRUE(flag.holds) << count << flag.observed;
  }
}

TEST(Honesty, EachFaultBreaksItsFlag) {
  EXPECT_TRUE(
      independent(400, [](double q, double, double) { return 1.5 * q; }).breaks("unbiased"));
  EXPECT_TRUE(independent(400, [](double q, double m, double) {
                return m + (q - m) / 2;
              }).breaks("wide-enough"));
  EXPECT_TRUE(independent(400, [](double q, double m, double) {
                return q < m ? q / 4 : 4 * q;
              }).breaks("narrow-enough"));
  const Data peeking =
      independent(400, [](double q, double, double time) { return (q + time) / 2; });
  EXPECT_TRUE(peeking.breaks("no-hindsight"));
  EXPECT_FALSE(peeking.breaks("unbiased"));  // its calibration is that of the honest one
}

TEST(Honesty, SaysTooFewAndHowManyAreNeeded) {
  const Data data = independent(19, [](double, double, double) { return 0.0; });
  for (const Flag& flag : data.flags()) {
    EXPECT_EQ(flag.too_few, kMinJudged) << flag.name;
    EXPECT_TRUE(flag.holds);
  }
}

// Certain outcomes: a forecast with all its probability on them is honest.
TEST(Honesty, ProbabilityOnOneValueIsHonest) {
  Data data = independent(500, [](double, double, double time) { return time; });
  for (const Flag& flag : data.flags()) EXPECT_TRUE(flag.holds) << flag.name << flag.observed;
}

// All executions run at the same time: they may be wrong together, so that they are one
// observation.
TEST(Honesty, ExecutionsThatOverlapAreNotIndependent) {
  Data data = independent(300, [](double q, double, double) { return q / 100; });
  EXPECT_TRUE(data.breaks("unbiased"));
  std::ranges::fill(data.accepted, 0);
  const RecordedSeries series{data.executions, data.accepted, kLevels};
  const Dependence dependence = dependence_of(series);
  EXPECT_EQ(dependence.chain.size(), 1u);
  EXPECT_EQ(dependence.batches, 0u);
  EXPECT_NEAR(dependence.overlap, 299 / 2.0, 1e-9);
  EXPECT_FALSE(data.breaks("unbiased"));
}

// What was cut short speaks for the forecast in every direction, so that no one is blamed for it.
TEST(Honesty, UnknownOutcomesRaiseNoFlag) {
  Data data = independent(400, [](double q, double, double) { return 100 * q; });
  EXPECT_TRUE(data.breaks("unbiased"));
  for (auto& execution : data.executions) execution.end = End::kCancelled;
  EXPECT_FALSE(data.breaks("unbiased"));
  // But an execution that was cut short after its quantile is known to be late.
  data = independent(400, [](double q, double, double) { return q / 100; });
  for (auto& execution : data.executions) execution.end = End::kCancelled;
  EXPECT_TRUE(data.breaks("unbiased"));
}

// A short version of honesty_benchmark.cpp. If 5 % were flagged, more than 16 of 150 would be with
// a probability of 0.2 %.
TEST(Honesty, HonestForecastersAreFlaggedInAtMostFivePercentOfFiles) {
  for (const Origin origin : {Origin::kSequential, Origin::kParallel, Origin::kQueue}) {
    for (const int rows : {25, 200, 1200}) {
      for (const int levels : {1, 5, 19}) {
        EXPECT_LE(flagged_share(origin, Fault::kNone, rows, levels_of_file(levels), 150),
                  16.0 / 150)
            << static_cast<int>(origin) << " " << rows << " " << levels;
      }
    }
  }
}

TEST(Honesty, DishonestForecastersAreFlaggedWithEnoughRows) {
  const auto levels = levels_of_file(5);
  for (const Origin origin : {Origin::kSequential, Origin::kParallel}) {
    EXPECT_GE(flagged_share(origin, Fault::kBias125, 1500, levels, 40), 0.8);
    EXPECT_GE(flagged_share(origin, Fault::kHalfWidth, 500, levels, 40), 0.8);
    EXPECT_GE(flagged_share(origin, Fault::kPeeking, 700, levels, 40), 0.8);
  }
}

}  // namespace
}  // namespace quintain::study
