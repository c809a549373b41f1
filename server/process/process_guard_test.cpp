// Processes that a server leaves behind, and the guard that ends them.
#include "server/process/process_guard.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "server/system/spawn.h"

namespace quintain::server {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kTooLongMilliseconds = 20'000;

class ProcessGuardTest : public ::testing::Test {
 protected:
  ProcessGuardTest() {
    std::string folder = (fs::temp_directory_path() / "guard-test-XXXXXX").string();
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    base_ = folder;
    setenv("TMPDIR", base_.c_str(), 1);
  }
  ~ProcessGuardTest() override {
    unsetenv("TMPDIR");
    fs::remove_all(base_);
  }

  // A shell that runs `script` with the tag.
  static pid_t start(const std::string& script, std::int64_t tag, int output) {
    const SpawnRequest request{.command = {"/bin/sh", "-c", script},
                               .standard = {-1, output, -1},
                               .limits = {{RLIMIT_RTTIME, tag, tag}}};
    auto child = spawn(request);
    return child.ok() ? child->pid : -1;
  }

  static void expect_end(int pidfd) {
    pollfd end{.fd = pidfd, .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&end, 1, kTooLongMilliseconds), 1) << "the process still runs";
  }

  static int open_process(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

  fs::path base_;
};

TEST_F(ProcessGuardTest, EndsWhatAKilledServerLeaves) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  const pid_t server = fork();
  if (server == 0) {
    auto guard = ProcessGuard::start();
    if (!guard.ok()) _exit(1);
    // A child in a session of its own, without the server's variables.
    start("env -i setsid sleep 300 & echo $!", (*guard)->tag(), pipe->write.get());
    pause();
  }
  pipe->write.reset();
  char text[32] = {};
  ASSERT_GT(read(pipe->read.get(), text, sizeof(text) - 1), 0);
  const Descriptor left(open_process(std::atoi(text)));
  ASSERT_TRUE(left.is_open());
  EXPECT_FALSE(fs::is_empty(base_));
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  expect_end(left.get());
  // The folder goes last.
  for (int i = 0; i < 2000 && !fs::is_empty(base_); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(fs::is_empty(base_));
}

TEST_F(ProcessGuardTest, AStartCleansUpAfterADeadServerAndGuard) {
  const fs::path stale = base_ / "quintain-serve-stale";
  fs::create_directory(stale);
  const std::int64_t tag = (std::int64_t{1} << 50) + getpid();
  std::ofstream(stale / "owner") << tag << '\n';
  const pid_t pid = start("sleep 300", tag, -1);
  const Descriptor left(open_process(pid));
  ASSERT_TRUE(left.is_open());
  const auto guard = ProcessGuard::start();
  ASSERT_TRUE(guard.ok()) << guard.status();
  EXPECT_FALSE(fs::exists(stale));
  expect_end(left.get());
  waitpid(pid, nullptr, 0);
}

TEST_F(ProcessGuardTest, AFolderOfALivingServerStays) {
  const auto living = ProcessGuard::start();
  ASSERT_TRUE(living.ok());
  const auto other = ProcessGuard::start();
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE(fs::exists((*living)->folder()));
}

TEST_F(ProcessGuardTest, TheEndOfTheServerEndsItsProcesses) {
  pid_t pid = -1;
  Descriptor left;
  {
    const auto guard = ProcessGuard::start();
    ASSERT_TRUE(guard.ok());
    pid = start("sleep 300", (*guard)->tag(), -1);
    left = Descriptor(open_process(pid));
  }
  expect_end(left.get());
  waitpid(pid, nullptr, 0);
  EXPECT_TRUE(fs::is_empty(base_));
}

}  // namespace
}  // namespace quintain::server
