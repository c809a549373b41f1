#include "reports/json_input/input_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace quintain::json_input {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::string& path, std::size_t max_bytes = 1000) {
  const auto text = read_bounded(path, max_bytes);
  return text.ok() ? "read: " + *text : std::string(text.status().message());
}

class InputFileTest : public ::testing::Test {
 protected:
  InputFileTest() {
    std::string pattern = ::testing::TempDir() + "input_file_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~InputFileTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

TEST_F(InputFileTest, AFileIsReadUpToTheLimit) {
  std::ofstream(path("file")) << std::string(1000, 'x');
  EXPECT_EQ(*read_bounded(path("file"), 1000), std::string(1000, 'x'));
  EXPECT_EQ(error_of(path("file"), 999), "the file is larger than 999 bytes");
}

TEST_F(InputFileTest, WhatIsNoFileHasAnError) {
  EXPECT_THAT(error_of(path("none")), HasSubstr("No such file"));
  EXPECT_THAT(error_of(folder_), HasSubstr("Is a directory"));
}

TEST_F(InputFileTest, ADeviceWithoutAnEndIsTooLarge) {
  EXPECT_EQ(error_of("/dev/zero"), "the file is larger than 1000 bytes");
}

TEST_F(InputFileTest, APipeIsReadToItsEnd) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path("pipe")) << "from a pipe"; });
  EXPECT_EQ(*read_bounded(path("pipe"), 1000), "from a pipe");
  writer.join();
}

TEST_F(InputFileTest, APipeWithoutAWriterIsNotWaitedForForever) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(error_of(path("pipe")), "no data came within 3 s");
}

}  // namespace
}  // namespace quintain::json_input
