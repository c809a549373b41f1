#include "core/eta/combined.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "core/eta/testing/asked.h"
#include "core/eta/testing/tables.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;
using testing::Acceptances;
using testing::Fixed;
using testing::forecast_by;
using testing::lognormal_distribution;

Duration seconds(double s) { return Duration(static_cast<std::int64_t>(s * 1e9)); }
double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

std::unique_ptr<Estimator> recalibrated(const Forecast& forecast) {
  return make_recalibrated("recalibrated", std::make_unique<Fixed>(forecast));
}

// Shares of outcomes within each level, over the second half.
template <class Distribution>
std::array<double, kLevels> coverage(Estimator& estimator, const Distribution& truth, int count,
                                     double cut_share = 0) {
  Acceptances node(estimator);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::array<double, kLevels> covered{};
  for (int i = 0; i < count; ++i) {
    const Forecast forecast = node.accept();
    const Duration took = seconds(truth(uniform(random)));
    if (i >= count / 2) {
      for (std::size_t l = 0; l < kLevels; ++l) {
        covered[l] += took <= forecast.quantiles[l] ? 2.0 / count : 0;
      }
    }
    // Cuts are drawn from the same distribution, whatever the execution would have taken.
    const bool may_be_cut = uniform(random) < cut_share;
    const Duration cut = seconds(truth(uniform(random)));
    if (may_be_cut && cut < took) {
      node.end(cut, spearlet::EXECUTION_STATUS_TIMEOUT);
    } else {
      node.end(took);
    }
  }
  return covered;
}

void expect_calibrated(const std::array<double, kLevels>& covered, double within) {
  for (std::size_t l = 0; l < kLevels; ++l) EXPECT_NEAR(covered[l], level(l), within) << level(l);
}

// ---- Recalibration ------------------------------------------------------------------------------

// Whatever the forecast: before anything was seen its quantiles are its own.
RC_GTEST_PROP(Recalibrated, WithoutEvidenceItSaysWhatItWasTold, ()) {
  auto steps = *rc::gen::container<std::array<std::int64_t, kLevels>>(
      rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 55));
  Forecast forecast;
  Duration sum{0};
  for (std::size_t i = 0; i < kLevels; ++i) forecast.quantiles[i] = sum += Duration(steps[i]);
  forecast.point = forecast.quantiles[kMedianLevel];
  const auto estimator = recalibrated(forecast);
  Acceptances node(*estimator);
  const Forecast bent = node.accept();
  for (std::size_t i = 0; i < kLevels; ++i) {
    const auto said = static_cast<double>(forecast.quantiles[i].count());
    RC_ASSERT(std::abs(static_cast<double>(bent.quantiles[i].count()) - said) <= 1 + said * 1e-9);
  }
}

// Outcomes that lie in the forecast as it says are uniform in it, so nothing bends, whatever the
// forecast looks like: straight lines between the levels, to 0 below, and an exponential tail.
RC_GTEST_PROP(Recalibrated, OutcomesAsForecastBendNothing, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  Forecast forecast;
  double sum = 0;
  for (Duration& quantile : forecast.quantiles) quantile = seconds(sum += 0.01 + uniform(random));
  forecast.point = forecast.quantiles[kMedianLevel];
  const auto outcome = [&](double p) {
    const auto at = [&](std::size_t i) {
      return i == 0 ? 0.0 : in_seconds(forecast.quantiles[i - 1]);
    };
    if (p >= 0.95) return at(19) + (at(19) - at(18)) * std::log2(0.05 / (1 - p));
    const auto below = static_cast<std::size_t>(p * 20);
    return at(below) + (p * 20 - static_cast<double>(below)) * (at(below + 1) - at(below));
  };
  const auto estimator = recalibrated(forecast);
  Acceptances node(*estimator);
  // Evenly, in a scattered order.
  constexpr int kCount = 4001;
  for (int i = 0; i < kCount; ++i) {
    node.accept();
    node.end(seconds(outcome((static_cast<double>(i * 1597 % kCount) + 0.5) / kCount)));
  }
  const Forecast bent = node.accept();
  for (std::size_t i = 0; i < kLevels; ++i) {
    RC_ASSERT(bent.quantiles[i] >= seconds(outcome(level(i) - 0.01)));
    RC_ASSERT(bent.quantiles[i] <= seconds(outcome(std::min(level(i) + 0.01, 0.999))));
  }
}

// Its forecast's median covers a third. A tenth of the weight stays with the forecast.
TEST(Recalibrated, RepairsABiasedForecaster) {
  const auto estimator = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*estimator, lognormal_distribution(1.25, 0.5), 40'000), 0.02);
}

TEST(Recalibrated, RepairsANarrowForecaster) {
  const auto estimator = recalibrated(forecast_by(lognormal_distribution(1, 0.375)));
  expect_calibrated(coverage(*estimator, lognormal_distribution(1, 0.5), 40'000), 0.02);
  // With half the width, 10 % lie beyond where the forecast puts 1/200: the last bin is too coarse
  // for them. Unrepaired, the 95 % level would cover 79 %.
  const auto half = recalibrated(forecast_by(lognormal_distribution(1, 0.25)));
  const auto covered = coverage(*half, lognormal_distribution(1, 0.5), 40'000);
  for (std::size_t l = 1; l < kMedianLevel * 2 - 1; ++l)
    EXPECT_NEAR(covered[l], level(l), 0.025) << level(l);
  EXPECT_GT(covered[k90Level], 0.855);
  EXPECT_GT(covered[kLevels - 1], 0.88);
}

TEST(Recalibrated, LeavesAGoodForecasterAsItIs) {
  const auto estimator = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*estimator, lognormal_distribution(1, 0.5), 40'000), 0.01);
}

// To leave those out that were cut short, or to take them for ended, would make the quantiles too
// small by 10 points and more.
TEST(Recalibrated, TimesThatWereCutShortCountAsLonger) {
  const auto good = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*good, lognormal_distribution(1, 0.5), 60'000, 0.6), 0.02);
  const auto biased = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*biased, lognormal_distribution(1.25, 0.5), 60'000, 0.6), 0.025);
}

// By hand, for the product-limit estimate: of 1/4, 1/2 cut and 3/4, the last stands for 1/3 + 1/3.
TEST(Recalibrated, CutTimesAreSharedOutToTheRightAsKaplanAndMeierDo) {
  const Forecast uniform = forecast_by(testing::uniform_distribution(1));
  const auto estimator = recalibrated(uniform);
  Acceptances node(*estimator);
  for (int i = 0; i < 40'000; ++i) {
    node.accept();
    node.end(260ms);
    node.accept();
    node.end(500ms, spearlet::EXECUTION_STATUS_CANCELLED);
    node.accept();
    node.end(760ms);
  }
  const Forecast bent = node.accept();
  // A tenth of the weight is the prior's, which is flat; a third of the rest lies at 0.26, and the
  // product-limit estimate has two thirds at 0.76.
  EXPECT_NEAR(in_seconds(bent.quantiles[4]), 0.26, 0.02) << "25 %";
  EXPECT_NEAR(in_seconds(bent.quantiles[9]), 0.76, 0.03) << "50 %";
  EXPECT_NEAR(in_seconds(bent.quantiles[16]), 0.76, 0.02) << "85 %";
}

TEST(Recalibrated, OneThatRunsIsNotBent) {
  const Forecast forecast = forecast_by(lognormal_distribution(1, 0.5));
  const auto estimator = recalibrated(forecast);
  coverage(*estimator, lognormal_distribution(3, 0.5), 5000);
  const NodeState node = {
      .now = Acceptances::kNow, .slots = 1, .busy = 1, .queued = 0, .backlog = {}};
  const Forecast running = estimator->predict({.function = 0,
                                               .ordinal = 1,
                                               .accepted_at = Acceptances::kNow,
                                               .dispatched_at = Acceptances::kNow,
                                               .ahead = 0},
                                              node);
  EXPECT_EQ(running.quantiles, forecast.quantiles);
}

// ---- Mixture ------------------------------------------------------------------------------------

std::unique_ptr<Estimator> mixture(const Forecast& first, const Forecast& second) {
  return make_mixture("mixture", std::make_unique<Fixed>(first), std::make_unique<Fixed>(second));
}

TEST(Mixture, BeginsWithTheFirst) {
  const Forecast first = forecast_by(lognormal_distribution(1, 0.5));
  const auto estimator = mixture(first, forecast_by(lognormal_distribution(2, 0.5)));
  Acceptances node(*estimator);
  EXPECT_EQ(node.accept().quantiles, first.quantiles);
}

TEST(Mixture, StaysWithTheFirstWhereItIsGood) {
  const Forecast first = forecast_by(lognormal_distribution(1, 0.5));
  for (const double second : {1.05, 3.0}) {
    const auto estimator = mixture(first, forecast_by(lognormal_distribution(second, 0.5)));
    coverage(*estimator, lognormal_distribution(1, 0.5), 10'000);
    Acceptances node(*estimator);
    EXPECT_EQ(node.accept().quantiles, first.quantiles) << second;
  }
}

TEST(Mixture, TakesTheSecondWhereTheFirstFails) {
  const Forecast second = forecast_by(lognormal_distribution(1, 0.5));
  for (const double first : {0.3, 3.0}) {
    const auto estimator = mixture(forecast_by(lognormal_distribution(first, 0.5)), second);
    coverage(*estimator, lognormal_distribution(1, 0.5), 1000);
    Acceptances node(*estimator);
    const Forecast mixed = node.accept();
    for (std::size_t i = 0; i < kLevels; ++i) {
      EXPECT_NEAR(in_seconds(mixed.quantiles[i]), in_seconds(second.quantiles[i]), 1e-6) << first;
    }
  }
}

TEST(Mixture, ReturnsWhenTheFirstIsGoodAgain) {
  const Forecast first = forecast_by(lognormal_distribution(1, 0.5));
  const auto estimator = mixture(first, forecast_by(lognormal_distribution(2, 0.5)));
  coverage(*estimator, lognormal_distribution(2, 0.5), 2000);
  coverage(*estimator, lognormal_distribution(1, 0.5), 10'000);
  Acceptances node(*estimator);
  EXPECT_EQ(node.accept().quantiles, first.quantiles);
}

TEST(Mixture, ForgetsWhatHasEnded) {
  const auto estimator = mixture(forecast_by(lognormal_distribution(1, 0.5)),
                                 forecast_by(lognormal_distribution(1, 1)));
  coverage(*estimator, lognormal_distribution(1, 0.5), 100);
  const std::size_t before = estimator->bytes();
  coverage(*estimator, lognormal_distribution(1, 0.5), 10'000);
  EXPECT_EQ(estimator->bytes(), before);
}

}  // namespace
}  // namespace quintain::core::eta
