#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ReportCommandTest : public ProgramTest {};

TEST_F(ReportCommandTest, WritesThePageThatConformWrites) {
  quintain(
      "conform --transport sim --only 'sync/*' --faulty endpoint-in-sync-mode --report r.json "
      "--html direct.html");
  const Ran ran = quintain("report r.json --html page.html");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const std::string page = read(folder_ / "page.html");
  EXPECT_THAT(page, AllOf(HasSubstr("<!DOCTYPE html>"), HasSubstr("sync/completes")));
  EXPECT_EQ(page, read(folder_ / "direct.html"));
}

TEST_F(ReportCommandTest, WritesThePageThatCapacityWrites) {
  write("calls.csv", "arrival,duration,function\n0,1,a\n1,1,a\n");
  const Ran planned = quintain("capacity calls.csv --slots 1,2 --json c.json --html direct.html");
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  const Ran ran = quintain("report c.json --html page.html");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(read(folder_ / "page.html"), HasSubstr("Capacity for"));
  EXPECT_EQ(read(folder_ / "page.html"), read(folder_ / "direct.html"));
}

TEST_F(ReportCommandTest, AFileThatIsNoReportIsBadInput) {
  for (const std::string text :
       {"", "{}", "[1", "{\"cases\": 1}", "{\"workloads\": []}", "{\"fewest_slots\": 1}",
        "{\"schema_version\": 1, \"cases\": []}"}) {
    write("no.json", text);
    const Ran ran = quintain("report no.json --html page.html");
    EXPECT_EQ(ran.exit_code, 2) << text;
    EXPECT_THAT(ran.err, HasSubstr("quintain report: no.json: ")) << text;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "page.html"));
  }
  for (const std::string command : {"report . --html p.html", "merge .", "compare . ."}) {
    const Ran ran = quintain(command);
    EXPECT_EQ(ran.exit_code, 2) << command;
    EXPECT_THAT(ran.err, HasSubstr("cannot read '.'")) << command;
  }
  EXPECT_EQ(quintain("report missing.json --html page.html").exit_code, 2);
  EXPECT_EQ(quintain("report no.json").exit_code, 2);
}

TEST_F(ReportCommandTest, CompareWritesAPage) {
  quintain("conform --transport sim --only 'sync/*' --report base.json");
  quintain(
      "conform --transport sim --only 'sync/*' --faulty endpoint-in-sync-mode --report head.json");
  EXPECT_EQ(quintain("compare base.json head.json --html c.html").exit_code, 1);
  EXPECT_THAT(read(folder_ / "c.html"), AllOf(HasSubstr("\"comparison\""), HasSubstr("worse")));
}

}  // namespace
}  // namespace quintain
