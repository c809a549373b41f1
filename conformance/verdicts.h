// Converts results of the suite to reports and to docs/clauses.md.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/mutation/mutation_testing.h"
#include "conformance/self_testing.h"
#include "conformance/suite.h"
#include "reports/report.h"

namespace quintain::conformance {

struct VerdictOptions {
  /// A violated SHOULD fails instead of warning, and a case that could not be judged fails.
  bool strict = false;
  /// The command that tests the same target; reports append --only CASE to it.
  std::string command{};
  /// The options and the address with which `grpcurl` reaches the target. Then evidence has the
  /// command that repeats a call. Empty: it has none.
  std::string grpcurl_target{};
};

/// One check for each clause that was judged, and one more for each further violation of it.
std::vector<reports::Check> clause_checks(const CaseResult& result, const VerdictOptions& options);

/// The case of a report: one check for each clause, and one more for each further violation of it.
/// A case that could not be run to its end has failed, with the reason.
reports::Case to_report(const CaseResult& result, const VerdictOptions& options);

/// The self-test as cases: the correct core with every clause, each faulty core with the clauses
/// that have to catch it, and the generated faults. The configuration of a faulty core's case is
/// its row of the matrix: every clause that it violates, with the cases that saw it.
std::vector<reports::Case> to_report(const std::vector<CoreVerdict>& verdicts,
                                     const std::vector<MutationVerdict>& mutations);

/// The page docs/clauses.md in Markdown: clauses, the cases that judge them, and the faulty cores
/// and generated faults that they catch.
std::string clauses_page(const std::vector<CoreVerdict>& verdicts,
                         const std::vector<MutationVerdict>& mutations);

/// What a clause or a case is about: its text, its source, how it is judged, what it needs. Empty
/// if there is no clause or case of this name.
std::string explanation(std::string_view name);

/// A list of cases and clauses that are known to fail.
struct KnownFailing {
  struct Entry {
    int line = 0;
    /// A pattern of case names, a clause ("STATE-2"), or both with a colon between them
    /// ("state/times:STATE-7").
    std::string pattern{};
    std::string reason{};
  };
  std::string file{};
  std::vector<Entry> entries{};
};

/// Parses one entry per line: a case, a clause or CASE:CLAUSE, then "#" and the reason. Empty lines
/// and lines that start with "#" are ignored.
KnownFailing parse_known_failing(std::string file, std::string_view text);

/// Marks the cases that are known to fail: those that an entry names by their name, and those whose
/// failed checks are all named by entries with a clause. For every entry that is out of date, adds
/// a failed case: one that names no case at all, and, unless `partial`, one with a clause that no
/// case violates. `partial`: only some cases were run, so an entry may be about another one.
void apply(const KnownFailing& known,
           bool (*matches)(const std::string& name, const std::string& pattern), bool partial,
           std::vector<reports::Case>& cases);

/// The text of a list that names every violated clause of every failed case, for
/// parse_known_failing.
std::string known_failing_text(const std::vector<reports::Case>& cases);

}  // namespace quintain::conformance
