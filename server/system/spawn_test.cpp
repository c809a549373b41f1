#include "server/system/spawn.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

namespace quintain::server {
namespace {

using ::testing::HasSubstr;

// Runs a script, and returns its output and its exit status.
std::string output_of(SpawnRequest request, const std::string& script) {
  auto pipe = make_pipe();
  request.command = {"/bin/sh", "-c", script};
  request.standard[1] = pipe->write.get();
  const auto child = spawn(request);
  EXPECT_TRUE(child.ok()) << child.status();
  pipe->write.reset();
  std::string text;
  std::array<char, 256> buffer{};
  for (ssize_t n = 0; (n = read(pipe->read.get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  waitpid(child->pid, &status, 0);
  return text + "status " + std::to_string(status);
}

TEST(SpawnTest, InheritsTheEnvironmentByDefault) {
  setenv("SPAWN_TEST", "inherited", 1);
  EXPECT_EQ(output_of({}, "echo $SPAWN_TEST"), "inherited\nstatus 0");
  EXPECT_EQ(output_of({.environment = std::vector<std::string>{"A=b"}}, "echo $SPAWN_TEST$A"),
            "b\nstatus 0");
}

TEST(SpawnTest, MissingDescriptorsAreDevNull) {
  EXPECT_EQ(output_of({}, "cat; readlink /proc/$$/fd/0 /proc/$$/fd/2"),
            "/dev/null\n/dev/null\nstatus 0");
}

TEST(SpawnTest, RunsAsAnotherUserThatCannotReturn) {
  if (!check_may_switch_user().ok()) GTEST_SKIP() << check_may_switch_user();
  const auto nobody = find_user("nobody");
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  const std::string expected =
      fmt::format("{0} {0} {0} {0}\n{1} {1} {1} {1}\n", nobody->id, nobody->group);
  EXPECT_EQ(output_of({.user = *nobody, .ends_with_caller = true, .no_new_privileges = true},
                      "sed -n -E 's/^[UG]id:\t//;T;s/\t/ /gp' /proc/self/status;"
                      "test $(id -G) = " +
                          std::to_string(nobody->group) + "; cat /proc/$PPID/environ 2>/dev/null"),
            expected + "status 256")
      << "it has the groups of the user only, and can't read the environment of its parent";
}

TEST(SpawnTest, AUserThatIsMissingAndMissingCapabilitiesAreReported) {
  EXPECT_THAT(std::string(find_user("no-such-user").status().message()),
              HasSubstr("there is no user 'no-such-user'"));
  std::thread([] {
    // The capabilities of this thread only.
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    ASSERT_EQ(syscall(SYS_capset, &header, none), 0);
    EXPECT_THAT(std::string(check_may_switch_user().message()),
                HasSubstr("runs as root; the capabilities that it lacks are CAP_SETUID"));
  }).join();
}

TEST(SpawnTest, LeadsAProcessGroup) {
  EXPECT_EQ(output_of({}, "test $$ = \"$(cut -d' ' -f5 /proc/$$/stat)\""), "status 0");
}

TEST(SpawnTest, AChildSurvivesTheThreadThatStartedItUnlessRequested) {
  for (const bool ends_with_caller : {false, true}) {
    auto gate = make_pipe();
    Child child;
    std::thread([&] {
      auto started = spawn({.command = {"/bin/sh", "-c", "read -r line; exit 7"},
                            .standard = {gate->read.get(), -1, -1},
                            .ends_with_caller = ends_with_caller});
      ASSERT_TRUE(started.ok()) << started.status();
      child = *std::move(started);
    }).join();
    if (!ends_with_caller) gate->write.reset();
    int status = 0;
    waitpid(child.pid, &status, 0);
    EXPECT_EQ(WIFSIGNALED(status), ends_with_caller);
    if (!ends_with_caller) {
      EXPECT_EQ(WEXITSTATUS(status), 7);
    }
  }
}

TEST(SpawnTest, ReportsTheStepThatFailed) {
  EXPECT_THAT(spawn({.command = {"/no/such/program"}}).status().message(),
              HasSubstr("can't start '/no/such/program': execute: No such file"));
  EXPECT_THAT(spawn({.command = {"/bin/true"}, .working_directory = "/no/such"}).status().message(),
              HasSubstr("the working directory: No such file"));
  EXPECT_EQ(spawn({.command = {"true"}}).status().message(), "there is no program 'true' in PATH");
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a zombie";
}

}  // namespace
}  // namespace quintain::server
