// The families of cases, a file each.
#pragma once

#include <vector>

#include "conformance/case.h"

namespace quintain::conformance {

std::vector<Case> sync_cases();
std::vector<Case> async_cases();
std::vector<Case> mode_cases();
std::vector<Case> state_cases();
std::vector<Case> cancel_cases();
std::vector<Case> time_cases();
std::vector<Case> idempotency_cases();
std::vector<Case> stream_cases();
std::vector<Case> list_cases();
std::vector<Case> eta_cases();
std::vector<Case> wire_cases();

}  // namespace quintain::conformance
