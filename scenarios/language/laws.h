// Laws of random durations, as a scenario file writes them.
#pragma once

#include "scenarios/json/reader.h"
#include "sim/random/distribution.h"

namespace quintain::scenarios {

/// A duration ("100ms", always the same) or an object whose one key names the law:
/// {"exponential": "100ms"}. Without a value, or after reporting what is wrong with it: `fallback`,
/// which must have no problems.
sim::Distribution read_law(const Reader& law,
                           const sim::Distribution& fallback = sim::law::Constant{});

}  // namespace quintain::scenarios
