// The program as its users meet it: arguments in; text, files and exit code out.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace quintain {

struct Ran {
  int exit_code;
  std::string out;
  std::string err;
};

inline std::string read(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Runs the program in a folder of the test's own.
class ProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto& test = *testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / test.test_suite_name() / test.name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Runs `quintain ARGUMENTS` in the test's folder.
  Ran quintain(const std::string& arguments) {
    const std::string command = fmt::format("cd '{}' && '{}' {} >out.txt 2>err.txt </dev/null",
                                            folder_.string(), QUINTAIN_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .out = read(folder_ / "out.txt"),
            .err = read(folder_ / "err.txt")};
  }

  void write(const std::string& name, const std::string& text) const {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  std::filesystem::path folder_;
};

}  // namespace quintain
