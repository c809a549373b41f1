#include "scenarios/explore/judged_world.h"

#include <absl/strings/match.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/language/loader.h"

namespace quintain::scenarios {
namespace {

// Counts situations and passes events on.
class CountingJudge final : public RunJudge {
 public:
  CountingJudge(std::unique_ptr<RunJudge> judge, Situations& situations,
                sim::HistoryListener* listener)
      : judge_(std::move(judge)), situations_(situations), listener_(listener) {}

  void on_event(const sim::Event& event) override {
    situations_.on_event(event);
    if (listener_ != nullptr) listener_->on_event(event);
    if (judge_ != nullptr) judge_->on_event(event);
  }
  std::vector<reports::Check> checks() override {
    return judge_ == nullptr ? std::vector<reports::Check>() : judge_->checks();
  }

 private:
  std::unique_ptr<RunJudge> judge_;
  Situations& situations_;
  sim::HistoryListener* listener_;
};

}  // namespace

std::optional<Scenario> read_world(const nlohmann::ordered_json& document, std::string& problems) {
  json_input::Diagnostics diagnostics;
  const auto parsed = json_input::Document::parse("world.json", document.dump(), diagnostics);
  auto scenario = parsed ? read_single_scenario(*parsed, "explored", diagnostics) : std::nullopt;
  problems = diagnostics.text();
  return scenario;
}

JudgedWorld judge_world(const Scenario& scenario, const ExploreOptions& options, bool compare,
                        const WorldListeners& listeners) {
  JudgedWorld world;
  RunOptions run;
  run.check_determinism = compare;
  run.ties = listeners.ties;
  run.judge = [&](const sim::World& simulated) {
    return std::make_unique<CountingJudge>(options.judge ? options.judge(simulated) : nullptr,
                                           world.situations, listeners.events);
  };
  world.result = run_scenario(scenario, kWorldSeed, run);
  return world;
}

void Findings::add(const JudgedWorld& world, std::uint64_t seed, const MakeDocument& document) {
  ++explored_.worlds;
  explored_.events += static_cast<double>(world.result.events);
  explored_.virtual_time += world.result.virtual_time;
  explored_.situations.add(world.situations);
  for (const reports::Metric& metric : world.result.metrics) {
    if (metric.name != "count.accepted") continue;
    if (const auto* value = std::get_if<std::int64_t>(&metric.value)) {
      explored_.executions += static_cast<double>(*value);
    }
  }
  for (const reports::Check& check : world.result.checks) {
    if (is_failure(check)) add_failure(check.name, check.observed, seed, document);
  }
  if (!world.result.error_message.empty()) {
    add_failure("error", world.result.error_message, seed, document);
  }
}

void Findings::add_failure(const std::string& check, const std::string& observed,
                           std::uint64_t seed, const MakeDocument& document) {
  const auto [position, is_new] = failures_.try_emplace(check);
  ExploredFailure& failure = position->second;
  if (!is_new) {
    ++failure.worlds;
    if (failure.seed <= seed) return;
  }
  failure.check = check;
  failure.observed = observed;
  failure.seed = seed;
  failure.drawn = document();
  failure.document = failure.drawn;
}

Explored Findings::take() {
  for (auto& [check, failure] : failures_) explored_.failures.push_back(std::move(failure));
  failures_.clear();
  std::ranges::stable_sort(explored_.failures, {}, &ExploredFailure::seed);
  return std::exchange(explored_, {});
}

bool is_failure(const reports::Check& check) {
  return check.verdict == reports::Verdict::kFailed &&
         !(check.kind == reports::CheckKind::kClause && absl::StrContains(check.name, '/'));
}

}  // namespace quintain::scenarios
