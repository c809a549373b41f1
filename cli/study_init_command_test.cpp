#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class StudyInitCommandTest : public ProgramTest {
 protected:
  void write_calls() {
    std::string calls = "arrival_s,function,service_s\n";
    for (int i = 0; i < 399; ++i)
      calls += fmt::format("{},f,1\n{},g,{}\n", 2 * i, 2 * i, i % 3 + 1);
    write("calls.csv", calls);
  }
};

TEST_F(StudyInitCommandTest, WritesAStudyThatRuns) {
  write_calls();
  const Ran made = quintain("study init --from calls.csv");
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("calls.study.json: 798 calls of 2 functions on "),
                              HasSubstr("quintain study calls.study.json --trace-dir ")));
  EXPECT_THAT(made.err, HasSubstr("are the fewest with wait.p95 <= 1.5s"));
  const Ran ran = quintain("study calls.study.json --trace-dir . --seeds 2 --jobs 1");
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  for (const char* workload : {"as-recorded", "redrawn", "twice-the-load"}) {
    EXPECT_THAT(ran.out, HasSubstr(workload));
  }
}

TEST_F(StudyInitCommandTest, KeepsWhatIsThereAndTakesOtherNamesAndSlots) {
  write_calls();
  write("calls.study.json", "mine");
  const Ran kept = quintain("study init --from calls.csv");
  EXPECT_EQ(kept.exit_code, 2);
  EXPECT_THAT(kept.err, HasSubstr("calls.study.json exists"));
  EXPECT_EQ(read(folder_ / "calls.study.json"), "mine");
  EXPECT_EQ(quintain("study init --from calls.csv --slots 7 --output other.study.json").exit_code,
            0);
  EXPECT_THAT(read(folder_ / "other.study.json"), HasSubstr("\"slots\": 7"));
}

TEST_F(StudyInitCommandTest, BadInputIsToldAtOnce) {
  write_calls();
  const auto refused = [&](const std::string& arguments, const char* why) {
    const Ran ran = quintain("study init " + arguments);
    EXPECT_EQ(ran.exit_code, 2) << arguments;
    EXPECT_THAT(ran.err, HasSubstr(why)) << arguments;
  };
  refused("", "--from is required");
  refused("--from missing.csv", "missing.csv");
  refused("--from .", "is a folder");
  refused("--from calls.csv --output study.json", "ends in .study.json");
  refused("--from calls.csv --output no/x.study.json", "no/x.study.json");
  refused("--from calls.csv --slots 0", "--slots");
  write("bad.csv", "when,what\n1,2\n");
  refused("--from bad.csv", "bad.csv");
}

}  // namespace
}  // namespace quintain
