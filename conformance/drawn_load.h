// Loads that are drawn at random, for searches on a live target.
#pragma once

#include <cstdint>

#include "conformance/case.h"

namespace quintain::conformance {

/// A case "load/seed-17" for the seed 17. Within a few seconds it sends some fifty calls to the
/// fixtures that the manifest names, with faults of clients: they cancel, politely or by force,
/// repeat a call that is open or has ended, use an id again for another request, leave, have short
/// deadlines and timeouts, and come in bursts that the node cannot take. Then it waits until
/// everything has ended and reads every record.
///
/// What is sent when depends on the seed and the profile alone, not on answers; a call that the
/// profile cannot express is left out. Each kind of fault is switched off in about half of the
/// loads.
Case drawn_load(std::uint64_t seed);

}  // namespace quintain::conformance
