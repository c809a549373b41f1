// The four estimators that predict a mean: constant, ewma, les, queue-length.
//
// A mean alone says nothing of the spread. Their 90th percentile is the one of the law that assumes
// least about a positive quantity of known mean, the exponential (maximum entropy): mean * ln 10.
#include "core/eta/point_estimators.h"

#include <algorithm>
#include <cstdint>
#include <numbers>
#include <vector>

#include "core/eta/service_times.h"

namespace quintain::core::eta {
namespace {

Estimate around(Duration mean) {
  const auto p90 = static_cast<double>(mean.count()) * std::numbers::ln10;
  return {.p50 = mean, .p90 = Duration(static_cast<std::int64_t>(p90))};
}

// What is left of a time of which some has passed. A prediction that has been outlived says "any
// moment now".
Duration remaining(Duration whole, Duration passed) {
  return std::max(whole - passed, Duration::zero());
}

bool waits(const Subject& subject) { return subject.dispatched_at.is_never(); }

class Constant final : public Estimator {
 public:
  explicit Constant(Duration value) : value_(value) {}

  std::string_view name() const override { return "constant"; }
  Estimate predict(const Subject& subject, const NodeState& node) override {
    const Duration left = remaining(value_, node.now - subject.accepted_at);
    return {.p50 = left, .p90 = left};
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation&) override {}

 private:
  Duration value_;
};

// Response times include the waiting, so queues of the past are in them and the one of now is not.
class Ewma final : public Estimator {
 public:
  explicit Ewma(Duration prior) : response_times_(prior) {}

  std::string_view name() const override { return "ewma"; }
  Estimate predict(const Subject& subject, const NodeState& node) override {
    return around(
        remaining(response_times_.mean(subject.function), node.now - subject.accepted_at));
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation& observation) override {
    if (observation.dispatched_at.is_never()) return;
    Observation response = observation;
    response.dispatched_at = observation.accepted_at;
    response_times_.observe(response);
  }

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
  Estimate predict(const Subject& subject, const NodeState& node) override {
    const Duration service = service_.mean(subject.function);
    if (!waits(subject)) return around(remaining(service, node.now - subject.dispatched_at));
    const bool must_wait = node.busy >= node.slots;
    const Duration delay = must_wait ? last_delay_ : Duration::zero();
    return around(remaining(delay, node.now - subject.accepted_at) + service);
  }
  void observe_dispatch(FunctionIndex, Instant, Duration waited) override { last_delay_ = waited; }
  void observe_end(const Observation& observation) override { service_.observe(observation); }

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
  Estimate predict(const Subject& subject, const NodeState& node) override {
    const Duration service = service_.mean(subject.function);
    if (!waits(subject)) return around(remaining(service, node.now - subject.dispatched_at));
    const bool must_wait = node.busy >= node.slots;
    const double departures = must_wait ? static_cast<double>(subject.ahead + 1) : 0;
    const double delay =
        departures * static_cast<double>(service_.node_mean().count()) / node.slots;
    return around(Duration(static_cast<std::int64_t>(delay)) + service);
  }
  void observe_dispatch(FunctionIndex, Instant, Duration) override {}
  void observe_end(const Observation& observation) override { service_.observe(observation); }

 private:
  ServiceTimes service_;
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

}  // namespace quintain::core::eta
