#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class MergeCommandTest : public ProgramTest {
 protected:
  // Four cases; the last one fails.
  void write_scenarios() {
    for (int i = 1; i <= 4; ++i) {
      write(fmt::format("scenarios/s{}.json", i), fmt::format(R"({{
  "about": "one call",
  "functions": {{"work": {{"service": "{}00ms"}}}},
  "steps": [{{"invoke": "work", "mode": "sync", "as": "a"}}],
  "expect": [{{"execution": "a", "status": "COMPLETED", "ended": "{}00ms"}}]
}})",
                                                              i, i == 4 ? 1 : i));
    }
  }

  std::string without_clock(const std::string& name) {
    const std::string text = read(folder_ / name);
    return text.substr(0, text.find("\"wall_clock\""));
  }
};

TEST_F(MergeCommandTest, MakesTheReportOfTheWholeRun) {
  write_scenarios();
  const Ran whole = quintain("run --seeds 1..3 --report whole.json --tap whole.tap");
  ASSERT_EQ(whole.exit_code, 1) << whole.err;
  std::string parts;
  for (int i = 1; i <= 5; ++i) {
    parts += fmt::format(" {}.json", i);
    const Ran part = quintain(fmt::format("run --seeds 1..3 --shard {0}/5 --report {0}.json", i));
    EXPECT_THAT(part.out, HasSubstr(fmt::format("shard {} of 5: ", i)));
  }
  const Ran merged = quintain("merge" + parts + " --report merged.json --tap merged.tap");
  EXPECT_EQ(merged.exit_code, 1) << merged.err;
  EXPECT_EQ(merged.out, whole.out);
  EXPECT_EQ(without_clock("merged.json"), without_clock("whole.json"));
  EXPECT_EQ(read(folder_ / "merged.tap"), read(folder_ / "whole.tap"));
}

TEST_F(MergeCommandTest, ShardsThatAreMissingOrWrongAreBadInput) {
  write_scenarios();
  ASSERT_EQ(quintain("run --skip s4 --shard 1/2 --report 1.json").exit_code, 0);
  const Ran ran = quintain("merge 1.json none.json --report merged.json");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("cannot read 'none.json'"), HasSubstr("shards are missing: 2/2")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "merged.json"));
  EXPECT_EQ(quintain("merge").exit_code, 2);
}

TEST_F(MergeCommandTest, ShardsOfOtherScenariosAreNotOfTheRun) {
  write_scenarios();
  ASSERT_EQ(quintain("run --skip s4 --shard 1/2 --report 1.json").exit_code, 0);
  write("scenarios/s1.json", R"({
  "about": "another call",
  "functions": {"work": {"service": "700ms"}},
  "steps": [{"invoke": "work", "mode": "sync", "as": "a"}],
  "expect": [{"execution": "a", "status": "COMPLETED"}]
})");
  ASSERT_EQ(quintain("run --skip s4 --shard 2/2 --report 2.json").exit_code, 0);
  const Ran ran = quintain("merge 1.json 2.json");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("2.json: its cases are not those of the first report"));
}

TEST_F(MergeCommandTest, AShardNeedsACase) {
  write_scenarios();
  EXPECT_THAT(quintain("run --shard 5/5").err, HasSubstr("there are only 4 cases"));
  const Ran ran = quintain("run --shard 5/4");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--shard: '5/4' is not of the form I/N"));
}

TEST_F(MergeCommandTest, MakesTheReportOfASearch) {
  const Ran whole = quintain("explore --seeds 60 --seed 7 --report whole.json");
  ASSERT_EQ(whole.exit_code, 0) << whole.err << whole.out;
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(
        quintain(fmt::format("explore --seeds 60 --seed 7 --shard {0}/3 --report {0}.json", i))
            .exit_code,
        0);
  }
  ASSERT_EQ(quintain("merge 3.json 1.json 2.json --report merged.json").exit_code, 0);
  EXPECT_EQ(without_clock("merged.json"), without_clock("whole.json"));
  EXPECT_EQ(quintain("explore --shard 1/2 --for 1s").exit_code, 2);
  EXPECT_EQ(quintain("explore --seeds 2 --shard 3/3").exit_code, 2);
}

TEST_F(MergeCommandTest, MakesTheReportOfAStudy) {
  write("small.study.json", R"({
  "about": "small", "replications": 3, "node": {"slots": 4},
  "population": {"functions": 5, "service": {"lognormal": {"median": "100ms", "sigma": 0.6}}},
  "arrivals": 1500, "warm_up": 400,
  "workloads": [
    {"name": "steady", "about": "a steady stream",
     "traffic": {"arrivals": {"poisson": 10}, "load": 0.7}},
    {"name": "calm", "about": "hardly any load",
     "traffic": {"arrivals": {"poisson": 10}, "load": 0.2}}
  ]
})");
  const Ran whole = quintain("study small.study.json --report whole.json");
  for (int i = 1; i <= 2; ++i) {
    ASSERT_EQ(quintain(fmt::format("study small.study.json --shard {0}/2 --report {0}.json", i))
                  .exit_code,
              0);
  }
  const Ran merged = quintain("merge 2.json 1.json --report merged.json");
  EXPECT_EQ(merged.exit_code, whole.exit_code) << merged.err;
  EXPECT_EQ(without_clock("merged.json"), without_clock("whole.json"));
  EXPECT_THAT(quintain("merge 2.json --report no.json").err, HasSubstr("shards are missing: 1/2"));
  EXPECT_THAT(quintain("merge 2.json 2.json 1.json").err, HasSubstr("shard 2/2 is there twice"));
  write("small.study.json", "{}");
  const Ran other = quintain("merge 2.json 1.json");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("'small.study.json' is not the study file that the shards had"));
  write("odd.json", R"({"shard": {"number": 1, "count": 1}, "cells": {"../x.json": ""}})");
  const Ran odd = quintain("merge odd.json");
  EXPECT_EQ(odd.exit_code, 2);
  EXPECT_THAT(odd.err, HasSubstr("odd.json: not a report of a shard of a study"));
}

}  // namespace
}  // namespace quintain
