// `quintain study` as its users meet it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StudyCommandTest : public ProgramTest {
 protected:
  void write_study(const std::string& goals = "[]", int arrivals = 1500) {
    write("small.study.json", fmt::format(R"({{
  "about": "small",
  "replications": 3,
  "node": {{"slots": 4}},
  "population": {{
    "functions": 5, "service": {{"lognormal": {{"median": "100ms", "sigma": 0.6}}}}
  }},
  "arrivals": {}, "warm_up": 400,
  "workloads": [
    {{"name": "steady", "about": "a steady stream", "traffic": {{"arrivals": {{"poisson": 10}}, "load": 0.7}},
     "goals": {}}},
    {{"name": "calm", "about": "hardly any load", "traffic": {{"arrivals": {{"poisson": 10}}, "load": 0.2}}}}
  ]
}})",
                                          arrivals, goals));
  }

  json report(const std::string& name = "r.json") const {
    return json::parse(read(folder_ / name));
  }

  // Up to what may differ between two runs.
  std::string before_wall_clock(const std::string& name) const {
    const std::string text = read(folder_ / name);
    return text.substr(0, text.find("\"wall_clock\""));
  }
};

TEST_F(StudyCommandTest, JudgesAStudyAndFlagsTheControls) {
  write_study();
  const Ran ran = quintain("study small.study.json --report r.json --html page.html");
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("steady: a steady stream"), HasSubstr("oracle")));
  const json document = report();
  EXPECT_EQ(document["verdict"], "passed");
  EXPECT_EQ(document["command"], "quintain study small.study.json");
  ASSERT_EQ(document["workloads"].size(), 2u);
  for (const json& workload : document["workloads"]) {
    EXPECT_EQ(workload["seeds"], (json{1, 2, 3}));
    int controls = 0;
    for (const json& estimator : workload["estimators"]) {
      if (estimator["role"] != "control") continue;
      ++controls;
      EXPECT_THAT(estimator["flags"].dump(), HasSubstr("\"holds\":false")) << estimator["name"];
    }
    EXPECT_EQ(controls, 3);
  }
  EXPECT_THAT(read(folder_ / "page.html"), HasSubstr("<html"));
}

TEST_F(StudyCommandTest, TheReportIsTheSameWhateverTheJobs) {
  write_study();
  quintain("study small.study.json --report one.json --jobs 1");
  quintain("study small.study.json --report two.json --jobs 3");
  ASSERT_GT(before_wall_clock("one.json").size(), 10'000u);
  EXPECT_EQ(before_wall_clock("one.json"), before_wall_clock("two.json"));
}

TEST_F(StudyCommandTest, AGoalThatIsMissedFailsTheRun) {
  write_study(R"([{"estimator": "constant", "pinball_to_oracle": 1.01}])");
  const Ran ran = quintain("study small.study.json --report r.json");
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("goal/pinball-to-oracle"));
  EXPECT_EQ(report()["verdict"], "failed");
}

TEST_F(StudyCommandTest, FinishedCellsAreUsedAgain) {
  write_study();
  quintain("study small.study.json --report r.json --only calm");
  EXPECT_TRUE(fs::exists(folder_ / "r.json.cells"));
  // A cell that was run again would be a new file.
  const auto files = [&] {
    std::set<ino_t> inodes;
    for (const auto& file : fs::directory_iterator(folder_ / "r.json.cells")) {
      struct stat status{};
      EXPECT_EQ(stat(file.path().c_str(), &status), 0);
      inodes.insert(status.st_ino);
    }
    return inodes;
  };
  const std::set<ino_t> before = files();
  EXPECT_EQ(before.size(), 3U);
  const auto first = report()["workloads"];
  fs::remove(folder_ / "r.json");
  quintain("study small.study.json --report r.json --only calm");
  EXPECT_EQ(files(), before);
  EXPECT_EQ(report()["workloads"], first);
}

TEST_F(StudyCommandTest, AnInterruptedStudyGoesOn) {
  write_study("[]", 40'000);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int changed = chdir(folder_.c_str());
    const bool silent =
        freopen("out.txt", "w", stdout) != nullptr && freopen("err.txt", "w", stderr) != nullptr;
    if (changed == 0 && silent) {
      execl(QUINTAIN_PROGRAM, "quintain", "study", "small.study.json", "--keep", "cells", "--jobs",
            "1", "--seeds", "100", "--report", "r.json", nullptr);
    }
    _exit(99);
  }
  const auto cells = [&] {
    int count = 0;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(folder_ / "cells", error)) {
      count += file.path().extension() == ".json";
    }
    return count;
  };
  for (int i = 0; i < 6000 && cells() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_THAT(read(folder_ / "err.txt"),
              AllOf(HasSubstr("are kept in cells"), HasSubstr("the same command goes on")));
  EXPECT_GE(cells(), 1);
  EXPECT_EQ(report()["incomplete"], "interrupted by SIGINT");
  ASSERT_EQ(report()["workloads"].size(), 1U);
  EXPECT_EQ(report()["workloads"][0]["stopped"]["reason"], "interrupted");
  EXPECT_THAT(read(folder_ / "out.txt"), HasSubstr("it ended early: interrupted by SIGINT"));
}

TEST_F(StudyCommandTest, ListsWorkloads) {
  write_study();
  const Ran ran = quintain("study small.study.json --list --only 'st*'");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "steady: a steady stream\n");
}

TEST_F(StudyCommandTest, BadInputIsToldWithItsPlace) {
  write("bad.study.json", "{\n  \"about\": \"x\",\n  \"workloads\": [{\"name\": \"w\"}]\n}");
  const Ran bad = quintain("study bad.study.json");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, AllOf(HasSubstr("bad.study.json:3: /workloads/0: 'about' is missing"),
                             HasSubstr("/workloads/0: there are no calls")));
  write_study();
  EXPECT_EQ(quintain("study").exit_code, 2);
  EXPECT_EQ(quintain("study nope.json").exit_code, 2);
  EXPECT_EQ(quintain("study small.study.json --seeds 1").exit_code, 2);
  EXPECT_EQ(quintain("study small.study.json --predictions p.csv").exit_code, 2);
  EXPECT_EQ(quintain("study small.study.json --report no/such/folder/r.json").exit_code, 2);
  EXPECT_EQ(quintain("study small.study.json --trace-dir nope").exit_code, 2);
  const Ran none = quintain("study small.study.json --only nope");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("'nope' matches no name"));
}

TEST_F(StudyCommandTest, ATraceThatIsNotGivenIsSkippedWithAReason) {
  write("t.study.json", R"({"about": "x", "workloads": [
    {"name": "recorded", "about": "a", "trace": {"folder": "some-trace", "mode": "async"}}]})");
  const Ran ran = quintain("study t.study.json");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("recorded is skipped"), HasSubstr("no workload is left")));
}

TEST_F(StudyCommandTest, JudgesRecordedPredictions) {
  std::string text = "execution_id,accepted,ended,how,q50,q90\n";
  for (int i = 0; i < 500; ++i) {
    text += fmt::format("e{},{},{},completed,5,9\n", i, i, i + (i * 37 % 100 + 0.5) / 10);
  }
  write("p.csv", text);
  const Ran ran = quintain("study --predictions p.csv --report r.json");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const json estimator = report()["workloads"][0]["estimators"][0];
  EXPECT_EQ(estimator["name"], "recorded");
  EXPECT_NEAR(estimator["terminal"]["coverage"][0]["value"].get<double>(), 0.5, 0.01);
  EXPECT_EQ(report()["workloads"][0]["stopped"]["reason"], "recorded");

  write("p.csv", "execution_id,accepted,ended,how,q50\na,1,2,vanished,1\n");
  const Ran bad = quintain("study --predictions p.csv");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("p.csv:2: how is 'vanished'"));
}

TEST_F(StudyCommandTest, ASearchForScenariosPassesStudiesOver) {
  write_study();
  write("one.json", R"({"about": "one", "functions": {"f": {}},
                        "steps": [{"invoke": "f", "mode": "sync"}]})");
  const Ran ran = quintain("run .");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, Not(HasSubstr("small")));
}

TEST_F(StudyCommandTest, ShardsNeedAFolderForTheirCells) {
  write_study();
  EXPECT_EQ(quintain("study small.study.json --shard 1/2").exit_code, 2);
  const Ran both = quintain("study small.study.json --shard 1/2 --keep cells --html r.html");
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("--shard runs cells of a study FILE and needs --report FILE or"));
  EXPECT_EQ(quintain("study small.study.json --shard 3/2 --keep cells").exit_code, 2);
  for (const std::string shard : {"1/2", "2/2"}) {
    const Ran ran = quintain("study small.study.json --keep cells --shard " + shard);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("shard " + shard + ": "));
  }
}

}  // namespace
}  // namespace quintain
