#include "conformance/self_testing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <mutex>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

CoreVerdict judge_core(const FaultyCore* core) {
  const Manifest manifest = reference_manifest(kLongRetention);
  std::vector<const Case*> cases;
  for (const Case& one : all_cases()) cases.push_back(&one);
  const SuiteOptions options{
      .manifest = &manifest, .profile = find_profile(manifest.profile), .connect = [&] {
        return make_sim_transport(reference_node(kLongRetention), core);
      }};
  CoreVerdict verdict{.core = core};
  for (const CaseResult& result : run_suite(cases, options)) {
    const std::string name(result.test_case->name);
    if (!result.error.empty()) verdict.errors.push_back(name + ": " + result.error);
    for (const std::string& reason : {result.aborted, result.not_judged}) {
      if (!reason.empty()) verdict.aborted.push_back(name + ": " + reason);
    }
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      if (!finding.violations.empty()) verdict.violated[clause].insert(name);
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
  std::mutex mutex;
  std::size_t done = 0;
  run_in_parallel(cores.size(), jobs, [&](std::size_t i) {
    verdicts[i] = judge_core(cores[i]);
    const std::lock_guard lock(mutex);
    if (progress) progress(++done, cores.size());
  });
  return verdicts;
}

std::vector<std::string> missed_clauses(const CoreVerdict& verdict) {
  std::vector<std::string> clauses;
  if (verdict.core == nullptr) return clauses;
  for (const std::string_view clause : verdict.core->caught_by) {
    if (!verdict.violated.contains(clause)) clauses.emplace_back(clause);
  }
  return clauses;
}

std::vector<std::string> problems(const std::vector<CoreVerdict>& verdicts,
                                  const std::vector<MutationVerdict>& mutations) {
  std::vector<std::string> problems;
  std::set<std::string_view> proven;
  for (const MutationVerdict& verdict : mutations) {
    proven.insert(verdict.clauses.begin(), verdict.clauses.end());
    if (verdict.missed()) {
      problems.push_back(fmt::format("{} is caught by no case", verdict.mutation->name));
    }
  }
  for (const CoreVerdict& verdict : verdicts) {
    // With a faulty core a case may find nothing to judge; with the correct one it must not.
    if (verdict.core == nullptr) {
      for (const auto* reasons : {&verdict.errors, &verdict.aborted}) {
        for (const std::string& reason : *reasons)
          problems.push_back("the correct core: " + reason);
      }
      for (const auto& [clause, cases] : verdict.violated) {
        problems.push_back(
            fmt::format("the correct core violates {} in {}", clause, fmt::join(cases, ", ")));
      }
      continue;
    }
    for (const std::string& clause : missed_clauses(verdict)) {
      problems.push_back(fmt::format("{} is not caught by {}", verdict.core->name, clause));
    }
    for (const std::string_view clause : verdict.core->caught_by) {
      if (verdict.violated.contains(clause)) proven.insert(clause);
    }
  }
  for (const Clause& clause : all_clauses()) {
    if (!proven.contains(clause.id)) {
      problems.push_back(
          fmt::format("{} catches none of the faults that must violate it", clause.id));
    }
  }
  return problems;
}

}  // namespace quintain::conformance
