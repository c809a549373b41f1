// Runs scenarios: one under one seed, or many side by side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reports/report.h"
#include "scenarios/language/scenario.h"
#include "sim/chooser.h"
#include "sim/history.h"
#include "sim/load.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// Judges a run by more than the invariants and the expectations, from the events of its history.
class RunJudge : public sim::HistoryListener {
 public:
  /// Called once, when the run is over.
  virtual std::vector<reports::Check> checks() = 0;
};

/// A RunJudge made of a class that has on_event() and checks(), and a constructor that takes the
/// world.
template <class Judge>
std::unique_ptr<RunJudge> make_run_judge(const sim::World& world) {
  class Adapter final : public RunJudge {
   public:
    explicit Adapter(const sim::World& judged) : judge_(judged) {}
    void on_event(const sim::Event& event) override { judge_.on_event(event); }
    std::vector<reports::Check> checks() override { return judge_.checks(); }

   private:
    Judge judge_;
  };
  return std::make_unique<Adapter>(world);
}

/// Which cases get a timeline.
enum class Timelines : std::uint8_t { kNone, kOfFailures, kAll };

struct RunOptions {
  /// The parent of the folders of recorded traces. Empty: scenarios that replay one are skipped.
  std::string trace_dir;
  /// A row of a trace that cannot be used is an error.
  bool strict_trace = false;
  /// Set to true if a case cannot run by the fault of its input, such as a trace that cannot be
  /// read; may be null.
  std::atomic<bool>* bad_input = nullptr;
  /// Run twice and compare the two histories event by event. The digest covers the contents of
  /// requests and answers, too.
  bool check_determinism = false;
  /// The digest covers the contents of requests and answers.
  bool digest_messages = false;
  /// Makes a further judge of a run; may be empty. Called by several threads.
  std::function<std::unique_ptr<RunJudge>(const sim::World& world)> judge{};
  /// Makes a listener of the run's history, which is destroyed when the run is over and the world
  /// still exists; may be empty. The second run of a determinism check has none.
  std::function<std::unique_ptr<sim::HistoryListener>(sim::World& world)> listen{};
  Timelines timelines = Timelines::kNone;
  /// Receives the ties of the run, in order; may be null.
  std::vector<sim::Choice>* ties = nullptr;
  /// Set by another thread or a signal handler to end the run early; may be null. The case says
  /// nothing then.
  const std::atomic<bool>* abort = nullptr;
};

/// Runs a scenario and checks every invariant, every expectation, and that the run ends. Errors of
/// the harness are reported in the case. Thread-safe: runs share no state.
reports::Case run_scenario(const Scenario& scenario, std::uint64_t seed, const RunOptions& options);

/// Checks that two runs were the same; otherwise the check shows the first event that differs.
reports::Check compare_runs(const sim::History& first, std::uint64_t first_digest,
                            const sim::History& second, std::uint64_t second_digest);

/// The approximate number of calls of a scenario, as a measure of its cost.
double expected_calls(const Scenario& scenario);

/// The same of loads that end at `until`.
double expected_calls(const std::vector<sim::Load>& loads, core::Instant until);

/// A scenario that is read when it runs.
struct PlannedScenario {
  std::function<Scenario()> read;
  double expected_calls = 0;
};

struct SweepOptions {
  std::vector<std::uint64_t> seeds = {1};
  /// The number of threads; each runs one world at a time.
  int jobs = 1;
  /// With `abort`, no further case is started, and those that run are dropped.
  RunOptions run;
  /// Which places are run; empty: all.
  std::vector<bool> places{};
  /// Called with each case, at the same time by several threads. The cases of scenario i have the
  /// places i * seeds.size() and following.
  std::function<void(std::size_t place, reports::Case result)> on_case;
  /// Called after each case, by one thread at a time.
  std::function<void(std::size_t done, std::size_t total)> progress = [](std::size_t, std::size_t) {
  };
};

/// Runs each scenario under each seed. What a case is does not depend on the number of jobs.
void sweep(const std::vector<PlannedScenario>& scenarios, const SweepOptions& options);

}  // namespace quintain::scenarios
