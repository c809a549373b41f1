#include "study/comparison/oracle.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/testing/calls.h"
#include "sim/load.h"
#include "sim/world.h"

namespace quintain::study {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::eta::kLevels;

// The share of outcomes within each quantile of the forecasts made at acceptance. Executions that
// do not end by themselves are beyond all quantiles.
struct Coverage {
  std::array<double, kLevels> share{};
  int count = 0;
  std::map<std::uint64_t, core::eta::Forecast> pending;

  void end(const core::eta::Observation& end) {
    const auto forecast = pending.extract(end.ordinal);
    ASSERT_FALSE(forecast.empty());
    ++count;
    if (!end.ended_by_itself()) return;
    for (std::size_t i = 0; i < kLevels; ++i) {
      const bool within = end.ended_at - end.accepted_at <= forecast.mapped().quantiles[i];
      share[i] += within ? 1 : 0;
    }
  }
};

class Judged final : public core::eta::Estimator {
 public:
  Judged(std::unique_ptr<core::eta::Estimator> inner, Coverage& coverage)
      : inner_(std::move(inner)), coverage_(coverage) {}
  std::string_view name() const override { return inner_->name(); }
  core::eta::Forecast predict(const core::eta::Target& target,
                              const core::eta::NodeState& node) override {
    const core::eta::Forecast forecast = inner_->predict(target, node);
    coverage_.pending.try_emplace(target.ordinal, forecast);
    return forecast;
  }
  void introduce(core::eta::FunctionIndex function, std::string_view task,
                 std::string_view name) override {
    inner_->introduce(function, task, name);
  }
  void observe_arrival(core::eta::FunctionIndex function, Instant now, std::int64_t rank) override {
    inner_->observe_arrival(function, now, rank);
  }
  void observe_dispatch(core::eta::FunctionIndex function, Instant now,
                        core::Duration waited) override {
    inner_->observe_dispatch(function, now, waited);
  }
  void observe_end(const core::eta::Observation& end) override {
    inner_->observe_end(end);
    coverage_.end(end);
  }
  std::size_t bytes() const override { return inner_->bytes(); }

 private:
  std::unique_ptr<core::eta::Estimator> inner_;
  Coverage& coverage_;
};

sim::FunctionModel function_of(std::string task, sim::Distribution service) {
  sim::FunctionModel function;
  function.task = std::move(task);
  function.service = std::move(service);
  return function;
}

struct Calls {
  std::string task = "task";
  double rate;
  int count;
  int retries = 0;
};

Coverage judge(sim::NodeSpec spec, const std::vector<Calls>& calls) {
  Coverage coverage;
  int retries = 0;
  for (const Calls& these : calls) retries = std::max(retries, these.retries);
  const sim::NodeSpec truth = spec;
  spec.config.timeout = {.sync_default = 24h, .async_default = 24h, .maximum = 24h};
  spec.estimator = [&](const core::eta::EtaConfig&, std::uint64_t seed) {
    return std::make_unique<Judged>(make_oracle(truth, retries, seed), coverage);
  };
  sim::World world(/*seed=*/1);
  world.add_node(spec);
  std::vector<std::unique_ptr<sim::LoadGenerator>> loads;
  for (const Calls& these : calls) {
    sim::Load load;
    load.name = these.task;
    load.request = core::testing::async_request({.task = these.task, .retries = these.retries});
    load.arrivals = sim::ArrivalSpec(sim::arrivals::Poisson{these.rate});
    load.count = these.count;
    loads.push_back(std::make_unique<sim::LoadGenerator>(world, load, loads.size()));
  }
  world.kernel().run(Instant(24h * 365), [&] {
    for (const auto& load : loads) {
      if (!load->finished()) return false;
    }
    return world.active_executions() == 0;
  });
  EXPECT_TRUE(coverage.pending.empty());
  for (double& share : coverage.share) share /= coverage.count;
  return coverage;
}

// A few thousand executions: without a queue the standard deviation is at most 0.7 points; in a
// queue the outcomes are correlated, and it is about three times as large.
void expect_calibrated(const Coverage& coverage, double within) {
  EXPECT_GT(coverage.count, 4000);
  for (std::size_t i = 0; i < kLevels; ++i) {
    EXPECT_NEAR(coverage.share[i], core::eta::level(i), within) << core::eta::level(i);
  }
}

TEST(Oracle, IsCalibratedInAQueue) {
  sim::NodeSpec spec;
  spec.config.slots = 4;
  spec.functions = {function_of("task", sim::distribution::LognormalByMean{1s, 2}),
                    function_of("other", sim::distribution::Exponential{3s})};
  spec.functions[0].cold_start = sim::distribution::Exponential{1s};
  spec.config.instances.idle_expiry = 5s;
  expect_calibrated(
      judge(spec, {{.rate = 1.4, .count = 12'000}, {.task = "other", .rate = 0.6, .count = 5000}}),
      0.03);
}

TEST(Oracle, HasANameAndASize) {
  const auto oracle = make_oracle({}, 0, 1);
  EXPECT_EQ(oracle->name(), kOracleName);
  EXPECT_GT(oracle->bytes(), 4000U);
}

TEST(Oracle, KnowsTheSpeedFactor) {
  sim::NodeSpec spec;
  spec.config.slots = 50;
  spec.functions = {function_of("task", sim::distribution::Uniform{1s, 3s})};
  // Slow half of the time.
  for (int i = 0; i < 40; ++i) {
    spec.slowdowns.push_back(
        {.from = Instant(i * 200s), .until = Instant(i * 200s + 100s), .factor = 3});
  }
  expect_calibrated(judge(spec, {{.rate = 1, .count = 6000}}), 0.025);
}

TEST(Oracle, KnowsFailuresAndRetries) {
  sim::NodeSpec spec;
  spec.config.slots = 100;
  spec.config.retry = {.initial = 500ms, .multiplier = 3, .maximum = 2s, .jitter = 0.5};
  spec.functions = {function_of("task", sim::distribution::Uniform{500ms, 1500ms})};
  spec.functions[0].failure_probability = 0.5;
  expect_calibrated(judge(spec, {{.rate = 2, .count = 8000, .retries = 3}}), 0.025);
}

// Executions that hang are beyond all quantiles, so that coverage is bounded.
TEST(Oracle, KnowsHangs) {
  sim::NodeSpec spec;
  spec.config.slots = 100'000;
  spec.config.instances = {.per_node = 100'000, .per_task = 100'000};
  spec.config.retry = {.initial = 500ms, .multiplier = 1, .maximum = 500ms, .jitter = 0};
  spec.functions = {function_of("task", sim::distribution::Uniform{500ms, 1500ms})};
  spec.functions[0].failure_probability = 0.5;
  spec.functions[0].hang_probability = 0.4;
  const Coverage coverage = judge(spec, {{.rate = 10, .count = 5000, .retries = 1}});
  // Ends at the first attempt 0.3, at the second 0.3 * 0.6: 0.48 in all.
  for (std::size_t i = 0; i < kLevels; ++i) {
    EXPECT_NEAR(coverage.share[i], std::min(core::eta::level(i), 0.48), 0.025)
        << core::eta::level(i);
  }
}

TEST(Oracle, DependsOnTheSeedOnly) {
  sim::NodeSpec spec;
  spec.config.slots = 1;
  spec.functions = {function_of("task", sim::distribution::Exponential{1s})};
  const auto once = [&] { return judge(spec, {{.rate = 0.7, .count = 4500}}).share; };
  EXPECT_EQ(once(), once());
}

}  // namespace
}  // namespace quintain::study
