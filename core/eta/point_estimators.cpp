// The estimators that predict a mean: constant, ewma, les, queue-length, queued-work. A mean has no
// spread, so their quantiles are those of the distribution that assumes least about a positive
// quantity of known mean, the exponential (maximum entropy): mean * -ln(1 - p).
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "core/eta/factories.h"
#include "core/eta/service_times.h"

namespace quintain::core::eta {
namespace {

// -ln(1 - p) for the levels 0.05, 0.10, ... 0.95.
constexpr std::array<double, kLevels> kExponentialQuantiles = {
    0.051293294387550536, 0.10536051565782631, 0.1625189294977749, 0.22314355131420976,
    0.2876820724517809,   0.35667494393873234, 0.4307829160924542, 0.5108256237659907,
    0.5978370007556204,   0.6931471805599453,  0.7985076962177717, 0.916290731874155,
    1.0498221244986778,   1.203972804325936,   1.3862943611198906, 1.6094379124341005,
    1.897119984885881,    2.302585092994046,   2.99573227355399};

// The longest mean: 90 years, so that its quantiles still fit a Duration.
constexpr Duration kMax = std::chrono::hours(24 * 365 * 90);

Forecast around(Duration mean) {
  mean = std::min(mean, kMax);
  Forecast forecast{.point = mean};
  for (std::size_t i = 0; i < kLevels; ++i) {
    const double quantile = static_cast<double>(mean.count()) * kExponentialQuantiles[i];
    forecast.quantiles[i] = Duration(static_cast<std::int64_t>(quantile));
  }
  return forecast;
}

// Saturates: the nanoseconds of a long queue may exceed what a Duration holds.
Duration duration_of(double nanoseconds) {
  return Duration(
      static_cast<std::int64_t>(std::min(nanoseconds, static_cast<double>(kMax.count()))));
}

// The rest of a predicted time; zero once the prediction has been outlived.
Duration remaining(Duration whole, Duration passed) {
  return std::max(whole - passed, Duration::zero());
}

bool waits(const Target& target) { return target.dispatched_at.is_never(); }

class Constant final : public Estimator {
 public:
  explicit Constant(Duration value) : value_(value) {}

  std::string_view name() const override { return "constant"; }
  Forecast predict(const Target& target, const NodeState& node) override {
    Forecast forecast{.point = remaining(value_, node.now - target.accepted_at)};
    forecast.quantiles.fill(forecast.point);
    return forecast;
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation&) override {}
  std::size_t bytes() const override { return sizeof(*this); }

 private:
  Duration value_;
};

// Response times include the waiting: that in past queues, not in the present one.
class Ewma final : public Estimator {
 public:
  explicit Ewma(Duration prior) : response_times_(prior) {}

  std::string_view name() const override { return "ewma"; }
  Forecast predict(const Target& target, const NodeState& node) override {
    return around(remaining(response_times_.mean(target.function), node.now - target.accepted_at));
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation& observation) override {
    if (observation.dispatched_at.is_never()) return;
    Observation response = observation;
    response.dispatched_at = observation.accepted_at;
    response_times_.observe(response);
  }
  std::size_t bytes() const override { return sizeof(*this) + response_times_.bytes(); }

 private:
  ServiceTimes response_times_;
};

// R. Ibrahim and W. Whitt, "Real-time delay estimation based on delay history", M&SOM 11(3), 2009:
// the delay of the last customer to enter service is a good guess at the delay of the next to
// arrive.
class LastToEnterService final : public Estimator {
 public:
  explicit LastToEnterService(Duration prior) : service_(prior) {}

  std::string_view name() const override { return "les"; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Duration service = service_.mean(target.function);
    if (!waits(target)) return around(remaining(service, node.now - target.dispatched_at));
    const bool must_wait = node.busy >= node.slots;
    const Duration delay = must_wait ? last_delay_ : Duration::zero();
    return around(remaining(delay, node.now - target.accepted_at) + service);
  }
  void observe_dispatch(FunctionIndex, Instant, Duration waited) override { last_delay_ = waited; }
  void observe_end(const Observation& observation) override { service_.observe(observation); }
  std::size_t bytes() const override { return sizeof(*this) + service_.bytes(); }

 private:
  ServiceTimes service_;
  Duration last_delay_{0};
};

// The delay estimate QL_m of Ibrahim and Whitt (2009): with n ahead and all c slots busy, n + 1
// departures must come first, and they come at rate c / E[S].
class QueueLength final : public Estimator {
 public:
  explicit QueueLength(Duration prior) : service_(prior) {}

  std::string_view name() const override { return "queue-length"; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Duration service = service_.mean(target.function);
    if (!waits(target)) return around(remaining(service, node.now - target.dispatched_at));
    const bool must_wait = node.busy >= node.slots;
    const double departures = must_wait ? static_cast<double>(target.ahead + 1) : 0;
    const double delay =
        departures * static_cast<double>(service_.node_mean().count()) / node.slots;
    return around(duration_of(delay) + service);
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation& observation) override { service_.observe(observation); }
  std::size_t bytes() const override { return sizeof(*this) + service_.bytes(); }

 private:
  ServiceTimes service_;
};

// The estimate of the control plane Iluvatar: A. Fuerst et al., "Iluvatar: a fast control plane for
// serverless computing", HPDC 2023. The expected times of the waiting executions are summed up and
// shared among as many slots as they can use; the function's own mean, warm or cold, is added.
class QueuedWork final : public Estimator {
 public:
  explicit QueuedWork(Duration prior) : warm_(prior), cold_(prior) {}

  std::string_view name() const override { return "queued-work"; }
  Forecast predict(const Target& target, const NodeState& node) override {
    const Backlog& backlog = node.backlog();
    if (!waits(target)) {
      const bool cold = std::ranges::any_of(backlog.running, [&](const RunningExecution& running) {
        return running.ordinal == target.ordinal && running.cold;
      });
      return around(remaining(mean(target.function, cold), node.now - target.dispatched_at));
    }
    double work = 0;
    bool cold = false;
    for (const WaitingExecution& waiting : backlog.waiting) {
      const TaskShare& share = backlog.shares[waiting.share];
      // On a full node an instance of the task comes back in time; otherwise one is made.
      const bool returns = node.busy >= node.slots && share.instances > 0;
      const bool needs_instance = waiting.fresh || (share.idle == 0 && !returns);
      if (waiting.ordinal == target.ordinal) {
        cold = needs_instance;
      } else {
        work += static_cast<double>(mean(waiting.function, needs_instance).count());
      }
    }
    work +=
        static_cast<double>(backlog.hidden_count) * static_cast<double>(warm_.node_mean().count());
    const auto ahead =
        static_cast<double>(backlog.waiting.size() - 1) + static_cast<double>(backlog.hidden_count);
    const double delay = ahead > 0 ? work / std::min<double>(node.slots, ahead) : 0;
    return around(duration_of(delay) + mean(target.function, cold));
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation& observation) override {
    (observation.cold ? cold_ : warm_).observe(observation);
  }
  std::size_t bytes() const override { return sizeof(*this) + warm_.bytes() + cold_.bytes(); }

 private:
  // A function that was never seen cold (or never warm) has its warm (or cold) mean.
  Duration mean(FunctionIndex function, bool cold) const {
    const ServiceTimes& wanted = cold ? cold_ : warm_;
    const ServiceTimes& other = cold ? warm_ : cold_;
    return wanted.knows(function) || !other.knows(function) ? wanted.mean(function)
                                                            : other.mean(function);
  }

  ServiceTimes warm_;
  ServiceTimes cold_;
};

}  // namespace

std::unique_ptr<Estimator> make_constant(Duration value) {
  return std::make_unique<Constant>(value);
}
std::unique_ptr<Estimator> make_ewma(Duration prior) { return std::make_unique<Ewma>(prior); }
std::unique_ptr<Estimator> make_last_to_enter_service(Duration prior) {
  return std::make_unique<LastToEnterService>(prior);
}
std::unique_ptr<Estimator> make_queue_length(Duration prior) {
  return std::make_unique<QueueLength>(prior);
}

std::unique_ptr<Estimator> make_queued_work(Duration prior) {
  return std::make_unique<QueuedWork>(prior);
}

}  // namespace quintain::core::eta
