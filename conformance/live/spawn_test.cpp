// Starting and stopping targets, with shell scripts as targets.
#include "conformance/live/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "conformance/live/testing/small_server.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::SmallServer;

// The commands are scripts that announce the address of another server and wait.
std::string announce(const SmallServer& server) {
  return fmt::format("echo \"small: listening on {}, at last\";", server.address());
}

std::string error_of(const SpawnOptions& options) {
  const auto target = SpawnedServer::start(options);
  EXPECT_FALSE(target.ok());
  return std::string(target.status().message());
}

// A named pipe, to detect that no process holds it open any more.
class Fifo {
 public:
  Fifo() {
    // The process of a death test must use the fifo of its parent.
    if (const char* given = getenv("QUINTAIN_TEST_FIFO")) {
      path_ = given;
      return;
    }
    std::string folder = std::filesystem::temp_directory_path() / "quintain-spawn-XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    path_ = folder + "/fifo";
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
    fd_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
    setenv("QUINTAIN_TEST_FIFO", path_.c_str(), 1);
  }
  ~Fifo() {
    if (fd_ < 0) return;
    close(fd_);
    unsetenv("QUINTAIN_TEST_FIFO");
    std::filesystem::remove_all(std::filesystem::path(path_).parent_path());
  }

  const std::string& path() const { return path_; }

  // Everything that is written to it until no process holds it open.
  std::string read_to_end() {
    std::string text;
    for (;;) {
      pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 30'000) <= 0) return text + " (and a process still holds it open)";
      char buffer[256];
      const ssize_t count = read(fd_, buffer, sizeof buffer);
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }

 private:
  std::string path_;
  int fd_ = -1;
};

TEST(Spawn, FindsTheAddressAndStopsTheTarget) {
  SmallServer server;
  auto target = SpawnedServer::start({.command = announce(server) + "sleep 60"});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->address(), server.address());
  EXPECT_THAT((*target)->output(), HasSubstr("small: listening on"));
  EXPECT_EQ((*target)->stop(), "signal 15 (Terminated)");
  EXPECT_EQ((*target)->stop(), "signal 15 (Terminated)");
}

TEST(Spawn, FindsTheHttpAddress) {
  SmallServer server;
  const auto target = SpawnedServer::start(
      {.command = "echo listening on http://127.0.0.1:8080;" + announce(server) + "sleep 60"});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->address(), server.address());
  EXPECT_EQ((*target)->http_base(), "http://127.0.0.1:8080");
}

TEST(Spawn, UsesTheGivenAddress) {
  SmallServer server;
  const auto target =
      SpawnedServer::start({.command = "exec sleep 60", .address = server.address()});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->address(), server.address());
}

TEST(Spawn, FindsTheAddressOnStandardError) {
  SmallServer server;
  const auto target =
      SpawnedServer::start({.command = "{ " + announce(server) + " } >&2; sleep 60"});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->address(), server.address());
}

TEST(Spawn, AcceptsATargetWithoutAHealthService) {
  SmallServer server(SmallServer::Options{.health = false});
  EXPECT_TRUE(SpawnedServer::start({.command = announce(server) + "sleep 60"}).ok());
}

TEST(Spawn, ReportsHowATargetEndedBeforeItWasReady) {
  EXPECT_THAT(error_of({.command = "echo one; echo two >&2; printf three; exit 3"}),
              AllOf(HasSubstr("ended before it was ready, with exit status 3"), HasSubstr("one\n"),
                    HasSubstr("two\n"), HasSubstr("three\n")));
  EXPECT_THAT(error_of({.command = "kill -9 $$"}), HasSubstr("signal 9 (Killed)"));
  EXPECT_THAT(error_of({.command = "no-such-command"}),
              AllOf(HasSubstr("exit status 127"), HasSubstr("not found")));
  // With a given address that is never served.
  EXPECT_THAT(error_of({.command = "exit 4", .address = "127.0.0.1:1"}),
              HasSubstr("exit status 4"));
}

TEST(Spawn, ReportsATargetThatIsNotReadyInTime) {
  EXPECT_THAT(error_of({.command = "echo hello; exec sleep 60", .patience = 100ms}),
              AllOf(HasSubstr("\"listening on ADDRESS\" within 100 ms"), HasSubstr("hello")));
  EXPECT_THAT(error_of({.command = "exec sleep 60", .address = "127.0.0.1:1", .patience = 100ms}),
              AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("Connection refused")));
  EXPECT_THAT(error_of({.command = "exec sleep 60", .address = "nowhere", .patience = 100ms}),
              HasSubstr("'nowhere' is not an address"));
}

TEST(Spawn, WaitsForTheHealthServing) {
  SmallServer server;
  server.set_serving(false);
  const SpawnOptions options{.command = announce(server) + "sleep 60", .patience = 200ms};
  EXPECT_THAT(error_of(options), HasSubstr("its health is NOT_SERVING"));
  server.set_serving(true);
  EXPECT_TRUE(SpawnedServer::start(options).ok());
}

TEST(Spawn, LetsTheTargetHandleSigterm) {
  SmallServer server;
  const auto target =
      SpawnedServer::start({.command = "trap 'echo goodbye; exit 7' TERM;" + announce(server) +
                                       "while :; do sleep 0.05; done"});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->stop(), "exit status 7");
  EXPECT_THAT((*target)->output(), HasSubstr("goodbye"));
}

TEST(Spawn, LetsChildrenOfTheTargetHandleSigterm) {
  SmallServer server;
  const auto target = SpawnedServer::start(
      {.command = "(trap 'echo goodbye; exit' TERM; echo up; while :; do sleep 0.05; done) &"
                  "read -r line < /dev/null;" +
                  announce(server) + "wait"});
  ASSERT_TRUE(target.ok()) << target.status();
  (*target)->stop();
  EXPECT_THAT((*target)->output(), HasSubstr("goodbye"));
}

TEST(Spawn, KillsATargetThatIgnoresSigterm) {
  SmallServer server;
  const auto target = SpawnedServer::start(
      {.command = "trap '' TERM;" + announce(server) + "while :; do sleep 0.05; done",
       .grace = 100ms});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->stop(), "signal 9 (Killed)");
}

TEST(Spawn, KillsTheWholeGroup) {
  SmallServer server;
  Fifo fifo;
  {
    const auto target = SpawnedServer::start(
        {.command = fmt::format("exec 3>{}; echo up >&3; (trap '' TERM; sleep 60) & {} wait",
                                fifo.path(), announce(server)),
         .grace = 100ms});
    ASSERT_TRUE(target.ok()) << target.status();
  }
  EXPECT_EQ(fifo.read_to_end(), "up\n");
}

TEST(Spawn, KillsProcessesThatLeaveTheGroup) {
  Fifo fifo;
  // A daemon in a session of its own, whose parent ends at once.
  const std::string daemon = fmt::format(
      "exec 3>{}; echo up >&3; setsid sh -c \"trap '' TERM; sleep 60; true\" </dev/null "
      ">/dev/null 2>&1 & ",
      fifo.path());
  EXPECT_THAT(error_of({.command = daemon + "exit 0"}), HasSubstr("ended before it was ready"));
  EXPECT_EQ(fifo.read_to_end(), "up\n");
}

TEST(Spawn, IsReadyWhileTheTargetFloodsItsOutput) {
  SmallServer server;
  const auto target = SpawnedServer::start(
      {.command = "yes & yes >&2 & tr '\\0' x </dev/zero & " + announce(server) + "wait",
       .grace = 100ms});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ((*target)->address(), server.address());
  EXPECT_LT((*target)->output().size(), 300'000u);
}

TEST(Spawn, KeepsOnlyTheLastLinesOfLongOutput) {
  SmallServer server;
  const auto target =
      SpawnedServer::start({.command = "head -c 1000000 /dev/zero | tr '\\0' x; echo; seq 10000;" +
                                       announce(server) + "sleep 60"});
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_THAT((*target)->output(), HasSubstr("10000\nsmall: listening"));
  EXPECT_LT((*target)->output().size(), 2000u);
}

TEST(SpawnDeathTest, ATargetDoesNotOutliveThisProcess) {
  // A new process instead of a fork, because gRPC has threads.
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  Fifo fifo;
  EXPECT_EXIT(
      {
        SmallServer server;
        const auto target = SpawnedServer::start(
            {.command = fmt::format("exec 3>{}; echo up >&3; (trap '' TERM; sleep 60) & {} wait",
                                    fifo.path(), announce(server))});
        if (target.ok()) raise(SIGKILL);
      },
      ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(fifo.read_to_end(), "up\n");
}

}  // namespace
}  // namespace quintain::conformance
