#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/program_test.h"
#include "reports/formats.h"

namespace quintain {
namespace {

using testing::HasSubstr;

class CompareCommandTest : public ProgramTest {
 protected:
  // Writes the report of a run of the SYNC cases on that core.
  void run(const std::string& report, const std::string& core) {
    quintain("conform --transport sim --only 'sync/*' --report " + report + core);
  }
};

TEST_F(CompareCommandTest, FailsIfACaseIsWorse) {
  run("base.json", "");
  run("head.json", " --faulty endpoint-in-sync-mode");
  const Ran worse = quintain("compare base.json head.json --json c.json --markdown c.md");
  EXPECT_EQ(worse.exit_code, 1) << worse.err;
  EXPECT_THAT(worse.out, HasSubstr("worse   sync/completes: passed -> failed: "));
  EXPECT_EQ(nlohmann::json::parse(read(folder_ / "c.json")).at("worse"), true);
  EXPECT_THAT(read(folder_ / "c.md"), HasSubstr("## quintain compare"));
  const Ran better = quintain("compare head.json base.json");
  EXPECT_EQ(better.exit_code, 0) << better.err;
  EXPECT_THAT(better.out, HasSubstr("better  sync/completes: failed -> passed"));
}

TEST_F(CompareCommandTest, AFileThatIsNoReportIsBadInput) {
  write("no.json", "{}");
  run("base.json", "");
  const Ran bad = quintain("compare base.json no.json");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("no.json: "));
  EXPECT_EQ(quintain("compare base.json missing.json").exit_code, 2);
}

}  // namespace
}  // namespace quintain
