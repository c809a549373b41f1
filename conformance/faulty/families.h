// The faults by the family of clauses that they break; catalogue.cpp puts them together.
#pragma once

#include <vector>

#include "conformance/faulty/faulty_core.h"

namespace quintain::conformance::faulty {

std::vector<FaultyCore> sync_faults();
std::vector<FaultyCore> async_faults();
std::vector<FaultyCore> mode_faults();
std::vector<FaultyCore> state_faults();
std::vector<FaultyCore> cancel_faults();
std::vector<FaultyCore> time_faults();
std::vector<FaultyCore> idempotency_faults();
std::vector<FaultyCore> stream_faults();
std::vector<FaultyCore> list_faults();
std::vector<FaultyCore> eta_faults();
std::vector<FaultyCore> wire_faults();

}  // namespace quintain::conformance::faulty
