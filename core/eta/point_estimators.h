// The estimators that know a mean and nothing else. docs/eta.md tells them apart.
#pragma once

#include <memory>

#include "core/base/time.h"
#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Always the same value, less the time that has passed.
std::unique_ptr<Estimator> make_constant(Duration value);

/// The exponentially weighted mean of the function's response times.
std::unique_ptr<Estimator> make_ewma(Duration prior);

/// The delay of the last execution that got a slot, plus the function's mean service time.
std::unique_ptr<Estimator> make_last_to_enter_service(Duration prior);

/// (n + 1) E[S] / c for n ahead and c slots if all are busy, plus the function's mean service time.
std::unique_ptr<Estimator> make_queue_length(Duration prior);

/// The expected work that waits, shared among the slots, plus the function's mean time, warm or
/// cold.
std::unique_ptr<Estimator> make_queued_work(Duration prior);

}  // namespace quintain::core::eta
