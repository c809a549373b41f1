#include "conformance/case.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {

std::span<const Case> all_cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> cases;
    for (const auto family :
         {sync_cases, async_cases, mode_cases, state_cases, cancel_cases, time_cases,
          idempotency_cases, stream_cases, list_cases, eta_cases, wire_cases}) {
      for (Case& one : family()) cases.push_back(std::move(one));
    }
    return cases;
  }();
  return all;
}

}  // namespace quintain::conformance
