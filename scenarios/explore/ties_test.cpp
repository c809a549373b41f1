#include "scenarios/explore/ties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "scenarios/explore/exploration.h"
#include "scenarios/explore/judged_world.h"

namespace quintain::scenarios {
namespace {

using testing::ElementsAre;
using OrderedJson = nlohmann::ordered_json;

// Fails the check "order" if execution 2 ends before execution 1.
class EndsInOrder final : public RunJudge {
 public:
  void on_event(const sim::Event& event) override {
    if (event.kind != sim::EventKind::kTransition ||
        event.to == spearlet::EXECUTION_STATUS_RUNNING) {
      return;
    }
    wrong_ |= event.execution.ordinal == 1 && second_;
    second_ |= event.execution.ordinal == 2;
  }
  std::vector<reports::Check> checks() override {
    return {{.name = "order",
             .verdict = wrong_ ? reports::Verdict::kFailed : reports::Verdict::kPassed,
             .expected = "execution 1 ends before execution 2",
             .observed = wrong_ ? "execution 2 ended first" : "it does"}};
  }

 private:
  bool second_ = false;
  bool wrong_ = false;
};

ExploreOptions ends_in_order() {
  return {.judge = [](const sim::World&) { return std::make_unique<EndsInOrder>(); }};
}

OrderedJson world(const std::string& steps, const std::string& more = "") {
  return OrderedJson::parse(R"({"about": "x", "node": {"slots": 4, "eta": "constant"},
      "functions": {"f": {"service": "100ms"}, "g": {"service": "50ms"}}, "steps": [)" +
                            steps + "]" + more + "}");
}

TEST(Ties, RunsEveryOrder) {
  // Three reads: 3! orders. Nothing depends on them, but they are of one instant.
  const auto reads = explore_ties(
      world(
          R"({"as": "a", "health": {}}, {"as": "b", "stats": {}}, {"as": "c", "list_tasks": {}})"),
      100, {});
  EXPECT_EQ(reads.explored.worlds, 6U);
  EXPECT_EQ(reads.left, 0U);
  EXPECT_TRUE(reads.explored.failures.empty());
}

TEST(Ties, VariesNothingWithoutTies) {
  const auto found = explore_ties(
      world(R"({"invoke": "f", "mode": "async"}, {"at": "10ms", "invoke": "f", "mode": "async"})"),
      100, {});
  EXPECT_EQ(found.explored.worlds, 1U);
  EXPECT_EQ(found.pruned + found.left, 0U);
}

TEST(Ties, DoesNotVaryAKnownStateAgain) {
  // Two reads at each of three instants: 2^3 orders, of which those that differ from the first one
  // at one instant are enough.
  std::string steps;
  for (const char* at : {"1ms", "2ms", "3ms"}) {
    for (const char* what : {"health", "stats"}) {
      if (!steps.empty()) steps += ", ";
      steps += std::string(R"({"at": ")") + at + R"(", ")" + what + R"(": {}})";
    }
  }
  const auto found = explore_ties(world(steps), 100, {});
  EXPECT_EQ(found.explored.worlds, 4U);
  EXPECT_EQ(found.pruned, 3U);
  EXPECT_EQ(found.left, 0U);
}

TEST(Ties, VariesADifferentStateAgain) {
  // The order of the first two calls decides which of them the one slot runs first. The start of
  // the first function is tied with the second call, but makes no difference.
  const auto found =
      explore_ties(OrderedJson::parse(R"({"about": "x", "node": {"slots": 1, "eta": "constant"},
          "functions": {"f": {"service": "100ms"}, "g": {"service": "50ms"}}, "steps": [
          {"invoke": "f", "mode": "async"}, {"invoke": "g", "mode": "async"},
          {"at": "10ms", "health": {}}, {"at": "10ms", "stats": {}}]})"),
                   100, {});
  EXPECT_EQ(found.explored.worlds, 6U);
  EXPECT_EQ(found.pruned, 2U);
}

TEST(Ties, FindsWhatOnlyAnotherOrderShows) {
  const OrderedJson document = world(R"({"as": "a", "invoke": "f", "mode": "async"},
      {"at": "50ms", "as": "b", "invoke": "g", "mode": "async"}, {"at": "300ms", "health": {}})",
                                     R"(, "expect": [{"execution": "a", "status": "FAILED"}])");
  // The order of scheduling does not show it.
  OrderedJson without_expectations = document;
  without_expectations.erase("expect");
  EXPECT_THAT(failed_checks(without_expectations, ends_in_order()), testing::IsEmpty());
  const auto found = explore_ties(document, 100, ends_in_order());
  ASSERT_EQ(found.explored.failures.size(), 1U);
  const ExploredFailure& failure = found.explored.failures[0];
  EXPECT_EQ(failure.check, "order");
  EXPECT_EQ(failure.worlds, 1);
  EXPECT_EQ(failure.document["steps"].size(), 2U) << failure.document.dump(2);
  EXPECT_TRUE(failure.document.contains("ties"));
  // It replays.
  EXPECT_THAT(
      failed_checks(failure.document, ends_in_order()),
      ElementsAre(std::pair<const std::string, std::string>("order", "execution 2 ended first")));
}

TEST(Ties, FindsTheSameWithAnyNumberOfJobsAndKeepsItsLimit) {
  std::string steps;
  for (int i = 0; i < 6; ++i) steps += R"({"invoke": "f", "mode": "async"}, )";
  const OrderedJson document = world(steps + R"({"health": {}})");
  ExploreOptions options = ends_in_order();
  const auto one = explore_ties(document, 50, options);
  options.jobs = 3;
  const auto three = explore_ties(document, 50, options);
  EXPECT_EQ(one.explored.worlds, 50U);
  EXPECT_GT(one.left, 0U);
  EXPECT_EQ(three.explored.worlds, one.explored.worlds);
  EXPECT_EQ(three.left, one.left);
  EXPECT_EQ(three.pruned, one.pruned);
  ASSERT_EQ(one.explored.failures.size(), 1U);
  ASSERT_EQ(three.explored.failures.size(), 1U);
  EXPECT_EQ(three.explored.failures[0].document, one.explored.failures[0].document);
}

TEST(Ties, ARunSaysThatAChoiceCannotBeMade) {
  std::string problems;
  const auto scenario =
      read_world(world(R"({"health": {}}, {"stats": {}})", R"(, "ties": [2])"), problems);
  ASSERT_TRUE(scenario) << problems;
  std::atomic<bool> bad_input = false;
  RunOptions options;
  options.bad_input = &bad_input;
  const reports::Case result = run_scenario(*scenario, 1, options);
  EXPECT_TRUE(bad_input);
  EXPECT_EQ(result.error_message,
            "world.json: /ties: choice 0 is 2, but 2 events were due; expected 0 to 1");
}

}  // namespace
}  // namespace quintain::scenarios
