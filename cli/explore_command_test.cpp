#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/program_test.h"
#include "reports/formats.h"

namespace quintain {
namespace {

using testing::ContainsRegex;
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

class ExploreTarget : public ExploreCommand {
 protected:
  // A server of our own, on a port of the system's choice.
  std::string own_server(const std::string& words = "") {
    return fmt::format("--spawn \"'{}' serve --fixtures --listen 127.0.0.1:0 {}\"",
                       QUINTAIN_PROGRAM, words);
  }
};

TEST_F(ExploreTarget, OurServerPassesRandomLoads) {
  const Ran ran = quintain("explore --seed 7 --seeds 6 --report r.json " + own_server());
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("PASS load/seed-7 "));
  EXPECT_THAT(ran.out, HasSubstr("passed: 6 cases, 6 passed"));
  const auto report = reports::from_json(read(folder_ / "r.json"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->cases.size(), 6U);
}

TEST_F(ExploreTarget, AFaultyCoreFailsWithTheCommandThatSendsTheLoadAgain) {
  const Ran ran = quintain("explore --seeds 2 " + own_server("--faulty endpoint-in-sync-mode"));
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("FAIL load/seed-"));
  EXPECT_THAT(ran.out,
              ContainsRegex("reproduce: quintain explore --spawn .* --seed [0-9]+ --seeds 1"));
}

TEST_F(ExploreTarget, RefusesWhatIsForSimulatedWorlds) {
  for (const std::string option : {"plain.json", "--ties", "--for 1s", "--shard 1/2", "--out x"}) {
    expect_refused("--target localhost:1 " + option, " is for simulated worlds");
  }
  expect_refused("--tls-ca x", "--tls-ca x is about a live target");
  expect_refused("--target localhost:1 --seeds 100001", "at most 100000 loads");
}

TEST_F(ExploreTarget, ReportsATargetThatDoesNotAnswer) {
  expect_refused("--target 127.0.0.1:1 --seeds 1", "no server answers at 127.0.0.1:1");
}

}  // namespace
}  // namespace quintain
