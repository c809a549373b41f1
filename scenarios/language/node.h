// Nodes, as a scenario file describes them.
#pragma once

#include <vector>

#include "core/node_config.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/names.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// The nodes of a scenario by their names, without functions. At least one.
struct Nodes {
  Names names{"node"};
  std::vector<sim::NodeSpec> specs;  // by the names' numbers
};

/// Those of "nodes", or the one of "node", or one with every setting at its default.
Nodes read_nodes(json_input::ObjectReader& scenario);

}  // namespace quintain::scenarios
