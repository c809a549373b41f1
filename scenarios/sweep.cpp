#include "scenarios/sweep.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace quintain::scenarios {

std::vector<reports::Case> sweep(const std::vector<Scenario>& scenarios,
                                 const SweepOptions& options) {
  const std::size_t total = scenarios.size() * options.seeds.size();
  std::vector<reports::Case> cases(total);
  std::atomic<std::size_t> next = 0;
  std::mutex telling;
  std::size_t done = 0;
  // Worlds share nothing: each worker takes the next case and writes its own place.
  const auto work = [&] {
    for (std::size_t i = next++; i < total; i = next++) {
      cases[i] = run_scenario(scenarios[i / options.seeds.size()],
                              options.seeds[i % options.seeds.size()], options.run);
      const std::scoped_lock lock(telling);
      options.progress(++done, total);
    }
  };
  const std::size_t workers = std::min(static_cast<std::size_t>(std::max(options.jobs, 1)), total);
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(work);
  work();
  return cases;
}

}  // namespace quintain::scenarios
