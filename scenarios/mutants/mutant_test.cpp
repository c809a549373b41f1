// Mutants: the core with one planted fault at a time (core/base/planted_fault.h). The shipped
// scenarios must catch each of them by the checks that its entry names. This proves that the
// invariants and the expectations can fail.
//
// The program contains its own copy of the core, compiled with the hooks. Each test needs its own
// process, because a planted fault may end the process; CTest runs the tests that way.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/world_judge.h"
#include "core/base/planted_fault.h"
#include "reports/json_input/diagnostics.h"
#include "reports/report.h"
#include "scenarios/explore/exploration.h"
#include "scenarios/explore/ties.h"
#include "scenarios/explore/world_draw.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"
#include "sim/invariants/invariant.h"
#include "sim/world.h"

namespace quintain::scenarios {
namespace {

namespace fs = std::filesystem;

/// A planted fault, the family of shipped scenarios that must catch it, and the checks that must
/// fail: "invariant/NAME", "liveness", "determinism", or "expect" for any expectation.
struct Mutant {
  std::string_view fault;
  std::string_view family;
  std::vector<std::string> caught_by;
  /// Whether random worlds find it.
  bool is_explored = true;

  friend void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.fault; }
};

constexpr bool kNeedsExpectations = false;
// An invariant forbids it, but no random world has the settings that it needs.
constexpr bool kNotDrawn = false;

// A fault that no shipped scenario shows in the order in which its events were scheduled.
constexpr std::string_view kNeedsTies = "slot-lost-out-of-order";

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> kMutants = {
      {"completes-while-pending", "outcome", {"invariant/legal-transitions", "expect"}},
      {"outcome-told-twice", "outcome", {"invariant/one-outcome", "invariant/legal-transitions"}},
      {"deadline-never-armed",
       "timeout",
       {"liveness", "invariant/every-execution-ends", "invariant/every-call-answered-once",
        "expect"}},
      {"one-slot-too-many", "scheduling", {"invariant/slots-within-limit", "expect"}},
      {"slot-leaks-when-killed", "timeout", {"invariant/no-idle-slot-while-work-waits", "expect"}},
      {"one-retry-too-many", "retry", {"invariant/attempts-within-retries", "expect"}},
      {"timeout-does-not-kill", "timeout", {"invariant/nothing-runs-after-the-end"}},
      {"timeout-a-millisecond-late", "timeout", {"invariant/timeouts-exact", "expect"}},
      {"grace-never-ends", "cancel", {"invariant/cancel-within-grace", "expect"}},
      {"cancel-never-answered",
       "cancel",
       {"invariant/every-call-answered-once", "liveness", "expect"}},
      {"endpoint-in-sync-mode", "shape", {"invariant/answers-in-shape", "expect"}},
      {"estimate-always-zero", "shape", {"invariant/answers-in-shape", "expect"}},
      {"mode-not-read", "shape", {"invariant/answers-in-shape", "expect"}},
      {"status-never-found", "shape", {"expect"}},
      {"completed-at-is-acceptance", "outcome", {"invariant/timestamps-ordered"}},
      {"lists-always-empty", "listing", {"invariant/records-equal-history", "expect"}},
      {"tally-forgets-transitions", "listing", {"invariant/stats-equal-tally", "expect"}},
      {"records-never-expire", "retention", {"invariant/retention-bounded", "expect"}},
      {"ids-from-the-machine", "outcome", {"determinism"}},
      {"failure-reported-as-completed", "outcome", {"expect"}},
      {"timeout-counts-from-dispatch", "timeout", {"invariant/timeouts-exact", "expect"}},
      {"timeout-before-completion", "timeout", {"expect"}, kNeedsExpectations},
      {"cancel-does-not-wait", "cancel", {"expect"}, kNeedsExpectations},
      {"cancel-overwrites-the-outcome", "cancel", {"expect"}, kNeedsExpectations},
      {"caller-gone-unnoticed", "caller", {"expect"}, kNeedsExpectations},
      {"caller-gone-unnoticed", "network", {"expect"}, kNeedsExpectations},
      {"retry-without-a-pause", "retry", {"expect"}, kNeedsExpectations},
      {"any-request-repeats", "idempotency", {"expect"}},
      {"queue-one-longer", "admission", {"invariant/queue-within-limit", "expect"}},
      {"quantiles-cross", "eta", {"invariant/estimates-in-order"}},
      {"maximum-timeout-ignored", "timeout", {"invariant/deadlines-as-requested"}},
      {"stop-not-passed-on", "cancel", {"invariant/stops-follow-cancels"}},
      {"answer-of-another", "outcome", {"invariant/answers-belong-to-their-calls"}},
      {"answer-before-its-record", "restart", {"invariant/what-was-told-stays"}},
      {"draining-ignored", "admission", {"expect"}, kNeedsExpectations},
      {"retries-not-recorded", "restart", {"invariant/restored-as-recorded"}},
      {"records-beyond-their-memory",
       "retention",
       {"invariant/record-bytes-within-limit", "expect"},
       kNotDrawn},
      {"retention-too-short", "retention", {"invariant/retention-bounded", "expect"}},
      {"warm-instances-never-reused", "instances", {"expect"}, kNeedsExpectations},
      {"idle-instances-never-expire", "instances", {"invariant/instances-within-limits", "expect"}},
      {"every-strategy-is-fifo", "scheduling", {"expect"}, kNeedsExpectations},
      {"starvation-unbounded", "scheduling", {"expect"}, kNeedsExpectations},
      {"parked-work-forgotten", "instances", {"expect"}, kNeedsExpectations},
      {"stream-without-an-end", "streaming", {"invariant/streams-end-once", "expect"}},
      {"charge-not-taken-back", "scheduling", {"invariant/fair-share-charges-what-ran"}},
      {"result-cut-short", "outcome", {"invariant/results-as-returned"}},
      {"one-instance-too-many", "instances", {"invariant/instances-within-limits"}},
      {"request-bytes-not-released", "outcome", {"invariant/memory-as-accounted"}},
      {"record-bytes-not-released", "retention", {"invariant/memory-as-accounted"}},
      {"memory-without-a-limit", "admission", {"invariant/request-bytes-within-limit", "expect"}},
      {"page-cut-short", "listing", {"expect"}},
      {"late-report-counts", "faults", {"expect"}},
      {"last-come-first-served", "load", {"expect"}, kNeedsExpectations},
      {"estimate-a-constant", "eta", {"expect"}},
      {"answers-of-any-size", "network", {"expect"}, kNeedsExpectations},
      {"unsent-bytes-not-released", "network", {"expect"}, kNeedsExpectations},
      {"last-write-lost", "network", {"invariant/streams-end-once", "expect"}},
      {"deadline-is-a-departure", "network", {"expect"}, kNeedsExpectations},
      {"recycled-request-not-cleared", "network", {"expect"}},
  };
  return kMutants;
}

std::vector<Scenario> load_family(std::string_view family) {
  json_input::Diagnostics diagnostics;
  std::vector<Scenario> scenarios;
  const std::string folder = fmt::format("{}/scenarios/cases/{}", QUINTAIN_SOURCE_DIR, family);
  for (const std::string& file : find_scenario_files({folder}, diagnostics)) {
    for (Scenario& scenario : load_scenario_file(file, naming_root(file), diagnostics)) {
      scenarios.push_back(std::move(scenario));
    }
  }
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
  return scenarios;
}

/// The names of the checks that fail in the family; "expect" for every expectation.
std::set<std::string> failed_checks(std::string_view family, const RunOptions& options) {
  std::set<std::string> failed;
  for (const Scenario& scenario : load_family(family)) {
    for (const reports::Check& check : run_scenario(scenario, 1, options).checks) {
      if (check.verdict != reports::Verdict::kFailed) continue;
      const bool expectation = check.kind == reports::CheckKind::kExpectation;
      failed.insert(expectation ? "expect" : check.name);
    }
  }
  return failed;
}

class MutantTest : public testing::TestWithParam<Mutant> {};

TEST_P(MutantTest, IsCaught) {
  const Mutant& mutant = GetParam();
  core::planted_fault = mutant.fault;
  const bool twice = std::ranges::count(mutant.caught_by, "determinism") > 0;
  const auto failed = failed_checks(mutant.family, {.trace_dir = "", .check_determinism = twice});
  core::planted_fault = "";
  for (const std::string& check : mutant.caught_by) {
    EXPECT_TRUE(failed.contains(check)) << check << " did not fail";
  }
}

std::size_t steps_in(const nlohmann::ordered_json& document) {
  return document.value("steps", nlohmann::ordered_json::array()).size();
}

// Random worlds find the fault without any expectation, and shrink it to a few steps. Prints the
// row of the fault in docs/explore.md.
TEST_P(MutantTest, IsFoundByExploring) {
  constexpr std::uint64_t kMaxWorlds = 5000;
  constexpr std::uint64_t kAtOnce = 50;
  constexpr std::size_t kMaxSteps = 10;
  const Mutant& mutant = GetParam();
  if (!mutant.is_explored) GTEST_SKIP() << "random worlds need not find it";
  core::planted_fault = mutant.fault;
  ExploreOptions options;
  options.judge = make_run_judge<conformance::WorldJudge>;
  options.max_failures = 1;
  // Each world is run twice, so that faults of determinism are found.
  options.compare_every = std::ranges::count(mutant.caught_by, "determinism") > 0 ? 1 : 0;
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t first = 1;
  Explored explored;
  while (explored.failures.empty() && first <= kMaxWorlds) {
    explored = explore(first, kAtOnce, draw_world, options);
    first += kAtOnce;
  }
  core::planted_fault = "";
  ASSERT_FALSE(explored.failures.empty()) << "not found in " << kMaxWorlds << " worlds";
  const ExploredFailure& failure = explored.failures.front();
  EXPECT_LE(steps_in(failure.document), kMaxSteps) << failure.document.dump(2);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  fmt::print("| `{}` | `{}` | {} | {:.1f} | {} | {} |\n", mutant.fault, failure.check, failure.seed,
             took.count(), steps_in(failure.drawn), steps_in(failure.document));
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, testing::ValuesIn(mutants()),
                         [](const testing::TestParamInfo<Mutant>& mutant) {
                           std::string name =
                               fmt::format("{}_in_{}", mutant.param.fault, mutant.param.family);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// Two executions that end at one instant, in the order in which they were scheduled, lose no slot:
// only the other order shows the fault.
TEST(Mutants, AnOrderOfTiesShowsWhatTheirOwnOrderHides) {
  const auto document = nlohmann::ordered_json::parse(R"({"about": "x", "node": {"slots": 2},
      "functions": {"f": {"service": "100ms"}}, "steps": [
        {"at": "10ms", "as": "a", "invoke": "f", "mode": "async"},
        {"at": "10ms", "as": "b", "invoke": "f", "mode": "async"},
        {"at": "50ms", "as": "c", "invoke": "f", "mode": "async"},
        {"at": "60ms", "as": "d", "invoke": "f", "mode": "async"},
        {"at": "70ms", "as": "e", "health": {}},
        {"at": "1s", "as": "f", "stats": {}}]})");
  const std::string check = "invariant/no-idle-slot-while-work-waits";
  ExploreOptions options;
  options.judge = make_run_judge<conformance::WorldJudge>;
  core::planted_fault = kNeedsTies;
  const auto in_order = scenarios::failed_checks(document, options);
  const ExploredTies found = explore_ties(document, 1000, options);
  ASSERT_FALSE(found.explored.failures.empty());
  const auto failure = std::ranges::find(found.explored.failures, check, &ExploredFailure::check);
  ASSERT_NE(failure, found.explored.failures.end());
  const auto repeated = scenarios::failed_checks(failure->document, options);
  core::planted_fault = "";
  EXPECT_THAT(in_order, testing::IsEmpty());
  EXPECT_TRUE(failure->document.contains("ties"));
  EXPECT_LE(failure->document["steps"].size(), 4U) << failure->document.dump(2);
  EXPECT_TRUE(repeated.contains(check));
  EXPECT_THAT(scenarios::failed_checks(failure->document, options), testing::IsEmpty());
}

TEST(Mutants, NothingFailsWithoutAFault) {
  std::set<std::string_view> families;
  for (const Mutant& mutant : mutants()) families.insert(mutant.family);
  for (const std::string_view family : families) {
    EXPECT_THAT(failed_checks(family, {}), testing::IsEmpty()) << family;
  }
}

// docs/invariants.md names for each invariant faults that it catches.
TEST(Mutants, ThePageOfInvariantsNamesThem) {
  std::set<std::pair<std::string, std::string>> caught;  // invariant, fault
  for (const Mutant& mutant : mutants()) {
    for (const std::string& check : mutant.caught_by) {
      if (check.starts_with("invariant/")) caught.emplace(check.substr(10), mutant.fault);
    }
  }
  std::stringstream page;
  page << std::ifstream(QUINTAIN_SOURCE_DIR "/docs/invariants.md").rdbuf();
  const std::regex row("^\\| `([^`]+)` \\|.*\\| ([^|]*) \\|$");
  const std::regex name("`([^`]+)`");
  int rows = 0;
  for (std::string line; std::getline(page, line);) {
    std::smatch parts;
    if (!std::regex_match(line, parts, row)) continue;
    ++rows;
    const std::string invariant = parts[1];
    const std::string faults = parts[2];
    EXPECT_FALSE(faults.empty()) << invariant;
    for (std::sregex_iterator fault(faults.begin(), faults.end(), name), end; fault != end;
         ++fault) {
      EXPECT_TRUE(caught.contains({invariant, (*fault)[1]})) << invariant << ": " << fault->str();
    }
  }
  sim::World world(/*seed=*/1);
  world.add_node({});
  EXPECT_EQ(rows, static_cast<int>(sim::InvariantSet(world).invariants().size()));
}

// docs/explore.md has a row for each fault that random worlds find.
TEST(Mutants, ThePageOfExploringNamesThem) {
  std::multiset<std::string> rows;
  std::ifstream page(QUINTAIN_SOURCE_DIR "/docs/explore.md");
  const std::regex row("^\\| `([^`]+)` \\| `[^`]+` \\| \\d+ \\| [\\d.]+ \\| \\d+ \\| \\d+ \\|$");
  for (std::string line; std::getline(page, line);) {
    std::smatch parts;
    if (std::regex_match(line, parts, row)) rows.insert(parts[1]);
  }
  std::multiset<std::string> explored;
  for (const Mutant& mutant : mutants()) {
    if (mutant.is_explored) explored.emplace(mutant.fault);
  }
  EXPECT_EQ(rows, explored) << "print the rows again: mutants_tests --gtest_filter='*Exploring*'";
}

TEST(Mutants, ListsEveryHookOfTheCore) {
  std::set<std::string> hooks;
  const std::regex hook("planted\\(\"([^\"]+)\"\\)");
  for (const auto& entry : fs::recursive_directory_iterator(QUINTAIN_SOURCE_DIR "/core")) {
    if (entry.path().extension() != ".cpp") continue;
    std::stringstream stream;
    stream << std::ifstream(entry.path()).rdbuf();
    const std::string text = stream.str();
    for (std::sregex_iterator match(text.begin(), text.end(), hook), end; match != end; ++match) {
      hooks.insert((*match)[1]);
    }
  }
  std::set<std::string> listed = {std::string(kNeedsTies)};
  for (const Mutant& mutant : mutants()) listed.emplace(mutant.fault);
  EXPECT_EQ(hooks, listed);
}

}  // namespace
}  // namespace quintain::scenarios
