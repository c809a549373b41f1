// Estimators that read their spread off what came of the past.
#pragma once

#include <memory>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Order statistics of the last response times of all functions: QBETS without its clustering
/// (D. Nurmi, J. Brevik and R. Wolski, "QBETS: queue bounds estimation from time series", 2007).
std::unique_ptr<Estimator> make_window_quantile(Duration prior);

/// A point estimator's forecast times the quantiles of how much longer than forecast the last
/// executions took: split conformal prediction with the ratio as its score, over a sliding window
/// (V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005).
std::unique_ptr<Estimator> make_conformal(std::unique_ptr<Estimator> point);

}  // namespace quintain::core::eta
