#include "conformance/self_testing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "conformance/fixtures/reference_node.h"
#include "conformance/judgement/clauses/clause.h"
#include "conformance/reference_manifest.h"
#include "conformance/sim_transport.h"

namespace quintain::conformance {
namespace {

CoreVerdict judge_core(const FaultyCore* core) {
  const Manifest manifest = reference_manifest();
  std::vector<const Case*> cases;
  for (const Case& one : all_cases()) cases.push_back(&one);
  const SuiteOptions options{.manifest = &manifest,
                             .profile = find_profile(manifest.profile),
                             .connect = [&] { return make_sim_arm(reference_node(), core); }};
  CoreVerdict verdict{.core = core};
  for (const CaseResult& result : run_suite(cases, options)) {
    const std::string name(result.subject->name);
    if (!result.error.empty()) verdict.errors.push_back(name + ": " + result.error);
    if (!result.unmet.empty()) verdict.unmet.push_back(name + ": " + result.unmet);
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      if (!finding.violations.empty()) verdict.broken[clause].insert(name);
    }
  }
  return verdict;
}

}  // namespace

std::vector<CoreVerdict> run_self_test(
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress) {
  std::vector<const FaultyCore*> cores{nullptr};
  for (const FaultyCore& core : faulty_cores()) cores.push_back(&core);
  std::vector<CoreVerdict> verdicts(cores.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t done = 0;
  {
    std::vector<std::jthread> workers;
    for (int job = 0; job < jobs; ++job) {
      workers.emplace_back([&] {
        for (std::size_t i = next++; i < cores.size(); i = next++) {
          verdicts[i] = judge_core(cores[i]);
          const std::lock_guard lock(mutex);
          if (progress) progress(++done, cores.size());
        }
      });
    }
  }
  return verdicts;
}

std::vector<std::string> missed(const CoreVerdict& verdict) {
  std::vector<std::string> clauses;
  if (verdict.core == nullptr) return clauses;
  for (const std::string_view clause : verdict.core->caught_by) {
    if (!verdict.broken.contains(std::string(clause))) clauses.emplace_back(clause);
  }
  return clauses;
}

std::vector<std::string> problems(const std::vector<CoreVerdict>& verdicts) {
  std::vector<std::string> problems;
  std::set<std::string, std::less<>> proven;
  for (const CoreVerdict& verdict : verdicts) {
    const std::string name(verdict.core == nullptr ? "the good core" : verdict.core->name);
    // With a faulty core a case may find nothing to judge; with the good one it must.
    if (verdict.core == nullptr) {
      for (const std::string& error : verdict.errors) problems.push_back(name + ": " + error);
      for (const std::string& unmet : verdict.unmet) problems.push_back(name + ": " + unmet);
      for (const auto& [clause, cases] : verdict.broken) {
        problems.push_back(fmt::format("{} breaks {} in {}", name, clause, fmt::join(cases, ", ")));
      }
      continue;
    }
    for (const std::string& clause : missed(verdict)) {
      problems.push_back(fmt::format("{} is not caught by {}", name, clause));
    }
    for (const std::string_view clause : verdict.core->caught_by) {
      if (verdict.broken.contains(std::string(clause))) proven.emplace(clause);
    }
  }
  for (const Clause& clause : all_clauses()) {
    if (!proven.contains(clause.id)) {
      problems.push_back(fmt::format("{} catches no core whose fault it names", clause.id));
    }
  }
  return problems;
}

}  // namespace quintain::conformance
