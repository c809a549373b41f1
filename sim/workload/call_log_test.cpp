#include "sim/workload/call_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace quintain::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class CallLogTest : public testing::Test {
 protected:
  CallLogTest() : folder_(make_folder()) {}
  ~CallLogTest() override { std::filesystem::remove_all(folder_); }

  static std::filesystem::path make_folder() {
    std::string name = testing::TempDir() + "call_log_XXXXXX";
    return mkdtemp(name.data());
  }

  CallLogResult result(std::string_view name, std::string_view text, bool strict = false) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return read_call_log(folder_ / name, strict);
  }
  CallLog log(std::string_view name, std::string_view text) const {
    auto read = result(name, text);
    EXPECT_TRUE(std::holds_alternative<CallLog>(read)) << testing::PrintToString(std::get<1>(read));
    return std::get<0>(std::move(read));
  }
  std::vector<std::string> errors(std::string_view name, std::string_view text,
                                  bool strict = false) const {
    auto read = result(name, text, strict);
    return std::holds_alternative<CallLog>(read) ? std::vector<std::string>() : std::get<1>(read);
  }

  const std::filesystem::path folder_;
};

std::vector<double> arrivals_of(const CallLog& log) {
  std::vector<double> seconds;
  for (const auto& call : log.calls) {
    seconds.push_back(std::chrono::duration<double>(call.arrival).count());
  }
  return seconds;
}

std::vector<double> durations_of(const CallLog& log) {
  std::vector<double> seconds;
  for (const auto& call : log.calls) {
    seconds.push_back(std::chrono::duration<double>(call.duration).count());
  }
  return seconds;
}

TEST_F(CallLogTest, ReadsNamedColumnsInTheOrderOfArrival) {
  const CallLog read = log("calls.csv",
                           "arrival_s,function,service_s,outcome,cold\n"
                           "7.5,g,0.25,failed,true\n"
                           "5,f,2,completed,false\n");
  EXPECT_THAT(read.functions, ElementsAre("g", "f"));
  EXPECT_THAT(arrivals_of(read), ElementsAre(0, 2.5));
  EXPECT_THAT(durations_of(read), ElementsAre(2, 0.25));
  EXPECT_FALSE(read.calls[0].failed);
  EXPECT_TRUE(read.calls[1].failed);
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("1 calls were cold")));
}

TEST_F(CallLogTest, AFileThatIsNoTraceIsRefusedAtItsStart) {
  const auto error = [&](const char* name) {
    const auto read = read_call_log(folder_ / name);
    return std::holds_alternative<CallLog>(read) ? "" : std::get<1>(read).front();
  };
  std::ofstream(folder_ / "nothing.csv").close();
  std::filesystem::resize_file(folder_ / "nothing.csv", std::uintmax_t{100} << 20);
  EXPECT_THAT(error("nothing.csv"), HasSubstr("can't be read beyond this line"));
  std::filesystem::resize_file(folder_ / "nothing.csv", std::uintmax_t{10} << 30);
  EXPECT_THAT(error("nothing.csv"), HasSubstr("larger than 4 GiB"));
  std::ofstream(folder_ / "line.csv") << std::string(5 << 20, 'x');
  EXPECT_THAT(error("line.csv"), HasSubstr("no column with the durations"));
}

TEST_F(CallLogTest, ReadsAzure2021) {
  const CallLog read = log("invocations.txt",
                           "app,func,end_timestamp,duration\n"
                           "aaaa,bbbb,10.5,0.5\n"
                           "aaaa,cccc,11,3\n");
  EXPECT_THAT(read.functions, ElementsAre("aaaa/bbbb", "aaaa/cccc"));
  EXPECT_THAT(arrivals_of(read), ElementsAre(0, 2));  // 8 and 10
  EXPECT_THAT(durations_of(read), ElementsAre(3, 0.5));
}

TEST_F(CallLogTest, ReadsOtherUnitsDelimitersAndDates) {
  const CallLog ms = log("ms.csv", "arrival_ms;duration_ms\n1000;250\n3000;500\n");
  EXPECT_THAT(arrivals_of(ms), ElementsAre(0, 2));
  EXPECT_THAT(durations_of(ms), ElementsAre(0.25, 0.5));
  EXPECT_THAT(ms.functions, ElementsAre("call"));
  const CallLog dated = log("dates.csv",
                            "Timestamp,Duration,Function\n"
                            "2026-01-31 12:00:00,1,f\n2026-01-31T12:00:01.5Z,1,f\n");
  EXPECT_THAT(arrivals_of(dated), ElementsAre(0, 1.5));
  EXPECT_THAT(dated.notes, ElementsAre(HasSubstr("UTC")));
}

TEST_F(CallLogTest, ReadsTheStandardWorkloadFormat) {
  const CallLog read = log("jobs.swf",
                           "; Version: 2.2\n"
                           ";\n"
                           "  1 100 5 30 4 -1 -1 4 60 -1 1 7 1 -1 1 -1 -1 -1\n"
                           "  2 160 5 -1 4 -1 -1 4 60 -1 5 7 1 3 1 -1 -1 -1\n"
                           "  3 170 5 10 4 -1 -1 4 60 -1 0 7 1 3 1 -1 -1 -1\n"
                           "4 5\n");
  EXPECT_THAT(read.functions, ElementsAre("user-7", "app-3"));
  EXPECT_THAT(arrivals_of(read), ElementsAre(0, 70));
  EXPECT_THAT(durations_of(read), ElementsAre(30, 10));
  EXPECT_TRUE(read.calls[1].failed);
  EXPECT_THAT(describe(read.left_out),
              ElementsAre(HasSubstr("1 row with 1 call, because its run time is not known (first: "
                                    "jobs.swf:4: "),
                          HasSubstr("does not have 18 fields")));
}

TEST_F(CallLogTest, LeavesOutRowsWithoutTimesAndRefusesThemIfStrict) {
  constexpr std::string_view kText =
      "arrival,duration,function\n"
      "1,2,f\n"
      "2,,f\n"
      "3,-1,f\n"
      "x,1,f\n"
      "2026-01-31T12:00:00Z,1,f\n"
      "4,nan,f\n"
      "5\n";
  const CallLog read = log("calls.csv", kText);
  EXPECT_THAT(read.calls, SizeIs(1));
  ASSERT_THAT(read.left_out, SizeIs(3));
  EXPECT_EQ(read.left_out[0].rows, 3);
  EXPECT_EQ(read.left_out[1].rows, 2);
  EXPECT_EQ(read.left_out[2].rows, 1);
  EXPECT_THAT(errors("calls.csv", kText, /*strict=*/true), SizeIs(6));
}

TEST_F(CallLogTest, LeavesOutRowsThatNoNodeCanReplay) {
  const CallLog read =
      log("calls.csv", "arrival,duration,function\n0,1,f\n1,1,\n2,1," + std::string(257, 'f') +
                           "\n3,315360001,f\n4,1," + std::string(256, 'g') + "\n");
  EXPECT_THAT(read.functions, ElementsAre("f", std::string(256, 'g')));
  ASSERT_THAT(read.left_out, SizeIs(2));
  EXPECT_EQ(read.left_out[0].rows, 2);
  EXPECT_THAT(read.left_out[0].first,
              HasSubstr("calls.csv:3: the name of the function has 0 bytes"));
  EXPECT_THAT(read.left_out[1].first, HasSubstr("it must be a number from 0 to ten years"));
}

TEST_F(CallLogTest, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(errors("a.csv", "when,duration\n1,2\n"),
              ElementsAre(HasSubstr("a.csv:1: there is no column with the arrivals")));
  EXPECT_THAT(errors("a.csv", "arrival,length\n1,2\n"),
              ElementsAre(HasSubstr("there is no column with the durations")));
  EXPECT_THAT(errors("a.csv", "arrival,duration\n"), ElementsAre(HasSubstr("there are no calls")));
  EXPECT_THAT(errors("a.csv", "arrival,duration\nx,y\n"),
              ElementsAre(HasSubstr("no row can be used")));
  EXPECT_THAT(errors("a.csv", ""), ElementsAre(HasSubstr("missing, empty, not readable")));
  EXPECT_THAT(errors("a.csv", "arrival,duration\n1,\"2\n"), ElementsAre(HasSubstr("a.csv:2: ")));
}

TEST_F(CallLogTest, ReadsGzip) {
  const std::string path = (folder_ / "calls.csv.gz").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzputs(file, "arrival,duration\n1,2\n2,3\n");
  gzclose(file);
  const auto read = read_call_log(path);
  ASSERT_TRUE(std::holds_alternative<CallLog>(read));
  EXPECT_THAT(durations_of(std::get<0>(read)), ElementsAre(2, 3));
}

}  // namespace
}  // namespace quintain::sim
