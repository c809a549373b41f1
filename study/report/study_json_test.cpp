#include "study/report/study_json.h"

#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "reports/testing/schema.h"
#include "study/report/sample_study_report.h"

namespace quintain::study {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json tree(const StudyReport& report) { return json::parse(to_json(report).value()); }

/// The sample without NaN, which is not equal to itself.
StudyReport known_report() {
  StudyReport report = sample_study_report();
  report.workloads.pop_back();
  for (WorkloadResult& workload : report.workloads) {
    for (EstimatorResult& estimator : workload.estimators) {
      // The loss of no executions is unknown.
      std::erase_if(estimator.by_depth, [](const DepthLoss& loss) { return loss.executions == 0; });
    }
  }
  return report;
}

/// A report with one of each part, so that it can be spoilt part by part quickly.
StudyReport small_report() {
  StudyReport report = known_report();
  report.workloads.erase(report.workloads.begin());
  WorkloadResult& workload = report.workloads[0];
  workload.trace_digest = 0xabc;
  workload.seeds = {1};
  workload.changes.resize(1);
  EstimatorResult control = workload.estimators.back();
  control.flags.resize(1);
  control.adaptation->completions_until_recovered = 3;
  for (Scores* scores : {&control.terminal, &control.success}) {
    scores->coverage.resize(1);
    scores->pinball_by_level.resize(1);
  }
  control.to_baselines.resize(1);
  control.strata.resize(1);
  control.strata[0].coverage.resize(1);
  control.pit.bins.resize(1);
  for (auto* curve :
       {&control.curves.coverage_50_by_depth, &control.curves.coverage_90_by_depth,
        &control.curves.rolling_50, &control.curves.rolling_90, &control.curves.actual_by_p50}) {
    curve->resize(1);
  }
  workload.estimators = {control};
  report.levels.resize(1);
  report.costs.resize(1);
  report.costs[0].by_depth.resize(1);
  return report;
}

class StudySchemaTest : public ::testing::Test {
 protected:
  reports::Schema schema_{QUINTAIN_SOURCE_DIR "/study/report/study-report.schema.json"};
};

TEST_F(StudySchemaTest, AcceptsWhatIsWritten) {
  EXPECT_TRUE(schema_.valid(tree(sample_study_report())));
  EXPECT_TRUE(schema_.valid(tree({.wall_clock = {.started_at = "2024-05-01T12:00:00Z"}})));
}

TEST_F(StudySchemaTest, RejectsADocumentWithAnySpoiltPart) {
  EXPECT_GT(
      schema_.expect_rejects_damaged(tree(small_report()), {"trace_digest", "adaptation", "to",
                                                            "completions_until_recovered"}),
      150);
}

TEST_F(StudySchemaTest, AllowsFlaggedForControlsOnly) {
  json document = tree(small_report());
  document["workloads"][0]["estimators"][0]["role"] = "estimator";
  EXPECT_FALSE(schema_.valid(document));
  document["workloads"][0]["estimators"][0].erase("flagged");
  EXPECT_TRUE(schema_.valid(document));
}

TEST(StudyToJson, HasAFixedOrderAndLayout) {
  StudyReport report{.tool_version = "0.1.0",
                     .command = "quintain study a.json",
                     .name = "a",
                     .file = "a.json",
                     .default_estimator = "best",
                     .levels = {0.5, 0.9}};
  WorkloadResult workload{.name = "w", .config = R"({"slots":8})", .seeds = {1, 2}};
  workload.relative_half_width = kUnknown;
  workload.trace_digest = 0xabc;
  report.workloads = {workload};
  report.wall_clock.started_at = "2024-05-01T12:00:00Z";
  report.costs = {{"w", "best", 3400, 8160.5, {{0, 3400}}}};
  EXPECT_EQ(to_json(report).value(), R"({
  "schema_version": 1,
  "tool": {"name": "quintain", "version": "0.1.0"},
  "command": "quintain study a.json",
  "study": {"name": "a", "about": "", "file": "a.json"},
  "default_estimator": "best",
  "levels": [0.5, 0.9],
  "verdict": "error",
  "workloads": [
    {
      "name": "w",
      "about": "",
      "config": {"slots": 8},
      "trace_digest": "0000000000000abc",
      "seeds": [1, 2],
      "counts": {"predicted": 0, "completed": 0, "failed": 0, "timed_out": 0, "cancelled": 0, "censored": 0, "unfinished": 0, "dropped": 0, "scored": 0, "refused": 0},
      "warm_up": {"found": 0.0, "cut": 0.0},
      "changes": [],
      "stopped": {"reason": "most-replications", "relative_half_width": null, "wanted_half_width": 0.0},
      "no_oracle": "",
      "trace_notes": [],
      "analytic": [],
      "estimators": []
    }
  ],
  "wall_clock": {
    "started_at": "2024-05-01T12:00:00Z",
    "duration_seconds": 0.0,
    "executions_per_second": 0.0,
    "events_per_second": 0.0,
    "jobs": 1,
    "environment": {}
  },
  "costs": [
    {
      "workload": "w",
      "estimator": "best",
      "p50_ns": 3400.0,
      "p99_ns": 8160.5,
      "by_depth": [
        [0.0, 3400.0]
      ]
    }
  ]
}
)");
}

TEST(StudyToJson, PutsWhatDiffersBetweenRunsLast) {
  StudyReport other = sample_study_report();
  other.wall_clock = {.started_at = "2025-01-01T00:00:00Z", .duration_seconds = 9, .jobs = 8};
  other.costs.clear();
  const std::string a = to_json(sample_study_report()).value();
  const std::string b = to_json(other).value();
  const std::size_t end = a.find("\n  \"wall_clock\": {\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_NE(a, b);
  EXPECT_EQ(a.substr(0, end), b.substr(0, end));
}

TEST(StudyToJson, ReplacesBytesThatAreNotUtf8) {
  EXPECT_THAT(to_json({.name = "caf\xff"}).value(), HasSubstr("caf\xef\xbf\xbd"));
}

TEST(StudyToJson, RejectsAConfigThatIsNotJson) {
  StudyReport report = sample_study_report();
  report.workloads[1].config = "{";
  EXPECT_EQ(to_json(report).status().message(), "regime-change: its config is not JSON");
  EXPECT_FALSE(to_compact_json(report).ok());
}

TEST(StudyToCompactJson, IsTheSameDocumentOnOneLine) {
  const std::string text = to_compact_json(sample_study_report()).value();
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(text), tree(sample_study_report()));
}

TEST(StudyFromJson, ReadsBackWhatWasWritten) {
  EXPECT_EQ(study_from_json(to_json(known_report()).value()).value(), known_report());
  EXPECT_EQ(study_from_json(to_json(small_report()).value()).value(), small_report());
  // NaN is not equal to itself, but is written as before.
  const std::string text = to_json(sample_study_report()).value();
  EXPECT_EQ(to_json(study_from_json(text).value()).value(), text);
}

TEST(StudyFromJson, ReportsWhatIsWrong) {
  const auto error = [](const char* pointer, const json& value) {
    json document = tree(small_report());
    document[json::json_pointer(pointer)] = value;
    return std::string(study_from_json(document.dump()).status().message());
  };
  EXPECT_THAT(study_from_json("{").status().message(), HasSubstr("parse error"));
  EXPECT_THAT(study_from_json("[]").status().message(), HasSubstr("not a study's report: "));
  EXPECT_EQ(error("/schema_version", 2), "a study's report of schema version 2; version 1 is read");
  EXPECT_THAT(error("/study/file", 2), HasSubstr("must be string"));
  for (const auto& [pointer, value] : std::vector<std::pair<const char*, json>>{
           {"/unknown", 1},
           {"/verdict", "failed"},
           {"/workloads/0/seeds/0", -1},
           {"/workloads/0/trace_digest", "ABC"},
           {"/workloads/0/counts/scored", 1.5},
           {"/workloads/0/stopped/reason", "bored"},
           {"/workloads/0/estimators/0/role", "judge"},
           {"/workloads/0/estimators/0/flagged", false},
           {"/workloads/0/estimators/0/bytes", std::numeric_limits<std::uint64_t>::max()},
           {"/workloads/0/estimators/0/pit/unknown", 1}}) {
    EXPECT_THAT(error(pointer, value), StartsWith("not a study's report: wrong at ")) << pointer;
  }
  EXPECT_EQ(error("/workloads/0/estimators/0/pit/unknown", 1),
            "not a study's report: wrong at /workloads/0/estimators/0/pit/unknown");
}

}  // namespace
}  // namespace quintain::study
