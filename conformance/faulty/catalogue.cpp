#include <algorithm>
#include <iterator>
#include <utility>

#include "conformance/faulty/families.h"

namespace quintain::conformance {

std::span<const FaultyCore> faulty_cores() {
  static const std::vector<FaultyCore> all = [] {
    std::vector<FaultyCore> cores;
    for (auto* const family :
         {faulty::sync_faults, faulty::async_faults, faulty::mode_faults, faulty::state_faults,
          faulty::cancel_faults, faulty::time_faults, faulty::idempotency_faults,
          faulty::stream_faults, faulty::list_faults, faulty::eta_faults, faulty::wire_faults}) {
      std::ranges::move(family(), std::back_inserter(cores));
    }
    return cores;
  }();
  return all;
}

const FaultyCore* find_faulty_core(std::string_view name) {
  const auto cores = faulty_cores();
  const auto found = std::ranges::find(cores, name, &FaultyCore::name);
  return found == cores.end() ? nullptr : &*found;
}

}  // namespace quintain::conformance
