#include "sim/eta/oracle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/eta/roll_forward.h"

namespace quintain::sim {
namespace {

using core::eta::FunctionIndex;
using core::eta::Pace;
using core::eta::QuantileTable;

// Where failures and retries make a law without a formula, it is sampled this often.
constexpr int kSamples = 256 * static_cast<int>(QuantileTable::kPoints);

// A function that hangs never ends; this is longer than any deadline.
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

QuantileTable table_of(const Distribution& law) {
  return table_of([&](double p) { return law.quantile_seconds(p); });
}

/// From the begin of the first attempt to the end of the last, as the node runs them.
class RetriedTimes {
 public:
  RetriedTimes(const FunctionModel& model, const core::RetryConfig& retry, int max_retries)
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
      // Whether it hangs is drawn first; only one that does not hang may fail.
      if (random_.uniform(fates_) < model_.hang_probability) return kHangs;
      time += std::chrono::duration<double>(model_.service.sample(random_, services_)).count();
      const bool fails = random_.uniform(fates_) < model_.failure_probability;
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

  const FunctionModel& model_;
  const core::RetryConfig& retry_;
  int max_retries_;
  Randomness random_{1};  // the law is the same whatever the run's seed
  core::RandomStream fates_{"oracle.fates"};
  core::RandomStream services_{"oracle.services"};
  core::RandomStream pauses_{"oracle.pauses"};
};

class Oracle final : public core::eta::Estimator, private core::eta::Laws {
 public:
  Oracle(const NodeSpec& node, int max_retries, std::uint64_t seed)
      : models_(node.functions),
        slowdowns_(node.slowdowns),
        retry_(node.config.retry),
        max_retries_(max_retries),
        roll_forward_(seed) {}

  std::string_view name() const override { return kOracleName; }

  core::eta::Forecast predict(const core::eta::Subject& subject,
                              const core::eta::NodeState& node) override {
    now_ = node.now;
    pace_ = Pace::of(slowness(now_));
    return roll_forward_.predict(subject, node, *this);
  }

  void introduce(FunctionIndex function, std::string_view task, std::string_view name) override {
    const auto model = std::ranges::find_if(models_, [&](const FunctionModel& candidate) {
      return candidate.task == task && (candidate.function.empty() || candidate.function == name);
    });
    Known& known = laws_[function];
    if (model == models_.end()) return;
    const bool ends_at_once = model->failure_probability == 0 && model->hang_probability == 0;
    known.service = ends_at_once ? table_of(model->service)
                                 : RetriedTimes(*model, retry_, max_retries_).table();
    known.cold_start = table_of(model->cold_start);
  }

  void observe_arrival(FunctionIndex function, core::Instant now, std::int64_t rank) override {
    roll_forward_.observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex, core::Instant, core::Duration) override {}
  void observe_end(const core::eta::Observation&) override {}

  std::size_t bytes() const override {
    return sizeof(*this) + laws_.size() * sizeof(Known) + roll_forward_.bytes();
  }

 private:
  struct Known {
    QuantileTable service;
    QuantileTable cold_start;
  };

  const QuantileTable& service(FunctionIndex function) override { return laws_[function].service; }
  const QuantileTable& cold_start(FunctionIndex function) override {
    return laws_[function].cold_start;
  }
  const Pace& pace() override { return pace_; }
  const Pace& pace_of(const core::eta::Running& running) override {
    // A slowdown is of what begins in it.
    pace_of_running_ =
        running.started_at.is_never() ? pace_ : Pace::of(slowness(running.started_at));
    return pace_of_running_;
  }

  float slowness(core::Instant at) const {
    double factor = 1;
    for (const Slowdown& slowdown : slowdowns_) {
      if (slowdown.from <= at && at < slowdown.until) factor *= slowdown.factor;
    }
    return static_cast<float>(factor);
  }

  std::vector<FunctionModel> models_;
  std::vector<Slowdown> slowdowns_;
  core::RetryConfig retry_;
  int max_retries_;
  core::Instant now_;
  Pace pace_ = Pace::of(1);
  Pace pace_of_running_ = Pace::of(1);
  std::map<FunctionIndex, Known> laws_;
  core::eta::RollForward roll_forward_;
};

}  // namespace

std::unique_ptr<core::eta::Estimator> make_oracle(const NodeSpec& node, int max_retries,
                                                  std::uint64_t seed) {
  return std::make_unique<Oracle>(node, max_retries, seed);
}

}  // namespace quintain::sim
