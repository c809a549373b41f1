// Estimators that are wrong on purpose: a study that does not notice can't be trusted.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "study/predictions/predicted.h"

namespace quintain::study {

/// The negative controls of a series, made of the oracle's forecasts:
///
/// - "control-biased": everything is a quarter too long.
/// - "control-narrow": half as wide around the median.
/// - "control-peeking": every quantile is drawn halfway to the actual time. Its calibration is that
///   of the oracle; only that it is better than anything honest can be gives it away.
std::vector<Forecasts> make_controls(std::span<const double> levels,
                                     std::span<const PredictedExecution> executions,
                                     const Forecasts& oracle);

bool is_control(std::string_view estimator);

}  // namespace quintain::study
