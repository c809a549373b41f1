#include "study/comparison/estimator_comparison.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace quintain::study {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using namespace core::eta;

// Always returns the same forecast and counts its calls.
class Fixed final : public Estimator {
 public:
  struct Calls {
    int predicted = 0;
    int introduced = 0;
    int dispatched = 0;
    int ended = 0;
    bool falls = false;
  };

  Fixed(core::Duration forecast, Calls& calls) : forecast_(forecast), calls_(calls) {}

  std::string_view name() const override { return "fixed"; }
  Forecast predict(const Target&, const NodeState&) override {
    ++calls_.predicted;
    Forecast forecast{.point = forecast_, .quantiles = {}};
    forecast.quantiles.fill(forecast_);
    if (calls_.falls) forecast.quantiles.back() = forecast_ / 2;
    return forecast;
  }
  void introduce(FunctionIndex, std::string_view, std::string_view) override {
    ++calls_.introduced;
  }
  void observe_dispatch(FunctionIndex, Instant, core::Duration) override { ++calls_.dispatched; }
  void observe_end(const Observation&) override { ++calls_.ended; }
  std::size_t bytes() const override { return 100; }

 private:
  core::Duration forecast_;
  Calls& calls_;
};

class EstimatorComparisonTest : public testing::Test {
 protected:
  void make(Stopwatch stopwatch = {}) {
    std::vector<std::unique_ptr<Estimator>> estimators;
    estimators.push_back(std::make_unique<Fixed>(1s, first_));
    estimators.push_back(std::make_unique<Fixed>(2s, second_));
    comparison_ =
        std::make_unique<EstimatorComparison>(std::move(estimators), log_, std::move(stopwatch));
  }

  Forecast ask(std::uint64_t ordinal) {
    core::eta::WaitingExecution waiting{};
    waiting.ordinal = ordinal;
    waiting.function = 3;
    backlog_.waiting = {waiting};
    backlog_.shares = {share_};
    return comparison_->predict({.function = 3,
                                 .ordinal = ordinal,
                                 .accepted_at = Instant(5s),
                                 .dispatched_at = Instant::never(),
                                 .ahead = queued_},
                                {.now = Instant(5s),
                                 .slots = 2,
                                 .busy = busy_,
                                 .queued = queued_,
                                 .backlog = [this]() -> const Backlog& { return backlog_; }});
  }

  void end(std::uint64_t ordinal) {
    comparison_->observe_end({.function = 3,
                              .ordinal = ordinal,
                              .accepted_at = Instant(5s),
                              .deadline = Instant(60s),
                              .dispatched_at = Instant(6s),
                              .started_at = Instant(6s),
                              .ended_at = Instant(7s),
                              .cold = false,
                              .status = spearlet::EXECUTION_STATUS_COMPLETED});
  }

  Fixed::Calls first_, second_;
  ComparisonLog log_;
  std::unique_ptr<EstimatorComparison> comparison_;
  Backlog backlog_;
  TaskShare share_{.task = 1, .idle = 0, .instances = 0, .limit = 10};
  int busy_ = 0;
  std::int64_t queued_ = 0;
};

TEST_F(EstimatorComparisonTest, AsksAllAtAcceptanceAndReturnsTheFirst) {
  make();
  EXPECT_EQ(ask(1).point, 1s);
  EXPECT_EQ(first_.predicted, 1);
  EXPECT_EQ(second_.predicted, 1);
  ASSERT_EQ(log_.records.size(), 1u);
  EXPECT_EQ(log_.forecasts[0][0].point, 1s);
  EXPECT_EQ(log_.forecasts[1][0].point, 2s);
}

TEST_F(EstimatorComparisonTest, AsksOnlyTheFirstLater) {
  make();
  ask(1);
  ask(2);
  EXPECT_EQ(ask(1).point, 1s);
  EXPECT_EQ(first_.predicted, 3);
  EXPECT_EQ(second_.predicted, 2);
  EXPECT_EQ(log_.records.size(), 2u);
}

TEST_F(EstimatorComparisonTest, ForwardsObservationsToAll) {
  make();
  comparison_->introduce(3, "task", "function");
  ask(1);
  comparison_->observe_dispatch(3, Instant(6s), 1s);
  end(1);
  end(99);  // never predicted, but observed
  for (const auto* calls : {&first_, &second_}) {
    EXPECT_EQ(calls->introduced, 1);
    EXPECT_EQ(calls->dispatched, 1);
    EXPECT_EQ(calls->ended, 2);
  }
  EXPECT_EQ(log_.records[0].ended_at, Instant(7s));
  EXPECT_EQ(log_.records[0].deadline, Instant(60s));
  EXPECT_EQ(log_.functions, 4u);
  ask(100);
  EXPECT_EQ(log_.records[1].ends_before, 2);
  EXPECT_TRUE(log_.records[1].ended_at.is_never());
}

TEST_F(EstimatorComparisonTest, RecordsColdStartsInSightAtAcceptance) {
  make();
  const auto cold = [&](int idle, int instances, int busy, std::int64_t queued) {
    share_.idle = idle;
    share_.instances = instances;
    busy_ = busy;
    queued_ = queued;
    ask(log_.records.size() + 1);
    return log_.records.back().cold_in_sight;
  };
  EXPECT_TRUE(cold(0, 0, 0, 0));
  EXPECT_FALSE(cold(1, 1, 0, 0));
  EXPECT_TRUE(cold(0, 1, 1, 0));   // a slot is free, and the only instance is busy
  EXPECT_FALSE(cold(0, 1, 2, 3));  // when a slot becomes free, the instance may be idle
  EXPECT_TRUE(cold(0, 0, 2, 3));
}

TEST_F(EstimatorComparisonTest, FallingQuantilesAreAFault) {
  make();
  ask(1);
  EXPECT_EQ(log_.fault, "");
  second_.falls = true;
  ask(2);
  EXPECT_EQ(log_.fault, "'fixed' returned falling quantiles for execution 2");
}

TEST_F(EstimatorComparisonTest, RecordsCostsAndMemory) {
  std::int64_t now = 0;
  make([&] { return now += 3; });
  queued_ = 4;
  ask(1);
  EXPECT_EQ(log_.costs[1][0].nanoseconds, 3);
  EXPECT_EQ(log_.costs[1][0].depth, 4);
  EXPECT_EQ(comparison_->bytes(), 200u);
  comparison_.reset();
  EXPECT_EQ(log_.bytes, (std::vector<std::size_t>{100, 100}));
}

}  // namespace
}  // namespace quintain::study
