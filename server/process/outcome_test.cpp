#include "server/process/outcome.h"

#include <gtest/gtest.h>

#include <csignal>

namespace quintain::server {
namespace {

using core::Outcome;

TEST(Outcome, ZeroIsCompletedEvenAfterStop) {
  EXPECT_EQ(outcome_of({}).kind, Outcome::Kind::kCompleted);
  EXPECT_EQ(outcome_of({.stop_signal = SIGTERM}).kind, Outcome::Kind::kCompleted);
}

TEST(Outcome, TheStopSignalIsStoppedOnlyAfterStop) {
  const ProcessEnd by_signal{.by_signal = true, .number = SIGTERM};
  EXPECT_EQ(outcome_of(by_signal).error_code, "SIGNAL_TERM");
  EXPECT_EQ(outcome_of({.number = 143}).error_code, "EXIT_143");
  EXPECT_EQ(outcome_of({.by_signal = true, .number = SIGTERM, .stop_signal = SIGTERM}).kind,
            Outcome::Kind::kStopped);
  EXPECT_EQ(outcome_of({.number = 143, .stop_signal = SIGTERM}).kind, Outcome::Kind::kStopped);
  EXPECT_EQ(outcome_of({.number = SIGTERM, .stop_signal = SIGTERM}).error_code, "EXIT_15");
  EXPECT_EQ(outcome_of({.by_signal = true, .number = SIGKILL, .stop_signal = SIGTERM}).error_code,
            "SIGNAL_KILL");
  EXPECT_EQ(outcome_of({.number = 130, .stop_signal = SIGINT}).kind, Outcome::Kind::kStopped);
}

TEST(Outcome, TheLastLineIsTheMessage) {
  EXPECT_EQ(outcome_of({.number = 2, .last_line = "why"}).error_message, "why");
  EXPECT_EQ(outcome_of({.number = 2}).error_message, "exit code 2");
  EXPECT_EQ(outcome_of({.by_signal = true, .number = SIGABRT, .last_line = "assert"}).error_message,
            "assert");
  EXPECT_EQ(outcome_of({.by_signal = true, .number = SIGRTMIN + 1}).error_code,
            "SIGNAL_" + std::to_string(SIGRTMIN + 1));
}

TEST(Outcome, ALastLineMayNameTheCode) {
  const auto ended = [](std::string_view line) {
    const Outcome outcome = outcome_of({.number = 1, .last_line = line});
    return outcome.error_code + "|" + outcome.error_message;
  };
  EXPECT_EQ(ended("error_code: NO_CHEESE all gone"), "NO_CHEESE|all gone");
  EXPECT_EQ(ended("error_code: NO_CHEESE"), "NO_CHEESE|exit code 1");
  EXPECT_EQ(ended("error_code: "), "EXIT_1|error_code: ");
  EXPECT_EQ(ended("error_code: lower case"), "EXIT_1|error_code: lower case");
  EXPECT_EQ(ended("error_code: " + std::string(64, 'A')), std::string(64, 'A') + "|exit code 1");
  EXPECT_EQ(ended("error_code: " + std::string(65, 'A')),
            "EXIT_1|error_code: " + std::string(65, 'A'));
  EXPECT_EQ(ended("an error_code: X"), "EXIT_1|an error_code: X");
}

}  // namespace
}  // namespace quintain::server
