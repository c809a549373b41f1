#include "server/system/spawn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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
