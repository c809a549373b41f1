// Draws random worlds as scenario documents.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

namespace quintain::scenarios {

/// Returns a scenario document without expectations: a node, functions, steps and loads, all drawn
/// from `seed`. Of the features that a world can have (cold starts, failures, cancels, repeated
/// ids, a queue that is full, ...) each is switched off in about half of the worlds, so that the
/// ones that are left meet more often: "swarm testing", A. Groce et al., ISSTA 2012. Times are
/// mostly multiples of 10 ms, so that many things happen at one instant.
///
/// A pure function of the seed. The document is valid.
nlohmann::ordered_json draw_world(std::uint64_t seed);

}  // namespace quintain::scenarios
