// Runs the cases against the correct core with one mutation at a time.
#include "conformance/mutation/mutation_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/mutation/mutator.h"
#include "conformance/suite.h"

namespace quintain::conformance {
namespace {

// A case and what it does on the correct core.
struct Probe {
  const Case* test_case = nullptr;
  std::set<Method> methods{};
  std::size_t calls = 0;
};

SuiteOptions options_for(const Manifest& manifest,
                         std::function<std::unique_ptr<Transport>()> connect) {
  return {.manifest = &manifest,
          .profile = find_profile(manifest.profile),
          .connect = std::move(connect)};
}

// The cases that virtual time can run, the shortest first.
std::vector<Probe> make_probes(const Manifest& manifest, int jobs) {
  std::vector<Probe> probes(all_cases().size());
  const SuiteOptions options = options_for(
      manifest, [] { return make_sim_transport(reference_node(kLongRetention), nullptr); });
  run_in_parallel(probes.size(), jobs, [&](std::size_t i) {
    probes[i].test_case = &all_cases()[i];
    const CaseResult result = run_case(all_cases()[i], options, 1);
    for (const RecordedCall& call : result.recorded_calls) probes[i].methods.insert(call.method);
    probes[i].calls = result.recorded_calls.size();
  });
  std::erase_if(probes, [](const Probe& probe) { return probe.calls == 0; });
  std::ranges::stable_sort(probes, {}, &Probe::calls);
  return probes;
}

MutationVerdict judge_mutation(const Mutation& mutation, const Manifest& manifest,
                               const std::vector<Probe>& probes) {
  MutationVerdict verdict{.mutation = &mutation, .free = find_free(mutation)};
  const SuiteOptions options = options_for(manifest, [&] {
    return make_mutating_transport(make_sim_transport(reference_node(kLongRetention), nullptr),
                                   mutation, verdict.changes);
  });
  const auto method = static_cast<Method>(mutation.method->index());
  for (const Probe& probe : probes) {
    if (!probe.methods.contains(method)) continue;
    const CaseResult result = run_case(*probe.test_case, options, 1);
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      if (!finding.violations.empty()) verdict.clauses.push_back(clause);
    }
    if (!verdict.clauses.empty()) {
      verdict.caught_by = probe.test_case;
      return verdict;
    }
    if (!result.aborted.empty()) {
      verdict.aborted.push_back(fmt::format("{}: {}", probe.test_case->name, result.aborted));
    }
  }
  // The cases do set the field, or clearing it would not be caught.
  if (mutation.change == Change::kInvented && verdict.changes == 0) verdict.free = &never_unset();
  return verdict;
}

}  // namespace

std::vector<MutationVerdict> run_mutations(
    std::span<const Mutation* const> mutations, const std::function<bool(const Case&)>& chosen,
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress) {
  const Manifest manifest = reference_manifest(kLongRetention);
  std::vector<Probe> probes = make_probes(manifest, jobs);
  std::erase_if(probes, [&](const Probe& probe) { return !chosen(*probe.test_case); });
  std::vector<MutationVerdict> verdicts(mutations.size());
  std::mutex mutex;
  std::size_t done = 0;
  run_in_parallel(mutations.size(), jobs, [&](std::size_t i) {
    verdicts[i] = judge_mutation(*mutations[i], manifest, probes);
    const std::lock_guard lock(mutex);
    if (progress) progress(++done, mutations.size());
  });
  return verdicts;
}

std::vector<MutationVerdict> run_mutations(
    int jobs, const std::function<void(std::size_t done, std::size_t of)>& progress) {
  std::vector<const Mutation*> all;
  for (const Mutation& mutation : all_mutations()) all.push_back(&mutation);
  return run_mutations(all, [](const Case&) { return true; }, jobs, progress);
}

}  // namespace quintain::conformance
