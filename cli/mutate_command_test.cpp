// `quintain mutate` as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::HasSubstr;

using MutateCommand = ProgramTest;

TEST_F(MutateCommand, ListsTheFaultsAndTheReasonsOfTheFreeOnes) {
  const Ran ran = quintain("mutate --list");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("InvokeFunctionResponse.result.status/previous: result.status in "
                                 "the answer of InvokeFunction has its value in the previous "
                                 "message.\n"));
  EXPECT_THAT(ran.out, HasSubstr("Free: a second cancel is harmless."));
}

TEST_F(MutateCommand, SaysWhatIsMissingOrWrong) {
  const auto error_of = [&](const std::string& arguments) {
    const Ran ran = quintain("mutate " + arguments);
    EXPECT_EQ(ran.exit_code, 2) << arguments;
    return ran.err;
  };
  EXPECT_THAT(error_of(""), HasSubstr("--target ADDRESS and --fault NAME"));
  EXPECT_THAT(error_of("--target 127.0.0.1:1 --fault x"), HasSubstr("there is no fault 'x'"));
  EXPECT_THAT(error_of("--target nowhere --fault GetStats/answer-late"), HasSubstr("nowhere"));
  EXPECT_THAT(error_of("--target 127.0.0.1:1 --fault GetStats/answer-late --listen here"),
              HasSubstr("here"));
}

}  // namespace
}  // namespace quintain
