// What a scenario file expects.
#pragma once

#include <vector>

#include "core/base/time.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/scenario.h"
#include "scenarios/language/steps.h"

namespace quintain::scenarios {

/// Reads the array "expect". `end`: when the scenario ends.
std::vector<Expectation> read_expectations(const json_input::Reader& expectations,
                                           const Steps& steps, core::Instant end);

}  // namespace quintain::scenarios
