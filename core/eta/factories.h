// The constructors of the estimators that estimator_names() lists.
#pragma once

#include <memory>
#include <string_view>

#include "core/base/time.h"
#include "core/eta/estimator.h"

namespace quintain::core::eta {

// ---- Means (point_estimators.cpp) ---------------------------------------------------------------

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

// ---- Empirical distributions (empirical.cpp) ----------------------------------------------------

/// Order statistics of the last response times of all functions: QBETS without its clustering
/// (D. Nurmi, J. Brevik and R. Wolski, "QBETS: queue bounds estimation from time series", 2007).
std::unique_ptr<Estimator> make_window_quantile(Duration prior);

/// A point estimator's forecast times the quantiles of the ratios of actual to forecast times of
/// the last executions: split conformal prediction with the ratio as its score, over a sliding
/// window (V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005).
std::unique_ptr<Estimator> make_conformal(std::unique_ptr<Estimator> point);

// ---- The node's state (state_estimator.cpp) -----------------------------------------------------

/// Rolls the node's state forward under distributions learnt for each function. `state`.
std::unique_ptr<Estimator> make_state(Duration prior, std::uint64_t seed);

/// The same; also follows changes of the whole node's speed: `state+change`.
std::unique_ptr<Estimator> make_state_with_change(Duration prior, std::uint64_t seed);

// ---- Combinations (combined.cpp) ----------------------------------------------------------------

/// Corrects another estimator's quantiles by how past forecasts turned out, separately for
/// executions that wait or not and that start cold or not, where this has reduced the loss.
std::unique_ptr<Estimator> make_recalibrated(std::string_view name,
                                             std::unique_ptr<Estimator> inner);

/// The first estimator's forecasts, mixed with those of simple estimators: the smaller the recent
/// pinball losses of one are, the larger is its weight. Executions that start at once are judged
/// separately.
std::unique_ptr<Estimator> make_mixture(std::string_view name, std::unique_ptr<Estimator> first,
                                        Duration prior);

}  // namespace quintain::core::eta
