#include "core/eta/combined.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/eta/decorator.h"
#include "core/eta/pending_forecasts.h"

namespace quintain::core::eta {
namespace {

double nanoseconds(Duration d) { return static_cast<double>(d.count()); }

Duration duration(double nanoseconds) {
  return Duration(static_cast<std::int64_t>(std::clamp(nanoseconds, 0.0, 9e18)));
}

/// Where an outcome lies in a forecast, from 0 to 1: straight lines between the levels and down to
/// 0 at time 0; beyond the last level an exponential tail.
double pit(const Forecast& forecast, Duration outcome) {
  const auto& quantiles = forecast.quantiles;
  const auto above = std::ranges::lower_bound(quantiles, outcome);
  const auto index = static_cast<std::size_t>(above - quantiles.begin());
  if (index == kLevels) {
    const double scale =
        std::max(nanoseconds(quantiles[kLevels - 1] - quantiles[kLevels - 2]), 1.0);
    const double beyond = nanoseconds(outcome - quantiles[kLevels - 1]) / scale;
    return 1 - (1 - level(kLevels - 1)) * std::exp2(-beyond);
  }
  const double low = index == 0 ? 0 : nanoseconds(quantiles[index - 1]);
  const double high = nanoseconds(quantiles[index]);
  const double part = high > low ? (nanoseconds(outcome) - low) / (high - low) : 1;
  return (static_cast<double>(index) + part) / (kLevels + 1);
}

/// The inverse of pit(): the forecast's quantile at any probability.
Duration quantile(const Forecast& forecast, double p) {
  const auto& quantiles = forecast.quantiles;
  const double last = level(kLevels - 1);
  if (p >= last) {
    const double scale = nanoseconds(quantiles[kLevels - 1] - quantiles[kLevels - 2]);
    const double rest = std::max(1 - p, 1e-6);
    return duration(nanoseconds(quantiles[kLevels - 1]) + scale * std::log2((1 - last) / rest));
  }
  const double position = p * (kLevels + 1);
  const auto index = static_cast<std::size_t>(position);
  const double low = index == 0 ? 0 : nanoseconds(quantiles[index - 1]);
  return duration(
      std::lerp(low, nanoseconds(quantiles[index]), position - static_cast<double>(index)));
}

/// Which quantiles of a forecast really cover 5 %, 10 % ... of what comes: the histogram of past
/// PITs, turned round. It begins flat, and flat it means "as forecast".
class Recalibration {
 public:
  Recalibration() { mass_.fill(kPriorWeight / kBins); }

  /// `weight`: how much it tells that others did not.
  void observe(double pit, double weight) {
    fade(weight);
    const auto bin = static_cast<std::size_t>(std::clamp(pit, 0.0, 1.0) * kBins);
    mass_[std::min(bin, kBins - 1)] += weight;
  }

  /// The outcome is only known to lie beyond: it counts there in proportion to what came there
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
      bent.quantiles[i] = quantile(forecast, (static_cast<double>(bin) + part) / kBins);
    }
    bent.point = bent.quantiles[kMedianLevel];
    return bent;
  }

 private:
  static constexpr std::size_t kBins = 40;
  // Faith that the forecast is right, in executions; and how many are remembered. Both are weighed
  // against chance: with n remembered a level is off by 1 / sqrt(4 n) at its worst.
  static constexpr double kPriorWeight = 400;
  static constexpr double kMemory = 4000;

  void fade(double weight) {
    for (double& mass : mass_) mass += weight * (kPriorWeight / kBins - mass) / kMemory;
  }

  std::array<double, kBins> mass_{};
};

class Recalibrated final : public Decorator {
 public:
  Recalibrated(std::string_view name, std::unique_ptr<Estimator> inner)
      : Decorator(std::move(inner)), name_(name) {}

  std::string_view name() const override { return name_; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Forecast raw = inner().predict(target, node);
    // What is left of one that runs is known by its age, not by how acceptances came out.
    if (!target.dispatched_at.is_never()) return raw;
    const Stratum stratum = stratum_of(node);
    // Those that stand in one queue are wrong together: a hundred of them tell little more than
    // one.
    const double weight = 1 / (1 + static_cast<double>(node.queued) / node.slots);
    pending_.remember(target, node, {.raw = raw, .stratum = stratum, .weight = weight});
    return strata_[stratum].apply(raw);
  }
  void observe_end(const Observation& observation) override {
    Decorator::observe_end(observation);
    const auto asked = pending_.take(observation.ordinal);
    if (!asked) return;
    const double place = pit(asked->raw, observation.ended_at - observation.accepted_at);
    Recalibration& stratum = strata_[asked->stratum];
    if (observation.ended_by_itself()) {
      stratum.observe(place, asked->weight);
    } else {
      stratum.observe_beyond(place, asked->weight);
    }
  }
  std::size_t bytes() const override {
    return sizeof(*this) + Decorator::bytes() + pending_.bytes();
  }

 private:
  using Stratum = std::uint32_t;
  static constexpr std::size_t kStrata = 4;
  struct Asked {
    Forecast raw;
    Stratum stratum;
    double weight;
  };

  static Stratum stratum_of(const NodeState& node) {
    const Backlog& backlog = node.backlog();
    const WaitingExecution& target = backlog.waiting.back();
    const bool waits = node.busy >= node.slots || backlog.waiting.size() > 1;
    const bool cold = target.fresh || backlog.shares[target.share].idle == 0;
    return (waits ? 2U : 0U) + (cold ? 1U : 0U);
  }

  std::string_view name_;
  std::array<Recalibration, kStrata> strata_;
  PendingForecasts<Asked> pending_;
};

double pinball(const Forecast& forecast, double outcome) {
  double loss = 0;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const double off = outcome - nanoseconds(forecast.quantiles[i]);
    loss += off >= 0 ? level(i) * off : (level(i) - 1) * off;
  }
  return loss / kLevels;
}

class Mixture final : public Estimator {
 public:
  Mixture(std::string_view name, std::unique_ptr<Estimator> first,
          std::unique_ptr<Estimator> second)
      : name_(name), first_(std::move(first)), second_(std::move(second)) {}

  std::string_view name() const override { return name_; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Forecast first = first_->predict(target, node);
    const Forecast second = second_->predict(target, node);
    pending_.remember(target, node, {.first = first, .second = second});
    const double weight = first_weight();
    if (weight == 1) return first;
    Forecast mixed;
    for (std::size_t i = 0; i < kLevels; ++i) {
      mixed.quantiles[i] = duration(
          std::lerp(nanoseconds(second.quantiles[i]), nanoseconds(first.quantiles[i]), weight));
    }
    mixed.point = mixed.quantiles[kMedianLevel];
    return mixed;
  }
  void introduce(FunctionIndex function, std::string_view task, std::string_view name) override {
    first_->introduce(function, task, name);
    second_->introduce(function, task, name);
  }
  void observe_arrival(FunctionIndex function, Instant now, std::int64_t rank) override {
    first_->observe_arrival(function, now, rank);
    second_->observe_arrival(function, now, rank);
  }
  void observe_dispatch(FunctionIndex function, Instant now, Duration waited) override {
    first_->observe_dispatch(function, now, waited);
    second_->observe_dispatch(function, now, waited);
  }
  void observe_end(const Observation& observation) override {
    first_->observe_end(observation);
    second_->observe_end(observation);
    const auto asked = pending_.take(observation.ordinal);
    if (!asked || !observation.ended_by_itself()) return;
    const double outcome = nanoseconds(observation.ended_at - observation.accepted_at);
    first_loss_ += pinball(asked->first, outcome) - first_loss_ / kMemory;
    second_loss_ += pinball(asked->second, outcome) - second_loss_ / kMemory;
  }
  std::size_t bytes() const override {
    return sizeof(*this) + first_->bytes() + second_->bytes() + pending_.bytes();
  }

 private:
  struct Asked {
    Forecast first;
    Forecast second;
  };

  // The first has all the weight unless the second's losses were less by kTolerance, and none once
  // they are less by twice as much.
  double first_weight() const {
    constexpr double kTolerance = 0.1;
    if (second_loss_ <= 0) return 1;
    return std::clamp(2 - (first_loss_ / second_loss_ - 1) / kTolerance, 0.0, 1.0);
  }

  static constexpr double kMemory = 1000;

  std::string_view name_;
  std::unique_ptr<Estimator> first_;
  std::unique_ptr<Estimator> second_;
  // Over the last executions, fading.
  double first_loss_ = 0;
  double second_loss_ = 0;
  PendingForecasts<Asked> pending_;
};

}  // namespace

std::unique_ptr<Estimator> make_recalibrated(std::string_view name,
                                             std::unique_ptr<Estimator> inner) {
  return std::make_unique<Recalibrated>(name, std::move(inner));
}

std::unique_ptr<Estimator> make_mixture(std::string_view name, std::unique_ptr<Estimator> first,
                                        std::unique_ptr<Estimator> second) {
  return std::make_unique<Mixture>(name, std::move(first), std::move(second));
}

}  // namespace quintain::core::eta
