#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::HasSubstr;

class ExploreCommand : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    write("plain.json", R"({"about": "x", "functions": {"f": {}},
        "steps": [{"as": "a", "invoke": "f", "mode": "async"}]})");
    write("kept.json", R"({"about": "x", "functions": {"f": {}},
        "node": {"store": {"commit": "1ms", "restart": "rerun"}},
        "steps": [{"as": "a", "invoke": "f", "mode": "async", "retries": 1}]})");
  }

  void expect_refused(const std::string& arguments, const std::string& message) {
    const Ran ran = quintain("explore " + arguments);
    EXPECT_EQ(ran.exit_code, 2) << arguments;
    EXPECT_THAT(ran.err, HasSubstr(message)) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
  }
};

TEST_F(ExploreCommand, RefusesToChooseWorldsOfAScenario) {
  for (const std::string option : {"--seeds 5", "--for 1s", "--seed abc"}) {
    const std::string name = option.substr(0, option.find(' '));
    expect_refused("plain.json --ties " + option, name + " chooses random worlds");
    expect_refused("plain.json --everywhere cancel " + option, name + " chooses random worlds");
  }
  EXPECT_EQ(quintain("explore plain.json --ties").exit_code, 0);
}

TEST_F(ExploreCommand, TakesAnyHexadecimalDigitsAsASeed) {
  for (const std::string seed : {"7", "beef", "FEDCBA9876543210FEDCBA9876543210FEDCBA98"}) {
    const Ran ran = quintain("explore --seeds 3 --seed " + seed);
    EXPECT_EQ(ran.exit_code, 0) << seed << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("3 worlds")) << seed;
  }
  expect_refused("--seeds 3 --seed commit", "'commit' is neither a number nor a text of hex");
  expect_refused("--seeds 3 --seed ''", "'' is neither a number nor a text of hex");
}

TEST_F(ExploreCommand, CrashesOnlyWhatHasAStore) {
  expect_refused("plain.json --everywhere crash", "no node of SCENARIO has a store");
  const Ran ran = quintain("explore kept.json --everywhere crash");
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

}  // namespace
}  // namespace quintain
