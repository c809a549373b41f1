// The transport in virtual time: our own core behind an in-memory wire.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "conformance/faulty/faulty_core.h"
#include "conformance/transport.h"
#include "core/node_config.h"

namespace quintain::conformance {

/// A node of its own with the built-in fixtures, in a world of its own that begins when the
/// transport does. The wire takes and gives bytes as gRPC would: what is no message is refused, an
/// unknown method is UNIMPLEMENTED, and so on. Times are exact: calls take no time of their own.
///
/// `faulty`, which may be null, is what is wrong with the node or its wire.
std::unique_ptr<Transport> make_sim_arm(const core::NodeConfig& node, const FaultyCore* faulty);

}  // namespace quintain::conformance
