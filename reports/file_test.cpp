#include "reports/file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace quintain::reports {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string pattern = ::testing::TempDir() + "reports_file_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~FileTest() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      out.push_back(entry.path().filename().string());
    }
    std::ranges::sort(out);
    return out;
  }

  static std::string content(const std::string& name) {
    std::ifstream in(name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static void expect_error(const std::string& name, const std::string& reason) {
    for (const absl::Status& status : {check_writable(name), write_atomically(name, "new")}) {
      EXPECT_FALSE(status.ok()) << name;
      EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(name), HasSubstr(reason)));
    }
  }

  fs::path folder_;
};

TEST_F(FileTest, WritesAndReplaces) {
  const std::string target = path("report.json");
  ASSERT_TRUE(write_atomically(target, "a long first text").ok());
  ASSERT_TRUE(write_atomically(target, "second").ok());
  EXPECT_EQ(content(target), "second");
  EXPECT_THAT(names(), ElementsAre("report.json"));
}

TEST_F(FileTest, CheckLeavesNoFile) {
  EXPECT_TRUE(check_writable(path("new.json")).ok());
  EXPECT_THAT(names(), ElementsAre());
  ASSERT_TRUE(write_atomically(path("old.json"), "old").ok());
  EXPECT_TRUE(check_writable(path("old.json")).ok());
  EXPECT_EQ(content(path("old.json")), "old");
  EXPECT_THAT(names(), ElementsAre("old.json"));
}

TEST_F(FileTest, FollowsASymbolicLink) {
  fs::create_directory(path("elsewhere"));
  ASSERT_TRUE(write_atomically(path("elsewhere/real.json"), "old").ok());
  fs::create_symlink("elsewhere/real.json", path("link.json"));
  ASSERT_TRUE(write_atomically(path("link.json"), "new").ok());
  EXPECT_TRUE(fs::is_symlink(path("link.json")));
  EXPECT_EQ(content(path("elsewhere/real.json")), "new");
}

TEST_F(FileTest, ReportsPathAndReason) {
  expect_error("", "without a name");
  expect_error(path("missing/report.json"), "No such file or directory");
  expect_error(folder_.string(), "Is a directory");
  ASSERT_TRUE(write_atomically(path("file"), "old").ok());
  expect_error(path("file/report.json"), "Not a directory");
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  expect_error(path("pipe"), "not a regular file");
  // Not even root can create a file there.
  expect_error("/proc/report.json", "cannot write");
  EXPECT_THAT(names(), ElementsAre("file", "pipe"));
}

TEST_F(FileTest, AFailedWriteKeepsTheOldFileAndRemovesTheTemporary) {
  const std::string target = path("report.json");
  ASSERT_TRUE(write_atomically(target, "old").ok());
  // Simulates a disk that is full after 1000 bytes.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = write_atomically(target, std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(target), HasSubstr("too large")));
  EXPECT_EQ(content(target), "old");
  EXPECT_THAT(names(), ElementsAre("report.json"));
}

}  // namespace
}  // namespace quintain::reports
