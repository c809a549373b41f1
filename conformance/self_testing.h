// The test of the suite itself: a correct core passes every case, and every faulty core is caught.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "conformance/mutation/mutation_testing.h"
#include "conformance/suite.h"

namespace quintain::conformance {

/// The results of the suite for one core.
struct CoreVerdict {
  /// nullptr for the correct core.
  const FaultyCore* core = nullptr;
  /// The violated clauses, each with the cases that saw a violation.
  std::map<std::string, std::set<std::string>, std::less<>> violated{};
  /// The cases that could not be run to their end, with the reason.
  std::vector<std::string> aborted{};
  /// Errors of the harness itself.
  std::vector<std::string> errors{};
};

/// Runs every case in virtual time on the correct core and on each faulty one. The verdict on the
/// correct core comes first. `jobs` cores are tested at once; `progress` is called after each.
std::vector<CoreVerdict> run_self_test(
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress);

/// The defects of the suite that the verdicts show: a clause that the correct core violates, a case
/// that does not end with it, a faulty core that one of its clauses (FaultyCore::caught_by) does
/// not catch, a generated fault that is neither caught nor free, and a clause that catches neither
/// a faulty core nor a generated fault. Empty if there are none.
std::vector<std::string> problems(const std::vector<CoreVerdict>& verdicts,
                                  const std::vector<MutationVerdict>& mutations);

/// The clauses of FaultyCore::caught_by that did not catch the core. Empty for the correct core.
std::vector<std::string> missed_clauses(const CoreVerdict& verdict);

}  // namespace quintain::conformance
