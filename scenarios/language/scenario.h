// A whole scenario, as its file writes it.
#pragma once

#include "scenarios/json/reader.h"
#include "scenarios/scenario.h"

namespace quintain::scenarios {

/// Reads the document of one case: everything of a Scenario but its name, file and document.
Scenario read_scenario(const Reader& document);

}  // namespace quintain::scenarios
