// A scenario's expectations, held against what happened.
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

/// What expectations are judged by.
struct Observed {
  const sim::History& history;
  /// By step name.
  const std::map<std::string, sim::CallRecord>& calls;
  /// What became of the executions that steps began.
  const std::map<sim::ExecutionRef, sim::ExecutionFacts>& executions;
  const std::map<std::string, double, std::less<>>& metrics;
};

/// One check, named "expect/N" by its place (from 1) in the file.
reports::Check check_expectation(const Expectation& expectation, std::size_t place,
                                 const Observed& observed);

/// Events as evidence; the newest few if there are many.
reports::Evidence to_evidence(const sim::History& history, const std::vector<sim::Event>& events);

}  // namespace quintain::scenarios
