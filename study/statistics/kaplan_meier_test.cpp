#include "study/statistics/kaplan_meier.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/random/randomness.h"

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

TEST(KaplanMeier, MatchesTheTextbook) {
  const KaplanMeier estimator = leukaemia();
  const struct {
    double week, survival;
  } rows[] = {{6, 0.857},  {7, 0.807},  {10, 0.753}, {13, 0.690},
              {16, 0.627}, {22, 0.538}, {23, 0.448}};
  for (const auto& row : rows) {
    EXPECT_NEAR(estimator.survival(row.week), row.survival, 0.0005) << "week " << row.week;
  }
}

TEST(KaplanMeier, IsAStepFunction) {
  const KaplanMeier estimator = leukaemia();
  EXPECT_EQ(estimator.survival(5.9), 1);
  EXPECT_EQ(estimator.survival(9.9), estimator.survival(7));
  // The last observations are censored: nothing is known beyond week 23.
  EXPECT_EQ(estimator.survival(100), estimator.survival(23));
}

TEST(KaplanMeier, CountsCensoredObservationsAtAValueAsAtRisk) {
  EXPECT_EQ(KaplanMeier({{5, false}, {5, true}}).survival(5), 0.5);
  EXPECT_EQ(KaplanMeier({{5, true}, {5, false}}).survival(5), 0.5);
}

TEST(KaplanMeier, EndsAtZeroIfTheLastObservationIsComplete) {
  const KaplanMeier estimator({{1, false}, {2, true}, {3, false}});
  EXPECT_NEAR(estimator.survival(2.5), 2.0 / 3, 1e-12);
  EXPECT_EQ(estimator.survival(3), 0);
}

RC_GTEST_PROP(KaplanMeierProperty, IsThePlainShareIfNothingIsCensored, ()) {
  const auto values =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 20)));
  std::vector<SurvivalObservation> observations;
  for (const int value : values) observations.push_back({static_cast<double>(value), false});
  const int x = *rc::gen::inRange(-1, 40);
  const auto above = std::ranges::count_if(values, [&](int value) { return value > x; });
  const double share = static_cast<double>(above) / static_cast<double>(values.size());
  RC_ASSERT(std::abs(KaplanMeier(observations).survival(x) - share) < 1e-12);
}

// PITs of a calibrated forecast, a third of which are censored independently of their value: the
// coverage is right, where leaving out the censored ones would make it 88 instead of 80 %.
TEST(KaplanMeier, EstimatesTheCoverageOfForecastsThatWereCutShort) {
  sim::Randomness randomness(12);
  core::RandomStream stream("pits");
  constexpr int kRuns = 300;
  double coverage = 0;
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
    coverage += (1 - KaplanMeier(observations).survival(0.8)) / kRuns;
  }
  EXPECT_NEAR(coverage, 0.8, 0.005);
  EXPECT_GT(of_complete, 0.87);
}

}  // namespace
}  // namespace quintain::study::statistics
