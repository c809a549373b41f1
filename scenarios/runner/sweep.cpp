// Runs many cases in several threads, the longest first.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>
#include <variant>

#include "scenarios/runner/run.h"
#include "scenarios/runner/side_by_side.h"

namespace quintain::scenarios {
namespace {

// The number of calls of a load that is not known, such as a recorded trace, which is not read
// here.
constexpr double kManyCalls = 1e9;

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

double seconds(core::Duration d) { return std::chrono::duration<double>(d).count(); }

// The expected number of arrivals in the first `within` seconds.
double expected_arrivals(const sim::ArrivalSpec& spec, double within) {
  namespace arrivals = sim::arrivals;
  return std::visit(
      Overloaded{
          [](const arrivals::AtTimes& at) { return static_cast<double>(at.times.size()); },
          [&](const arrivals::Deterministic& every) { return within / seconds(every.interval); },
          [&](const arrivals::Poisson& poisson) { return within * poisson.rate; },
          [&](const arrivals::Diurnal& diurnal) { return within * diurnal.mean_rate; },
          [&](const arrivals::Mmpp& mmpp) {
            double arrived = 0;
            double cycle = 0;
            for (const auto& [rate, sojourn] : mmpp.states) {
              arrived += rate * seconds(sojourn);
              cycle += seconds(sojourn);
            }
            return within * arrived / cycle;
          },
          [&](const arrivals::Renewal& renewal) { return within / renewal.between.mean_seconds(); },
          [](const arrivals::PerMinute& minutes) {
            double sum = 0;
            for (const std::uint32_t count : minutes.counts) sum += count;
            return sum;
          }},
      spec);
}

}  // namespace

double expected_calls(const Scenario& scenario) {
  if (scenario.trace) return kManyCalls;
  return static_cast<double>(scenario.steps.size()) +
         expected_calls(scenario.loads, scenario.until);
}

double expected_calls(const std::vector<sim::Load>& loads, core::Instant until) {
  double calls = 0;
  for (const sim::Load& load : loads) {
    const core::Instant end = std::min(load.until, until);
    const double within = end.is_never() ? kManyCalls : seconds(end - load.from);
    const auto* open = std::get_if<sim::ArrivalSpec>(&load.arrivals);
    // The rate of a closed loop depends on its answers; one call per second and client is a guess.
    const double arrivals = open != nullptr
                                ? expected_arrivals(*open, within)
                                : within * std::get<sim::ClosedLoop>(load.arrivals).clients;
    calls += std::clamp(arrivals, 0.0, std::min(static_cast<double>(load.count), kManyCalls));
  }
  return calls;
}

namespace {

// The longest runs are started first, so that no long run is left over at the end.
std::vector<std::size_t> longest_first(const std::vector<PlannedScenario>& scenarios) {
  std::vector<std::size_t> order(scenarios.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t i) { return scenarios[i].expected_calls; });
  return order;
}

}  // namespace

void sweep(const std::vector<PlannedScenario>& scenarios, const SweepOptions& options) {
  const std::size_t seeds = options.seeds.size();
  const std::size_t turns = scenarios.size() * seeds;
  const std::size_t total =
      options.places.empty() ? turns
                             : static_cast<std::size_t>(std::ranges::count(options.places, true));
  const std::vector<std::size_t> order = longest_first(scenarios);
  const auto aborted = [&] { return options.run.abort != nullptr && *options.run.abort; };
  std::atomic<std::size_t> next = 0;
  std::mutex progress_mutex;
  std::size_t done = 0;
  // Worlds share no state: each worker takes the next case.
  const auto work = [&] {
    // Consecutive turns have the same scenario, which is read once for them.
    std::optional<Scenario> scenario;
    std::size_t read = 0;
    for (std::size_t turn = next++; turn < turns && !aborted(); turn = next++) {
      const std::size_t i = order[turn / seeds];
      const std::size_t place = i * seeds + turn % seeds;
      if (!options.places.empty() && !options.places[place]) continue;
      if (!scenario || read != i) {
        scenario.reset();
        scenario = scenarios[i].read();
        read = i;
      }
      reports::Case result = run_scenario(*scenario, options.seeds[turn % seeds], options.run);
      if (aborted()) return;
      options.on_case(place, std::move(result));
      const std::scoped_lock lock(progress_mutex);
      options.progress(++done, total);
    }
  };
  run_side_by_side(static_cast<int>(std::min<std::size_t>(
                       static_cast<std::size_t>(std::max(options.jobs, 1)), total)),
                   work);
}

}  // namespace quintain::scenarios
