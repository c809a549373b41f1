#include "core/eta/service_times.h"

namespace quintain::core::eta {
namespace {

double nanoseconds(Duration d) { return static_cast<double>(d.count()); }
Duration duration(double nanoseconds) { return Duration(static_cast<std::int64_t>(nanoseconds)); }

bool ended_by_itself(const Observation& observation) {
  return !observation.dispatched_at.is_never() &&
         (observation.status == spearlet::EXECUTION_STATUS_COMPLETED ||
          observation.status == spearlet::EXECUTION_STATUS_FAILED);
}

}  // namespace

ServiceTimes::ServiceTimes(Duration prior) : prior_(nanoseconds(prior)) {}

void ServiceTimes::observe(const Observation& observation) {
  if (!ended_by_itself(observation)) return;
  const double held = nanoseconds(observation.ended_at - observation.dispatched_at);
  if (observation.function >= functions_.size()) functions_.resize(observation.function + 1);
  functions_[observation.function].add(held);
  node_.add(held);
}

Duration ServiceTimes::mean(FunctionIndex function) const {
  if (function < functions_.size() && functions_[function].known()) {
    return duration(functions_[function].value());
  }
  return node_mean();
}

Duration ServiceTimes::node_mean() const {
  return duration(node_.known() ? node_.value() : prior_);
}

}  // namespace quintain::core::eta
