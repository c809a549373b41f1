// Distributions of random durations, as a scenario file writes them.
#pragma once

#include "reports/json_input/reader.h"
#include "sim/random/distribution.h"

namespace quintain::scenarios {

/// A duration ("100ms", always the same) or an object whose one key names the distribution:
/// {"exponential": "100ms"}. Without a value, or after reporting what is wrong with it: `fallback`,
/// which must have no problems.
sim::Distribution read_distribution(
    const json_input::Reader& distribution,
    const sim::Distribution& fallback = sim::distribution::Constant{});

}  // namespace quintain::scenarios
