#include "scenarios/explore/exploration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/explore/shrink.h"
#include "scenarios/explore/world_draw.h"
#include "scenarios/language/loader.h"

namespace quintain::scenarios {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kWorlds = 300;

Scenario read(const std::string& text) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("test.json", text, diagnostics);
  auto scenario = read_single_scenario(*document, "test", diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
  return *std::move(scenario);
}

// Reports a violation, named "too-many", when `limit` executions have been accepted.
class TooMany final : public RunJudge {
 public:
  explicit TooMany(int limit) : limit_(limit) {}
  void on_event(const sim::Event& event) override {
    if (event.kind == sim::EventKind::kAccepted) ++accepted_;
  }
  std::vector<reports::Check> checks() override {
    const bool failed = accepted_ >= limit_;
    return {{.name = "too-many",
             .verdict = failed ? reports::Verdict::kFailed : reports::Verdict::kPassed,
             .expected = "few executions",
             .observed = std::to_string(accepted_)}};
  }

 private:
  int limit_;
  int accepted_ = 0;
};

TEST(WorldDraw, DrawsValidWorldsInWhichNothingFails) {
  const Explored explored = explore(1, kWorlds, draw_world, {.jobs = 2});
  EXPECT_EQ(explored.worlds, kWorlds);
  EXPECT_GT(explored.executions, kWorlds);
  EXPECT_EQ(explored.compared, kWorlds / 20);
  for (const ExploredFailure& failure : explored.failures) {
    ADD_FAILURE() << failure.check << ": " << failure.observed << "\n" << failure.document.dump(2);
  }
}

TEST(WorldDraw, IsAFunctionOfTheSeed) {
  EXPECT_EQ(draw_world(7), draw_world(7));
  EXPECT_NE(draw_world(7), draw_world(8));
}

TEST(Explore, ReachesMostSituationsInAFewWorlds) {
  const Explored explored = explore(1, kWorlds, draw_world, {.jobs = 2, .compare_every = 0});
  std::vector<std::string_view> missing;
  for (const std::string_view situation : Situations::expected()) {
    if (!explored.situations.counts().contains(situation)) missing.push_back(situation);
  }
  EXPECT_LE(missing.size(), 3U) << testing::PrintToString(missing);
}

TEST(Explore, FindsTheSameWithAnyNumberOfJobs) {
  ExploreOptions options{.judge = [](const sim::World&) { return std::make_unique<TooMany>(30); },
                         .max_tries = 50};
  const Explored one = explore(1, 60, draw_world, options);
  options.jobs = 3;
  const Explored three = explore(1, 60, draw_world, options);
  ASSERT_EQ(one.failures.size(), 1U);
  ASSERT_EQ(three.failures.size(), 1U);
  EXPECT_EQ(one.failures[0].seed, three.failures[0].seed);
  EXPECT_EQ(one.failures[0].worlds, three.failures[0].worlds);
  EXPECT_EQ(one.failures[0].document, three.failures[0].document);
  EXPECT_EQ(one.situations.counts(), three.situations.counts());
}

TEST(Explore, ShrinksToWhatTheFailureNeeds) {
  const ExploreOptions options{
      .judge = [](const sim::World&) { return std::make_unique<TooMany>(3); }};
  const Explored explored = explore(1, 20, draw_world, options);
  ASSERT_EQ(explored.failures.size(), 1U);
  const ExploredFailure& failure = explored.failures[0];
  EXPECT_EQ(failure.check, "too-many");
  EXPECT_GT(failure.worlds, 1);
  EXPECT_TRUE(failed_checks(failure.document, options).contains("too-many"));
  // Three calls, or one load with three.
  const std::size_t steps = failure.document.value("steps", Json::array()).size();
  const std::size_t loads = failure.document.value("loads", Json::array()).size();
  EXPECT_TRUE((steps == 3 && loads == 0) || (steps == 0 && loads == 1)) << failure.document.dump(2);
  EXPECT_EQ(failure.document["functions"].size(), 1U);
  EXPECT_LE(failure.tried, options.max_tries);
}

// Fails when an invocation has metadata with the name "canary".
class Canary final : public RunJudge {
 public:
  void on_event(const sim::Event& event) override {
    const auto* invoke = sim::message_as<spearlet::InvokeFunctionRequest>(event);
    sung_ |= invoke != nullptr && invoke->invocation_metadata().contains("canary");
  }
  std::vector<reports::Check> checks() override {
    return {{.name = "canary",
             .verdict = sung_ ? reports::Verdict::kFailed : reports::Verdict::kPassed}};
  }

 private:
  bool sung_ = false;
};

// A fault that one world in a hundred shows is found in each of these, and shrunk to its call.
TEST(Explore, FindsACanaryInOnePercentOfItsWorlds) {
  const auto make = [](std::uint64_t seed) {
    Json document = draw_world(seed);
    if (seed % 100 != 42) return document;
    document["steps"].push_back({{"at", "500ms"},
                                 {"as", "canary"},
                                 {"invoke", document["functions"].begin().key()},
                                 {"mode", "async"},
                                 {"metadata", {{"canary", "sings"}}}});
    return document;
  };
  const ExploreOptions options{
      .judge = [](const sim::World&) { return std::make_unique<Canary>(); },
      .jobs = 2,
      .compare_every = 0};
  const Explored explored = explore(1, 1000, make, options);
  ASSERT_EQ(explored.failures.size(), 1U);
  const ExploredFailure& failure = explored.failures.front();
  EXPECT_EQ(failure.check, "canary");
  EXPECT_EQ(failure.seed, 42U);
  EXPECT_EQ(failure.worlds, 10);
  EXPECT_EQ(failure.document["steps"].size(), 1U) << failure.document.dump(2);
  EXPECT_GT(failure.drawn["steps"].size(), 1U);
}

TEST(Explore, StopsWhenThereIsEnough) {
  const Explored explored = explore(1, 1'000'000, draw_world, {.enough = [] { return true; }});
  EXPECT_EQ(explored.worlds, 0U);
}

TEST(Explore, ReportsADocumentThatIsNotValid) {
  const Explored explored =
      explore(5, 2, [](std::uint64_t) { return Json{{"about", "nothing"}}; }, {});
  ASSERT_EQ(explored.failures.size(), 1U);
  EXPECT_EQ(explored.failures[0].check, "valid");
  EXPECT_EQ(explored.failures[0].seed, 5U);
  EXPECT_EQ(explored.failures[0].worlds, 2);
}

TEST(Shrink, RemovesAStepWithThoseThatReferToIt) {
  const Json document = Json::parse(R"({"about": "x", "steps": [
      {"as": "a", "invoke": "f"}, {"as": "b", "invoke": "f"}, {"cancel": "b"}, {"as": "c", "invoke": "f"}]})");
  const auto fails = [](const Json& candidate) {
    bool has_a = false;
    for (const Json& step : candidate.value("steps", Json::array())) {
      has_a |= step.contains("as") && step["as"] == "a";
      if (step.contains("cancel")) {
        const auto named = [&](const Json& other) {
          return other.contains("as") && other["as"] == step["cancel"];
        };
        EXPECT_TRUE(std::ranges::any_of(candidate["steps"], named)) << candidate.dump();
      }
    }
    return has_a;
  };
  const Shrunk shrunk = shrink(document, fails, 1000);
  EXPECT_EQ(shrunk.document, Json::parse(R"({"about": "x", "steps": [{"as": "a"}]})"));
}

TEST(Shrink, MakesNumbersAndDurationsSimpler) {
  const Json document = Json::parse(R"({"about": "x", "n": 37, "t": "1.234567s", "list": [5, 6]})");
  const auto fails = [](const Json& candidate) {
    return candidate.contains("n") && candidate["n"].get<int>() >= 3 && candidate.contains("t");
  };
  EXPECT_EQ(shrink(document, fails, 1000).document,
            Json::parse(R"({"about": "x", "n": 3, "t": "1s"})"));
}

TEST(Shrink, StopsAtItsLimit) {
  int calls = 0;
  const Json document = Json::parse(R"({"about": "x", "steps": [1, 2, 3, 4, 5, 6, 7, 8]})");
  const Shrunk shrunk = shrink(
      document,
      [&](const Json&) {
        ++calls;
        return false;
      },
      5);
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(shrunk.tried, 5);
  EXPECT_EQ(shrunk.document, document);
}

TEST(Everywhere, ActsAroundEveryEventOfEveryExecution) {
  const Scenario scenario = read(R"({"about": "x", "functions": {"f": {"service": "100ms"}},
      "steps": [{"as": "a", "invoke": "f", "mode": "async", "execution_id": "id"}]})");
  std::size_t left_out = 0;
  const auto cancels = with_actions_everywhere(scenario, {"cancel"}, 100, left_out);
  std::vector<std::string> times;
  for (const Json& variant : cancels) times.push_back(variant["steps"][1]["at"]);
  // Its end; the calls and the start are at the instant of the call, which can't be cancelled then.
  EXPECT_THAT(times, testing::ElementsAre("1ns", "99.999999ms", "100ms", "100.000001ms"));
  EXPECT_EQ(left_out, 0U);

  const auto all =
      with_actions_everywhere(scenario, {kActions.begin(), kActions.end()}, 1000, left_out);
  const Explored explored = explore(0, all.size(), [&](std::uint64_t i) { return all[i]; }, {});
  EXPECT_EQ(explored.worlds, all.size());
  EXPECT_TRUE(explored.failures.empty()) << explored.failures[0].check;

  with_actions_everywhere(scenario, {"cancel"}, 1, left_out);
  EXPECT_EQ(left_out, 3U);
}

TEST(Everywhere, CrashesTheNodesThatHaveAStore) {
  const Scenario scenario = read(R"({"about": "x", "functions": {"f": {"service": "100ms"}},
      "nodes": {"kept": {"store": {"commit": "1ms", "restart": "rerun"}}, "lost": {}},
      "steps": [{"as": "a", "invoke": "f", "mode": "async", "retries": 1}]})");
  std::size_t left_out = 0;
  const auto crashes = with_actions_everywhere(scenario, {"crash"}, 1000, left_out);
  ASSERT_FALSE(crashes.empty());
  std::set<std::string> times;
  for (const Json& variant : crashes) {
    const Json& crash = variant["steps"][1];
    const Json& restart = variant["steps"][2];
    EXPECT_EQ(crash["crash"], true);
    EXPECT_EQ(crash["node"], "kept");
    EXPECT_EQ(restart["restart"], true);
    EXPECT_EQ(restart["node"], "kept");
    times.insert(crash["at"]);
  }
  EXPECT_EQ(times.size(), crashes.size());
  EXPECT_TRUE(times.contains("0s"));
  EXPECT_TRUE(times.contains("1ns"));
  const Explored explored =
      explore(0, crashes.size(), [&](std::uint64_t i) { return crashes[i]; }, {.compare_every = 0});
  EXPECT_EQ(explored.worlds, crashes.size());
  EXPECT_EQ(explored.situations.counts().at("a node crashes"),
            static_cast<std::int64_t>(crashes.size()));
  EXPECT_TRUE(explored.failures.empty()) << explored.failures[0].check;
}

}  // namespace
}  // namespace quintain::scenarios
