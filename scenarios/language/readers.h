// Readers of the parts of a file that describe nodes, functions and load. Study files use them,
// too.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/node_config.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/names.h"
#include "scenarios/language/scenario.h"
#include "sim/function_model.h"
#include "sim/load.h"
#include "sim/random/distribution.h"
#include "sim/workload/arrivals.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {

/// A distribution of random durations: a duration ("100ms", constant) or an object whose only key
/// names the distribution: {"exponential": "100ms"}. Returns `fallback` if the value is absent, or
/// after reporting what is wrong with it. Requires: `fallback` has no problems().
sim::Distribution read_distribution(
    const json_input::Reader& distribution,
    const sim::Distribution& fallback = sim::distribution::Constant{});

/// The nodes of a scenario and their names. At least one.
struct Nodes {
  Names names{"node"};
  std::vector<sim::NodeSpec> specs;  // by the names' numbers; without functions
};

/// Reads "nodes" or "node" of a scenario; without them there is one node with default settings.
Nodes read_nodes(json_input::ObjectReader& scenario);

/// Reads the object "network"; nullopt if it is absent.
std::optional<sim::NetworkSpec> read_network(const json_input::Reader& network);

/// The functions of a scenario and their names in the file.
struct Functions {
  Names names{"function"};
  std::vector<sim::FunctionModel> models;  // by the names' numbers
};

/// Reads the object "functions".
Functions read_functions(const json_input::Reader& functions);

/// What makes an invocation; decides which keys are allowed.
enum class Caller {
  kStep,    // InvokeFunction with any mode and invalid values, which a test may send on purpose
  kStream,  // StreamFunction; the mode is STREAM unless another is given
  kLoad,    // SYNC, ASYNC or STREAM and no id: each call is another execution
};

/// Reads the keys of an invocation in `object`. `target`: the name of a function, or an object that
/// may have the id of a task.
spearlet::InvokeFunctionRequest read_invocation(const json_input::Reader& target,
                                                json_input::ObjectReader& object, Caller caller,
                                                const Functions& functions);

/// When the calls of a load are made: an object with one of the keys "at", "every", "poisson",
/// "diurnal", "mmpp", "renewal" (open) or "closed". Returns no arrivals after reporting what is
/// wrong.
std::variant<sim::ArrivalSpec, sim::ClosedLoop> read_arrivals(const json_input::Reader& arrivals);

/// Reads the array "loads". `end`: the end of the scenario, or never. A load must end by then or by
/// itself.
std::vector<sim::Load> read_loads(const json_input::Reader& loads, const Names& nodes,
                                  const Functions& functions, core::Instant end);

/// Reads the object "trace"; nullopt if it is absent.
std::optional<TraceReplay> read_trace(const json_input::Reader& trace, const Names& nodes);

}  // namespace quintain::scenarios
