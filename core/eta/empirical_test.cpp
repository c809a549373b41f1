#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

#include "core/eta/factories.h"
#include "core/eta/testing/asked.h"
#include "core/eta/testing/tables.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;
using testing::Acceptances;
using testing::Fixed;

// By definition: sort the last 500 and take number p (n + 1).
double order_statistic(const std::vector<int>& all, double p) {
  std::vector<int> last(all.end() - std::min<std::ptrdiff_t>(500, std::ssize(all)), all.end());
  std::ranges::sort(last);
  const double position =
      std::clamp(p * static_cast<double>(last.size() + 1), 1.0, static_cast<double>(last.size()));
  const auto below = static_cast<std::size_t>(position);
  const double part = position - static_cast<double>(below);
  const double low = last[below - 1];
  return part > 0 ? low + part * (last[below] - low) : low;
}

RC_GTEST_PROP(WindowQuantile, IsTheOrderStatisticOfTheWindow, ()) {
  const auto estimator = make_window_quantile(1s);
  Acceptances node(*estimator);
  // Few values, so that many are equal; more than the window holds.
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const int count = *rc::gen::inRange(20, 1200);
  const int values = *rc::gen::inRange(1, 60);
  std::mt19937_64 random(seed);
  std::vector<int> times;
  for (int i = 0; i < count; ++i) {
    times.push_back(static_cast<int>(random() % static_cast<std::uint64_t>(values)) * 1'000'000);
    node.accept();
    node.end(Duration(times.back()));
  }
  const Forecast forecast = node.accept();
  for (std::size_t i = 0; i < kLevels; ++i) {
    const auto found = static_cast<double>(forecast.quantiles[i].count());
    RC_ASSERT(std::abs(found - order_statistic(times, level(i))) <= 1);
  }
  RC_ASSERT(forecast.point == forecast.quantiles[kMedianLevel]);
}

TEST(WindowQuantile, IsThePriorUntilItHasSeenTwenty) {
  const auto estimator = make_window_quantile(7s);
  Acceptances node(*estimator);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(node.accept().point, 7s) << i;
    node.end(1s);
  }
  EXPECT_EQ(node.accept().point, 1s);
}

TEST(WindowQuantile, IgnoresExecutionsThatWereCutShort) {
  const auto estimator = make_window_quantile(7s);
  Acceptances node(*estimator);
  for (int i = 0; i < 100; ++i) {
    node.accept();
    node.end(1s, spearlet::EXECUTION_STATUS_TIMEOUT);
    node.accept();
    node.end(1s, spearlet::EXECUTION_STATUS_CANCELLED);
  }
  EXPECT_EQ(node.accept().point, 7s);
}

TEST(Conformal, CoversExchangeableRatiosAtEveryLevel) {
  const auto estimator =
      make_conformal(std::make_unique<Fixed>(testing::forecast_by([](double) { return 3; })));
  EXPECT_EQ(estimator->name(), "fixed+conformal");
  Acceptances node(*estimator);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto distribution = testing::lognormal_distribution(0.5, 1.2);
  std::array<int, kLevels> covered{};
  constexpr int kCount = 40'000;
  for (int i = 0; i < kCount + 500; ++i) {
    const Forecast forecast = node.accept();
    const Duration took(static_cast<std::int64_t>(distribution(uniform(random)) * 1e9));
    if (i >= 500) {
      for (std::size_t l = 0; l < kLevels; ++l) covered[l] += took <= forecast.quantiles[l] ? 1 : 0;
    }
    node.end(took);
  }
  for (std::size_t l = 0; l < kLevels; ++l) {
    EXPECT_NEAR(static_cast<double>(covered[l]) / kCount, level(l), 0.01) << level(l);
  }
}

TEST(Conformal, IsThePointEstimatorUntilItHasSeenTwenty) {
  const Forecast fixed = testing::forecast_by(testing::exponential_distribution(3));
  const auto estimator = make_conformal(std::make_unique<Fixed>(fixed));
  Acceptances node(*estimator);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(node.accept().quantiles, fixed.quantiles);
    node.end(10 * fixed.point);
  }
  for (const Duration quantile : node.accept().quantiles) {
    EXPECT_NEAR(static_cast<double>(quantile.count()),
                10.0 * static_cast<double>(fixed.point.count()), 10);
  }
}

}  // namespace
}  // namespace quintain::core::eta
