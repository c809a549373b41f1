#include "study/statistics/kaplan_meier.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/random/randomness.h"
#include "study/statistics/calibration.h"

namespace quintain::study::statistics {
namespace {

// Weeks in remission under 6-mercaptopurine (E. J. Freireich et al., Blood 21, 1963; E. A. Gehan,
// Biometrika 52, 1965), the usual example of the estimator.
KaplanMeier leukaemia() {
  std::vector<SurvivalObservation> observations;
  for (const double week : {6, 6, 6, 7, 10, 13, 16, 22, 23}) observations.push_back({week, false});
  for (const double week : {6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35}) {
    observations.push_back({week, true});
  }
  return KaplanMeier(std::move(observations));
}

TEST(KaplanMeier, IsTheTextbooks) {
  const KaplanMeier estimator = leukaemia();
  const struct {
    double week, survival, standard_error;
  } rows[] = {{6, 0.857, 0.0764},  {7, 0.807, 0.0869},  {10, 0.753, 0.0963}, {13, 0.690, 0.1068},
              {16, 0.627, 0.1141}, {22, 0.538, 0.1282}, {23, 0.448, 0.1346}};
  for (const auto& row : rows) {
    EXPECT_NEAR(estimator.survival(row.week), row.survival, 0.0005) << "week " << row.week;
    EXPECT_NEAR(estimator.standard_error(row.week), row.standard_error, 0.00005)
        << "week " << row.week;
  }
}

TEST(KaplanMeier, IsAStepFunction) {
  const KaplanMeier estimator = leukaemia();
  EXPECT_EQ(estimator.survival(5.9), 1);
  EXPECT_EQ(estimator.standard_error(5.9), 0);
  EXPECT_EQ(estimator.survival(9.9), estimator.survival(7));
  // Who was only seen to be well says nothing against it.
  EXPECT_EQ(estimator.survival(100), estimator.survival(23));
  EXPECT_EQ(estimator.reach(), 35);
}

TEST(KaplanMeier, CountsThoseCutShortAtAValueAsAtRiskThere) {
  EXPECT_EQ(KaplanMeier({{5, false}, {5, true}}).survival(5), 0.5);
  EXPECT_EQ(KaplanMeier({{5, true}, {5, false}}).survival(5), 0.5);
}

TEST(KaplanMeier, EndsAtNothingWhenTheLastOneIsComplete) {
  const KaplanMeier estimator({{1, false}, {2, true}, {3, false}});
  EXPECT_NEAR(estimator.survival(2.5), 2.0 / 3, 1e-12);
  EXPECT_EQ(estimator.survival(3), 0);
  EXPECT_EQ(estimator.standard_error(3), 0);
  const Estimate rest = estimator.probability_between(2, 3);
  EXPECT_NEAR(rest.value, 2.0 / 3, 1e-12);
  EXPECT_NEAR(rest.high - rest.value, std::min(1.959964 * std::sqrt(2.0 / 27), 1.0 / 3), 1e-6);
}

TEST(KaplanMeier, FromTheBeginGivesTheComplementWithItsError) {
  const KaplanMeier estimator = leukaemia();
  const Estimate estimate = estimator.probability_between(0, 13);
  EXPECT_NEAR(estimate.value, 1 - 0.690, 0.0005);
  EXPECT_NEAR(estimate.high - estimate.value, 1.959964 * estimator.standard_error(13), 1e-7);
  const Estimate early = estimator.probability_between(0, 6);
  EXPECT_EQ(early.low, 0);  // 1/7 less 1.96 * 0.0764 would be below
}

// Where nothing is cut short it is the plain share, and Greenwood's variance the binomial's.
RC_GTEST_PROP(KaplanMeierProperty, IsTheShareWhereNothingIsCensored, ()) {
  const auto values =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 20)));
  std::vector<SurvivalObservation> observations;
  for (const int value : values) observations.push_back({static_cast<double>(value), false});
  const KaplanMeier estimator(observations);
  const auto count = static_cast<double>(values.size());
  const int low = *rc::gen::inRange(-1, 20);
  const int high = low + *rc::gen::inRange(0, 20);
  const auto share = [&](int from, int to) {
    const auto number = std::ranges::count_if(values, [&](int v) { return v > from && v <= to; });
    return static_cast<double>(number) / count;
  };
  const double survival = share(high, 100);
  RC_ASSERT(std::abs(estimator.survival(high) - survival) < 1e-12);
  const double deviation = std::sqrt(survival * (1 - survival) / count);
  RC_ASSERT(std::abs(estimator.standard_error(high) - deviation) < 1e-12);
  const double between = share(low, high);
  const Estimate estimate = estimator.probability_between(low, high);
  RC_ASSERT(std::abs(estimate.value - between) < 1e-12);
  const double half_width = 1.959963984540054 * std::sqrt(between * (1 - between) / count);
  RC_ASSERT(std::abs(estimate.high - std::min(between + half_width, 1.0)) < 1e-7);
}

// PITs of a calibrated forecast, of which a third are cut short by something that has nothing to do
// with them: the coverage is right, where leaving the cut ones out would make
// it 88 for 80 %.
TEST(KaplanMeier, GivesTheCoverageOfForecastsThatWereCutShort) {
  sim::Randomness randomness(12);
  core::RandomStream stream("pits");
  constexpr int kRuns = 300;
  int covered = 0;
  double of_complete = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<SurvivalObservation> observations;
    double complete = 0;
    double complete_within = 0;
    for (int i = 0; i < 1000; ++i) {
      const double pit = randomness.uniform(stream);
      const double cut = 1.5 * randomness.uniform(stream);
      observations.push_back({std::min(pit, cut), cut < pit});
      if (cut < pit) continue;
      ++complete;
      complete_within += pit <= 0.8 ? 1 : 0;
    }
    of_complete += complete_within / complete / kRuns;
    const Estimate estimate = KaplanMeier(observations).probability_between(0, 0.8);
    covered += estimate.low <= 0.8 && 0.8 <= estimate.high ? 1 : 0;
  }
  EXPECT_NEAR(covered, kRuns * 0.95, kRuns * 0.035);
  EXPECT_GT(of_complete, 0.87);
}

}  // namespace
}  // namespace quintain::study::statistics
