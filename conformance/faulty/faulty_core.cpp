#include "conformance/faulty/faulty_core.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace quintain::conformance {
namespace {

std::multimap<int, std::vector<FaultyCore> (*)()>& families() {
  static std::multimap<int, std::vector<FaultyCore> (*)()> registered;
  return registered;
}

}  // namespace

RegisterFaults::RegisterFaults(int order, std::vector<FaultyCore> (*family)()) {
  families().emplace(order, family);
}

std::span<const FaultyCore> faulty_cores() {
  static const std::vector<FaultyCore> all = [] {
    std::vector<FaultyCore> cores;
    for (const auto& [order, family] : families()) {
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
