// The test of the suite by generated faults: which of them does it see?
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/case.h"
#include "conformance/mutation/mutation.h"
#include "reports/report.h"

namespace quintain::conformance {

/// What the suite says to the correct core with one generated fault, in virtual time.
struct MutationVerdict {
  const Mutation* mutation = nullptr;
  /// Why the contract leaves the fault open; nullptr if it does not.
  const FreeMutations* free = nullptr;
  /// The case that saw a violation, and the clauses that were violated in it; nullptr and empty: no
  /// case did.
  const Case* caught_by = nullptr;
  std::vector<std::string> clauses{};
  /// How many messages and calls the fault changed in the cases that ran. 0: no case does what
  /// would show the fault.
  std::int64_t changes = 0;
  /// Cases that could not be run to their end, which alone does not catch the fault.
  std::vector<std::string> aborted{};

  bool caught() const { return caught_by != nullptr; }
  bool missed() const { return !caught() && free == nullptr; }
};

/// Runs, for each mutation, the cases that call its method, the shortest first, until one of them
/// sees a violation. Only cases that `chosen` returns true for. `jobs` mutations are tested at
/// once; `progress` is called after each.
std::vector<MutationVerdict> run_mutations(
    std::span<const Mutation* const> mutations, const std::function<bool(const Case&)>& chosen,
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress);

/// The same with all mutations and all cases.
std::vector<MutationVerdict> run_mutations(
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress);

/// The verdicts as one case of the self-test's report: a check for each message and method.
reports::Case to_report(const std::vector<MutationVerdict>& verdicts);

/// The section of docs/clauses.md: the number of faults by message and method, and the free ones
/// with their reasons.
std::string generated_faults_section(const std::vector<MutationVerdict>& verdicts);

}  // namespace quintain::conformance
