#include "core/eta/service_times.h"

namespace quintain::core::eta {
namespace {

double count_of(Duration d) { return static_cast<double>(d.count()); }
Duration mean_duration(double nanoseconds) {
  return Duration(static_cast<std::int64_t>(nanoseconds));
}

}  // namespace

ServiceTimes::ServiceTimes(Duration prior) : prior_(count_of(prior)) {}

void ServiceTimes::observe(const Observation& observation) {
  if (observation.dispatched_at.is_never() || !observation.ended_by_itself()) return;
  const double held = count_of(observation.ended_at - observation.dispatched_at);
  if (observation.function >= functions_.size()) functions_.resize(observation.function + 1);
  functions_[observation.function].add(held);
  node_.add(held);
}

Duration ServiceTimes::mean(FunctionIndex function) const {
  return knows(function) ? mean_duration(functions_[function].value()) : node_mean();
}

Duration ServiceTimes::node_mean() const {
  return mean_duration(node_.known() ? node_.value() : prior_);
}

}  // namespace quintain::core::eta
