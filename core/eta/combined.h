// Estimators that watch how others' forecasts come out.
#pragma once

#include <memory>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Bends another estimator's forecasts so that its quantiles cover what they say, by how they have
/// covered so far, apart for those that have to wait and for those that start cold.
std::unique_ptr<Estimator> make_recalibrated(std::string_view name,
                                             std::unique_ptr<Estimator> inner);

/// The first estimator's forecasts, with the second as a guard: where the second's pinball losses
/// were smaller by a tenth of late, its quantiles are mixed in, and by a fifth, they take over.
std::unique_ptr<Estimator> make_mixture(std::string_view name, std::unique_ptr<Estimator> first,
                                        std::unique_ptr<Estimator> second);

}  // namespace quintain::core::eta
