// Runs one scenario: builds its world, plays it, and checks liveness, invariants and expectations.
// For the determinism check it plays the scenario twice and compares the runs.
#include "scenarios/runner/run.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/duration_text.h"
#include "scenarios/language/scenario.h"
#include "scenarios/runner/expectation_check.h"
#include "scenarios/runner/lanes.h"
#include "scenarios/runner/metrics.h"
#include "scenarios/runner/trace_load.h"
#include "sim/chooser.h"
#include "sim/invariants/invariant.h"
#include "sim/load.h"
#include "sim/script.h"
#include "sim/storage/machine.h"
#include "sim/world.h"

namespace quintain::scenarios {
namespace {

constexpr std::size_t kMaxReasons = 5;

// Finds the facts about named executions, also after the node, and with it the ledger, has
// forgotten them.
class NamedExecutions final : public sim::HistoryListener {
 public:
  NamedExecutions(const sim::History& history, const sim::Ledger& ledger)
      : history_(history), ledger_(ledger) {}

  void on_event(const sim::Event& event) override {
    if (event.kind == sim::EventKind::kNodeCrashed) {
      ledger_.for_each([&](sim::ExecutionRef execution, const sim::ExecutionFacts& facts) {
        if (execution.node == event.execution.node && history_.is_named(execution)) {
          forgotten_[execution] = facts;
        }
      });
    }
    if (event.kind != sim::EventKind::kRecordDropped || !history_.is_named(event.execution)) return;
    if (const sim::ExecutionFacts* facts = ledger_.find(event.execution)) {
      forgotten_[event.execution] = *facts;
    }
  }

  const sim::ExecutionFacts* find(sim::ExecutionRef execution) const {
    if (const sim::ExecutionFacts* facts = ledger_.find(execution)) return facts;
    const auto position = forgotten_.find(execution);
    return position == forgotten_.end() ? nullptr : &position->second;
  }

 private:
  const sim::History& history_;
  const sim::Ledger& ledger_;
  std::map<sim::ExecutionRef, sim::ExecutionFacts> forgotten_;
};

// The parts of a world, including those from a recorded trace.
struct WorldParts {
  std::vector<sim::NodeSpec> nodes;
  std::vector<sim::Load> loads;
  std::optional<ReplayedTrace> trace{};
};

/// Whether all rows of a trace were replayed: a warning that says what is missing.
reports::Check check_of(const ReplayedTrace& trace) {
  std::vector<std::string> lines = sim::describe(trace.left_out);
  lines.insert(lines.end(), trace.notes.begin(), trace.notes.end());
  return {.name = "trace/every-row",
          .kind = reports::CheckKind::kExpectation,
          .verdict = lines.empty() ? reports::Verdict::kPassed : reports::Verdict::kWarning,
          .expected = "every row of the trace is replayed as it is",
          .observed = lines.empty() ? "all are" : absl::StrJoin(lines, "; ")};
}

struct Skip {
  std::string reason;
};
struct HarnessError {
  std::string message;
};

std::variant<WorldParts, Skip, HarnessError> assemble(const Scenario& scenario,
                                                      const RunOptions& options) {
  WorldParts parts{.nodes = scenario.nodes, .loads = scenario.loads};
  if (!scenario.trace) return parts;
  if (options.trace_dir.empty()) {
    return Skip{fmt::format("it replays the trace '{}'; give its folder's parent by --trace-dir",
                            scenario.trace->folder)};
  }
  auto trace = load_trace(path_of_trace(*scenario.trace, options.trace_dir), *scenario.trace,
                          options.strict_trace, parts.nodes[scenario.trace->node], parts.loads);
  if (const auto* errors = std::get_if<std::vector<std::string>>(&trace)) {
    if (options.bad_input != nullptr) *options.bad_input = true;
    return HarnessError{absl::StrJoin(*errors, "\n")};
  }
  parts.trace = std::move(std::get<ReplayedTrace>(trace));
  return parts;
}

// One run of a scenario: its world, the callers, and the listeners of the history.
class Run {
 public:
  Run(const Scenario& scenario, const WorldParts& parts, std::uint64_t seed,
      const RunOptions& options)
      : scenario_(scenario), world_(seed) {
    if (!scenario.ties.empty() || options.ties != nullptr) {
      ties_ = std::make_unique<sim::GivenChoices>(scenario.ties);
      world_.kernel().set_chooser(*ties_);
    }
    if (options.digest_messages || options.check_determinism) world_.history().digest_messages();
    for (const sim::NodeSpec& node : parts.nodes) add_node(node);
    invariants_ = std::make_unique<sim::InvariantSet>(world_);
    metrics_ = std::make_unique<Metrics>(world_, invariants_->ledger(), scenario.warm_up);
    named_executions_ = std::make_unique<NamedExecutions>(world_.history(), invariants_->ledger());
    world_.history().add_listener(*metrics_);
    world_.history().add_listener(*named_executions_);
    world_.history().add_listener(*invariants_);
    if (options.judge) judge_ = options.judge(world_);
    if (judge_ != nullptr) world_.history().add_listener(*judge_);
    if (options.timelines != Timelines::kNone) {
      lanes_ = std::make_unique<LaneRecorder>(world_);
      world_.history().add_listener(*lanes_);
    }
    if (options.listen) listener_ = options.listen(world_);
    if (listener_ != nullptr) world_.history().add_listener(*listener_);
    script_ = std::make_unique<sim::Script>(world_, scenario.steps);
    for (std::size_t i = 0; i < parts.loads.size(); ++i) {
      loads_.push_back(std::make_unique<sim::LoadGenerator>(world_, parts.loads[i], i));
    }
  }

  void play(const std::atomic<bool>* abort) {
    stop_ = world_.kernel().run(scenario_.until, [this, abort] {
      return settled() || (abort != nullptr && abort->load(std::memory_order_relaxed));
    });
    digest_ = world_.digest();
    metric_values_ = metrics_->values(world_);
    invariants_->finish({.settled = stop_ != sim::Kernel::Stop::kTime});
    if (judge_ != nullptr) judged_ = judge_->checks();
    // The history goes on when the world closes, but no listener records it any more.
    listener_.reset();
  }

  const sim::History& history() const { return world_.history(); }
  std::uint64_t digest() const { return digest_; }

  /// nullopt if none was recorded.
  std::optional<reports::Timeline> timeline() const {
    if (lanes_ == nullptr) return std::nullopt;
    return lanes_->timeline();
  }

  /// The choices between tied events; nullptr if there was no chooser.
  const sim::GivenChoices* ties() const { return ties_.get(); }

  void report(reports::Case& result) const {
    result.checks.push_back(check_liveness());
    for (const auto& invariant : invariants_->invariants()) {
      result.checks.push_back(check_invariant(*invariant));
    }
    check_expectations(result);
    result.checks.insert(result.checks.end(), judged_.begin(), judged_.end());
    result.history_digest = digest_;
    result.events = static_cast<std::int64_t>(world_.kernel().events());
    result.virtual_time = world_.now().since_start();
    for (const MetricName& metric : metric_names()) {
      const double value = metric_values_.at(std::string(metric.name));
      reports::Metric entry{.name = std::string(metric.name), .unit = std::string(metric.unit)};
      if (metric.is_count) {
        entry.value = static_cast<std::int64_t>(value);
      } else {
        entry.value = value;
      }
      result.metrics.push_back(std::move(entry));
    }
  }

 private:
  void add_node(const sim::NodeSpec& node) {
    if (!node.store_commit) {
      world_.add_node(node);
      return;
    }
    auto& machine = *machines_.emplace_back(
        std::make_unique<sim::Machine>(world_.seed() + machines_.size(), *node.store_commit));
    sim::NodeSpec spec = node;
    spec.journal = [&machine](core::Environment& environment) {
      return machine.start(environment);
    };
    spec.lose_power = [&machine] { machine.lose_power(); };
    const auto index = static_cast<std::uint32_t>(world_.nodes());
    machine.note_events([this, index](sim::DiskEvent event) {
      world_.record({.kind = sim::EventKind::kDisk,
                     .execution = {.node = index},
                     .number = static_cast<int>(event)});
    });
    world_.add_node(spec);
  }

  bool settled() const {
    return world_.open_calls() == 0 && script_->finished() && world_.active_executions() == 0 &&
           std::ranges::all_of(loads_, [](const auto& load) { return load->finished(); });
  }

  reports::Check check_liveness() const {
    reports::Check check;
    check.name = "liveness";
    check.kind = reports::CheckKind::kLiveness;
    check.expected = "the run comes to its end: no work is left that can't proceed";
    switch (stop_) {
      case sim::Kernel::Stop::kCondition:
        check.observed = "everything was done";
        break;
      case sim::Kernel::Stop::kTime:
        check.observed = "the scenario's time was over";
        break;
      case sim::Kernel::Stop::kIdle:
        check.verdict = reports::Verdict::kFailed;
        check.observed =
            "nothing is going to happen any more, and work is left: " + unfinished_work();
        break;
      case sim::Kernel::Stop::kStandstill:
        check.verdict = reports::Verdict::kFailed;
        check.observed =
            fmt::format("time stands still at {}: more than {} events at one instant; {}",
                        core::format_duration(world_.now().since_start()),
                        sim::Kernel::kMaxEventsAtOneInstant, unfinished_work());
        break;
    }
    return check;
  }

  // Describes the unfinished work.
  std::string unfinished_work() const {
    std::vector<std::string> reasons;
    std::int64_t more = 0;
    invariants_->ledger().for_each([&](sim::ExecutionRef execution,
                                       const sim::ExecutionFacts& facts) {
      if (facts.ended()) return;
      if (reasons.size() == kMaxReasons) {
        ++more;
        return;
      }
      const int slots = world_.node(execution.node).config().slots;
      const std::string_view why =
          facts.holds_slot ? (facts.on_machine > 0 ? "holds a slot and runs" : "holds a slot, idle")
                           : "waits for a slot";
      reasons.push_back(fmt::format("execution {} is {} since {} and {} (the node has {})",
                                    history().name_of(execution), sim::short_name(facts.status),
                                    core::format_duration(facts.accepted_at.since_start()), why,
                                    slots));
    });
    if (more > 0) reasons.push_back(fmt::format("and {} more executions", more));
    for (std::string& event : script_->missing_events()) {
      if (reasons.size() < 2 * kMaxReasons) reasons.push_back(std::move(event));
    }
    if (reasons.empty()) {
      reasons.push_back(fmt::format("{} calls are not answered", world_.open_calls()));
    }
    return absl::StrJoin(reasons, "; ");
  }

  reports::Check check_invariant(const sim::Invariant& invariant) const {
    reports::Check check;
    check.name = fmt::format("invariant/{}", invariant.name());
    check.kind = reports::CheckKind::kInvariant;
    check.expected = invariant.rule();
    if (invariant.violation_count() == 0) {
      check.observed = "it held";
      return check;
    }
    check.verdict = reports::Verdict::kFailed;
    std::vector<std::string> violations;
    for (const sim::InvariantViolation& violation : invariant.violations())
      violations.push_back(violation.what);
    const auto more =
        invariant.violation_count() - static_cast<std::int64_t>(invariant.violations().size());
    if (more > 0) violations.push_back(fmt::format("and {} more violations", more));
    check.observed = absl::StrJoin(violations, "; ");
    check.evidence = to_evidence(history(), invariant.violations().front().evidence);
    return check;
  }

  void check_expectations(reports::Case& result) const {
    std::map<sim::ExecutionRef, sim::ExecutionFacts> executions;
    for (const auto& [step, call] : script_->calls()) {
      if (!call.execution) continue;
      if (const auto* facts = named_executions_->find(*call.execution))
        executions[*call.execution] = *facts;
    }
    const Observed observed{.history = history(),
                            .calls = script_->calls(),
                            .executions = executions,
                            .metrics = metric_values_};
    for (std::size_t i = 0; i < scenario_.expectations.size(); ++i) {
      result.checks.push_back(check_expectation(scenario_.expectations[i], i + 1, observed));
    }
  }

  const Scenario& scenario_;
  std::unique_ptr<sim::GivenChoices> ties_;
  std::vector<std::unique_ptr<sim::Machine>> machines_;  // of nodes with a store
  sim::World world_;
  std::unique_ptr<sim::InvariantSet> invariants_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<NamedExecutions> named_executions_;
  std::unique_ptr<RunJudge> judge_;
  std::unique_ptr<LaneRecorder> lanes_;
  std::unique_ptr<sim::HistoryListener> listener_;
  std::vector<reports::Check> judged_;
  std::unique_ptr<sim::Script> script_;
  std::vector<std::unique_ptr<sim::LoadGenerator>> loads_;
  sim::Kernel::Stop stop_ = sim::Kernel::Stop::kIdle;
  std::uint64_t digest_ = 0;
  std::map<std::string, double, std::less<>> metric_values_;
};

}  // namespace

reports::Check compare_runs(const sim::History& first, std::uint64_t first_digest,
                            const sim::History& second, std::uint64_t second_digest) {
  reports::Check check;
  check.name = "determinism";
  check.kind = reports::CheckKind::kDeterminism;
  check.expected = "two runs of one seed have the same events and draws";
  if (first_digest == second_digest) {
    check.observed = fmt::format("{} events, digest {:016x}", first.count(), first_digest);
    return check;
  }
  check.verdict = reports::Verdict::kFailed;
  const std::uint64_t from = std::max(first.forgotten(), second.forgotten());
  const std::uint64_t to = std::min(first.count(), second.count());
  for (std::uint64_t i = from; i < to; ++i) {
    const sim::Event& a = first.events()[i - first.forgotten()];
    const sim::Event& b = second.events()[i - second.forgotten()];
    if (a.digest == b.digest) continue;
    const std::string once = first.describe(a);
    const std::string again = second.describe(b);
    check.observed =
        fmt::format("event {} is the first that differs{}: '{}' at {}, then '{}' at {}", i + 1,
                    i == from && from > 0 ? ", of those still in the log" : "", once,
                    core::format_duration(a.at.since_start()), again,
                    core::format_duration(b.at.since_start()));
    if (a.at == b.at && once == again) check.observed += " (other random numbers were drawn)";
    check.evidence = to_evidence(first, {a});
    return check;
  }
  check.observed = first.count() == second.count()
                       ? "the recorded events are the same, but not what lies between them"
                       : fmt::format("{} events, then {}", first.count(), second.count());
  return check;
}

reports::Case run_scenario(const Scenario& scenario, std::uint64_t seed,
                           const RunOptions& options) {
  reports::Case result;
  result.name = scenario.name;
  result.file = scenario.file;
  result.seed = seed;
  result.known_failure = scenario.known_failure;
  result.config = scenario.document;
  result.reproduce =
      fmt::format("quintain run {} --only '{}' --seed {}", scenario.file, scenario.name, seed);
  if (scenario.trace) result.reproduce += " --trace-dir DIR";

  const auto parts = assemble(scenario, options);
  if (const auto* skip = std::get_if<Skip>(&parts)) {
    result.skip_reason = skip->reason;
    return result;
  }
  if (const auto* error = std::get_if<HarnessError>(&parts)) {
    result.error_message = error->message;
    return result;
  }
  Run run(scenario, std::get<WorldParts>(parts), seed, options);
  run.play(options.abort);
  run.report(result);
  if (run.ties() != nullptr) {
    if (options.ties != nullptr) *options.ties = run.ties()->made();
    const bool aborted = options.abort != nullptr && options.abort->load();
    if (const std::string problem = run.ties()->problem(); !problem.empty() && !aborted) {
      if (options.bad_input != nullptr) *options.bad_input = true;
      result.error_message = fmt::format("{}: /ties: {}", scenario.file, problem);
      return result;
    }
  }
  if (const auto& trace = std::get<WorldParts>(parts).trace) {
    result.checks.push_back(check_of(*trace));
  }
  if (options.check_determinism) {
    RunOptions second = options;
    second.listen = nullptr;
    second.timelines = Timelines::kNone;
    Run again(scenario, std::get<WorldParts>(parts), seed, second);
    again.play(options.abort);
    result.checks.push_back(
        compare_runs(run.history(), run.digest(), again.history(), again.digest()));
  }
  const bool failed = reports::verdict_of(result) == reports::Verdict::kFailed;
  if (failed || options.timelines == Timelines::kAll) result.timeline = run.timeline();
  return result;
}

}  // namespace quintain::scenarios
