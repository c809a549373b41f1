// A whole scenario, as its file writes it.
#pragma once

#include "reports/json_input/reader.h"
#include "scenarios/language/scenario.h"

namespace quintain::scenarios {

/// Reads the document of one case: everything of a Scenario but its name, file and document.
Scenario read_scenario(const json_input::Reader& document);

}  // namespace quintain::scenarios
