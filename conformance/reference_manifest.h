// What the reference node says of itself.
#pragma once

#include "conformance/manifest.h"

namespace quintain::conformance {

/// The manifest of the reference node (fixtures/reference_node.h) with the built-in fixtures; what
/// a target is taken to be that has no manifest of its own.
Manifest reference_manifest();

}  // namespace quintain::conformance
