#include "study/capacity/capacity.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace quintain::study {
namespace {

using testing::AllOf;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

class CapacityTest : public testing::Test {
 protected:
  CapacityTest() {
    const auto& test = *testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / test.test_suite_name() / test.name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~CapacityTest() override { std::filesystem::remove_all(folder_); }

  /// Calls of two functions that take a second each, one pair every `between` seconds.
  Workload pairs(int number, double between) {
    std::ofstream file(folder_ / "calls.csv");
    file << "arrival_s,function,service_s\n";
    for (int i = 0; i < number; ++i) {
      for (const char* function : {"a", "b"}) {
        file << fmt::format("{},{},1\n", i * between, function);
      }
    }
    file.close();
    auto calls = read_calls(folder_ / "calls.csv", {}, true);
    EXPECT_TRUE(std::holds_alternative<Workload>(calls));
    return std::get<Workload>(std::move(calls));
  }

  std::filesystem::path folder_;
};

CapacityGoal goal(std::string_view text) {
  const auto goal = parse_capacity_goal(text);
  EXPECT_TRUE(goal.ok()) << goal.status();
  return goal.value_or(CapacityGoal());
}

TEST_F(CapacityTest, WaitsAreThoseOfTheQueue) {
  const Workload calls = pairs(100, 2);
  const auto capacity = plan_capacity(calls, {.slots = {1, 2}});
  ASSERT_TRUE(capacity.ok()) << capacity.status();
  // Two seconds of work come every two seconds.
  EXPECT_THAT(capacity->load, DoubleNear(1, 0.01));
  ASSERT_EQ(capacity->points.size(), 2U);
  const CapacityPoint& one = capacity->points[0];
  EXPECT_EQ(one.slots, 1);
  EXPECT_EQ(one.calls, 200);
  EXPECT_EQ(one.refused, 0);
  // Of each pair, the second call waits for the first one.
  EXPECT_DOUBLE_EQ(one.waited, 0.5);
  EXPECT_THAT(one.wait, ElementsAre(0.5, 0, 1, 1, 1, 1));
  EXPECT_THAT(one.response, ElementsAre(1.5, 1, 2, 2, 2, 2));
  EXPECT_DOUBLE_EQ(one.busy, 1);
  EXPECT_DOUBLE_EQ(one.slot_hours, 200.0 / 3600);
  const CapacityPoint& two = capacity->points[1];
  EXPECT_EQ(two.waited, 0);
  EXPECT_THAT(two.response, ElementsAre(1, 1, 1, 1, 1, 1));
  EXPECT_DOUBLE_EQ(two.busy, 200.0 / (2 * 199));
}

TEST_F(CapacityTest, EstimatesAreJudged) {
  // Constant times and a regular queue: a good estimator is soon exact.
  const auto capacity = plan_capacity(pairs(500, 2), {.slots = {1}});
  ASSERT_TRUE(capacity.ok());
  EXPECT_LT(capacity->points[0].estimate_error, 0.05);
  EXPECT_LT(capacity->points[0].after_p90, 0.1);
}

TEST_F(CapacityTest, TheSearchFindsTheFewestSlots) {
  // Eight seconds of work come at once every two seconds.
  std::ofstream file(folder_ / "calls.csv");
  file << "arrival_s,function,service_s\n";
  for (int i = 0; i < 50; ++i) {
    for (int j = 0; j < 8; ++j) file << fmt::format("{},a,1\n", 2 * i);
  }
  file.close();
  const auto read = read_calls(folder_ / "calls.csv", {}, true);
  const auto& calls = std::get<Workload>(read);
  for (const auto& [text, fewest] :
       std::vector<std::pair<std::string, int>>{{"response.max=2s", 4},
                                                {"response.max=1s", 8},
                                                {"wait.p50=0s", 4},
                                                {"response.p95=1999ms", 8}}) {
    const auto capacity = plan_capacity(calls, {.goals = {goal(text)}});
    ASSERT_TRUE(capacity.ok());
    EXPECT_EQ(capacity->fewest, fewest) << text;
    EXPECT_LT(capacity->points.size(), 8U);
  }
  const auto impossible = plan_capacity(calls, {.goals = {goal("response.p50=999ms")}});
  ASSERT_TRUE(impossible.ok());
  EXPECT_EQ(impossible->fewest, std::nullopt);
  EXPECT_THAT(render_capacity(calls, *impossible, {goal("p50=999ms")}, 0),
              AllOf(HasSubstr("no number of slots here reaches response.p50 <= 999ms"),
                    HasSubstr("response.p50 is 1 s")));
}

TEST_F(CapacityTest, DoesNotDependOnTheNumberOfJobs) {
  const Workload calls = pairs(50, 1.3);
  const auto text = [&](int jobs) {
    const auto capacity = plan_capacity(calls, {.jobs = jobs});
    EXPECT_EQ(capacity->points.size(), 12U);
    return capacity_json(report_of(calls, *capacity, {}, 0, "quintain capacity calls.csv"));
  };
  EXPECT_EQ(text(1), text(3));
}

TEST_F(CapacityTest, JsonHasWhatTheTableShows) {
  const Workload calls = pairs(10, 2);
  const std::vector<CapacityGoal> goals = {goal("wait.p99=1s")};
  const auto capacity = plan_capacity(calls, {.slots = {1, 2}, .goals = goals});
  const std::string text = capacity_json(report_of(calls, *capacity, goals, 0.5, "the command"));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["command"], "the command");
  EXPECT_EQ(json["functions"], 2);
  EXPECT_EQ(json["fewest_slots"], 1);
  EXPECT_EQ(json["points"][0]["wait_s"]["p95"], 1.0);
  const std::string table = render_capacity(calls, *capacity, goals, 3600);
  EXPECT_THAT(table, AllOf(HasSubstr("1 slot is the fewest with wait.p99 <= 1s"),
                           HasSubstr("price"), HasSubstr("100.0%")));
}

TEST_F(CapacityTest, JsonIsReadAgain) {
  const Workload calls = pairs(10, 2);
  for (const bool with_goals : {false, true}) {
    const std::vector<CapacityGoal> goals =
        with_goals ? std::vector<CapacityGoal>{goal("wait.p99=1s")} : std::vector<CapacityGoal>();
    const auto capacity = plan_capacity(calls, {.slots = {1, 2}, .goals = goals});
    const CapacityReport report =
        report_of(calls, *capacity, goals, with_goals ? 0.5 : 0, "the command");
    const auto read = capacity_from_json(capacity_json(report));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(capacity_json(*read), capacity_json(report));
    EXPECT_EQ(capacity_page(*read), capacity_page(report));
  }
}

TEST_F(CapacityTest, WhatIsNoReportIsRefused) {
  const Workload calls = pairs(10, 2);
  const auto capacity = plan_capacity(calls, {.slots = {1}});
  const std::string text = capacity_json(report_of(calls, *capacity, {}, 0, "the command"));
  const auto changed = [&](const std::string& from, const std::string& to) {
    return absl::StrReplaceAll(text, {{from, to}});
  };
  for (const std::string& wrong :
       {std::string("[1"), std::string("{}"),
        changed("\"schema_version\": 1", "\"schema_version\": 2"), changed("\"load\"", "\"lode\""),
        changed("\"slots\": 1", "\"slots\": \"1\""),
        changed("\"slots\": 1", "\"slots\": 1, \"more\": 2"),
        changed("\"goals\": []", "\"goals\": {}")}) {
    ASSERT_NE(wrong, text);
    const auto read = capacity_from_json(wrong);
    ASSERT_FALSE(read.ok()) << wrong;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("quintain capacity")) << wrong;
  }
}

TEST(ParseCapacityGoal, ReadsTheTimeAndTheStatistic) {
  EXPECT_EQ(goal("response.p95=2s").text(), "response.p95 <= 2s");
  EXPECT_EQ(goal("p95=2s").text(), "response.p95 <= 2s");
  EXPECT_EQ(goal("wait.mean=1m30s").text(), "wait.mean <= 1m30s");
  for (const std::string_view text :
       {"", "p95", "p96=1s", "wait=1s", "queue.p95=1s", "p95=2", "p95=-1s", "=1s"}) {
    const auto parsed = parse_capacity_goal(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(std::string(parsed.status().message()),
                AllOf(HasSubstr(fmt::format("'{}'", text)), HasSubstr("response.p95=2s")));
  }
}

TEST(ParseSlots, ReadsARangeAndAList) {
  EXPECT_THAT(parse_slots("2..4").value(), ElementsAre(2, 3, 4));
  EXPECT_THAT(parse_slots("7").value(), ElementsAre(7));
  EXPECT_THAT(parse_slots("1,4,16").value(), ElementsAre(1, 4, 16));
  for (const std::string_view text : {"", "0..4", "4..2", "1..", "..4", "1,1", "2,1", "1,,2", "x",
                                      "1..2000", "100001", "1...3", "99999999999"}) {
    EXPECT_FALSE(parse_slots(text).ok()) << text;
  }
}

}  // namespace
}  // namespace quintain::study
