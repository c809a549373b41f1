#include "reports/formats.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "reports/testing/sample_report.h"
#include "reports/testing/schema.h"

namespace quintain::reports {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// The document, parsed.
json tree(const Report& report) { return json::parse(to_json(report).value()); }

class SchemaTest : public ::testing::Test {
 protected:
  bool valid(const json& document) const { return schema_.valid(document); }

  Schema schema_{QUINTAIN_SOURCE_DIR "/reports/report.schema.json"};
};

TEST_F(SchemaTest, AcceptsWhatIsWritten) {
  EXPECT_TRUE(valid(tree(sample_report())));
  EXPECT_TRUE(valid(tree(Report{.wall_clock = {.started_at = "2024-05-01T12:00:00.25Z"}})));

  Report odd = sample_report();
  odd.cases.push_back(sample_case("without checks"));
  odd.cases.back().checks.clear();
  odd.seeds = {std::numeric_limits<std::uint64_t>::max()};
  odd.cases[0].seed = std::numeric_limits<std::uint64_t>::max();
  odd.cases[0].metrics[0].value = std::nan("");
  odd.wall_clock.events_per_second = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(valid(tree(odd)));
}

TEST_F(SchemaTest, AcceptsWarningsAndClauses) {
  Report report{.cases = {sample_case("a")}};
  report.wall_clock.started_at = "2024-05-01T12:00:00Z";
  report.cases[0].checks = {
      {.name = "STATE-7", .kind = CheckKind::kClause, .verdict = Verdict::kWarning}};
  json document = tree(report);
  EXPECT_EQ(document["cases"][0]["verdict"], "passed");
  EXPECT_EQ(document["totals"]["warnings"], 1);
  EXPECT_TRUE(valid(document));
  EXPECT_EQ(from_json(document.dump()).value(), report);
  // Only a check can warn.
  document["cases"][0]["verdict"] = "warning";
  EXPECT_FALSE(valid(document));
}

TEST_F(SchemaTest, RejectsADamagedDocument) {
  // Keys that may be absent. A reason is required by its verdict.
  EXPECT_GT(
      schema_.expect_rejects_damaged(
          tree(sample_report()), {"where", "evidence", "history_digest", "known_failure",
                                  "timeline", "function", "deadline_ns", "eta_p50_ns", "eta_p90_ns",
                                  "ended_ns", "outcome", "running_ns", "end_ns"}),
      100);
}

TEST_F(SchemaTest, RejectsAVerdictThatContradictsTheChecks) {
  const json sound = tree(sample_report());
  // The cases passed, failed, skipped and error: each fits its own verdict only.
  for (const std::size_t i : {0u, 1u, 2u, 3u}) {
    for (const char* verdict : {"passed", "failed", "skipped", "error", "not_judged", "unknown"}) {
      json document = sound;
      json& stated = document["cases"][i]["verdict"];
      const bool same = stated == verdict;
      stated = verdict;
      EXPECT_EQ(valid(document), same) << i << " as " << verdict;
    }
  }
}

TEST_F(SchemaTest, AcceptsShards) {
  Report report = sample_report();
  report.shard = {.number = 2, .count = 3, .cases = 40};
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    report.shard->places.push_back(static_cast<std::int64_t>(3 * i));
  }
  EXPECT_TRUE(valid(json::parse(*to_json(report))));
  report.shard = {.number = 1, .count = 2, .of_worlds = true};
  EXPECT_TRUE(valid(json::parse(*to_json(report))));
}

TEST_F(SchemaTest, AcceptsAnIncompleteRunWithACaseThatWasNotJudged) {
  Report report = sample_report();
  report.incomplete = "interrupted by SIGINT";
  report.target = R"({"address":"127.0.0.1:50051"})";
  report.cases.front().checks.clear();
  report.cases.front().not_judged_reason = "the manifest does not declare node.queue_limit";
  EXPECT_EQ(from_json(to_json(report).value()).value(), report);
  json document = tree(report);
  EXPECT_TRUE(valid(document));
  EXPECT_EQ(document["totals"]["not_judged"], 1);
  document["cases"][0].erase("not_judged_reason");
  EXPECT_FALSE(valid(document));
}

TEST(ToJson, KeepsTheOrderOfKeysAndTheLayout) {
  Report report;
  report.tool_version = "0.1.0";
  report.command = "quintain run a.json";
  report.seeds = {18446744073709551615u};
  report.cases = {sample_case("a")};
  report.cases[0].metrics = {{"z", 0.1, "1"}, {"a", 3.0, "s"}, {"n", std::int64_t{3}, "ns"}};
  report.wall_clock.started_at = "2024-05-01T12:00:00Z";
  EXPECT_EQ(to_json(report).value(), R"({
  "schema_version": 1,
  "tool": {
    "name": "quintain",
    "version": "0.1.0"
  },
  "command": "quintain run a.json",
  "seeds": [
    18446744073709551615
  ],
  "verdict": "passed",
  "totals": {
    "cases": 1,
    "passed": 1,
    "failed": 0,
    "skipped": 0,
    "not_judged": 0,
    "error": 0,
    "known_failures": 0,
    "unexpected_passes": 0,
    "warnings": 0
  },
  "cases": [
    {
      "name": "a",
      "file": "scenarios/cancel.json",
      "seed": 7,
      "verdict": "passed",
      "checks": [
        {
          "name": "invariant/one-answer",
          "kind": "invariant",
          "verdict": "passed",
          "expected": "it holds",
          "observed": "it held"
        }
      ],
      "metrics": [
        {
          "name": "z",
          "value": 0.1,
          "unit": "1"
        },
        {
          "name": "a",
          "value": 3.0,
          "unit": "s"
        },
        {
          "name": "n",
          "value": 3,
          "unit": "ns"
        }
      ],
      "config": {},
      "history_digest": "0000000000000abc",
      "events": 42,
      "virtual_time_ns": 1500000000,
      "reproduce": "quintain run scenarios/cancel.json --only a --seed 7"
    }
  ],
  "wall_clock": {
    "started_at": "2024-05-01T12:00:00Z",
    "duration_seconds": 0.0,
    "executions_per_second": 0.0,
    "events_per_second": 0.0,
    "jobs": 1,
    "environment": {}
  }
}
)");
}

TEST(ToJson, WallClockFactsAreLastAndNowhereElse) {
  Report other = sample_report();
  other.wall_clock = {.started_at = "2025-01-01T00:00:00Z", .duration_seconds = 9, .jobs = 8};
  const std::string a = to_json(sample_report()).value();
  const std::string b = to_json(other).value();
  const std::size_t end = a.find("  \"wall_clock\"");
  ASSERT_NE(end, std::string::npos);
  EXPECT_NE(a, b);
  EXPECT_EQ(a.substr(0, end), b.substr(0, end));
}

TEST(ToJson, ReplacesInvalidUtf8) {
  Report report = sample_report();
  report.cases[0].file = "caf\xff";
  EXPECT_THAT(to_json(report).value(), HasSubstr("caf\xef\xbf\xbd"));
}

TEST(ToJson, RejectsAConfigThatIsNotJson) {
  Report report = sample_report();
  report.cases[1].config = "{";
  EXPECT_EQ(to_json(report).status().message(), "cancel/while-running: its config is not JSON");
}

TEST(FromJson, ReadsBackWhatWasWritten) {
  EXPECT_EQ(from_json(to_json(sample_report()).value()).value(), sample_report());
}

TEST(FromJson, ReadsBackEveryDouble) {
  EXPECT_TRUE(rc::check([] {
    const auto bits = *rc::gen::arbitrary<std::uint64_t>() * 0x9e3779b97f4a7c15u;
    const auto value = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(value));
    Report report = sample_report();
    report.cases[0].metrics[1].value = value;
    RC_ASSERT(from_json(to_json(report).value()).value() == report);
  }));
}

TEST(FromJson, ReadsNullAsNotANumber) {
  Report report = sample_report();
  report.cases[0].metrics[1].value = -std::numeric_limits<double>::infinity();
  const Report read = from_json(to_json(report).value()).value();
  EXPECT_TRUE(std::isnan(std::get<double>(read.cases[0].metrics[1].value)));
}

TEST(FromJson, ReportsWhatIsWrong) {
  const auto error = [](const char* pointer, const json& value) {
    json document = tree(sample_report());
    document[json::json_pointer(pointer)] = value;
    return std::string(from_json(document.dump()).status().message());
  };
  EXPECT_THAT(from_json("{").status().message(), HasSubstr("parse error"));
  EXPECT_THAT(from_json("[]").status().message(), HasSubstr("not a report"));
  EXPECT_THAT(from_json("{\"schema_version\": 1}").status().message(),
              HasSubstr("'tool' not found"));
  EXPECT_EQ(error("/schema_version", 2), "a report of schema version 2; expected version 1");
  EXPECT_THAT(error("/cases/0/file", 2), HasSubstr("must be string"));
  for (const auto& [pointer, value] : std::vector<std::pair<const char*, json>>{
           {"/unknown", 1},
           {"/verdict", "passed"},
           {"/totals/passed", 2},
           {"/cases/0/verdict", "failed"},
           {"/cases/0/seed", 1.5},
           {"/cases/0/seed", -1},
           {"/cases/0/events", std::numeric_limits<std::uint64_t>::max()},
           {"/wall_clock/jobs", std::int64_t{1} << 32},
           {"/cases/0/events", true},
           {"/cases/0/events", 1e300},
           {"/cases/0/history_digest", "ABC"},
           {"/cases/0/checks/0/kind", "magic"}}) {
    EXPECT_EQ(error(pointer, value), std::string("not a report of quintain: wrong at ") + pointer);
  }
}

}  // namespace
}  // namespace quintain::reports
