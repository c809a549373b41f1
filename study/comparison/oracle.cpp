// The oracle computes quantile tables of the true distributions and leaves the rest to RollForward;
// the controls distort its forecasts.
#include "study/comparison/oracle.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/eta/roll_forward.h"
#include "study/comparison/scoring.h"

namespace quintain::study {
namespace {

using core::eta::FunctionIndex;
using core::eta::QuantileTable;
using core::eta::SpeedFactor;

// With failures and retries the distribution has no formula; it is sampled this often.
constexpr int kSamples = 256 * static_cast<int>(QuantileTable::kPoints);

// The time of a function that hangs, in seconds: longer than any deadline.
constexpr float kHangs = 1e12F;

QuantileTable table_of(const std::function<double(double p)>& quantile) {
  std::array<float, QuantileTable::kWanted> quantiles;
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    quantiles[i] = static_cast<float>(quantile(QuantileTable::wanted(i)));
  }
  QuantileTable table;
  table.assign(quantiles);
  return table;
}

QuantileTable table_of(const sim::Distribution& distribution) {
  return table_of([&](double p) { return distribution.quantile_seconds(p); });
}

/// The distribution of the time from the start of the first attempt to the end of the last one, as
/// the node runs them.
class RetriedTimes {
 public:
  RetriedTimes(const sim::FunctionModel& model, const core::RetryConfig& retry, int max_retries)
      : model_(model), retry_(retry), max_retries_(max_retries) {}

  QuantileTable table() {
    std::vector<float> times(kSamples);
    for (float& time : times) time = static_cast<float>(sample());
    std::ranges::sort(times);
    return table_of([&](double p) { return times[static_cast<std::size_t>(p * kSamples)]; });
  }

 private:
  double sample() {
    double time = 0;
    for (int attempt = 1;; ++attempt) {
      // As in the simulated runtime, an attempt that hangs does not fail.
      if (random_.uniform(outcomes_) < model_.hang_probability) return kHangs;
      time += std::chrono::duration<double>(model_.service.sample(random_, services_)).count();
      const bool fails = random_.uniform(outcomes_) < model_.failure_probability;
      if (!fails || attempt > max_retries_) return time;
      time += pause(attempt);
    }
  }

  double pause(int attempts) {
    const double initial = std::chrono::duration<double>(retry_.initial).count();
    const double most = std::chrono::duration<double>(retry_.maximum).count();
    const double grown =
        std::min(initial * std::pow(retry_.multiplier, static_cast<double>(attempts - 1)), most);
    return grown * (1 - retry_.jitter * random_.uniform(pauses_));
  }

  const sim::FunctionModel& model_;
  const core::RetryConfig& retry_;
  int max_retries_;
  sim::Randomness random_{1};  // the distribution does not depend on the run's seed
  core::RandomStream outcomes_{"oracle.fates"};
  core::RandomStream services_{"oracle.services"};
  core::RandomStream pauses_{"oracle.pauses"};
};

/// See make_oracle(). Serial context only.
class Oracle final : public core::eta::Estimator, private core::eta::Distributions {
 public:
  Oracle(const sim::NodeSpec& node, int max_retries, std::uint64_t seed)
      : models_(node.functions),
        slowdowns_(node.slowdowns),
        retry_(node.config.retry),
        max_retries_(max_retries),
        roll_forward_(seed) {}

  std::string_view name() const override { return kOracleName; }

  core::eta::Forecast predict(const core::eta::Target& target,
                              const core::eta::NodeState& node) override {
    now_ = node.now;
    speed_factor_ = SpeedFactor::of(slowness(now_));
    return roll_forward_.predict(target, node, *this);
  }

  void introduce(FunctionIndex function, std::string_view task, std::string_view name) override {
    const auto model = std::ranges::find_if(models_, [&](const sim::FunctionModel& candidate) {
      return candidate.task == task && (candidate.function.empty() || candidate.function == name);
    });
    Known& known = distributions_[function];
    if (model == models_.end()) return;
    const bool always_completes = model->failure_probability == 0 && model->hang_probability == 0;
    known.service = always_completes ? table_of(model->service)
                                     : RetriedTimes(*model, retry_, max_retries_).table();
    known.cold_start = table_of(model->cold_start);
  }

  void observe_arrival(FunctionIndex function, core::Instant now, std::int64_t rank) override {
    roll_forward_.observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex, core::Instant, core::Duration) override {}
  void observe_end(const core::eta::Observation&) override {}

  std::size_t bytes() const override {
    return sizeof(*this) + distributions_.size() * sizeof(Known) + roll_forward_.bytes();
  }

 private:
  struct Known {
    QuantileTable service;
    QuantileTable cold_start;
  };

  const QuantileTable& service(FunctionIndex function) override {
    return distributions_[function].service;
  }
  const QuantileTable& cold_start(FunctionIndex function) override {
    return distributions_[function].cold_start;
  }
  const SpeedFactor& speed_factor() override { return speed_factor_; }
  const SpeedFactor& speed_factor_of(const core::eta::RunningExecution& running) override {
    // A slowdown applies to executions that start during it.
    speed_factor_of_running_ = running.started_at.is_never()
                                   ? speed_factor_
                                   : SpeedFactor::of(slowness(running.started_at));
    return speed_factor_of_running_;
  }

  float slowness(core::Instant at) const {
    double factor = 1;
    for (const sim::Slowdown& slowdown : slowdowns_) {
      if (slowdown.from <= at && at < slowdown.until) factor *= slowdown.factor;
    }
    return static_cast<float>(factor);
  }

  std::vector<sim::FunctionModel> models_;
  std::vector<sim::Slowdown> slowdowns_;
  core::RetryConfig retry_;
  int max_retries_;
  core::Instant now_;
  SpeedFactor speed_factor_ = SpeedFactor::of(1);
  SpeedFactor speed_factor_of_running_ = SpeedFactor::of(1);
  std::map<FunctionIndex, Known> distributions_;
  core::eta::RollForward roll_forward_;
};

}  // namespace

std::unique_ptr<core::eta::Estimator> make_oracle(const sim::NodeSpec& node, int max_retries,
                                                  std::uint64_t seed) {
  return std::make_unique<Oracle>(node, max_retries, seed);
}

std::vector<Forecasts> make_controls(std::span<const double> levels,
                                     std::span<const PredictedExecution> executions,
                                     const Forecasts& oracle) {
  Forecasts biased = oracle;
  biased.estimator = "control-biased";
  for (double& point : biased.points) point *= 1.25;
  for (double& quantile : biased.quantiles) quantile *= 1.25;

  Forecasts narrow = oracle;
  narrow.estimator = "control-narrow";
  Forecasts peeking = oracle;
  peeking.estimator = "control-peeking";
  const auto halve = [](double& value, double towards) { value = (value + towards) / 2; };
  for (std::size_t i = 0; i < executions.size(); ++i) {
    const double median = quantile_at(levels, oracle.of(i, levels.size()), 0.5);
    const double actual = executions[i].elapsed;
    halve(peeking.points[i], actual);
    for (std::size_t k = 0; k < levels.size(); ++k) {
      halve(narrow.quantiles[i * levels.size() + k], median);
      halve(peeking.quantiles[i * levels.size() + k], actual);
    }
  }
  return {biased, narrow, peeking};
}

bool is_control(std::string_view estimator) { return estimator.starts_with("control-"); }

}  // namespace quintain::study
