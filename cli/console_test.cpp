// Results survive broken surroundings: closed or full outputs, pipes that end, signals, a full
// disk.
#include "cli/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ConsoleTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    write("one.json", R"({
      "about": "one call",
      "functions": {"f": {"service": "100ms"}},
      "steps": [{"invoke": "f", "mode": "sync"}],
      "expect": [{"metric": "count.COMPLETED", "at_least": 1}]
    })");
    write("s.study.json", R"({
      "about": "a small study", "node": {"slots": 2}, "replications": 2,
      "workloads": [{"name": "w", "about": "x",
                     "functions": {"f": {"service": {"exponential": "100ms"}}},
                     "traffic": {"arrivals": {"poisson": 5}}, "arrivals": 400, "warm_up": 50}]
    })");
  }

  // Runs a script of bash in the test's folder, in which $Q is the program.
  int bash(const std::string& script) {
    write("script", "Q='" QUINTAIN_PROGRAM "'\n" + script);
    const std::string command = "cd '" + folder_.string() + "' && bash script </dev/null";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  bool is_report(const std::string& name) {
    return nlohmann::json::accept(read(folder_ / name)) &&
           nlohmann::json::parse(read(folder_ / name)).contains("verdict");
  }
};

struct Redirection {
  std::string text;
  int exit_code;
};

TEST_F(ConsoleTest, TheReportIsWrittenWhateverTheOutputsAre) {
  const std::vector<std::string> commands = {"run one.json", "study s.study.json",
                                             "conform --transport sim --only 'sync/*'"};
  const std::vector<Redirection> redirections = {
      {">/dev/null 2>&-", 0},      {">/dev/null 2>/dev/full", 0}, {">&- 2>err.txt", 3},
      {">/dev/full 2>err.txt", 3}, {"2>err.txt | true", 3},       {">&- 2>&- <&-", 3}};
  for (const std::string& command : commands) {
    for (const auto& [redirection, exit_code] : redirections) {
      std::filesystem::remove(folder_ / "R.json");
      // The pipe's reader has ended before the program starts to print: it waits for that.
      const std::string script = "set -o pipefail\n{ sleep 0.1; exec $Q " + command +
                                 " --report R.json; } " + redirection + "\n";
      EXPECT_EQ(bash(script), exit_code) << command << " " << redirection;
      EXPECT_TRUE(is_report("R.json")) << command << " " << redirection;
      if (exit_code == 3 && redirection.find("err.txt") != std::string::npos) {
        EXPECT_THAT(read(folder_ / "err.txt"), HasSubstr("the output is not complete"));
      }
    }
  }
}

TEST_F(ConsoleTest, HelpIntoAFullDiskIsAnError) { EXPECT_EQ(bash("$Q --help >/dev/full"), 3); }

TEST_F(ConsoleTest, ASignalLeavesAReportOfWhatHasRun) {
  for (const auto& [signal, exit_code] : {std::pair("INT", 130), std::pair("TERM", 143)}) {
    std::filesystem::remove(folder_ / "R.json");
    // --foreground: a shell in the background ignores SIGINT.
    const std::string script = std::string("env --default-signal=INT,TERM timeout --foreground ") +
                               "--preserve-status -s " + signal +
                               " 1 $Q run one.json --seeds 1..1000000 --report R.json >/dev/null\n";
    EXPECT_EQ(bash(script), exit_code) << signal;
    ASSERT_TRUE(is_report("R.json")) << signal;
    const auto report = nlohmann::json::parse(read(folder_ / "R.json"));
    EXPECT_THAT(report["incomplete"].get<std::string>(),
                AllOf(HasSubstr(signal), HasSubstr("of 1000000 cases")));
    EXPECT_EQ(report["cases"].size(), report["totals"]["cases"]);
    EXPECT_EQ(report["verdict"], "error");
  }
}

TEST_F(ConsoleTest, AReportThatCannotBeFinishedLeavesTheOldOne) {
  write("R.json", "old");
  EXPECT_EQ(bash("ulimit -f 16\nexec $Q run one.json --seeds 1..20 --report R.json >/dev/null "
                 "2>err.txt"),
            3);
  EXPECT_EQ(read(folder_ / "R.json"), "old");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    files += entry.path().filename().string().starts_with("R.json") ? 1U : 0U;
  }
  EXPECT_EQ(files, 1U);
  EXPECT_THAT(read(folder_ / "err.txt"), HasSubstr("too large"));
}

TEST_F(ConsoleTest, AKeptCellThatWasChangedIsRunAgain) {
  ASSERT_EQ(quintain("study s.study.json --report good.json --keep cells").exit_code, 0);
  auto good = nlohmann::json::parse(read(folder_ / "good.json"));
  good.erase("wall_clock");
  const std::vector<std::string> edits = {"s/\"completed\":400/\"completed\":399/",
                                          "s/[0-9]/7/20",
                                          "s/..$//",
                                          "s/^.*$//",
                                          "s/^.*$/null/",
                                          "s/^.*$/{\"digest\": 1}/"};
  for (const std::string& edit : edits) {
    std::filesystem::remove(folder_ / "again.json");
    ASSERT_EQ(bash("rm -rf edited; cp -r cells edited; sed -i '" + edit + "' edited/*"), 0);
    const Ran ran = quintain("study s.study.json --report again.json --keep edited");
    EXPECT_EQ(ran.exit_code, 0) << edit;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("edited/"), HasSubstr("the cell is run again"))) << edit;
    auto again = nlohmann::json::parse(read(folder_ / "again.json"));
    again.erase("wall_clock");
    EXPECT_EQ(again, good) << edit;
  }
}

}  // namespace
}  // namespace quintain
