// When the calls of a load come, as a scenario file writes it.
#pragma once

#include <variant>

#include "reports/json_input/reader.h"
#include "sim/workload/arrivals.h"

namespace quintain::scenarios {

/// An object with one of the keys "at", "every", "poisson", "diurnal", "mmpp", "renewal" (open) or
/// "closed". After reporting what is wrong with it: no arrivals.
std::variant<sim::ArrivalSpec, sim::ClosedLoop> read_arrivals(const json_input::Reader& arrivals);

}  // namespace quintain::scenarios
