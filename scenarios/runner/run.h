// Runs one scenario under one seed and judges it.
#pragma once

#include <cstdint>
#include <string>

#include "reports/report.h"
#include "scenarios/language/scenario.h"
#include "sim/history.h"

namespace quintain::scenarios {

struct RunOptions {
  /// Where the folders of recorded traces are; empty: scenarios that replay one are skipped.
  std::string trace_dir;
  /// Run twice and compare the two histories event by event.
  bool check_determinism = false;
};

/// The case of the report: every invariant, every expectation, and whether the run came to its end.
/// What goes wrong in the harness is an error in the case, never an exception.
reports::Case run_scenario(const Scenario& scenario, std::uint64_t seed, const RunOptions& options);

/// Whether two runs were the same, and if not, the first event that differs.
reports::Check compare_runs(const sim::History& first, std::uint64_t first_digest,
                            const sim::History& second, std::uint64_t second_digest);

}  // namespace quintain::scenarios
