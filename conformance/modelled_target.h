// What the model of the contract has to know of a target of the suite.
#pragma once

#include "conformance/manifest.h"
#include "conformance/model/contract_model.h"

namespace quintain::conformance {

/// The node that the manifest describes, with the fixtures as its functions. `delay`: see
/// ModelledNode. `alone`: nobody else calls it.
ModelledNode modelled_target(const Manifest& manifest, core::Duration delay, bool alone);

}  // namespace quintain::conformance
