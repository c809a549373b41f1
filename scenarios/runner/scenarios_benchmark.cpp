// The cost of loading, and of running and checking, the shipped scenarios.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"

namespace quintain::scenarios {
namespace {

const std::string kFolder = QUINTAIN_SOURCE_DIR "/scenarios";

std::vector<Scenario> load_all(benchmark::State& state) {
  json_input::Diagnostics diagnostics;
  std::vector<Scenario> scenarios;
  for (const std::string& file : find_scenario_files({kFolder}, diagnostics)) {
    std::vector<Scenario> cases = load_scenario_file(file, naming_root(file), diagnostics);
    std::move(cases.begin(), cases.end(), std::back_inserter(scenarios));
  }
  if (scenarios.empty() || !diagnostics.empty())
    state.SkipWithError("the scenarios can't be loaded");
  return scenarios;
}

void load(benchmark::State& state) {
  std::int64_t cases = 0;
  for (auto _ : state) cases += static_cast<std::int64_t>(load_all(state).size());
  state.SetItemsProcessed(cases);
}
BENCHMARK(load)->Unit(benchmark::kMillisecond);

// As `quintain run` does. Measures real time, because of the jobs.
void run(benchmark::State& state) {
  const std::vector<Scenario> scenarios = load_all(state);
  SweepOptions options;
  options.jobs = static_cast<int>(state.range(0));
  std::vector<PlannedScenario> planned;
  for (const Scenario& scenario : scenarios) {
    planned.push_back({[&scenario] { return scenario; }, expected_calls(scenario)});
  }
  options.on_case = [](std::size_t, const reports::Case& c) { benchmark::DoNotOptimize(&c); };
  for (auto _ : state) sweep(planned, options);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(scenarios.size()));
}
BENCHMARK(run)->ArgName("jobs")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quintain::scenarios
