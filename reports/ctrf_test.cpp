#include "reports/formats.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json tree(const Report& report) { return json::parse(to_ctrf(report)); }

TEST(ToCtrf, ContainsTheFormatAndTheTool) {
  const json document = tree(sample_report());
  EXPECT_EQ(document["reportFormat"], "CTRF");
  EXPECT_EQ(document["specVersion"], "0.1.0");
  EXPECT_EQ(document["timestamp"], "2024-05-01T12:00:00Z");
  EXPECT_EQ(document["results"]["tool"], (json{{"name", "quintain"}, {"version", "0.1.0"}}));
  EXPECT_EQ(document["results"]["environment"]["extra"]["compiler"], "g++ 12.2");
}

TEST(ToCtrf, CountsEveryCaseOnce) {
  EXPECT_EQ(tree(sample_report())["results"]["summary"], (json{{"tests", 6},
                                                               {"passed", 1},
                                                               {"failed", 3},
                                                               {"skipped", 1},
                                                               {"pending", 0},
                                                               {"other", 1},
                                                               {"suites", 4},
                                                               {"start", 1'714'564'800'000},
                                                               {"stop", 1'714'564'800'250},
                                                               {"duration", 250}}));
}

TEST(ToCtrf, DistinguishesOutcomes) {
  std::vector<std::string> statuses;
  const json document = tree(sample_report());
  for (const json& test : document["results"]["tests"]) {
    statuses.push_back(test["status"].get<std::string>() + "/" +
                       test["rawStatus"].get<std::string>());
  }
  EXPECT_THAT(statuses,
              ElementsAre("passed/passed", "failed/failed", "failed/error", "skipped/skipped",
                          "other/known failure", "failed/unexpected pass"));
}

TEST(ToCtrf, DescribesAFailure) {
  const json tests = tree(sample_report())["results"]["tests"];
  EXPECT_EQ(tests[0], (json{{"name", "cancel/while-queued[mode=sync]"},
                            {"status", "passed"},
                            {"duration", 1500},
                            {"suite", {"cancel"}},
                            {"rawStatus", "passed"},
                            {"filePath", "scenarios/cancel.json"},
                            {"extra",
                             {{"checks", 2},
                              {"warnings", 0},
                              {"reproduce", sample_report().cases[0].reproduce},
                              {"seed", 7}}}}));
  EXPECT_EQ(tests[1]["message"], "expect/3: a is COMPLETED at 1s,");
  EXPECT_THAT(tests[1]["trace"].get<std::string>(), HasSubstr("expected: a is CANCELLED at 150ms"));
  EXPECT_FALSE(tests[5].contains("suite")) << "it has no folder";
}

TEST(ToCtrf, AcceptsInvalidTextAndTime) {
  Report report{.cases = {sample_case("a\xff")}};
  report.wall_clock.duration_seconds = std::numeric_limits<double>::quiet_NaN();
  const json document = tree(report);
  EXPECT_EQ(document["results"]["tests"][0]["name"], "a\xef\xbf\xbd");
  EXPECT_EQ(document["results"]["summary"]["stop"], 0);
  EXPECT_FALSE(document.contains("timestamp"));
}

}  // namespace
}  // namespace quintain::reports
