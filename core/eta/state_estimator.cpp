// The estimators that condition on the node's state: they learn distributions from executions that
// ended, and roll the state forward under them. `state+change` also follows changes of the whole
// node's speed; changes of one function are followed by the distributions themselves.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/eta/explanation.h"
#include "core/eta/factories.h"
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

// An execution that was cut short earlier than this share of its distribution carries next to no
// information.
constexpr float kInformativeCut = 0.1F;

// Running executions are evidence of the node's speed once one of them has outlived this share of
// its distribution.
constexpr float kLate = 0.9F;

Flight flight_of(const Observation& observation) {
  return {.accepted_at = observation.accepted_at, .ended_at = observation.ended_at};
}

float seconds(Duration d) { return std::chrono::duration<float>(d).count(); }

class StateEstimator final : public Estimator, public Explains, private Distributions {
 public:
  StateEstimator(Duration prior, std::uint64_t seed, bool notices_change)
      : notices_change_(notices_change), service_(prior), cold_start_(prior), roll_forward_(seed) {}

  std::string_view name() const override { return notices_change_ ? "state+change" : "state"; }

  Forecast predict(const Target& target, const NodeState& node) override {
    speed_factor_ = judge_.trusts(filter_.mean()) ? present_speed_factor(node) : kUsualSpeed;
    return roll_forward_.predict(target, node, *this);
  }

  void explain(const Target& target, const NodeState& node, Explanation& explanation) override {
    predict(target, node);
    explanation.speed_factor = speed_factor_.factor[kLanes / 2];
    for (const WaitingExecution& waiting : node.backlog().waiting) {
      auto found =
          std::ranges::find(explanation.work, waiting.function, &Explanation::Work::function);
      if (found == explanation.work.end()) {
        explanation.work.push_back({.function = waiting.function,
                                    .mean_service = service_.table(waiting.function).mean(),
                                    .mean_cold_start = cold_start_.table(waiting.function).mean()});
        found = explanation.work.end() - 1;
      }
      ++found->waiting;
    }
  }

  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) override {
    roll_forward_.observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}

  void observe_end(const Observation& observation) override {
    if (observation.started_at.is_never()) return;
    const FunctionIndex function = observation.function;
    if (observation.cold) {
      cold_start_.observe(function,
                          MeasuredTime::of(observation.started_at - observation.dispatched_at));
    }
    const Duration time = observation.ended_at - observation.started_at;
    if (!observation.ended_by_itself()) return learn_from_cut(observation.ordinal, function, time);
    const MeasuredTime whole = MeasuredTime::of(time);
    std::optional<MeasuredTime> measured = whole;
    if (notices_change_) measured = follow_change(function, whole, flight_of(observation));
    const QuantileTable& forecast = service_.long_run_table(function);
    work_.observe(function, measured.value_or(whole).seconds, forecast.mean(),
                  forecast.mean_square() - forecast.mean() * forecast.mean());
    if (measured) service_.observe(function, *measured, flight_of(observation));
  }

  std::size_t bytes() const override {
    return sizeof(*this) + service_.bytes() + (unshifted_ ? unshifted_->bytes() : 0) +
           cold_start_.bytes() + work_.bytes() + roll_forward_.bytes();
  }

 private:
  const QuantileTable& service(FunctionIndex function) override { return service_.table(function); }
  const QuantileTable& long_run_service(FunctionIndex function) override {
    return service_.long_run_table(function);
  }
  const QuantileTable& cold_start(FunctionIndex function) override {
    return cold_start_.table(function);
  }
  const SpeedFactor& speed_factor() override { return speed_factor_; }
  const SpeedFactor& speed_factor_of(const RunningExecution&) override { return speed_factor_; }
  float unusual_for(Instant now) override {
    return unusual_since_.is_never() ? kForever : std::max(seconds(now - unusual_since_), 1e-3F);
  }
  const WorkAhead* work_ahead() override { return &work_; }

  // Returns the time that it would have been at the usual speed; nullopt if it has been learnt
  // already. While the filter is trusted, it competes with distributions that have learnt without
  // it; once it loses, these take over. Distributions that have learnt under the filter would need
  // it, and so could not judge it.
  std::optional<MeasuredTime> follow_change(FunctionIndex function, const MeasuredTime& time,
                                            const Flight& flight) {
    judge_.observe(filter_.mean(), [&](float shift) {
      const LearnedDistributions& unshifted = unshifted_ ? *unshifted_ : service_;
      return log2_of(service_.density(function, time.log - shift) /
                     unshifted.density(function, time.log));
    });
    if (unshifted_) {
      unshifted_->observe(function, time, flight);
      if (!judge_.trusted()) {
        service_ = *std::move(unshifted_);
        unshifted_.reset();
        filter_ = SpeedFilter();
        return std::nullopt;
      }
    } else if (judge_.trusted()) {
      unshifted_.emplace(service_);
      unshifted_->observe(function, time, flight);
    }
    SpeedFilter::Likelihood likelihood;
    service_.likelihoods(function, time.log, SpeedFilter::kLogFactors, likelihood);
    filter_.observe(likelihood);
    // The first execution that shows it was slow or fast from its start.
    constexpr float kUnusual = 0.5F;
    if (std::abs(filter_.mean()) < kUnusual) {
      unusual_since_ = Instant::never();
    } else if (unusual_since_.is_never()) {
      unusual_since_ = flight.ended_at;
    }
    return judge_.trusts(filter_.mean()) ? MeasuredTime::of_log(time.log - filter_.mean()) : time;
  }

  // A time that was cut short is replaced by one drawn from what its distribution leaves beyond the
  // cut: a step of stochastic EM for right-censored times (G. Celeux and J. Diebolt, 1985). Leaving
  // it out would make functions look faster than they are.
  void learn_from_cut(std::uint64_t ordinal, FunctionIndex function, Duration time) {
    const QuantileTable& distribution = service_.table(function);
    const float factor = speed_factor_.factor[kLanes / 2];
    const float passed = distribution.cdf(seconds(time) / factor);
    if (passed < kInformativeCut) return;
    Lanes rest{};
    const SpeedFactor speed_factor = SpeedFactor::of(factor);
    roll_forward_.draws().sample_remaining(distribution, seconds(time), speed_factor.factor, true,
                                           ordinal, LaneDraws::Purpose::kRemainder, rest);
    const float whole = (seconds(time) + rest[0]) / factor;
    service_.observe(function, MeasuredTime::of_log(log2_of(std::clamp(whole, 1e-6F, 1e8F))));
  }

  // A running execution has outlived its age: a right-censored observation, which counts while it
  // runs. Such evidence is used once something has outlived most of its distribution.
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
      // A young execution would be alive at any speed.
      constexpr float kYoung = 0.3F;
      if (passed < kYoung) continue;
      late = late || passed > kLate;
      weigh(age, distribution, evidence);
    }
    return late ? filter_.speed_factor(evidence) : known;
  }

  // Survival changes slowly with the speed factor: it is computed at every third state, with
  // straight lines between.
  static void weigh(float age, const QuantileTable& distribution,
                    SpeedFilter::Likelihood& evidence) {
    // Never impossible: a function may hang whatever the speed, so one execution alone does not
    // prove much.
    constexpr float kHangs = 0.3F;
    constexpr std::size_t kStep = 3;
    static constexpr auto kFaster = [] {
      SpeedFilter::Likelihood faster{};
      for (std::size_t i = 0; i < faster.size(); ++i)
        faster[i] = exp2_of(-SpeedFilter::kLogFactors[i]);
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
    // Many late executions must not make all speed factors impossible to a float. The slowest is
    // the likeliest.
    constexpr float kTiny = 1e-15F;
    const float most = evidence.back();
    if (most >= kTiny) return;
    for (float& likelihood : evidence) likelihood /= most;
  }

  bool notices_change_;
  LearnedDistributions service_;
  LearnedDistributions cold_start_;
  // While the speed filter is trusted: what is learnt from the times as they are.
  std::optional<LearnedDistributions> unshifted_;
  WorkAhead work_;
  SpeedFilter filter_;
  Instant unusual_since_ = Instant::never();
  SpeedFilterJudge judge_;
  SpeedFactor speed_factor_ = kUsualSpeed;
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
