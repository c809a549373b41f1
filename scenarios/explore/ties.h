// Runs one scenario in every order of the events that are due at one instant.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "scenarios/explore/exploration.h"

namespace quintain::scenarios {

/// What a search through the orders of a scenario covered.
struct ExploredTies {
  /// Its worlds are orders; the seed of a failure is the number of the order, from 0. The document
  /// of a failure has the order as `ties`.
  Explored explored;
  /// Ties at which another event could have run next, which were left out because the run had
  /// reached a state that an earlier run had reached at the same instant.
  std::uint64_t pruned = 0;
  /// Orders that are known to exist and were not run, because there are more than `most`. Further
  /// ones may follow from them.
  std::uint64_t left = 0;
};

/// Runs at most `most` orders of the tied events of a scenario, which are events of one instant
/// with one precedence. The first order is the one in which they were scheduled; then come those
/// that differ from it in one choice, then in two, and so on, since most faults need only a few
/// (delay-bounded scheduling: M. Emmi, S. Qadeer and Z. Rakamaric, POPL 2011). If none is left, all
/// orders were covered.
///
/// A run is not varied further after an instant from which on its history, with the contents of all
/// messages, is the same as that of an earlier run: the two have reached the same state, as far as
/// anyone can observe it.
///
/// Expectations are left out. A failure is shrunk by searching through the orders of each smaller
/// scenario. What is found does not depend on the number of jobs, unless `enough` or `abort` ends
/// the search.
ExploredTies explore_ties(const nlohmann::ordered_json& document, std::uint64_t most,
                          const ExploreOptions& options);

}  // namespace quintain::scenarios
