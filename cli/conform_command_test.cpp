#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/program_test.h"
#include "reports/formats.h"

namespace quintain {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ConformCommandTest : public ProgramTest {
 protected:
  // A server of our own, on a port of the system's choice.
  std::string own_server(const std::string& words = "") {
    return fmt::format("--spawn \"'{}' serve --fixtures --listen 127.0.0.1:0 {}\"",
                       QUINTAIN_PROGRAM, words);
  }
};

TEST_F(ConformCommandTest, OurCorePassesInVirtualTime) {
  const Ran ran = quintain("conform --transport sim");
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\nPASS cancel/twice "));
  EXPECT_THAT(ran.out, HasSubstr("\npassed: "));
}

TEST_F(ConformCommandTest, AFaultyCoreFailsWithProofAndACommandThatRepeatsIt) {
  const Ran ran = quintain("conform --transport sim --faulty endpoint-in-sync-mode --only SYNC-1");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("failed SYNC-1"));
  EXPECT_THAT(ran.out, HasSubstr("status_endpoint is '/status/"));
  EXPECT_THAT(ran.out, HasSubstr("InvokeFunction {"));
  const std::string repeat =
      "conform --transport sim --faulty endpoint-in-sync-mode --only 'sync/completes'";
  EXPECT_THAT(ran.out, HasSubstr("reproduce: quintain " + repeat));
  const Ran again = quintain(repeat);
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.out, HasSubstr("failed: 1 case, "));
}

TEST_F(ConformCommandTest, WritesJsonJunitAndCtrf) {
  const Ran ran = quintain(
      "conform --transport sim --only 'sync/*' --report r.json --junit r.xml --ctrf r.ctrf.json");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto report = reports::from_json(read(folder_ / "r.json"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->cases.size(), 4U);
  EXPECT_THAT(read(folder_ / "r.xml"), HasSubstr("<testsuite"));
  const auto ctrf = nlohmann::json::parse(read(folder_ / "r.ctrf.json"));
  EXPECT_EQ(ctrf.at("results").at("summary").at("passed"), report->cases.size());
}

TEST_F(ConformCommandTest, WritesTheFormatsOfCiServers) {
  const Ran ran = quintain(
      "conform --transport sim --faulty endpoint-in-sync-mode --only sync/completes --tap r.tap "
      "--sarif r.sarif --summary r.md --annotations r.txt");
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_THAT(read(folder_ / "r.tap"), HasSubstr("\nnot ok - sync/completes\n"));
  EXPECT_TRUE(nlohmann::json::accept(read(folder_ / "r.sarif")));
  EXPECT_THAT(read(folder_ / "r.md"), HasSubstr("<b>sync/completes</b>"));
  EXPECT_THAT(read(folder_ / "r.txt"), StartsWith("::error title=sync/completes::"));
}

TEST_F(ConformCommandTest, OnGitHubPrintsAnnotationsAndAddsToTheSummaryOfTheJob) {
  write("summary.md", "what another step wrote\n");
  setenv("GITHUB_STEP_SUMMARY", (folder_ / "summary.md").c_str(), 1);
  const Ran ran = quintain("conform --transport sim --only sync/completes --github");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\n::notice title=quintain::1 of 1 cases passed\n"));
  EXPECT_THAT(read(folder_ / "summary.md"),
              StartsWith("what another step wrote\n## quintain: passed\n"));
  setenv("GITHUB_STEP_SUMMARY", (folder_ / "none" / "summary.md").c_str(), 1);
  EXPECT_EQ(quintain("conform --transport sim --only sync/completes --github").exit_code, 3);
  unsetenv("GITHUB_STEP_SUMMARY");
}

TEST_F(ConformCommandTest, AStatementNamesTheImplementation) {
  const std::string conform = "conform --transport sim --only sync/completes --statement s.yaml";
  const Ran without = quintain(conform);
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.err, HasSubstr("implementation.name"));
  const Ran with =
      quintain("conform --only sync/completes --statement s.yaml " + own_server() +
               " --manifest " QUINTAIN_SOURCE_DIR "/conformance/manifests/reference.json");
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_THAT(read(folder_ / "s.yaml"), HasSubstr("name: \"quintain serve (the reference node)\""));
}

TEST_F(ConformCommandTest, ASpawnedServerIsJudgedAndEnded) {
  const Ran ran = quintain(fmt::format("conform {} --only SYNC-1", own_server()));
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("passed: 2 cases, 2 passed"));
}

TEST_F(ConformCommandTest, ASpawnedServerThatDeclaresDurabilityIsKilledAndStartedAgain) {
  write("manifest.json", R"({
    "fixtures": {
      "echo": {"task_id": "fixtures", "function_name": "echo"},
      "fail": {"task_id": "fixtures", "function_name": "fail"},
      "sleep": {"task_id": "fixtures", "function_name": "sleep"}
    },
    "node": {"slots": 4},
    "policies": {"durability": "acknowledged"}
  })");
  const auto judge = [this](const std::string& more) {
    return quintain(
        fmt::format("conform --manifest manifest.json --only 'durability/*' --spawn "
                    "\"'{}' serve --fixtures --listen 127.0.0.1:0 {}\"",
                    QUINTAIN_PROGRAM, more));
  };
  const Ran with_store = judge("--store store.db");
  EXPECT_EQ(with_store.exit_code, 0) << with_store.out << with_store.err;
  EXPECT_THAT(with_store.out, HasSubstr("passed: 1 case, 1 passed"));
  const Ran without = judge("");
  EXPECT_EQ(without.exit_code, 1) << without.out << without.err;
  EXPECT_THAT(without.out, HasSubstr("DUR-1"));
}

TEST_F(ConformCommandTest, ASpawnedCommandThatIsNoServerIsReported) {
  const Ran ran = quintain("conform --spawn 'echo no; exit 3' --only SYNC-1");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("3"));
}

TEST_F(ConformCommandTest, WhatASpawnedCommandPrintsDoesNotActOnTheTerminal) {
  write("target.sh", R"(printf '\033]0;title\007\302\233\n\377\342\200\256'; exit 3)");
  const Ran ran = quintain("conform --spawn 'sh target.sh' --only SYNC-1");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("\\x1b]0;title\\x07\\x9b\n\\xff\\u{202e}"));
}

TEST_F(ConformCommandTest, ATargetThatNobodyServesIsOneMessage) {
  const Ran ran = quintain("conform --target unix:missing.sock");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("no server answers at unix:missing.sock"));
  EXPECT_EQ(ran.out, "");
}

TEST_F(ConformCommandTest, KnownFailuresDoNotFailTheRunUntilTheyPass) {
  write("known.txt", "# not yet\nsync/*  # the endpoint is always set\n");
  const std::string conform = "conform --transport sim --only SYNC-1 --known-failing known.txt";
  EXPECT_EQ(quintain(conform + " --faulty endpoint-in-sync-mode").exit_code, 0);
  EXPECT_EQ(quintain(conform).exit_code, 1);
}

TEST_F(ConformCommandTest, AKnownFailureThatMatchesNothingFailsTheRun) {
  write("known.txt", "sync/gone  # it was renamed\n");
  const Ran ran = quintain("conform --transport sim --only SYNC-1 --known-failing known.txt");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("known.txt:1"));
}

TEST_F(ConformCommandTest, ABrokenShouldWarnsAndFailsWhenStrict) {
  const std::string conform =
      "conform --transport sim --faulty percentile-far-too-long --only eta/calibrated";
  const Ran ran = quintain(conform);
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("warning ETA-7"));
  EXPECT_EQ(quintain(conform + " --strict").exit_code, 1);
}

TEST_F(ConformCommandTest, OnlyAndSkipTakeNamesPatternsAndClauses) {
  const Ran listed = quintain("conform --list --only CANCEL-7 --only 'list/*' --skip list/pages");
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("cancel/grace-ends: "));
  EXPECT_THAT(listed.out, HasSubstr("list/limits: "));
  EXPECT_THAT(listed.out, Not(HasSubstr("list/pages: ")));
  EXPECT_THAT(listed.out, Not(HasSubstr("sync/")));
}

TEST_F(ConformCommandTest, AcceptsTheFormerNameOfTheContractProfileWithAHint) {
  const Ran ran = quintain("conform --target unix:nobody.sock --profile analysis");
  EXPECT_THAT(ran.err, HasSubstr("the profile 'analysis' is now called 'contract'"));
  EXPECT_THAT(ran.err, HasSubstr("unix:nobody.sock"));
}

struct Misuse {
  std::string arguments;
  std::string complaint;

  friend void PrintTo(const Misuse& misuse, std::ostream* out) { *out << misuse.arguments; }
};

class ConformMisuseTest : public ConformCommandTest, public testing::WithParamInterface<Misuse> {};

TEST_P(ConformMisuseTest, IsOneClearMessageAndExitCodeTwo) {
  write("bad.json", R"({"fixtures": {"dance": 1}})");
  const Ran ran = quintain("conform " + GetParam().arguments);
  EXPECT_EQ(ran.exit_code, 2) << ran.out << ran.err;
  EXPECT_THAT(ran.err, HasSubstr(GetParam().complaint));
  EXPECT_EQ(ran.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    All, ConformMisuseTest,
    testing::Values(
        Misuse{"", "expected --target ADDRESS"}, Misuse{"--transport moon", "--transport"},
        Misuse{"--transport sim --target localhost:1", "exclude each other"},
        Misuse{"--transport sim --only nothing/like-this", "'nothing/like-this' matches no name"},
        Misuse{"--transport sim --skip '*'", "no case is left"},
        Misuse{"--transport sim --faulty none", "there is no faulty core 'none'"},
        Misuse{"--self-test --transport sim", "--self-test"},
        Misuse{"--transport sim --markdown x.md", "--markdown"},
        Misuse{"--target localhost:1 --manifest bad.json", "bad.json:1: /fixtures/dance"},
        Misuse{"--target localhost:1 --manifest none.json", "none.json"},
        Misuse{"--target localhost:1 --profile spear-99", "there is no profile 'spear-99'"},
        Misuse{"--target localhost:1 --descriptor-set none.bin", "none.bin"},
        Misuse{"--target nonsense", "nonsense"},
        Misuse{"--transport sim --profile spear-2026-05", "--profile is for a live target"},
        Misuse{"--transport sim --report no/such/folder/r.json", "no/such/folder"}));

}  // namespace
}  // namespace quintain
