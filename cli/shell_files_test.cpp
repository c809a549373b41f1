#include "cli/shell_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/program_test.h"

namespace quintain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ShellFilesTest : public ProgramTest {
 protected:
  std::string file(std::string_view name) {
    const Ran ran = quintain("shell-file " + std::string(name));
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
};

TEST_F(ShellFilesTest, EachNamesEverySubcommandAndOptionButTheHiddenOne) {
  for (const std::string_view name : cli::shell_file_names()) {
    const std::string text = file(name);
    for (const std::string command : {"run", "conform", "mutate", "explore", "study", "serve"}) {
      EXPECT_THAT(text, HasSubstr(command)) << name;
    }
    const bool man = name == "man";
    EXPECT_THAT(text, AllOf(HasSubstr(man ? "check\\-determinism" : "check-determinism"),
                            HasSubstr(man ? "queue\\-limit" : "queue-limit")))
        << name;
    EXPECT_THAT(text, Not(HasSubstr(man ? "shell\\-file" : "shell-file"))) << name;
  }
  EXPECT_THAT(quintain("--help").out, Not(HasSubstr("shell-file")));
}

TEST_F(ShellFilesTest, BashCompletesSubcommandsOptionsAndFiles) {
  write("completion", file("bash"));
  write("try", R"(. ./completion
try() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _quintain; echo "${COMPREPLY[*]}"; }
try quintain co
try quintain run --see
try quintain run scen
try quintain conform --tr
try quintain study in
try quintain study init --fr
try quintain study --fr
)");
  ASSERT_EQ(std::system(("cd '" + folder_.string() + "' && bash try >tried 2>&1").c_str()), 0);
  EXPECT_EQ(read(folder_ / "tried"),
            "conform compare\n--seed --seeds\n\n--transport\ninit\n--from\n\n");
}

TEST_F(ShellFilesTest, TextsCannotEndAQuotationOrStartARequest) {
  const std::string zsh = file("zsh");
  // An apostrophe in a help text closes the quotation, is quoted itself, and opens it again.
  EXPECT_THAT(zsh, HasSubstr("'\\''"));
  EXPECT_THAT(zsh, HasSubstr("compdef quintain"));
  EXPECT_THAT(file("man"), Not(HasSubstr("\n'")));
}

TEST_F(ShellFilesTest, AnUnknownNameIsRefusedWithTheNames) {
  const Ran ran = quintain("shell-file tcsh");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err + ran.out, HasSubstr("man"));
}

}  // namespace
}  // namespace quintain
