// Nodes, as a scenario file describes them.
#pragma once

#include <vector>

#include "core/node_config.h"
#include "scenarios/json/reader.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// The nodes of a scenario, without functions: those of "nodes", or the one of "node", or one with
/// every setting at its default. At least one.
std::vector<sim::NodeSpec> read_nodes(ObjectReader& scenario);

}  // namespace quintain::scenarios
