// Estimators that condition on the whole state of the node.
#pragma once

#include <cstdint>
#include <memory>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Rolls the node's state forward under distributions learnt for each function. `state`.
std::unique_ptr<Estimator> make_state(Duration prior, std::uint64_t seed);

/// The same, and notices when the node as a whole, or one function alone, has changed:
/// `state+change`.
std::unique_ptr<Estimator> make_state_with_change(Duration prior, std::uint64_t seed);

}  // namespace quintain::core::eta
