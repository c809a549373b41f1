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

TEST_F(MergeCommandTest, AShardNeedsACase) {
  write_scenarios();
  EXPECT_THAT(quintain("run --shard 5/5").err, HasSubstr("there are only 4 cases"));
  const Ran ran = quintain("run --shard 5/4");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--shard: '5/4' is not of the form I/N"));
}

}  // namespace
}  // namespace quintain
