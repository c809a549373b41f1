// Real processes: what they inherit from the server, and what remains of them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "server/process/testing/process_fixture.h"

namespace quintain::server {
namespace {

using core::Outcome;
using ::testing::ElementsAre;

class ProcessIsolationTest : public testing::ProcessTest {
 protected:
  static std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  }

  static bool has_children() { return waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }
};

TEST_F(ProcessIsolationTest, InheritsOnlyTheStandardDescriptors) {
  const int leak = fcntl(STDERR_FILENO, F_DUPFD, 50);
  EXPECT_EQ(text_of(run_script("ls /proc/$$/fd").payload), "0\n1\n2\n");
  close(leak);
}

TEST_F(ProcessIsolationTest, StartsFromAServerWithoutStandardDescriptors) {
  // In a child process, because the test needs its own descriptors.
  make_runtime(script("f", "cat >&2; printf ok"));
  const pid_t child = fork();
  if (child == 0) {
    context_.notify_fork(boost::asio::io_context::fork_child);
    for (int fd = 0; fd < 3; ++fd) close(fd);
    const auto id = start("f");
    _exit(text_of(outcome(id).payload) == "ok" && reports_[id].logs.size() == 1 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(ProcessIsolationTest, InheritsNoSignalSettings) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto old_hangup = signal(SIGHUP, SIG_IGN);
  EXPECT_EQ(text_of(run_script("grep -E 'Sig(Blk|Ign)' /proc/self/status").payload),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, &before, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1) << "the server's mask is as it was";
  EXPECT_EQ(signal(SIGHUP, old_hangup), SIG_IGN) << "and so are its dispositions";
}

TEST_F(ProcessIsolationTest, CannotGetNewPrivileges) {
  EXPECT_EQ(text_of(run_script("grep NoNewPrivs /proc/self/status").payload), "NoNewPrivs:\t1\n");
}

TEST_F(ProcessIsolationTest, InheritsNoEnvironment) {
  setenv("SERVER_SECRET", "x", 1);
  ProcessFunction function = script("f", "env | cut -d= -f1 | grep -v -e PWD -e _$ | sort");
  for (const char* name : {"LANG", "LC_ALL", "TZ"}) unsetenv(name);
  make_runtime(function);
  EXPECT_EQ(text_of(run("f").payload),
            "HOME\nPATH\nQUINTAIN_ATTEMPT\nQUINTAIN_EXECUTION_ID\nQUINTAIN_FUNCTION_NAME\n"
            "QUINTAIN_TASK_ID\nTMPDIR\n");
}

TEST_F(ProcessIsolationTest, HasAFreshFolderThatIsRemoved) {
  make_runtime(script("f", "ls -A | wc -l; mkdir d; touch d/file; chmod 0 d; pwd"));
  const std::string first = text_of(run("f").payload);
  const std::string second = text_of(run("f").payload);
  EXPECT_TRUE(first.starts_with("0\n" + folder_.path())) << first;
  EXPECT_TRUE(second.starts_with("0\n" + folder_.path())) << second;
  EXPECT_NE(first, second);
  run_until([&] { return folder_.empty(); });
}

TEST_F(ProcessIsolationTest, UsesAGivenFolderThatRemains) {
  ProcessFunction function = script("f", "pwd; touch kept");
  function.working_directory = folder_.path();
  make_runtime(function);
  EXPECT_EQ(text_of(run("f").payload), folder_.path() + "\n");
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/kept"));
}

TEST_F(ProcessIsolationTest, SetsLimits) {
  ProcessFunction function = script("f", "ulimit -c; ulimit -n; ulimit -v; ulimit -t");
  make_runtime(function);
  function.name = "limited";
  function.limits.open_files = 17;
  function.limits.address_space_bytes = 100 << 20;
  function.limits.cpu_seconds = 5;
  make_runtime({script("f", "ulimit -c; ulimit -v; ulimit -t"), function});
  EXPECT_EQ(text_of(run("f").payload), "0\nunlimited\nunlimited\n");
  EXPECT_EQ(text_of(run("limited").payload), "0\n17\n102400\n5\n");
}

TEST_F(ProcessIsolationTest, EnforcesLimits) {
  ProcessFunction files = script("files", "exec 3</dev/null 4<&3 5<&3 || exit 9");
  files.limits.open_files = 5;
  ProcessFunction memory = script("memory", "head -c 300000000 /dev/zero | tail -n 1 | wc -c");
  memory.limits.address_space_bytes = 100 << 20;
  ProcessFunction cpu = script("cpu", "while :; do :; done");
  cpu.limits.cpu_seconds = 1;
  make_runtime({files, memory, cpu});
  EXPECT_EQ(run("files").kind, Outcome::Kind::kFailed);
  EXPECT_NE(text_of(run("memory").payload), "300000000\n");
  EXPECT_EQ(run("cpu").error_code, "SIGNAL_XCPU");
}

TEST_F(ProcessIsolationTest, ReducesLimitsToTheServersOwn) {
  ProcessFunction function = script("f", "ulimit -n");
  function.limits.open_files = std::int64_t{1} << 40;
  make_runtime(function);
  rlimit ours{};
  getrlimit(RLIMIT_NOFILE, &ours);
  EXPECT_EQ(text_of(run("f").payload), std::to_string(ours.rlim_max) + "\n");
}

TEST_F(ProcessIsolationTest, ItsGroupEndsWithIt) {
  const Outcome& outcome = run_script("cut -d' ' -f5 /proc/$$/stat; echo $$; sleep 1000 & echo $!");
  std::istringstream text(text_of(outcome.payload));
  pid_t group = 0;
  pid_t leader = 0;
  pid_t left = 0;
  text >> group >> leader >> left;
  EXPECT_EQ(group, leader);
  EXPECT_NE(group, getpgrp());
  ASSERT_GT(left, 0);
  EXPECT_TRUE(ends(left)) << "its child survived";
}

TEST_F(ProcessIsolationTest, KillEndsTheWholeGroup) {
  make_runtime(script("f", "trap '' TERM; sleep 1000 & echo $! >&2; sleep 1000"));
  const auto id = start("f");
  run_until([&] { return !reports_[id].logs.empty(); });
  const pid_t left = std::stoi(reports_[id].logs.front());
  runtime_->kill(id);
  EXPECT_TRUE(ends(left));
}

TEST_F(ProcessIsolationTest, SignalsALeaderThatLeftItsGroup) {
  ProcessFunction function = script("f", "");
  function.command = {"perl", "-e",
                      "setpgrp(0, getpgrp(getppid())) or die; print STDERR \"out\\n\"; sleep 1000"};
  make_runtime(function);
  const auto stopped = start("f");
  const auto killed = start("f");
  run_until_logged(stopped, "out");
  run_until_logged(killed, "out");
  runtime_->stop(stopped);
  EXPECT_EQ(outcome(stopped).kind, Outcome::Kind::kStopped);
  runtime_->kill(killed);
  run_until([&] { return folder_.empty(); });
}

TEST_F(ProcessIsolationTest, AnEscapedProcessThatHoldsThePipesDelaysNothing) {
  const Outcome& outcome = run_script(R"(
      mkfifo ready
      setsid sh -c 'echo > ready; exec sleep 1000' & read x < ready; echo $!)");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kCompleted);
  const pid_t escaped = std::stoi(text_of(outcome.payload));
  EXPECT_EQ(kill(escaped, SIGKILL), 0) << "it did not escape";
}

TEST_F(ProcessIsolationTest, AnEscapedProcessThatFloodsThePipesDelaysNothing) {
  ProcessFunction function = script("f", R"(
      mkfifo ready
      setsid sh -c 'echo > ready; exec yes >&2' & read x < ready; echo $!)");
  make_runtime(function);
  const Outcome& outcome = run("f");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kCompleted);
  // The pipe is closed now, so it ends by itself.
  EXPECT_TRUE(ends(std::stoi(text_of(outcome.payload))));
}

TEST_F(ProcessIsolationTest, EndsWithTheServersThread) {
  make_runtime(script("f", "sleep 1000"));
  core::AttemptId id{};
  std::thread([&] {
    id = start("f");
    run_until([&] { return reports_[id].started == 1; });
  }).join();
  EXPECT_EQ(outcome(id).error_code, "SIGNAL_KILL");
}

TEST_F(ProcessIsolationTest, UsageCountsRunningProcesses) {
  make_runtime(script("f", "while :; do echo >&2; done"));
  EXPECT_EQ(runtime_->usage().memory_bytes, 0);
  const auto id = start("f");
  run_until([&] { return runtime_->usage().cpu_percent > 0; });
  EXPECT_LE(runtime_->usage().cpu_percent, 100);
  EXPECT_GT(runtime_->usage().memory_bytes, 100'000);
  EXPECT_GT(runtime_->usage().memory_percent, 0);
  runtime_->kill(id);
  run_until([&] { return folder_.empty(); });
}

// QUINTAIN_PROCESS_RUNS sets another number of thousands, for a long test.
TEST_F(ProcessIsolationTest, AThousandRunsLeakNothing) {
  const char* const thousands = std::getenv("QUINTAIN_PROCESS_RUNS");
  const std::size_t kRuns = thousands == nullptr ? 1000 : 1000 * std::stoul(thousands);
  constexpr int kAtOnce = 8;
  ProcessFunction missing = script("missing", "");
  missing.command = {"/no/such/program"};
  make_runtime({script("works", "printf $QUINTAIN_EXECUTION_ID"),
                script("fails", "mkdir left; touch left/file; exit 3"), missing,
                script("hangs", "echo ready >&2; sleep 1000")});
  run("missing");  // asio opens descriptors of its own when it is first used
  reports_.clear();
  requests_.clear();
  const auto before = open_descriptors();
  std::size_t finished = 0;
  std::size_t killed = 0;
  const auto next = [&] {
    static constexpr const char* kNames[] = {"works", "fails", "works", "missing", "hangs"};
    if (requests_.size() < kRuns) start(kNames[requests_.size() % std::size(kNames)]);
  };
  on_any_ = [&](core::AttemptId id) {
    if (!reports_[id].logs.empty() && !reports_[id].outcome) {
      runtime_->kill(id);
      ++killed;
      next();
    } else if (reports_[id].outcome) {
      ++finished;
      next();
    }
  };
  for (int i = 0; i < kAtOnce; ++i) next();
  for (std::size_t target = 1000; target <= kRuns; target += 1000) {
    run_until([&] { return finished + killed >= target; });
  }
  EXPECT_EQ(finished + killed, kRuns);
  run_until([&] { return folder_.empty(); });
  EXPECT_EQ(killed, kRuns / 5);
  std::size_t n = 0;
  for (const auto& [id, reports] : reports_) {
    const std::string expected = "exec-" + std::to_string(++n);
    if (reports.outcome && reports.outcome->kind == Outcome::Kind::kCompleted) {
      EXPECT_EQ(text_of(reports.outcome->payload), expected);
    }
  }
  EXPECT_EQ(n, kRuns);
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_FALSE(has_children()) << "a zombie";
}

// Files in folders that no user may enter are removed too, while other things go on.
TEST_F(ProcessIsolationTest, AFolderIsRemovedWhateverTheFunctionLeft) {
  run_script("mkdir -p a/b/c; touch a/b/c/file; chmod 0 a/b/c a/b a");
  run_until([&] { return folder_.empty(); });
}

TEST_F(ProcessIsolationTest, AFunctionOfAnotherUserHasItsOwnFolder) {
  if (!check_may_switch_user().ok()) GTEST_SKIP() << check_may_switch_user();
  ProcessFunction function = script("f", "id -un; mkdir d && touch d/file && echo made");
  const auto nobody = find_user("nobody");
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  function.user = *nobody;
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0711));
  make_runtime(function);
  EXPECT_EQ(text_of(run("f").payload), "nobody\nmade\n");
  run_until([&] { return folder_.empty(); });
}

// The kernel forgets the death signal when the user changes, so it must be set afterwards.
TEST_F(ProcessIsolationTest, AFunctionOfAnotherUserEndsWithTheServer) {
  if (!check_may_switch_user().ok()) GTEST_SKIP() << check_may_switch_user();
  const auto nobody = find_user("nobody");
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  Child child;
  std::thread([&] {
    auto started = spawn({.command = {"sleep", "1000"},
                          .search_path = "/usr/bin:/bin",
                          .user = *nobody,
                          .ends_with_caller = true});
    ASSERT_TRUE(started.ok()) << started.status();
    child = *std::move(started);
  }).join();
  siginfo_t end{};
  ASSERT_EQ(waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &end, WEXITED), 0);
  EXPECT_EQ(end.si_status, SIGKILL);
}

TEST_F(ProcessIsolationTest, FilesAreBoundedWhereTheFunctionSaysSo) {
  ProcessFunction function = script("f", "head -c 2000 /dev/zero >file; stat -c %s file");
  function.limits.file_bytes = 1000;
  make_runtime(function);
  EXPECT_EQ(text_of(run("f").payload), "1000\n");
}

}  // namespace
}  // namespace quintain::server
