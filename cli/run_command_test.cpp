// The program as its users meet it: arguments in; text, report and exit code out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class RunCommandTest : public ProgramTest {
 protected:
  // A scenario that passes if `ended` is 100ms.
  void write_scenario(const std::string& name, const std::string& ended = "100ms") {
    write(name, fmt::format(R"({{
  "about": "one call",
  "functions": {{"work": {{"service": "100ms"}}}},
  "steps": [{{"invoke": "work", "mode": "sync", "as": "a"}}],
  "expect": [
    {{"execution": "a", "status": "COMPLETED", "ended": "{}"}}
  ]
}})",
                            ended));
  }
};

TEST_F(RunCommandTest, PassesWithCodeZeroAndOneLineACase) {
  write_scenario("scenarios/cases/shape/one.json");
  const Ran ran = quintain("run");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("PASS shape/one seed=1"));
  EXPECT_THAT(ran.out, HasSubstr("1 passed"));
}

TEST_F(RunCommandTest, FailsWithCodeOneEvidenceAndTheCommandThatRepeatsIt) {
  write_scenario("scenarios/one.json", "101ms");
  const Ran ran = quintain("run");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("FAIL one seed=1"));
  EXPECT_THAT(ran.out, HasSubstr("it ended at 100ms"));
  EXPECT_THAT(ran.out, HasSubstr("one.json:6"));
  EXPECT_THAT(ran.out, HasSubstr("execution 'a': RUNNING -> COMPLETED"));
  EXPECT_THAT(ran.out, HasSubstr("quintain run scenarios/one.json --only 'one' --seed 1"));
  // And the command really repeats it.
  EXPECT_EQ(quintain("run scenarios/one.json --only 'one' --seed 1").exit_code, 1);
}

TEST_F(RunCommandTest, ReportsAreTheSameForOneAndTwoJobs) {
  for (int i = 0; i < 5; ++i) write_scenario(fmt::format("scenarios/s{}.json", i));
  ASSERT_EQ(quintain("run --seeds 1..3 --jobs 1 --report one.json").exit_code, 0);
  ASSERT_EQ(quintain("run --seeds 1..3 --jobs 2 --report two.json").exit_code, 0);
  auto one = nlohmann::ordered_json::parse(read(folder_ / "one.json"));
  auto two = nlohmann::ordered_json::parse(read(folder_ / "two.json"));
  EXPECT_EQ(one["cases"].size(), 15U);
  EXPECT_EQ(one.erase("wall_clock"), 1U);
  EXPECT_EQ(two.erase("wall_clock"), 1U);
  EXPECT_EQ(one.dump(), two.dump());
}

TEST_F(RunCommandTest, ReportsNameTheCommitThatTheVersionNames) {
  write_scenario("scenarios/one.json");
  ASSERT_EQ(quintain("run --report r.json").exit_code, 0);
  const auto report = nlohmann::json::parse(read(folder_ / "r.json"));
  const std::string commit = report["wall_clock"]["environment"]["commit"];
  EXPECT_THAT(commit, testing::MatchesRegex("unknown|[-.a-z0-9]*[0-9a-f]{7,40}(-dirty)?"));
  EXPECT_THAT(quintain("--version").out,
              testing::StartsWith(fmt::format("quintain {} (commit {}, ",
                                              std::string(report["tool"]["version"]), commit)));
}

TEST_F(RunCommandTest, TheLargestSeedsAreRun) {
  write_scenario("scenarios/one.json");
  const auto ran = quintain("run --seeds 18446744073709551614..18446744073709551615");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("PASS one seed=18446744073709551615"));
}

TEST_F(RunCommandTest, ReportIsValidAgainstItsSchema) {
  write_scenario("scenarios/good.json");
  write_scenario("scenarios/bad.json", "101ms");
  write("scenarios/traced.json",
        R"({"about": "needs a trace", "trace": {"folder": "x", "mode": "async"}})");
  ASSERT_EQ(quintain("run --seeds 1..2 --check-determinism --report r.json").exit_code, 1);
  const auto schema_text = nlohmann::json::parse(
      read(std::filesystem::path(QUINTAIN_SOURCE_DIR) / "reports" / "report.schema.json"));
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_text),
                                          schema);
  const auto report = nlohmann::json::parse(read(folder_ / "r.json"));
  valijson::ValidationResults problems;
  valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(report),
                                 &problems);
  valijson::ValidationResults::Error problem;
  while (problems.popError(problem)) ADD_FAILURE() << problem.description;
  EXPECT_EQ(report["cases"].size(), 6U);
}

TEST_F(RunCommandTest, ListShowsNamesAndRunsNothing) {
  write_scenario("scenarios/one.json", "101ms");
  const Ran ran = quintain("run --list");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "one: one call\n");
}

TEST_F(RunCommandTest, FilterChoosesByPatternOrByWholeName) {
  write_scenario("scenarios/a/one.json");
  write_scenario("scenarios/b/two.json");
  EXPECT_THAT(quintain("run --only 'a/*'").out, Not(HasSubstr("two")));
  EXPECT_THAT(quintain("run --only b/two").out, HasSubstr("1 passed"));
}

TEST_F(RunCommandTest, SkipsByPattern) {
  write_scenario("scenarios/a/one.json");
  write_scenario("scenarios/b/two.json");
  EXPECT_THAT(quintain("run --skip 'a/*'").out, AllOf(HasSubstr("two"), Not(HasSubstr("a/one"))));
  EXPECT_EQ(quintain("run --skip '*'").exit_code, 2);
}

TEST_F(RunCommandTest, StillAcceptsFilterWithAHint) {
  write_scenario("scenarios/a/one.json");
  write_scenario("scenarios/b/two.json");
  const Ran ran = quintain("run --filter b/two");
  EXPECT_THAT(ran.out, HasSubstr("1 passed"));
  EXPECT_THAT(ran.err, HasSubstr("--filter is now called --only"));
}

TEST_F(RunCommandTest, WritesJunitAndCtrf) {
  write_scenario("scenarios/one.json", "101ms");
  EXPECT_EQ(quintain("run --junit r.xml --ctrf r.json").exit_code, 1);
  EXPECT_THAT(read(folder_ / "r.xml"), HasSubstr("<failure"));
  EXPECT_THAT(read(folder_ / "r.json"), HasSubstr("\"failed\""));
}

TEST_F(RunCommandTest, DeterminismIsCheckedOnRequest) {
  write_scenario("scenarios/one.json");
  ASSERT_EQ(quintain("run --check-determinism --report r.json").exit_code, 0);
  EXPECT_THAT(read(folder_ / "r.json"), HasSubstr("\"determinism\""));
}

struct Mistake {
  std::string name;
  std::string arguments;
  std::string message;

  friend void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }
};

class BadUsageTest : public RunCommandTest, public testing::WithParamInterface<Mistake> {};

TEST_P(BadUsageTest, IsOneClearMessageAndCodeTwo) {
  write_scenario("scenarios/one.json");
  write("scenarios/broken/typo.jsonc", "{}");
  write("typo.json", "{\n  \"about\": \"x\",\n  \"stepz\": []\n}");
  write("truncated.json", "{\"about\": ");
  write("binary.json", std::string("\x00\xff\xfe{", 4));
  const Ran ran = quintain(GetParam().arguments);
  EXPECT_EQ(ran.exit_code, 2) << ran.out << ran.err;
  EXPECT_THAT(ran.err, HasSubstr(GetParam().message));
  EXPECT_EQ(ran.out, "");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "r.json")) << "something was written";
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUsageTest,
    testing::Values(Mistake{"NoSubcommand", "", "a subcommand is missing"},
                    Mistake{"UnknownSubcommand", "runn", "no subcommand 'runn'"},
                    Mistake{"UnknownOption", "run --sed 3", "--sed"},
                    Mistake{"SeedNotANumber", "run --seed x", "seed"},
                    Mistake{"SeedsReversed", "run --seeds 9..3", "A..B"},
                    Mistake{"SeedsGarbled", "run --seeds 1-3", "A..B"},
                    Mistake{"SeedsNegative", "run --seeds -3..-2", "seeds"},
                    Mistake{"SeedsTooLarge",
                            "run --seeds 18446744073709551614..18446744073709551616", "A..B"},
                    Mistake{"SeedAndSeeds", "run --seed 1 --seeds 1..2", "exclude"},
                    Mistake{"NoJobs", "run --jobs 0", "jobs"},
                    Mistake{"MissingPath", "run nowhere.json", "nowhere.json"},
                    Mistake{"NothingMatches", "run --only 'x*'", "'x*' matches no name"},
                    Mistake{"UnknownKey", "run typo.json --report r.json", "typo.json:3: /stepz"},
                    Mistake{"Truncated", "run truncated.json --report r.json", "truncated.json:1"},
                    Mistake{"Binary", "run binary.json --report r.json", "binary.json"},
                    Mistake{"ReportInNoFolder", "run --report nowhere/r.json", "nowhere/r.json"},
                    Mistake{"ReportIsAFolder", "run --report scenarios", "scenarios"},
                    Mistake{"TraceFolderMissing", "run --trace-dir nowhere", "nowhere"}),
    [](const testing::TestParamInfo<Mistake>& mistake) { return mistake.param.name; });

}  // namespace
}  // namespace quintain
