// Runs many scenarios under many seeds, side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "reports/report.h"
#include "scenarios/language/scenario.h"
#include "scenarios/runner/run.h"

namespace quintain::scenarios {

struct SweepOptions {
  std::vector<std::uint64_t> seeds = {1};
  /// Worlds that run at once, each in a thread of its own.
  int jobs = 1;
  RunOptions run;
  /// Told after each case, from one thread at a time, how many of how many are done.
  std::function<void(std::size_t done, std::size_t total)> progress = [](std::size_t, std::size_t) {
  };
};

/// A case for each scenario under each seed, in the order of scenarios and then of seeds, whatever
/// the number of jobs.
std::vector<reports::Case> sweep(const std::vector<Scenario>& scenarios,
                                 const SweepOptions& options);

}  // namespace quintain::scenarios
