#include "core/eta/state_estimator.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/eta/learned_distributions.h"
#include "core/eta/log_scale.h"
#include "core/eta/roll_forward.h"
#include "core/eta/speed_filter.h"

namespace quintain::core::eta {
namespace {

constexpr SpeedFactor kUsualSpeed = [] {
  SpeedFactor speed_factor{.factor = {}, .uniform = true};
  for (float& factor : speed_factor.factor) factor = 1;
  return speed_factor;
}();

// A time that was cut short earlier than this share of its distribution says next to nothing.
constexpr float kTellingCut = 0.1F;

// What still runs is asked for its evidence on the speed_factor once something has outlived this
// share of its distribution.
constexpr float kLate = 0.9F;

float seconds(Duration d) { return std::chrono::duration<float>(d).count(); }

/// A two-sided CUSUM on one function's standardised times (E. S. Page, "Continuous inspection
/// schemes", Biometrika 41, 1954).
class ChangeAlarm {
 public:
  /// True if the function has changed. Then it begins anew.
  bool observe(float z) {
    // Half the shift that is looked for, one deviation; at this threshold a false alarm comes once
    // in some 10^5 times. One stray time alone must not raise it.
    constexpr float kAllowance = 0.5F;
    constexpr float kThreshold = 12;
    constexpr float kMax = 4;
    z = std::clamp(z, -kMax, kMax);
    up_ = std::max(0.0F, up_ + z - kAllowance);
    down_ = std::max(0.0F, down_ - z - kAllowance);
    if (up_ < kThreshold && down_ < kThreshold) return false;
    up_ = down_ = 0;
    return true;
  }

 private:
  float up_ = 0;
  float down_ = 0;
};

class StateEstimator final : public Estimator, private Distributions {
 public:
  StateEstimator(Duration prior, std::uint64_t seed, bool notices_change)
      : notices_change_(notices_change), service_(prior), cold_start_(prior), roll_forward_(seed) {}

  std::string_view name() const override { return notices_change_ ? "state+change" : "state"; }

  Forecast predict(const Target& target, const NodeState& node) override {
    if (notices_change_) speed_factor_ = present_speed_factor(node);
    return roll_forward_.predict(target, node, *this);
  }

  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) override {
    roll_forward_.observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}

  void observe_end(const Observation& observation) override {
    if (observation.started_at.is_never()) return;
    const FunctionIndex function = observation.function;
    if (observation.cold) {
      cold_start_.observe(function, log_time(observation.started_at - observation.dispatched_at));
    }
    const Duration time = observation.ended_at - observation.started_at;
    if (!observation.ended_by_itself()) return learn_from_cut(observation.ordinal, function, time);
    float log = log_time(time);
    if (notices_change_) {
      SpeedFilter::Likelihood likelihood;
      service_.likelihoods(function, log, SpeedFilter::kLogPaces, likelihood);
      filter_.observe(likelihood);
      log -= filter_.mean();
      if (function >= alarms_.size()) alarms_.resize(function + 1);
      if (alarms_[function].observe(service_.standardise(function, log))) {
        constexpr float kKept = 2;
        service_.forget(function, kKept);
      }
    }
    service_.observe(function, log);
  }

  std::size_t bytes() const override {
    return sizeof(*this) + service_.bytes() + cold_start_.bytes() + roll_forward_.bytes() +
           alarms_.capacity() * sizeof(ChangeAlarm);
  }

 private:
  const QuantileTable& service(FunctionIndex function) override { return service_.table(function); }
  const QuantileTable& cold_start(FunctionIndex function) override {
    return cold_start_.table(function);
  }
  const SpeedFactor& speed_factor() override { return speed_factor_; }
  const SpeedFactor& speed_factor_of(const RunningExecution&) override { return speed_factor_; }

  // A time that was cut short is taken for one drawn from what its distribution leaves beyond the
  // cut: a step of stochastic EM for right-censored times (G. Celeux and J. Diebolt, 1985). To
  // leave it out would make functions look faster than they are.
  void learn_from_cut(std::uint64_t ordinal, FunctionIndex function, Duration time) {
    const QuantileTable& distribution = service_.table(function);
    const float factor = speed_factor_.factor[kLanes / 2];
    const float passed = distribution.cdf(seconds(time) / factor);
    if (passed < kTellingCut) return;
    Lanes rest{};
    const SpeedFactor speed_factor = SpeedFactor::of(factor);
    roll_forward_.draws().sample_remaining(distribution, seconds(time), speed_factor.factor, true,
                                           ordinal, LaneDraws::Purpose::kRemainder, rest);
    const float whole = (seconds(time) + rest[0]) / factor;
    service_.observe(function, log_time(std::chrono::duration_cast<Duration>(
                                   std::chrono::duration<float>(std::min(whole, 1e8F)))));
  }

  // What still runs has outlived its age: a right-censored observation, which counts for as long as
  // it runs. It is asked once something has outlived most of its distribution.
  SpeedFactor present_speed_factor(const NodeState& node) {
    const SpeedFactor known = filter_.speed_factor();
    const float usual = known.factor[kLanes / 2];
    SpeedFilter::Likelihood evidence;
    evidence.fill(1);
    bool late = false;
    for (const RunningExecution& running : node.backlog().running) {
      if (running.started_at.is_never()) continue;
      const float age = seconds(node.now - running.started_at);
      const QuantileTable& distribution = service_.table(running.function);
      const float passed = distribution.cdf(age / usual);
      // Any speed_factor would let a young one live.
      constexpr float kYoung = 0.3F;
      if (passed < kYoung) continue;
      late = late || passed > kLate;
      weigh(age, distribution, evidence);
    }
    return late ? filter_.speed_factor(evidence) : known;
  }

  // At every third state, and between them by straight lines: survival changes slowly with
  // speed_factor.
  static void weigh(float age, const QuantileTable& distribution,
                    SpeedFilter::Likelihood& evidence) {
    // Never impossible: a function may hang, whatever the speed_factor, so one alone does not prove
    // much.
    constexpr float kHangs = 0.3F;
    constexpr std::size_t kStep = 3;
    static constexpr auto kFaster = [] {
      SpeedFilter::Likelihood faster{};
      for (std::size_t i = 0; i < faster.size(); ++i)
        faster[i] = exp2_of(-SpeedFilter::kLogPaces[i]);
      return faster;
    }();
    const auto survives = [&](std::size_t state) {
      return kHangs + (1 - kHangs) * (1 - distribution.cdf(age * kFaster[state]));
    };
    float left = survives(0);
    evidence[0] *= left;
    for (std::size_t state = kStep; state < SpeedFilter::kStates; state += kStep) {
      const float right = survives(state);
      evidence[state - 2] *= (2 * left + right) / 3;
      evidence[state - 1] *= (left + 2 * right) / 3;
      evidence[state] *= right;
      left = right;
    }
    // Many late ones must not make all speed_factors impossible to a float. The slowest is the
    // likeliest.
    constexpr float kTiny = 1e-15F;
    const float most = evidence.back();
    if (most >= kTiny) return;
    for (float& likelihood : evidence) likelihood /= most;
  }

  bool notices_change_;
  LearnedDistributions service_;
  LearnedDistributions cold_start_;
  SpeedFilter filter_;
  SpeedFactor speed_factor_ = kUsualSpeed;
  std::vector<ChangeAlarm> alarms_;  // by function
  RollForward roll_forward_;
};

}  // namespace

std::unique_ptr<Estimator> make_state(Duration prior, std::uint64_t seed) {
  return std::make_unique<StateEstimator>(prior, seed, /*notices_change=*/false);
}

std::unique_ptr<Estimator> make_state_with_change(Duration prior, std::uint64_t seed) {
  return std::make_unique<StateEstimator>(prior, seed, /*notices_change=*/true);
}

}  // namespace quintain::core::eta
