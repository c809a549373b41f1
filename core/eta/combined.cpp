// Estimators that learn from how forecasts turned out: recalibration bends the quantiles of one
// estimator, and the mixture gives simple estimators weight where they have done better.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eta/decorator.h"
#include "core/eta/explanation.h"
#include "core/eta/factories.h"
#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

double nanoseconds(Duration d) { return static_cast<double>(d.count()); }

Duration duration(double nanoseconds) {
  return Duration(static_cast<std::int64_t>(std::clamp(nanoseconds, 0.0, 9e18)));
}

/// A forecast's quantiles in nanoseconds, in half the memory.
using Quantiles = std::array<float, kLevels>;

Quantiles quantiles_of(const Forecast& forecast) {
  Quantiles quantiles;
  for (std::size_t i = 0; i < kLevels; ++i) {
    quantiles[i] = static_cast<float>(forecast.quantiles[i].count());
  }
  return quantiles;
}

/// The pinball loss, averaged over the levels; nanoseconds.
double pinball(const Quantiles& quantiles, double outcome) {
  double loss = 0;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const double off = outcome - static_cast<double>(quantiles[i]);
    loss += off >= 0 ? level(i) * off : (level(i) - 1) * off;
  }
  return loss / kLevels;
}

/// The depth of the queue in front: the target starts at once, waits in a short queue, in a long
/// one, or in a very long one. Forecasts are wrong for other reasons in each.
inline constexpr std::size_t kDepths = 4;
std::size_t depth_of(const Target& target, const NodeState& node) {
  if (node.busy < node.slots && target.ahead == 0) return 0;
  const std::int64_t is_short = 2 * static_cast<std::int64_t>(node.slots) + 8;
  if (target.ahead < is_short) return 1;
  return target.ahead < 8 * is_short ? 2 : 3;
}

/// An execution ends at its deadline at the latest, so no part of a forecast beyond it is wrong by
/// more.
void cut_at_deadline(Quantiles& quantiles, const Observation& observation) {
  if (observation.deadline.is_never()) return;
  const auto limit = static_cast<float>((observation.deadline - observation.accepted_at).count());
  for (float& quantile : quantiles) quantile = std::min(quantile, limit);
}

/// Whether the loss of a forecast that is cut at the deadline is known: also if the execution was.
bool loss_is_known(const Observation& observation) {
  return observation.ended_by_itself() ||
         (observation.status == spearlet::EXECUTION_STATUS_TIMEOUT &&
          !observation.deadline.is_never());
}

/// How much of the queue one execution is. Executions in one queue are wrong together: a hundred of
/// them carry little more information than one.
double share_of_queue(const NodeState& node) {
  return 1 / (1 + static_cast<double>(node.queued) / node.slots);
}

// ---- Recalibration ------------------------------------------------------------------------------

/// The probability of at most `outcome` (its probability integral transform, PIT): straight lines
/// between the levels and down to 0 at time 0; beyond the last level an exponential tail.
double cdf(const Quantiles& quantiles, double outcome) {
  const auto above = std::ranges::lower_bound(quantiles, static_cast<float>(outcome));
  const auto index = static_cast<std::size_t>(above - quantiles.begin());
  if (index == kLevels) {
    const double scale = std::max<double>(quantiles[kLevels - 1] - quantiles[kLevels - 2], 1.0);
    const double beyond = (outcome - quantiles[kLevels - 1]) / scale;
    return 1 - (1 - level(kLevels - 1)) * std::exp2(-beyond);
  }
  const double low = index == 0 ? 0 : quantiles[index - 1];
  const double high = quantiles[index];
  const double part = high > low ? (outcome - low) / (high - low) : 1;
  return (static_cast<double>(index) + part) / (kLevels + 1);
}

double nanoseconds(float time) { return time; }

/// The inverse of cdf(): the quantile at any probability, at most twice the last level's.
template <class Time>
double quantile(const std::array<Time, kLevels>& quantiles, double p) {
  const double last = level(kLevels - 1);
  if (p >= last) {
    const double top = nanoseconds(quantiles[kLevels - 1]);
    const double scale = top - nanoseconds(quantiles[kLevels - 2]);
    const double rest = std::max(1 - p, 1e-6);
    return std::min(top + scale * std::log2((1 - last) / rest), 2 * top);
  }
  const double position = p * (kLevels + 1);
  const auto index = static_cast<std::size_t>(position);
  const double low = index == 0 ? 0 : nanoseconds(quantiles[index - 1]);
  return std::lerp(low, nanoseconds(quantiles[index]), position - static_cast<double>(index));
}

/// The probabilities at which a forecast really covers 5 %, 10 % ... of the outcomes: the histogram
/// of past PITs, inverted. It starts flat, which leaves forecasts as they are.
class Recalibration {
 public:
  Recalibration() { mass_.fill(kPriorWeight / kBins); }

  void observe(double pit, double weight) {
    fade(weight);
    const auto bin = static_cast<std::size_t>(std::clamp(pit, 0.0, 1.0) * kBins);
    mass_[std::min(bin, kBins - 1)] += weight;
  }

  /// The outcome is only known to lie beyond: it counts there in proportion to what is there
  /// (B. Efron's redistribution to the right, "The two sample problem with censored data", 1967).
  void observe_beyond(double pit, double weight) {
    const double position = std::clamp(pit, 0.0, 1.0) * kBins;
    const auto bin = std::min(static_cast<std::size_t>(position), kBins - 1);
    const double part = 1 - (position - static_cast<double>(bin));
    double beyond = part * mass_[bin];
    for (std::size_t i = bin + 1; i < kBins; ++i) beyond += mass_[i];
    if (beyond <= 0) return;
    fade(weight);
    mass_[bin] += weight * part * mass_[bin] / beyond;
    for (std::size_t i = bin + 1; i < kBins; ++i) mass_[i] += weight * mass_[i] / beyond;
  }

  Forecast apply(const Forecast& forecast) const {
    double sum = 0;
    for (const double mass : mass_) sum += mass;
    Forecast bent;
    double below = 0;
    std::size_t bin = 0;
    for (std::size_t i = 0; i < kLevels; ++i) {
      const double wanted = level(i) * sum;
      while (bin + 1 < kBins && below + mass_[bin] < wanted) below += mass_[bin++];
      const double part = mass_[bin] > 0 ? std::min((wanted - below) / mass_[bin], 1.0) : 1;
      bent.quantiles[i] =
          duration(quantile(forecast.quantiles, (static_cast<double>(bin) + part) / kBins));
    }
    bent.point = bent.quantiles[kMedianLevel];
    return bent;
  }

 private:
  static constexpr std::size_t kBins = 40;
  // The trust that the forecast is right, in executions, and the number of executions that are
  // remembered. Both balance error against chance: with n remembered a level is off by
  // 1 / sqrt(4 n) at its worst.
  static constexpr double kPriorWeight = 400;
  static constexpr double kMemory = 4000;

  void fade(double weight) {
    for (double& mass : mass_) mass += weight * (kPriorWeight / kBins - mass) / kMemory;
  }

  std::array<double, kBins> mass_{};
};

/// Losses over the last `memory` executions of weight 1, fading.
template <std::size_t kCount>
class RecentLosses {
 public:
  explicit RecentLosses(double memory) : memory_(memory) {}

  void observe(const std::array<Quantiles, kCount>& forecasts, double outcome, double weight) {
    for (std::size_t i = 0; i < kCount; ++i) {
      losses_[i] += weight * (pinball(forecasts[i], outcome) - losses_[i] / memory_);
    }
    weight_ += weight * (1 - weight_ / memory_);
  }

  double operator[](std::size_t index) const { return losses_[index]; }

  /// The number of executions of weight 1 that they are of; at most the memory.
  double weight() const { return weight_; }

 private:
  double memory_;
  std::array<double, kCount> losses_{};
  double weight_ = 0;
};

class Recalibrated final : public Decorator, public Explains {
 public:
  Recalibrated(std::string_view name, std::unique_ptr<Estimator> inner)
      : Decorator(std::move(inner)), name_(name) {}

  std::string_view name() const override { return name_; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Forecast raw = inner().predict(target, node);
    // A running execution is predicted by its age, which acceptances say nothing about.
    if (!target.dispatched_at.is_never()) return raw;
    const std::size_t number = stratum_of(target, node);
    const Stratum& stratum = strata_[number];
    const Forecast bent = stratum.recalibration.apply(raw);
    pending_.remember(target, node,
                      {.forecasts = {quantiles_of(raw), quantiles_of(bent)},
                       .stratum = static_cast<std::uint32_t>(number),
                       .weight = static_cast<float>(share_of_queue(node))});
    return stratum.uses_bent() ? bent : raw;
  }
  void explain(const Target& target, const NodeState& node, Explanation& explanation) override {
    eta::explain(inner(), target, node, explanation);
    explanation.recalibrated = strata_[stratum_of(target, node)].uses_bent();
  }
  void observe_end(const Observation& observation) override {
    Decorator::observe_end(observation);
    auto asked = pending_.take(observation.ordinal);
    if (!asked) return;
    const double outcome = nanoseconds(observation.ended_at - observation.accepted_at);
    const double pit = cdf(asked->forecasts[kRaw], outcome);
    Stratum& stratum = strata_[asked->stratum];
    if (observation.ended_by_itself()) {
      stratum.recalibration.observe(pit, asked->weight);
    } else {
      stratum.recalibration.observe_beyond(pit, asked->weight);
    }
    if (loss_is_known(observation)) {
      for (Quantiles& quantiles : asked->forecasts) cut_at_deadline(quantiles, observation);
      stratum.losses.observe(asked->forecasts, outcome, asked->weight);
      return;
    }
    // Ignoring the cut executions would favour forecasts that are too short. Each is replaced by
    // times that the corrected forecast leaves beyond the cut.
    const double passed = cdf(asked->forecasts[kBent], outcome);
    constexpr int kImputed = 4;
    for (int i = 0; i < kImputed; ++i) {
      const double p = std::lerp(passed, 1.0, (i + 0.5) / kImputed);
      stratum.losses.observe(asked->forecasts,
                             std::max(quantile(asked->forecasts[kBent], p), outcome),
                             asked->weight / kImputed);
    }
  }
  std::size_t bytes() const override {
    return sizeof(*this) + Decorator::bytes() + pending_.bytes();
  }

 private:
  static constexpr std::size_t kStrata = 2 * kDepths;
  enum : std::uint8_t { kRaw, kBent };
  struct Asked {
    std::array<Quantiles, 2> forecasts;
    std::uint32_t stratum;
    float weight;
  };
  struct Stratum {
    Recalibration recalibration;
    RecentLosses<2> losses{500};

    bool uses_bent() const {
      constexpr double kTolerance = 1.01;
      return losses[kBent] <= kTolerance * losses[kRaw];
    }
  };

  static std::size_t stratum_of(const Target& target, const NodeState& node) {
    const Backlog& backlog = node.backlog();
    const WaitingExecution& last = backlog.waiting.back();
    const bool cold = last.fresh || backlog.shares[last.share].idle == 0;
    return 2 * depth_of(target, node) + (cold ? 1U : 0U);
  }

  std::string_view name_;
  std::array<Stratum, kStrata> strata_;
  PendingForecasts<Asked> pending_;
};

// ---- The mixture --------------------------------------------------------------------------------

/// The exponentially weighted forecaster (V. Vovk, "Aggregating strategies", COLT 1990; N.
/// Littlestone and M. K. Warmuth, "The weighted majority algorithm", 1994), with pinball losses as
/// a ratio to the least one. Its forecasts' quantiles are the weighted means of the estimators'
/// quantiles.
class Mixture final : public Estimator, public Explains {
 public:
  Mixture(std::string_view name, std::unique_ptr<Estimator> first, Duration prior)
      : name_(name), estimators_{std::move(first),         make_conformal(make_queue_length(prior)),
                                 make_queue_length(prior), make_queued_work(prior),
                                 make_ewma(prior),         make_last_to_enter_service(prior)} {}

  std::string_view name() const override { return name_; }
  Forecast predict(const Target& target, const NodeState& node) override {
    Forecast forecast = estimators_.front()->predict(target, node);
    if (!target.dispatched_at.is_never()) return forecast;
    const std::size_t depth = depth_of(target, node);
    Asked asked{.forecasts = {quantiles_of(forecast)},
                .waits = depth > 0 ? 1U : 0U,
                .awaited = static_cast<float>(target.ahead) + 1,
                .cancelled = cancelled_,
                .weight = static_cast<float>(std::sqrt(share_of_queue(node)) *
                                             experience(target.function, depth))};
    for (std::size_t i = 1; i < kEstimators; ++i) {
      asked.forecasts[i] = quantiles_of(estimators_[i]->predict(target, node));
    }
    pending_.remember(target, node, asked);
    mix(forecast, asked.forecasts, weights(depth));
    return forecast;
  }
  void explain(const Target& target, const NodeState& node, Explanation& explanation) override {
    const std::size_t depth = depth_of(target, node);
    const Weights weights = this->weights(depth);
    for (std::size_t i = 0; i < kEstimators; ++i) {
      explanation.parts.push_back({.estimator = std::string(estimators_[i]->name()),
                                   .weight = weights[i],
                                   .recent_losses = losses_[depth > 0 ? 1 : 0][i] * 1e-9,
                                   .forecast = estimators_[i]->predict(target, node)});
    }
    eta::explain(*estimators_.front(), target, node, explanation);
  }
  void introduce(FunctionIndex function, std::string_view task, std::string_view name) override {
    for (const auto& estimator : estimators_) estimator->introduce(function, task, name);
  }
  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) override {
    for (const auto& estimator : estimators_) estimator->observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex function, Instant now, Duration waited) override {
    for (const auto& estimator : estimators_) estimator->observe_dispatch(function, now, waited);
  }
  void observe_end(const Observation& observation) override {
    for (const auto& estimator : estimators_) estimator->observe_end(observation);
    if (observation.function >= ends_of_.size()) ends_of_.resize(observation.function + 1);
    ends_of_[observation.function] += 1;
    if (observation.status == spearlet::EXECUTION_STATUS_CANCELLED) ++cancelled_;
    auto asked = pending_.take(observation.ordinal);
    if (!asked || !loss_is_known(observation)) return;
    const double outcome = nanoseconds(observation.ended_at - observation.accepted_at);
    for (Quantiles& quantiles : asked->forecasts) cut_at_deadline(quantiles, observation);
    losses_[asked->waits].observe(asked->forecasts, outcome, asked->weight * uncancelled(*asked));
  }
  std::size_t bytes() const override {
    std::size_t bytes =
        sizeof(*this) + pending_.bytes() + ends_of_.capacity() * sizeof(ends_of_.front());
    for (const auto& estimator : estimators_) bytes += estimator->bytes();
    return bytes;
  }

 private:
  static constexpr std::size_t kEstimators = 6;
  enum : std::uint8_t { kFirst, kConformal, kQueueLength, kQueuedWork, kEwma, kLastToEnter };
  using Weights = std::array<double, kEstimators>;
  // The depth from which on a queue is long.
  static constexpr std::size_t kLong = 2;
  struct Asked {
    std::array<Quantiles, kEstimators> forecasts;
    std::uint32_t waits;
    float awaited;            // how many executions had to end before this one got a slot
    std::uint64_t cancelled;  // cancelled_ at that time
    float weight;
  };

  // The share of the awaited ends that were no cancels, at least. Who waits for executions that
  // their callers cancel gets its slot sooner than anyone could know: the loss says nothing about
  // the estimators, and those that do not look at the work in front would gain most.
  double uncancelled(const Asked& asked) const {
    if (asked.waits == 0) return 1;
    const auto cancelled = static_cast<double>(cancelled_ - asked.cancelled);
    return std::max(1 - cancelled / static_cast<double>(asked.awaited), 0.0);
  }

  // How much a loss counts: little if the estimators knew hardly anything of the function when they
  // made the forecast. Such a loss may be a thousand times the later ones; it would decide the
  // weights long after the estimators know better, in favour of the one that happened to guess
  // best. In a queue all count: there the weights before any loss is known are worse than early
  // losses.
  double experience(FunctionIndex function, std::size_t depth) const {
    constexpr double kHalfKnown = 10;
    if (depth > 0) return 1;
    const double own = function < ends_of_.size() ? ends_of_[function] : 0;
    return own / (own + kHalfKnown);
  }

  // Before any loss is known. Where a slot is free, little speaks for a simple estimator. A first
  // estimator that does not know the node yet may be far off in a queue; the delay of the execution
  // that got a slot last is not.
  static Weights prior_weights(std::size_t depth) {
    if (depth == 0) return {1, 0.01, 0.01, 0.01, 0.01, 0.01};
    // Conformal prediction multiplies its forecasts by how wrong it was, which at the end of a long
    // queue is out of date. A mean of response times does not know the queue.
    if (depth < kLong) return {1, 0.03, 0.03, 0.03, 0, 0.1};
    return {1, 0, 0.03, 0.03, 0, 0.2};
  }

  Weights weights(std::size_t depth) const {
    // For each execution of weight 1, the natural logarithm of a weight falls by this much times
    // the share by which the loss exceeds the least one: less in a long queue, where the losses
    // that are known are old.
    const double rate = depth == 0 ? 1 : (depth < kLong ? 0.6 : 0.3);
    constexpr double kBitsPerNat = 1.4426950408889634;
    // Behind a queue, an estimate has to grow with it (clause ETA-3), whatever an estimator that
    // does not look at the queue has gained.
    constexpr double kMaxLastToEnter = 0.5;
    // A smaller weight is due to chance.
    constexpr double kNegligible = 0.03;
    const auto& losses = losses_[depth > 0 ? 1 : 0];
    Weights weights = prior_weights(depth);
    double least = losses[kFirst];
    for (std::size_t i = 1; i < kEstimators; ++i) {
      if (weights[i] > 0) least = std::min(least, losses[i]);
    }
    double sum = 0;
    for (std::size_t i = 0; i < kEstimators; ++i) {
      const double excess = least > 0 ? losses[i] / least - 1 : (losses[i] > 0 ? 1e6 : 0);
      const double bits = std::min(kBitsPerNat * rate * losses.weight() * excess, 60.0);
      weights[i] *= static_cast<double>(exp2_of(static_cast<float>(-bits)));
      sum += weights[i];
    }
    double used = 0;
    for (double& weight : weights) {
      weight = weight < kNegligible * sum ? 0 : weight;
      used += weight;
    }
    for (double& weight : weights) weight /= used;
    double& last_to_enter = weights[kLastToEnter];
    if (depth > 0 && last_to_enter > kMaxLastToEnter) {
      // If nothing else has a weight, the first has.
      if (last_to_enter == 1) weights[kFirst] = 1e-9;
      const double others = std::max(1 - last_to_enter, 1e-9);
      for (double& weight : weights) weight *= (1 - kMaxLastToEnter) / others;
      last_to_enter = kMaxLastToEnter;
    }
    return weights;
  }

  static void mix(Forecast& forecast, const std::array<Quantiles, kEstimators>& forecasts,
                  const Weights& weights) {
    if (weights[kFirst] == 1) return;
    std::array<double, kLevels> mixed{};
    for (std::size_t e = 0; e < kEstimators; ++e) {
      if (weights[e] == 0) continue;
      for (std::size_t i = 0; i < kLevels; ++i) {
        mixed[i] += weights[e] * nanoseconds(forecasts[e][i]);
      }
    }
    for (std::size_t i = 0; i < kLevels; ++i) forecast.quantiles[i] = duration(mixed[i]);
    forecast.point = forecast.quantiles[kMedianLevel];
  }

  std::string_view name_;
  std::array<std::unique_ptr<Estimator>, kEstimators> estimators_;
  // Of executions that started at once, and of those that waited: for these the memory is short,
  // because what is learnt of a queue has to count before it is gone.
  std::array<RecentLosses<kEstimators>, 2> losses_{RecentLosses<kEstimators>(100),
                                                   RecentLosses<kEstimators>(15)};
  PendingForecasts<Asked> pending_;
  std::vector<float> ends_of_;   // the executions that have ended, by function
  std::uint64_t cancelled_ = 0;  // the executions that were cancelled
};

}  // namespace

std::unique_ptr<Estimator> make_recalibrated(std::string_view name,
                                             std::unique_ptr<Estimator> inner) {
  return std::make_unique<Recalibrated>(name, std::move(inner));
}

std::unique_ptr<Estimator> make_mixture(std::string_view name, std::unique_ptr<Estimator> first,
                                        Duration prior) {
  return std::make_unique<Mixture>(name, std::move(first), prior);
}

}  // namespace quintain::core::eta
