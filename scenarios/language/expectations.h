// What a scenario file expects.
#pragma once

#include <vector>

#include "core/time.h"
#include "scenarios/json/reader.h"
#include "scenarios/language/steps.h"
#include "scenarios/scenario.h"

namespace quintain::scenarios {

/// Reads the array "expect". `end`: when the scenario ends.
std::vector<Expectation> read_expectations(const Reader& expectations, const Steps& steps,
                                           core::Instant end);

}  // namespace quintain::scenarios
