// Real processes: how they end, and how that is reported.
#include "server/process/process_runtime.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "server/process/testing/process_fixture.h"

namespace quintain::server {
namespace {

using core::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ProcessTest;

using ProcessEndTest = ProcessTest;

TEST_F(ProcessEndTest, CompletesWithItsOutput) {
  make_runtime(script("f", "echo talk >&2; printf result"));
  const auto id = start("f");
  EXPECT_EQ(reports_[id].started, 0) << "no report before start() returns";
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kCompleted);
  EXPECT_EQ(text_of(outcome(id).payload), "result");
  EXPECT_EQ(reports_[id].started, 1);
  EXPECT_THAT(reports_[id].logs, ElementsAre("talk"));
  EXPECT_THAT(reports_[id].chunks, IsEmpty());
  EXPECT_TRUE(folder_.empty());
}

TEST_F(ProcessEndTest, FailsWithItsExitCode) {
  const Outcome& outcome = run_script("printf lost; echo first >&2; printf last >&2; exit 3");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
  EXPECT_EQ(outcome.error_code, "EXIT_3");
  EXPECT_EQ(outcome.error_message, "last");
  EXPECT_TRUE(outcome.payload.empty());
}

TEST_F(ProcessEndTest, FailsWithTheSignalThatEndedIt) {
  const Outcome& outcome = run_script("kill -SEGV $$");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
  EXPECT_EQ(outcome.error_code, "SIGNAL_SEGV");
  EXPECT_EQ(outcome.error_message, "ended by signal SEGV");
}

TEST_F(ProcessEndTest, AMissingCommandFailsWithoutAStart) {
  ProcessFunction function = script("f", "");
  function.command = {"/no/such/program", "x"};
  make_runtime(function);
  const auto id = start("f");
  EXPECT_FALSE(reports_[id].outcome) << "no report before start() returns";
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kFailed);
  EXPECT_EQ(outcome(id).error_code, "START_FAILED");
  EXPECT_THAT(outcome(id).error_message, HasSubstr("'/no/such/program'"));
  EXPECT_THAT(outcome(id).error_message, HasSubstr("No such file or directory"));
  EXPECT_EQ(reports_[id].started, 0);
  EXPECT_TRUE(folder_.empty());
}

TEST_F(ProcessEndTest, AFunctionWithoutACommandFailsWithoutAStart) {
  make_runtime(script("f", "true"));
  const Outcome& outcome = run("other");
  EXPECT_EQ(outcome.error_code, "START_FAILED");
  EXPECT_EQ(outcome.error_message, "no command for function 'other' of task 'task'");
}

TEST_F(ProcessEndTest, ACommandWithoutANameServesAllOtherFunctions) {
  make_runtime({script("", "printf any:$QUINTAIN_FUNCTION_NAME"), script("f", "printf f")});
  EXPECT_EQ(text_of(run("f").payload), "f");
  EXPECT_EQ(text_of(run("g").payload), "any:g");
}

TEST_F(ProcessEndTest, FindsAProgramWithoutASlashInPath) {
  ProcessFunction found = script("found", "");
  found.command = {"printf", "hi"};
  ProcessFunction missing = found;
  missing.name = "missing";
  missing.environment["PATH"] = "/no/such/folder";
  make_runtime({found, missing});
  EXPECT_EQ(text_of(run("found").payload), "hi");
  EXPECT_EQ(run("missing").error_code, "START_FAILED");
  EXPECT_EQ(run("missing").error_message, "there is no program 'printf' in PATH");
}

TEST_F(ProcessEndTest, AMissingWorkingDirectoryIsAFailedStart) {
  ProcessFunction function = script("f", "true");
  function.working_directory = "/no/such/folder";
  make_runtime(function);
  EXPECT_EQ(run("f").error_code, "START_FAILED");
  EXPECT_THAT(run("f").error_message, HasSubstr("the working directory"));
}

TEST_F(ProcessEndTest, RejectsADangerousEnvironment) {
  make_runtime(script("f", "true"));
  spearlet::InvokeFunctionRequest request;
  (*request.mutable_context()->mutable_environment())["LD_PRELOAD"] = "evil.so";
  const Outcome& outcome = run("f", request);
  EXPECT_EQ(outcome.error_code, "INVALID_ENVIRONMENT");
  EXPECT_EQ(outcome.error_message, "context.environment: 'LD_PRELOAD' can't be set by a caller");
}

TEST_F(ProcessEndTest, SetsItsOwnErrorCode) {
  const Outcome& outcome = run_script("echo 'error_code: OUT_OF_CHEESE no cheese' >&2; exit 1");
  EXPECT_EQ(outcome.error_code, "OUT_OF_CHEESE");
  EXPECT_EQ(outcome.error_message, "no cheese");
}

TEST_F(ProcessEndTest, ReportsThePeakOfItsMemory) {
  // tail has to keep all of a line that does not end.
  const Outcome& outcome = run_script("head -c 300000000 /dev/zero | tail -n 1 | wc -c");
  EXPECT_EQ(text_of(outcome.payload), "300000000\n");
  EXPECT_GE(outcome.memory_used_bytes, 300'000'000);
  EXPECT_LE(outcome.memory_used_bytes, 900'000'000);
}

using ProcessStopTest = ProcessTest;

TEST_F(ProcessStopTest, EndsByTheSignal) {
  make_runtime(script("f", "echo ready >&2; sleep 1000"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
}

TEST_F(ProcessStopTest, EndsByTheExitCodeOfAShell) {
  make_runtime(script("f", "trap 'exit 143' TERM; echo ready >&2; sleep 1000 & wait"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
}

TEST_F(ProcessStopTest, CanFinishNormallyAfterTheSignal) {
  make_runtime({script("well", "trap 'echo done; exit 0' TERM; echo ready >&2; sleep 1000 & wait"),
                script("badly", "trap 'exit 4' TERM; echo ready >&2; sleep 1000 & wait")});
  const auto well = start("well");
  const auto badly = start("badly");
  run_until_logged(well, "ready");
  run_until_logged(badly, "ready");
  runtime_->stop(well);
  runtime_->stop(badly);
  EXPECT_EQ(outcome(well).kind, Outcome::Kind::kCompleted);
  EXPECT_EQ(text_of(outcome(well).payload), "done\n");
  EXPECT_EQ(outcome(badly).error_code, "EXIT_4");
}

TEST_F(ProcessStopTest, AKillAfterAnIgnoredSignalIsNotReported) {
  make_runtime(
      script("f", "trap 'echo no >&2' TERM; echo ready >&2; while :; do sleep 1000 & wait; done"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  run_until_logged(id, "no");
  runtime_->kill(id);
  run_until([&] { return folder_.empty(); });
  EXPECT_FALSE(reports_[id].outcome);
  runtime_->kill(id);  // late and harmless
  runtime_->stop(id);
}

TEST_F(ProcessStopTest, UsesTheConfiguredSignal) {
  ProcessFunction function = script("f", "trap 'exit 130' INT; echo ready >&2; sleep 1000 & wait");
  function.stop_signal = SIGINT;
  make_runtime(function);
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
}

TEST_F(ProcessStopTest, AnUnrequestedEndByTheSignalIsAFailure) {
  EXPECT_EQ(run_script("kill -TERM $$").error_code, "SIGNAL_TERM");
}

TEST_F(ProcessStopTest, AKillBeforeTheStartReportsNothing) {
  make_runtime(script("f", "sleep 1000"));
  const auto id = start("f");
  runtime_->kill(id);
  context_.poll();
  EXPECT_TRUE(folder_.empty());
  EXPECT_EQ(reports_[id].started, 0);
  EXPECT_FALSE(reports_[id].outcome);
}

TEST_F(ProcessStopTest, AStopBeforeTheStartTakesEffectAfterIt) {
  make_runtime(script("f", "sleep 1000"));
  const auto id = start("f");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
  EXPECT_EQ(reports_[id].started, 1);
}

TEST_F(ProcessStopTest, AKillWithinAReportEndsAllReports) {
  make_runtime(script("f", "echo a >&2; echo b >&2; printf c; exit 3"));
  spearlet::InvokeFunctionRequest request;
  request.set_execution_mode(spearlet::EXECUTION_MODE_STREAM);
  for (int reports = 1; reports <= 5; ++reports) {
    int count = 0;
    on_any_ = [&](core::AttemptId id) {
      if (++count == reports) runtime_->kill(id);
    };
    start("f", request);
    run_until([&] { return count >= reports && folder_.empty(); });
    EXPECT_EQ(count, reports);
  }
}

TEST_F(ProcessStopTest, AReportCanStartTheNextAttempt) {
  make_runtime(script("f", "true"));
  int left = 20;
  on_any_ = [&](core::AttemptId id) {
    if (reports_[id].outcome && left-- > 0) start("f");
  };
  start("f");
  run_until([&] { return left < 0; });
  EXPECT_EQ(reports_.size(), 21U);
}

TEST_F(ProcessStopTest, RunningAttemptsEndWithTheRuntime) {
  make_runtime(script("f", "trap '' TERM; sleep 1000 & echo $! >&2; sleep 1000"));
  start("f");
  const auto id = start("f");
  run_until([&] { return !reports_[id].logs.empty(); });
  start("f");
  runtime_.reset();
  EXPECT_TRUE(folder_.empty());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  context_.restart();
  context_.poll();
  EXPECT_FALSE(reports_[id].outcome);
}

// The document of a large request is written on another thread.
TEST_F(ProcessEndTest, ALargeRequestArrivesWhole) {
  make_runtime(script("f", "wc -c"));
  spearlet::InvokeFunctionRequest request;
  request.add_parameters()->mutable_value()->set_value(std::string(3'000'000, 'x'));
  EXPECT_EQ(run("f", request).kind, Outcome::Kind::kCompleted);
  const std::string text = text_of(reports_.begin()->second.outcome->payload);
  EXPECT_GT(std::stoi(text), 4'000'000) << "base64";
}

TEST_F(ProcessEndTest, ALargeRequestMayBeWithdrawnBeforeItIsWritten) {
  make_runtime(script("f", "echo started >&2; sleep 1000"));
  spearlet::InvokeFunctionRequest large;
  large.add_parameters()->mutable_value()->set_value(std::string(3'000'000, 'x'));
  const auto killed = start("f", large);
  const auto stopped = start("f", large);
  context_.poll();
  runtime_->kill(killed);
  runtime_->stop(stopped);
  EXPECT_EQ(outcome(stopped).kind, Outcome::Kind::kStopped);
  EXPECT_EQ(reports_[killed].started, 0);
  EXPECT_FALSE(reports_[killed].outcome);
  start("f", large);
  context_.poll();
  runtime_.reset();
}

}  // namespace
}  // namespace quintain::server
