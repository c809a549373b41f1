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

class CapacityCommandTest : public ProgramTest {
 protected:
  void write_calls() {
    std::string calls = "arrival_s,function,service_s\n";
    for (int i = 0; i < 40; ++i) calls += fmt::format("{},f,1\n{},f,1\n", 2 * i, 2 * i);
    write("calls.csv", calls);
  }
};

TEST_F(CapacityCommandTest, ShowsATableAndWritesJson) {
  write_calls();
  const Ran ran = quintain("capacity calls.csv --slots 1..3 --json c.json --html c.html");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("calls.csv: the calls of 1 function keep"), HasSubstr("slots")));
  EXPECT_THAT(read(folder_ / "c.json"),
              HasSubstr("\"command\": \"quintain capacity calls.csv --slots 1..3\""));
  EXPECT_THAT(read(folder_ / "c.html"),
              AllOf(HasSubstr("<title>Capacity for calls.csv"), HasSubstr("\"slots\": 3")));
}

TEST_F(CapacityCommandTest, SaysHowManySlotsAreNeeded) {
  write_calls();
  const Ran met = quintain("capacity calls.csv --want response.p95=1s");
  EXPECT_EQ(met.exit_code, 0) << met.err;
  EXPECT_THAT(met.out, HasSubstr("2 slots are the fewest with response.p95 <= 1s"));
  const Ran missed = quintain("capacity calls.csv --want p95=500ms");
  EXPECT_EQ(missed.exit_code, 1) << missed.err;
  EXPECT_THAT(missed.out, HasSubstr("no number of slots here reaches response.p95 <= 500ms"));
}

TEST_F(CapacityCommandTest, BadInputIsToldAtOnce) {
  write_calls();
  const Ran ran = quintain("capacity calls.csv --slots 0 --want p95 --for 2x --json no/c.json");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("--slots: '0'"), HasSubstr("--want: 'p95'"),
                             HasSubstr("--for: "), HasSubstr("no/c.json")));
  for (const std::string option :
       {"--time-scale nan", "--time-scale 0", "--price nan", "--price 0", "--price inf"}) {
    const Ran odd = quintain("capacity calls.csv " + option);
    EXPECT_EQ(odd.exit_code, 2) << option;
    EXPECT_THAT(odd.err, HasSubstr("is not a number from")) << option;
  }
  EXPECT_EQ(quintain("capacity missing.csv").exit_code, 2);
  write("bad.csv", "when,what\n1,2\n");
  const Ran bad = quintain("capacity bad.csv");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("bad.csv"));
}

}  // namespace
}  // namespace quintain
