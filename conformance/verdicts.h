// From what cases found out to a report.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/self_testing.h"
#include "conformance/suite.h"
#include "reports/report.h"

namespace quintain::conformance {

struct VerdictOptions {
  /// A broken SHOULD fails instead of warning.
  bool strict = false;
  /// The command that runs the same target, to which --only CASE is added.
  std::string command{};
};

/// The case of the report: a check a clause, and one more for each further violation of it. A case
/// that could not come to its end has failed, and says why.
reports::Case to_report(const CaseResult& result, const VerdictOptions& options);

/// The self-test as cases: the good core with every clause it was judged by, and each faulty core
/// with the clauses that have to catch it and, as its configuration, its row of the matrix: every
/// clause that it breaks with the cases that saw it.
std::vector<reports::Case> to_report(const std::vector<CoreVerdict>& verdicts);

/// A list of cases that are known to fail.
struct KnownFailing {
  struct Entry {
    int line = 0;
    /// A pattern of case names.
    std::string pattern{};
    std::string reason{};
  };
  std::string file{};
  std::vector<Entry> entries{};
};

/// One entry a line: a case's name or pattern, then why, after a "#". Empty lines and lines that
/// begin with "#" say nothing.
KnownFailing parse_known_failing(std::string file, std::string_view text);

/// Marks the cases that are known to fail, and adds a failed case for every entry that matches none
/// of them: such an entry is out of date.
void apply(const KnownFailing& known,
           bool (*matches)(const std::string& name, const std::string& pattern),
           std::vector<reports::Case>& cases);

}  // namespace quintain::conformance
