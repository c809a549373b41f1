// Questions to estimators for tests without a node.
#pragma once

#include <cstdint>
#include <optional>

#include "core/eta/estimator.h"
#include "core/eta/explanation.h"

namespace quintain::core::eta::testing {

/// Executions that are accepted one after the other by a node whose slots are free; each ends
/// before the next one arrives.
class Acceptances {
 public:
  /// `timeout`: from the acceptance to the deadline of each.
  explicit Acceptances(Estimator& estimator, std::optional<Duration> timeout = std::nullopt)
      : estimator_(estimator), deadline_(timeout ? kNow + *timeout : Instant::never()) {
    backlog_.shares.push_back({.task = 0, .idle = 1, .instances = 1, .limit = 10});
  }

  /// Accepts the next execution and returns its forecast.
  Forecast accept() {
    ++ordinal_;
    backlog_.waiting.assign(1, {.ordinal = ordinal_,
                                .function = 0,
                                .rank = 0,
                                .deadline = deadline_,
                                .share = 0,
                                .fresh = false});
    return estimator_.predict(target(), node());
  }

  /// Explains the forecast of the last accepted execution.
  Explanation explain() {
    Explanation explanation;
    eta::explain(estimator_, target(), node(), explanation);
    return explanation;
  }

  /// Ends it after this time, by itself or cut short.
  void end(Duration after,
           spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_COMPLETED) {
    estimator_.observe_end({.function = 0,
                            .ordinal = ordinal_,
                            .accepted_at = kNow,
                            .deadline = deadline_,
                            .dispatched_at = kNow,
                            .started_at = kNow,
                            .ended_at = kNow + after,
                            .cold = false,
                            .status = status});
  }

  static constexpr Instant kNow{std::chrono::seconds(1000)};

 private:
  NodeState node() const {
    return {.now = kNow, .slots = 4, .busy = 0, .queued = 0, .backlog = [this]() -> const Backlog& {
              return backlog_;
            }};
  }
  Target target() const {
    return {.function = 0,
            .ordinal = ordinal_,
            .accepted_at = kNow,
            .dispatched_at = Instant::never(),
            .ahead = 0};
  }

  Estimator& estimator_;
  Instant deadline_;
  Backlog backlog_;
  std::uint64_t ordinal_ = 0;
};

/// Always the same forecast.
class Fixed final : public Estimator {
 public:
  explicit Fixed(const Forecast& forecast) : forecast_(forecast) {}
  std::string_view name() const override { return "fixed"; }
  Forecast predict(const Target&, const NodeState&) override { return forecast_; }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation&) override {}
  std::size_t bytes() const override { return sizeof(*this); }

 private:
  Forecast forecast_;
};

/// `distribution`: maps a probability to seconds.
template <class Distribution>
Forecast forecast_by(const Distribution& distribution) {
  Forecast forecast;
  for (std::size_t i = 0; i < kLevels; ++i) {
    forecast.quantiles[i] = Duration(static_cast<std::int64_t>(distribution(level(i)) * 1e9));
  }
  forecast.point = forecast.quantiles[kMedianLevel];
  return forecast;
}

}  // namespace quintain::core::eta::testing
