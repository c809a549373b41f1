#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "core/eta/factories.h"
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
    // Cuts are drawn from the same distribution, independently of the execution's time.
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

// Before anything was seen, the quantiles of any forecast are its own.
RC_GTEST_PROP(Recalibrated, ForwardsForecastsWithoutEvidence, ()) {
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

// Outcomes that are distributed as forecast have a uniform PIT, so nothing bends, whatever the
// forecast looks like: straight lines between the levels, to 0 below, and an exponential tail.
RC_GTEST_PROP(Recalibrated, IsUnchangedByOutcomesAsForecast, ()) {
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
  // With half the width, 10 % of the outcomes are beyond the point where the forecast has 1/200
  // left: the last bin is too coarse for them. Unrepaired, the 95 % level would cover 79 %.
  const auto half = recalibrated(forecast_by(lognormal_distribution(1, 0.25)));
  const auto covered = coverage(*half, lognormal_distribution(1, 0.5), 40'000);
  for (std::size_t l = 1; l < kMedianLevel * 2 - 1; ++l)
    EXPECT_NEAR(covered[l], level(l), 0.025) << level(l);
  EXPECT_GT(covered[k90Level], 0.855);
  EXPECT_GT(covered[kLevels - 1], 0.88);
}

TEST(Recalibrated, DoesNotChangeAGoodForecaster) {
  const auto estimator = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*estimator, lognormal_distribution(1, 0.5), 40'000), 0.01);
}

// Leaving out executions that were cut short, or counting them as ended, would make the quantiles
// too small by 10 points and more.
TEST(Recalibrated, CountsTimesThatWereCutShortAsLonger) {
  const auto good = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*good, lognormal_distribution(1, 0.5), 60'000, 0.6), 0.02);
  const auto biased = recalibrated(forecast_by(lognormal_distribution(1, 0.5)));
  expect_calibrated(coverage(*biased, lognormal_distribution(1.25, 0.5), 60'000, 0.6), 0.025);
}

// By hand, for the product-limit estimate: of 1/4, 1/2 cut and 3/4, the last has the weight 1/3 +
// 1/3.
TEST(Recalibrated, SharesCutTimesOutAsKaplanAndMeierDo) {
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

TEST(Recalibrated, DoesNotChangeForecastsOfRunningExecutions) {
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

// Where the past misleads: after outcomes that were far too late for its forecasts, the outcomes
// are as forecast again. What has been learnt would double the loss until it is forgotten.
TEST(Recalibrated, IsNotUsedWhereItRaisesTheLoss) {
  const Forecast forecast = forecast_by(lognormal_distribution(1, 0.5));
  const auto estimator = recalibrated(forecast);
  coverage(*estimator, lognormal_distribution(3, 0.5), 1500);
  Acceptances node(*estimator);
  EXPECT_NE(node.accept().quantiles, forecast.quantiles);
  coverage(*estimator, lognormal_distribution(0.9, 0.5), 1500);
  EXPECT_EQ(node.accept().quantiles, forecast.quantiles);
}

// ---- The guard ----------------------------------------------------------------------------------

std::unique_ptr<Estimator> mixture(const Forecast& first) {
  return make_mixture("mixture", std::make_unique<Fixed>(first), 1s);
}

// The number of completions until the mixture's median is within `within` of the truth.
int completions_until_right(Estimator& estimator, double median, double within) {
  Acceptances node(estimator);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  int count = 0;
  while (std::abs(std::log(in_seconds(node.accept().point) / median)) > within && count < 10'000) {
    node.end(seconds(lognormal_distribution(median, 0.5)(uniform(random))));
    ++count;
  }
  return count;
}

void expect_close(const Forecast& forecast, const Forecast& to, double tolerance) {
  for (const std::size_t i : {std::size_t{1}, kMedianLevel, k90Level}) {
    EXPECT_NEAR(in_seconds(forecast.quantiles[i]) / in_seconds(to.quantiles[i]), 1, tolerance) << i;
  }
}

TEST(Mixture, StartsNearTheFirst) {
  const Forecast first = forecast_by(lognormal_distribution(1, 0.5));
  const auto estimator = mixture(first);
  Acceptances node(*estimator);
  expect_close(node.accept(), first, 0.15);
}

TEST(Mixture, StaysWithTheFirstWhereItIsGood) {
  for (const double sigma : {0.02, 0.5}) {
    const Forecast first = forecast_by(lognormal_distribution(1, sigma));
    const auto estimator = mixture(first);
    coverage(*estimator, lognormal_distribution(1, sigma), 10'000);
    Acceptances node(*estimator);
    expect_close(node.accept(), first, sigma == 0.5 ? 0.02 : 1e-4);
  }
}

TEST(Mixture, TakesABaselineWithinTensOfCompletions) {
  for (const double first : {0.1, 10.0}) {
    const auto estimator = mixture(forecast_by(lognormal_distribution(first, 0.5)));
    EXPECT_LT(completions_until_right(*estimator, 1, 0.4), 40) << first;
    coverage(*estimator, lognormal_distribution(1, 0.5), 300);
    Acceptances node(*estimator);
    EXPECT_NEAR(in_seconds(node.accept().point), 1, 0.15) << first;
  }
}

// A long good past must not protect the first estimator.
TEST(Mixture, TakesABaselineWithinTensOfCompletionsAfterALongGoodTime) {
  const auto estimator = mixture(forecast_by(lognormal_distribution(1, 0.5)));
  coverage(*estimator, lognormal_distribution(1, 0.5), 5000);
  EXPECT_LT(completions_until_right(*estimator, 10, 0.7), 100);
}

TEST(Mixture, ReturnsWhenTheFirstIsGoodAgain) {
  const Forecast first = forecast_by(lognormal_distribution(1, 0.5));
  const auto estimator = mixture(first);
  coverage(*estimator, lognormal_distribution(5, 0.5), 500);
  coverage(*estimator, lognormal_distribution(1, 0.5), 3000);
  Acceptances node(*estimator);
  expect_close(node.accept(), first, 0.02);
}

// The median over seeds of the default estimator's quantile at `level_index` after 30 completions
// of a new node's only function, divided by the true quantile.
template <class Distribution>
double of_truth_after_30(const Distribution& truth, std::size_t level_index) {
  std::vector<double> ratios;
  for (std::uint64_t seed = 1; seed <= 31; ++seed) {
    const auto estimator = make_estimator({.estimator = "best", .prior = 1s}, seed);
    Acceptances node(*estimator);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int i = 0; i < 30; ++i) {
      node.accept();
      node.end(seconds(truth(uniform(random))));
    }
    ratios.push_back(in_seconds(node.accept().quantiles[level_index]) / truth(level(level_index)));
  }
  std::ranges::nth_element(ratios, ratios.begin() + 15);
  return ratios[15];
}

template <class Distribution>
void expect_known_after_30(std::string_view name, const Distribution& truth) {
  for (const std::size_t index : {kMedianLevel, k90Level}) {
    EXPECT_NEAR(std::log(of_truth_after_30(truth, index)), 0, 0.19) << name << ", " << level(index);
  }
}

// The first forecasts of a new node are a guess, and their losses up to a thousand times the later
// ones. They must not decide the weights.
TEST(Mixture, ForgetsTheGuessesOfANewNode) {
  expect_known_after_30("20 to 220 ms", [](double p) { return 0.02 + 0.2 * p; });
  expect_known_after_30("1 to 3 ms", [](double p) { return 0.001 + 0.002 * p; });
  expect_known_after_30("constant", [](double) { return 0.12; });
  expect_known_after_30("narrow", lognormal_distribution(0.1, 0.5));
  expect_known_after_30("wide", lognormal_distribution(0.1, 1.5));
  expect_known_after_30("hours", lognormal_distribution(3600, 1));
  expect_known_after_30("exponential", [](double p) { return -0.1 * std::log(1 - p); });
  expect_known_after_30("two kinds", [](double p) {
    return p < 0.7 ? 0.045 + 0.01 * p / 0.7 : 0.45 + 0.1 * (p - 0.7) / 0.3;
  });
}

// Executions behind a queue of any length, on a node with one slot.
class QueuedAcceptances {
 public:
  explicit QueuedAcceptances(Estimator& estimator) : estimator_(estimator) {
    backlog_.shares.push_back({.task = 0, .idle = 1, .instances = 1, .limit = 10});
  }

  // Accepts an execution with `ahead` executions in front of it.
  Forecast ask(std::int64_t ahead) {
    ++ordinal_;
    backlog_.waiting.assign(static_cast<std::size_t>(ahead + 1), {.ordinal = 0,
                                                                  .function = 0,
                                                                  .rank = 0,
                                                                  .deadline = Instant::never(),
                                                                  .share = 0,
                                                                  .fresh = false});
    backlog_.waiting.back().ordinal = ordinal_;
    const NodeState node = {.now = Acceptances::kNow,
                            .slots = 1,
                            .busy = ahead > 0 ? 1 : 0,
                            .queued = ahead,
                            .backlog = [this]() -> const Backlog& { return backlog_; }};
    return estimator_.predict({.function = 0,
                               .ordinal = ordinal_,
                               .accepted_at = Acceptances::kNow,
                               .dispatched_at = Instant::never(),
                               .ahead = ahead},
                              node);
  }

  // Ends the last execution, which has waited and then run for one second.
  void end(Duration waited) { end(ordinal_, waited, spearlet::EXECUTION_STATUS_COMPLETED); }

  // A caller cancels an execution that was accepted before the last one.
  void cancel_another() { end(0, 0s, spearlet::EXECUTION_STATUS_CANCELLED); }

 private:
  void end(std::uint64_t ordinal, Duration waited, spearlet::ExecutionStatus status) {
    estimator_.observe_end({.function = 0,
                            .ordinal = ordinal,
                            .accepted_at = Acceptances::kNow,
                            .deadline = Instant::never(),
                            .dispatched_at = Acceptances::kNow + waited,
                            .started_at = Acceptances::kNow + waited,
                            .ended_at = Acceptances::kNow + waited + 1s,
                            .cold = false,
                            .status = status});
  }

  Estimator& estimator_;
  Backlog backlog_;
  std::uint64_t ordinal_ = 0;
};

// Wrong behind a queue, and right where a slot is free.
class WrongInQueues final : public Estimator {
 public:
  std::string_view name() const override { return "wrong-in-queues"; }
  Forecast predict(const Target& target, const NodeState&) override {
    return forecast_by(lognormal_distribution(target.ahead > 0 ? 1000 : 1, 0.02));
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation&) override {}
  std::size_t bytes() const override { return sizeof(*this); }
};

TEST(Mixture, JudgesExecutionsThatStartAtOnceSeparately) {
  const auto estimator = make_mixture("mixture", std::make_unique<WrongInQueues>(), 1s);
  QueuedAcceptances node(*estimator);
  for (int i = 0; i < 40; ++i) {
    for (const int ahead : {0, 3}) {
      node.ask(ahead);
      node.end(std::chrono::seconds(ahead));
    }
  }
  EXPECT_EQ(node.ask(0).quantiles, forecast_by(lognormal_distribution(1, 0.02)).quantiles);
  EXPECT_LT(node.ask(3).point, 10s);
}

// Ten times as long as the queue takes.
class TooLongInQueues final : public Estimator {
 public:
  std::string_view name() const override { return "too-long-in-queues"; }
  Forecast predict(const Target& target, const NodeState&) override {
    return forecast_by(lognormal_distribution(10 * static_cast<double>(target.ahead + 1), 0.1));
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation&) override {}
  std::size_t bytes() const override { return sizeof(*this); }
};

// In the past, the time did not depend on the queue, so that an estimator that ignores it was best.
TEST(Mixture, GrowsWithTheQueueWhateverWasBestInThePast) {
  const auto estimator = make_mixture("mixture", std::make_unique<TooLongInQueues>(), 1s);
  QueuedAcceptances node(*estimator);
  for (int i = 0; i < 200; ++i) {
    node.ask(i % 5 + 12);
    node.end(0s);
  }
  EXPECT_GT(node.ask(40).point - node.ask(12).point, 28s * 0.3);
}

// Ten seconds for each execution in front, and one second where there is none.
class RightInQueues final : public Estimator {
 public:
  std::string_view name() const override { return "right-in-queues"; }
  Forecast predict(const Target& target, const NodeState&) override {
    return forecast_by(
        lognormal_distribution(target.ahead > 0 ? 10 * static_cast<double>(target.ahead) : 1, 0.1));
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation&) override {}
  std::size_t bytes() const override { return sizeof(*this); }
};

// Whoever waits gets the slot when enough in front are cancelled, which an estimator cannot
// foresee.
TEST(Mixture, DoesNotBlameTheFirstForWhatCallersCancel) {
  const auto estimator = make_mixture("mixture", std::make_unique<RightInQueues>(), 1s);
  QueuedAcceptances node(*estimator);
  const Forecast at_first = node.ask(8);
  node.end(80s);
  for (const int ahead : {1, 8}) {
    for (int i = 0; i < 40; ++i) {
      node.ask(ahead);
      for (int j = 0; j < ahead + 1; ++j) node.cancel_another();
      node.end(0s);
    }
  }
  EXPECT_GE(node.ask(8).point, at_first.point);
  // Where few of those in front are cancelled, the loss counts.
  for (int i = 0; i < 40; ++i) {
    node.ask(8);
    node.cancel_another();
    node.end(0s);
  }
  EXPECT_LT(node.ask(8).point, at_first.point / 2);
}

// An execution that is cut at its deadline cannot be forecast wrongly by what lies beyond it: the
// baseline's forecasts are far too short, the first one's are right or beyond the deadline.
TEST(Mixture, DoesNotBlameTheFirstForWhatLiesBeyondTheDeadline) {
  const Forecast far = forecast_by([](double) { return 1000.0; });
  const auto estimator = mixture(far);
  Acceptances node(*estimator, 10s);
  for (int i = 0; i < 200; ++i) {
    node.accept();
    node.end(10s, spearlet::EXECUTION_STATUS_TIMEOUT);
  }
  EXPECT_EQ(node.accept().quantiles, far.quantiles);
}

TEST(Mixture, ForgetsEndedExecutions) {
  const auto estimator = mixture(forecast_by(lognormal_distribution(1, 0.5)));
  coverage(*estimator, lognormal_distribution(1, 0.5), 1000);
  const std::size_t before = estimator->bytes();
  coverage(*estimator, lognormal_distribution(1, 0.5), 10'000);
  EXPECT_EQ(estimator->bytes(), before);
}

// ---- Explanations -------------------------------------------------------------------------------

double sum_of_weights(const Explanation& explanation) {
  double sum = 0;
  for (const Explanation::Part& part : explanation.parts) sum += part.weight;
  return sum;
}

TEST(Explanation, HasTheWeightsOfTheMixtureAndTheWorkThatWaits) {
  const auto good = make_estimator({.estimator = "best", .prior = 1s}, 1);
  coverage(*good, lognormal_distribution(1, 0.5), 500);
  Acceptances node(*good);
  const Forecast forecast = node.accept();
  const Explanation explanation = node.explain();
  ASSERT_EQ(explanation.parts.size(), 6u);
  EXPECT_EQ(explanation.parts[0].estimator, "state+calibrated");
  EXPECT_GT(explanation.parts[0].weight, 0.9);
  expect_close(explanation.parts[0].forecast, forecast, 0.05);
  EXPECT_NEAR(sum_of_weights(explanation), 1, 1e-12);
  EXPECT_GT(explanation.parts[0].recent_losses, 0);
  ASSERT_EQ(explanation.work.size(), 1u);
  EXPECT_EQ(explanation.work[0].waiting, 1);
  EXPECT_NEAR(explanation.work[0].mean_service, std::exp(0.125), 0.15);
  EXPECT_EQ(explanation.speed_factor, 1);
}

TEST(Explanation, ShowsThatABaselineHasTakenOver) {
  const auto estimator = mixture(forecast_by(lognormal_distribution(100, 0.5)));
  coverage(*estimator, lognormal_distribution(1, 0.5), 500);
  Acceptances node(*estimator);
  node.accept();
  const Explanation explanation = node.explain();
  EXPECT_EQ(explanation.parts[0].weight, 0);
  EXPECT_NEAR(sum_of_weights(explanation), 1, 1e-12);
}

TEST(Explanation, ChangesNoLaterForecast) {
  const auto one = make_estimator({.estimator = "best", .prior = 1s}, 1);
  const auto two = make_estimator({.estimator = "best", .prior = 1s}, 1);
  Acceptances asked(*one);
  Acceptances explained(*two);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(asked.accept().quantiles, explained.accept().quantiles) << i;
    explained.explain();
    const Duration took = seconds(lognormal_distribution(1 + i / 100, 1)(uniform(random)));
    asked.end(took);
    explained.end(took);
  }
}

}  // namespace
}  // namespace quintain::core::eta
