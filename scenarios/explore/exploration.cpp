// A search runs worlds side by side and keeps, for each check, the first world in which it failed.
// Then each of these is shrunk.
#include "scenarios/explore/exploration.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "core/base/duration_text.h"
#include "scenarios/explore/judged_world.h"
#include "scenarios/explore/shrink.h"
#include "scenarios/language/script.h"
#include "scenarios/runner/side_by_side.h"

namespace quintain::scenarios {
namespace {

using Json = nlohmann::ordered_json;

class Search {
 public:
  Search(std::uint64_t first, std::uint64_t count, const std::function<Json(std::uint64_t)>& make,
         const ExploreOptions& options)
      : first_(first), count_(count), make_(make), options_(options) {}

  Explored run() {
    run_side_by_side(options_.jobs, [this] { work(); });
    Explored explored = findings_.take();
    explored.compared = compared_;
    auto& failures = explored.failures;
    if (failures.size() > options_.max_failures) failures.resize(options_.max_failures);
    for (ExploredFailure& failure : failures) shrink_failure(failure);
    return explored;
  }

 private:
  std::uint64_t next_world() { return next_++ * options_.shard_count + options_.shard - 1; }

  bool aborted() const { return options_.abort != nullptr && *options_.abort; }

  void work() {
    for (std::uint64_t i = next_world(); i < count_ && !aborted() && !options_.enough();
         i = next_world()) {
      const std::uint64_t seed = first_ + i;
      const Json document = make_(seed);
      std::string problems;
      const auto scenario = read_world(document, problems);
      if (!scenario) {
        const std::lock_guard lock(mutex_);
        findings_.add_failure("valid", problems, seed, [&] { return document; });
        continue;
      }
      const bool compare = options_.compare_every > 0 && i % options_.compare_every == 0;
      const JudgedWorld world = judge_world(*scenario, options_, compare);
      const std::lock_guard lock(mutex_);
      compared_ += compare ? 1 : 0;
      findings_.add(world, seed, [&] { return document; });
      options_.progress(findings_.covered().worlds);
    }
  }

  void shrink_failure(ExploredFailure& failure) {
    if (failure.check == "valid" || failure.check == "error") return;
    // Only a failure of determinism needs two runs.
    ExploreOptions options = options_;
    options.compare_every = failure.check == "determinism" ? 1 : 0;
    const auto still_fails = [&](const Json& document) {
      return !aborted() && failed_checks(document, options).contains(failure.check);
    };
    Shrunk shrunk = shrink(failure.drawn, still_fails, options_.max_tries);
    failure.tried = shrunk.tried;
    failure.document = std::move(shrunk.document);
    const auto failed = failed_checks(failure.document, options);
    if (const auto found = failed.find(failure.check); found != failed.end()) {
      failure.observed = found->second;
    }
    failure.document["about"] =
        fmt::format("found by quintain explore (seed {}): {} fails", failure.seed, failure.check);
  }

  const std::uint64_t first_;
  const std::uint64_t count_;
  const std::function<Json(std::uint64_t)>& make_;
  const ExploreOptions& options_;
  std::atomic<std::uint64_t> next_ = 0;
  std::mutex mutex_;
  Findings findings_;           // guarded by the mutex
  std::uint64_t compared_ = 0;  // likewise
};

// The instants at which something happens in a run, 1 ns before and 1 ns after.
std::set<core::Instant> instants_of(const Scenario& scenario) {
  class Instants final : public RunJudge {
   public:
    explicit Instants(std::set<core::Instant>& instants) : instants_(instants) {}
    void on_event(const sim::Event& event) override { instants_.insert(event.at); }
    std::vector<reports::Check> checks() override { return {}; }

   private:
    std::set<core::Instant>& instants_;
  };
  std::set<core::Instant> events;
  RunOptions options;
  options.judge = [&](const sim::World&) { return std::make_unique<Instants>(events); };
  run_scenario(scenario, kWorldSeed, options);
  std::set<core::Instant> instants;
  constexpr core::Duration kNext = std::chrono::nanoseconds(1);
  for (const core::Instant event : events) {
    if (event > core::Instant()) instants.insert(core::Instant(event.since_start() - kNext));
    instants.insert({event, event + kNext});
  }
  return instants;
}

// The step that does it, or nullopt if it can't be done to this step's execution.
std::optional<Json> step_of(const std::string& action, const Json& invocation,
                            const sim::Step& target) {
  if (action == "cancel") return Json{{"cancel", target.name}};
  if (action == "force") return Json{{"cancel", target.name}, {"force", true}};
  if (action == "leave") return Json{{"leave", target.name}};
  const auto* request = std::get_if<spearlet::InvokeFunctionRequest>(&target.action);
  if (request == nullptr) return std::nullopt;
  if (action == "delete") {
    return Json{{"delete_task", {{"task_id", request->task_id()}, {"force", true}}}};
  }
  // A call can be repeated only if it has an id, and if it is a step of the document.
  if (request->execution_id().empty() || invocation.is_null()) return std::nullopt;
  Json step = invocation;
  step.erase("at");
  step.erase("as");
  return step;
}

// How long a node is down after a crash.
constexpr core::Duration kDownTime = std::chrono::milliseconds(10);

// The document with further steps, each this long after `at`.
Json with_steps(Json document, core::Instant at,
                const std::vector<std::pair<core::Duration, Json>>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& [delay, step] = steps[i];
    Json added = {{"at", core::format_duration((at + delay).since_start())},
                  {"as", i == 0 ? "everywhere" : "everywhere-then"}};
    added.update(step);
    document["steps"].push_back(std::move(added));
  }
  return document;
}

bool concerns_a_node(std::string_view action) { return action == "drain" || action == "crash"; }

// The steps that do it to this node; empty if it can't be done.
std::vector<std::pair<core::Duration, Json>> node_steps(std::string_view action,
                                                        const Scenario& scenario,
                                                        const sim::NodeSpec& node) {
  std::vector<std::pair<core::Duration, Json>> steps;
  if (action == "drain") {
    steps = {{core::Duration(0), {{"drain", true}}}};
  } else if (node.store_commit) {
    steps = {{core::Duration(0), {{"crash", true}}}, {kDownTime, {{"restart", true}}}};
  }
  if (scenario.nodes.size() > 1) {
    for (auto& [delay, step] : steps) step["node"] = node.config.name;
  }
  return steps;
}

}  // namespace

std::map<std::string, std::string> failed_checks(const Json& document,
                                                 const ExploreOptions& options) {
  std::string problems;
  const auto scenario = read_world(document, problems);
  if (!scenario) return {{"valid", problems}};
  const JudgedWorld world = judge_world(*scenario, options, /*compare=*/options.compare_every > 0);
  std::map<std::string, std::string> failed;
  for (const reports::Check& check : world.result.checks) {
    if (is_failure(check)) failed.emplace(check.name, check.observed);
  }
  return failed;
}

Explored explore(std::uint64_t first, std::uint64_t count,
                 const std::function<Json(std::uint64_t)>& make, const ExploreOptions& options) {
  return Search(first, count, make, options).run();
}

std::vector<Json> with_actions_everywhere(const Scenario& scenario,
                                          const std::vector<std::string>& actions, std::size_t max,
                                          std::size_t& left_out) {
  Json document = Json::parse(scenario.document);
  document.erase("expect");
  document.erase("known_failure");
  std::map<std::string, Json> by_name;
  for (const Json& step : document.value("steps", Json::array())) {
    if (step.contains("as")) by_name[step["as"].get<std::string>()] = step;
  }
  std::vector<Json> variants;
  left_out = 0;
  const auto add = [&](core::Instant at,
                       const std::vector<std::pair<core::Duration, Json>>& steps) {
    if (variants.size() < max) {
      variants.push_back(with_steps(document, at, steps));
    } else {
      ++left_out;
    }
  };
  const std::set<core::Instant> instants = instants_of(scenario);
  for (const std::string& action : actions) {
    if (concerns_a_node(action)) {
      for (const sim::NodeSpec& node : scenario.nodes) {
        const auto steps = node_steps(action, scenario, node);
        if (steps.empty()) continue;
        for (const core::Instant at : instants) add(at, steps);
      }
      continue;
    }
    for (const sim::Step& target : scenario.steps) {
      if (!invokes(target)) continue;
      const auto known = by_name.find(target.name);
      const auto step = step_of(action, known == by_name.end() ? Json() : known->second, target);
      if (!step) continue;
      for (const core::Instant at : instants) {
        if (at > target.at) add(at, {{core::Duration(0), *step}});
      }
    }
  }
  return variants;
}

}  // namespace quintain::scenarios
