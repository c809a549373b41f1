// The suite judged: a good core passes every case, and every faulty one is caught.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "conformance/suite.h"

namespace quintain::conformance {

/// What the suite said of one core.
struct CoreVerdict {
  /// Null for the good core.
  const FaultyCore* core = nullptr;
  /// The clauses that were seen broken, each with the cases that saw it.
  std::map<std::string, std::set<std::string>> broken{};
  /// Cases that could not come to their end, with the reason.
  std::vector<std::string> unmet{};
  /// The harness's own faults.
  std::vector<std::string> errors{};
};

/// Runs every case on the good core and on each faulty one, in virtual time. The good core comes
/// first. `jobs` cores are judged at once.
std::vector<CoreVerdict> run_self_test(
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress);

/// What is wrong with the suite, by what it said of the cores; empty if nothing is:
/// a clause that the good core breaks, a case that does not come to its end with it, a faulty core
/// that a clause which names its fault does not catch, a clause that catches no faulty core.
std::vector<std::string> problems(const std::vector<CoreVerdict>& verdicts);

/// The clauses that a core's fault is named by and that did not catch it.
std::vector<std::string> missed(const CoreVerdict& verdict);

}  // namespace quintain::conformance
