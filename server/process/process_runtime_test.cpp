// Real processes: how they end, and what is heard of it.
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
  EXPECT_EQ(heard_[id].started, 0) << "nothing is heard before start() returns";
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kCompleted);
  EXPECT_EQ(text_of(outcome(id).payload), "result");
  EXPECT_EQ(heard_[id].started, 1);
  EXPECT_THAT(heard_[id].logs, ElementsAre("talk"));
  EXPECT_THAT(heard_[id].chunks, IsEmpty());
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

TEST_F(ProcessEndTest, ACommandThatDoesNotExistFailsWithoutHavingStarted) {
  ProcessFunction function = script("f", "");
  function.command = {"/no/such/program", "x"};
  make_runtime(function);
  const auto id = start("f");
  EXPECT_FALSE(heard_[id].outcome) << "nothing is heard before start() returns";
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kFailed);
  EXPECT_EQ(outcome(id).error_code, "START_FAILED");
  EXPECT_THAT(outcome(id).error_message, HasSubstr("'/no/such/program'"));
  EXPECT_THAT(outcome(id).error_message, HasSubstr("No such file or directory"));
  EXPECT_EQ(heard_[id].started, 0);
  EXPECT_TRUE(folder_.empty());
}

TEST_F(ProcessEndTest, AFunctionWithoutACommandFailsWithoutHavingStarted) {
  make_runtime(script("f", "true"));
  const Outcome& outcome = run("other");
  EXPECT_EQ(outcome.error_code, "START_FAILED");
  EXPECT_EQ(outcome.error_message, "no command plays function 'other' of task 'task'");
}

TEST_F(ProcessEndTest, ACommandWithoutANamePlaysWhateverHasNoOther) {
  make_runtime({script("", "printf any:$QUINTAIN_FUNCTION_NAME"), script("f", "printf f")});
  EXPECT_EQ(text_of(run("f").payload), "f");
  EXPECT_EQ(text_of(run("g").payload), "any:g");
}

TEST_F(ProcessEndTest, AProgramWithoutASlashIsFoundInPath) {
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

TEST_F(ProcessEndTest, AWorkingDirectoryThatDoesNotExistIsAFailedStart) {
  ProcessFunction function = script("f", "true");
  function.working_directory = "/no/such/folder";
  make_runtime(function);
  EXPECT_EQ(run("f").error_code, "START_FAILED");
  EXPECT_THAT(run("f").error_message, HasSubstr("the working directory"));
}

TEST_F(ProcessEndTest, ADangerousEnvironmentIsRefused) {
  make_runtime(script("f", "true"));
  spearlet::InvokeFunctionRequest request;
  (*request.mutable_context()->mutable_environment())["LD_PRELOAD"] = "evil.so";
  const Outcome& outcome = run("f", request);
  EXPECT_EQ(outcome.error_code, "INVALID_ENVIRONMENT");
  EXPECT_EQ(outcome.error_message, "context.environment: 'LD_PRELOAD' can't be set by a caller");
}

TEST_F(ProcessEndTest, NamesItsOwnErrorCode) {
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

TEST_F(ProcessStopTest, ObeysByTheSignal) {
  make_runtime(script("f", "echo ready >&2; sleep 1000"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
}

TEST_F(ProcessStopTest, ObeysByTheExitCodeOfAShell) {
  make_runtime(script("f", "trap 'exit 143' TERM; echo ready >&2; sleep 1000 & wait"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
}

TEST_F(ProcessStopTest, MayFinishInItsOwnWay) {
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

TEST_F(ProcessStopTest, MayIgnoreItAndIsKilledWithoutAReport) {
  make_runtime(
      script("f", "trap 'echo no >&2' TERM; echo ready >&2; while :; do sleep 1000 & wait; done"));
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  run_until_logged(id, "no");
  runtime_->kill(id);
  run_until([&] { return folder_.empty(); });
  EXPECT_FALSE(heard_[id].outcome);
  runtime_->kill(id);  // late and harmless
  runtime_->stop(id);
}

TEST_F(ProcessStopTest, TheSignalCanBeAnother) {
  ProcessFunction function = script("f", "trap 'exit 130' INT; echo ready >&2; sleep 1000 & wait");
  function.stop_signal = SIGINT;
  make_runtime(function);
  const auto id = start("f");
  run_until_logged(id, "ready");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
}

TEST_F(ProcessStopTest, ToEndByThatSignalUnaskedIsAFailure) {
  EXPECT_EQ(run_script("kill -TERM $$").error_code, "SIGNAL_TERM");
}

TEST_F(ProcessStopTest, KilledBeforeItHasBegunNothingIsHeard) {
  make_runtime(script("f", "sleep 1000"));
  const auto id = start("f");
  runtime_->kill(id);
  context_.poll();
  EXPECT_TRUE(folder_.empty());
  EXPECT_EQ(heard_[id].started, 0);
  EXPECT_FALSE(heard_[id].outcome);
}

TEST_F(ProcessStopTest, AskedToStopBeforeItHasBegunItIsToldAsSoonAsItHas) {
  make_runtime(script("f", "sleep 1000"));
  const auto id = start("f");
  runtime_->stop(id);
  EXPECT_EQ(outcome(id).kind, Outcome::Kind::kStopped);
  EXPECT_EQ(heard_[id].started, 1);
}

TEST_F(ProcessStopTest, KilledWithinAnyReportNothingMoreIsHeard) {
  make_runtime(script("f", "echo a >&2; echo b >&2; printf c; exit 3"));
  spearlet::InvokeFunctionRequest request;
  request.set_execution_mode(spearlet::EXECUTION_MODE_STREAM);
  for (int reports = 1; reports <= 5; ++reports) {
    int heard = 0;
    on_any_ = [&](core::AttemptId id) {
      if (++heard == reports) runtime_->kill(id);
    };
    start("f", request);
    run_until([&] { return heard >= reports && folder_.empty(); });
    EXPECT_EQ(heard, reports);
  }
}

TEST_F(ProcessStopTest, ReportsMayStartTheNext) {
  make_runtime(script("f", "true"));
  int left = 20;
  on_any_ = [&](core::AttemptId id) {
    if (heard_[id].outcome && left-- > 0) start("f");
  };
  start("f");
  run_until([&] { return left < 0; });
  EXPECT_EQ(heard_.size(), 21U);
}

TEST_F(ProcessStopTest, WhatRunsEndsWithTheRuntime) {
  make_runtime(script("f", "trap '' TERM; sleep 1000 & echo $! >&2; sleep 1000"));
  start("f");
  const auto id = start("f");
  run_until([&] { return !heard_[id].logs.empty(); });
  start("f");
  runtime_.reset();
  EXPECT_TRUE(folder_.empty());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  context_.restart();
  context_.poll();
  EXPECT_FALSE(heard_[id].outcome);
}

}  // namespace
}  // namespace quintain::server
