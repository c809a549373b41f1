// Checks the expectations of a scenario.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/report.h"
#include "scenarios/language/scenario.h"
#include "sim/history.h"
#include "sim/invariants/ledger.h"
#include "sim/script.h"

namespace quintain::scenarios {

/// The observations that expectations are checked against.
struct Observed {
  const sim::History& history;
  /// By step name.
  const std::map<std::string, sim::CallRecord>& calls;
  /// The executions that steps created.
  const std::map<sim::ExecutionRef, sim::ExecutionFacts>& executions;
  const std::map<std::string, double, std::less<>>& metrics;
};

/// Checks one expectation. The check is named "expect/N" after its position (from 1) in the file.
reports::Check check_expectation(const Expectation& expectation, std::size_t place,
                                 const Observed& observed);

/// Converts events to evidence; only the newest ones if there are many.
reports::Evidence to_evidence(const sim::History& history, const std::vector<sim::Event>& events);

}  // namespace quintain::scenarios
