// What a person reads after a run of the suite: a short form of the report, and its causes.
#pragma once

#include <string>

#include "reports/report.h"

namespace quintain::conformance {

/// The report with what fits on a few screens: each violated clause keeps the details of its first
/// violation only, and only the first seven clauses do; of the others the name stays. Likewise of
/// the reasons why cases did not come to their end. Evidence and long texts are shortened. Verdicts
/// and totals stay as they are.
reports::Report shortened(reports::Report report);

/// A table with a line for each family of clauses, and below it the violated clauses with the
/// number of cases that saw them, the most frequent first, each with its first observation. At most
/// `max_causes` of them. Empty if no clause was judged.
std::string table_by_clause(const reports::Report& report, std::size_t max_causes = 10);

}  // namespace quintain::conformance
