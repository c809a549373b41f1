// Recorded traces as functions and loads.
#pragma once

#include <vector>

#include "scenarios/language/scenario.h"
#include "sim/function_model.h"
#include "sim/load.h"
#include "sim/workload/azure_trace.h"

namespace quintain::scenarios {

/// Adds a function with its own task, and a load, for each function of the trace.
void add_trace(const sim::AzureTrace& trace, const TraceReplay& replay,
               std::vector<sim::FunctionModel>& functions, std::vector<sim::Load>& loads);

}  // namespace quintain::scenarios
