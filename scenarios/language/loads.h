// Loads and traces, as a scenario file writes them.
#pragma once

#include <optional>
#include <vector>

#include "core/base/time.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/functions.h"
#include "scenarios/language/names.h"
#include "scenarios/language/scenario.h"
#include "sim/load.h"

namespace quintain::scenarios {

/// Reads the array "loads". `end`: when the scenario ends; a load must end by then or by itself.
std::vector<sim::Load> read_loads(const json_input::Reader& loads, const Names& nodes,
                                  const Functions& functions, core::Instant end);

/// Reads the object "trace".
std::optional<TraceReplay> read_trace(const json_input::Reader& trace, const Names& nodes);

}  // namespace quintain::scenarios
