#include "scenarios/explore/judged_world.h"

#include <absl/strings/match.h>

#include <memory>
#include <utility>

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

bool is_failure(const reports::Check& check) {
  return check.verdict == reports::Verdict::kFailed &&
         !(check.kind == reports::CheckKind::kClause && absl::StrContains(check.name, '/'));
}

}  // namespace quintain::scenarios
