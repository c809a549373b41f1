// Every mutant must be caught, by the checks that its entry names.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "reports/json.h"
#include "reports/report.h"

namespace quintain {
namespace {

struct Mutant {
  std::string name;
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> caught_by;
};

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> kMutants = {
#include "mutants.inc"
  };
  return kMutants;
}

std::string quoted(const std::string& word) { return fmt::format("'{}'", word); }

// Runs the program from the top of the project, as a user would; its exit code.
int run(const std::string& program, const std::vector<std::string>& arguments,
        const std::filesystem::path& report) {
  std::string command =
      fmt::format("cd {} && {} run", quoted(QUINTAIN_SOURCE_DIR), quoted(program));
  for (const std::string& argument : arguments) command += " " + quoted(argument);
  command += fmt::format(" --jobs 1 --report {} >/dev/null 2>&1", quoted(report.string()));
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The failed checks of a report; every expectation is called "expect".
std::set<std::string> failed_checks(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  const auto report = reports::from_json(text.str());
  EXPECT_TRUE(report.ok()) << report.status();
  std::set<std::string> failed;
  if (!report.ok()) return failed;
  for (const reports::Case& c : report->cases) {
    for (const reports::Check& check : c.checks) {
      if (check.verdict != reports::Verdict::kFailed) continue;
      const bool expectation = check.kind == reports::CheckKind::kExpectation;
      failed.insert(expectation ? "expect" : check.name);
    }
  }
  return failed;
}

class MutantTest : public testing::TestWithParam<Mutant> {};

TEST_P(MutantTest, IsCaught) {
  const Mutant& mutant = GetParam();
  const auto report =
      std::filesystem::path(testing::TempDir()) / fmt::format("mutant-{}.json", mutant.name);
  std::filesystem::remove(report);
  ASSERT_EQ(run(mutant.program, mutant.arguments, report), 1) << "it was not caught";
  const std::set<std::string> failed = failed_checks(report);
  for (const std::string& check : mutant.caught_by) {
    EXPECT_TRUE(failed.contains(check)) << check << " did not fail";
  }
  std::filesystem::remove(report);
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, testing::ValuesIn(mutants()),
                         [](const testing::TestParamInfo<Mutant>& mutant) {
                           std::string name = mutant.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace quintain
