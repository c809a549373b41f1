// Estimators that take their spread from the past: order statistics of response times, and of the
// ratios of actual to forecast times.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/eta/decorator.h"
#include "core/eta/factories.h"

namespace quintain::core::eta {
namespace {

/// The last values of a series, also sorted by size.
class SortedWindow {
 public:
  void add(double value) {
    if (ring_.size() < kLength) {
      ring_.push_back(value);
    } else {
      sorted_.erase(std::ranges::lower_bound(sorted_, ring_[next_]));
      ring_[next_] = value;
      next_ = (next_ + 1) % kLength;
    }
    sorted_.insert(std::ranges::upper_bound(sorted_, value), value);
  }

  bool enough() const { return sorted_.size() >= kEnough; }

  /// The order statistic that a new value of the series does not exceed with probability p: number
  /// p (n + 1), interpolated.
  double quantile(double p) const {
    const double position = p * static_cast<double>(sorted_.size() + 1) - 1;
    if (position <= 0) return sorted_.front();
    const auto below = static_cast<std::size_t>(position);
    if (below + 1 >= sorted_.size()) return sorted_.back();
    const double part = position - static_cast<double>(below);
    return std::lerp(sorted_[below], sorted_[below + 1], part);
  }

  std::size_t bytes() const { return (ring_.capacity() + sorted_.capacity()) * sizeof(double); }

 private:
  static constexpr std::size_t kLength = 500;
  static constexpr std::size_t kEnough = 20;

  std::vector<double> ring_;
  std::vector<double> sorted_;
  std::size_t next_ = 0;
};

Duration scaled(Duration d, double factor) {
  constexpr double kMax = 9e18;
  return Duration(
      static_cast<std::int64_t>(std::clamp(static_cast<double>(d.count()) * factor, 0.0, kMax)));
}

class WindowQuantile final : public Estimator {
 public:
  explicit WindowQuantile(Duration prior) : prior_(prior) {}

  std::string_view name() const override { return "window-quantile"; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Duration passed = node.now - target.accepted_at;
    const auto left = [&](double nanoseconds) {
      return std::max(Duration(static_cast<std::int64_t>(nanoseconds)) - passed, Duration(0));
    };
    Forecast forecast;
    for (std::size_t i = 0; i < kLevels; ++i) {
      forecast.quantiles[i] =
          left(window_.enough() ? window_.quantile(level(i)) : static_cast<double>(prior_.count()));
    }
    forecast.point = forecast.quantiles[kMedianLevel];
    return forecast;
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation& observation) override {
    if (!observation.ended_by_itself()) return;
    window_.add(static_cast<double>((observation.ended_at - observation.accepted_at).count()));
  }
  std::size_t bytes() const override { return sizeof(*this) + window_.bytes(); }

 private:
  Duration prior_;
  SortedWindow window_;
};

class Conformal final : public Decorator {
 public:
  explicit Conformal(std::unique_ptr<Estimator> point)
      : Decorator(std::move(point)), name_(std::string(inner().name()) + "+conformal") {}

  std::string_view name() const override { return name_; }
  Forecast predict(const Target& target, const NodeState& node) override {
    Forecast forecast = inner().predict(target, node);
    pending_.remember(target, node, std::max(forecast.point, Duration(1)));
    if (!ratios_.enough()) return forecast;
    const Duration point = forecast.point;
    for (std::size_t i = 0; i < kLevels; ++i) {
      forecast.quantiles[i] = scaled(point, ratios_.quantile(level(i)));
    }
    forecast.point = forecast.quantiles[kMedianLevel];
    return forecast;
  }
  void observe_end(const Observation& observation) override {
    Decorator::observe_end(observation);
    const auto forecast = pending_.take(observation.ordinal);
    if (!forecast || !observation.ended_by_itself()) return;
    ratios_.add(static_cast<double>((observation.ended_at - observation.accepted_at).count()) /
                static_cast<double>(forecast->count()));
  }
  std::size_t bytes() const override {
    return sizeof(*this) + Decorator::bytes() + ratios_.bytes() + pending_.bytes();
  }

 private:
  std::string name_;
  SortedWindow ratios_;  // actual to forecast
  PendingForecasts<Duration> pending_;
};

}  // namespace

std::unique_ptr<Estimator> make_window_quantile(Duration prior) {
  return std::make_unique<WindowQuantile>(prior);
}

std::unique_ptr<Estimator> make_conformal(std::unique_ptr<Estimator> point) {
  return std::make_unique<Conformal>(std::move(point));
}

}  // namespace quintain::core::eta
