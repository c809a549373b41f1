// The estimators that calibrate a study itself: the oracle, which knows the truth, and the negative
// controls, which are wrong on purpose.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/eta/estimator.h"
#include "sim/world.h"
#include "study/predictions/predicted.h"

namespace quintain::study {

/// The name under which the oracle is reported.
inline constexpr std::string_view kOracleName = "oracle";

/// An estimator that knows the service time distributions of the node's functions and the current
/// speed factor, sees the same state as any estimator, and rolls it forward by the same method with
/// the same draws. It does not know what cannot be known: the actual service times, future
/// arrivals, and future changes of the speed factor. The ratio of an estimator's loss to the
/// oracle's is thus the price of having to learn.
///
/// `max_retries` is the number that callers ask for, for functions that fail. Functions with
/// scripted outcomes are taken as always completing.
std::unique_ptr<core::eta::Estimator> make_oracle(const sim::NodeSpec& node, int max_retries,
                                                  std::uint64_t seed);

/// The negative controls of a series, made from the oracle's forecasts. A study that does not flag
/// them cannot be trusted.
///
/// - "control-biased": all times are a quarter too long.
/// - "control-narrow": the distribution is half as wide around the median.
/// - "control-peeking": every quantile is moved halfway to the actual time. Its calibration equals
/// the
///   oracle's; only its impossibly small loss reveals it.
std::vector<Forecasts> make_controls(std::span<const double> levels,
                                     std::span<const PredictedExecution> executions,
                                     const Forecasts& oracle);

bool is_control(std::string_view estimator);

}  // namespace quintain::study
