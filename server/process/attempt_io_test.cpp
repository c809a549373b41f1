#include "server/process/attempt_io.h"

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace quintain::server {
namespace {

using core::Outcome;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
namespace protobuf = google::protobuf;

class AttemptInputTest : public ::testing::Test {
 protected:
  template <class Wrapper, class Value>
  void add(const std::string& name, Value value) {
    Wrapper wrapper;
    wrapper.set_value(value);
    auto* parameter = request_.add_parameters();
    parameter->set_name(name);
    parameter->mutable_value()->PackFrom(wrapper);
  }

  void set(const std::string& name, const std::string& value) {
    (*request_.mutable_context()->mutable_environment())[name] = value;
  }

  core::AttemptSpec attempt() const {
    return {.id = core::AttemptId{1},
            .ordinal = 1,
            .number = 2,
            .execution_id = "exec-7",
            .task_id = "task",
            .function_name = "f",
            .instance_id = "instance",
            .cold_start = true,
            .request = request_};
  }

  std::map<std::string, std::string> environment() const {
    return environment_of(attempt(), function_, "/work");
  }

  nlohmann::json document() const { return nlohmann::json::parse(document_of(attempt())); }

  spearlet::InvokeFunctionRequest request_;
  ProcessFunction function_;
};

TEST_F(AttemptInputTest, TheEnvironmentIdentifiesTheAttempt) {
  const auto variables = environment();
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_EXECUTION_ID", "exec-7")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_TASK_ID", "task")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_FUNCTION_NAME", "f")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_ATTEMPT", "2")));
  EXPECT_THAT(variables, Contains(Pair("HOME", "/work")));
  EXPECT_THAT(variables, Contains(Key("PATH")));
}

TEST_F(AttemptInputTest, ScalarParametersBecomeVariables) {
  add<protobuf::StringValue>("text", "a b");
  add<protobuf::Int64Value>("big-int", std::numeric_limits<std::int64_t>::min());
  add<protobuf::UInt64Value>("u", std::numeric_limits<std::uint64_t>::max());
  add<protobuf::DoubleValue>("d", 0.5);
  add<protobuf::DoubleValue>("nan", std::nan(""));
  add<protobuf::BoolValue>("yes", true);
  add<protobuf::BytesValue>("bytes", "x");
  add<protobuf::StringValue>("big.int", "the second with this variable");
  add<protobuf::StringValue>("nul", std::string("a\0b", 3));
  add<protobuf::StringValue>("long", std::string(kMaxParameterBytes + 1, 'x'));
  const auto variables = environment();
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_PARAM_TEXT", "a b")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_PARAM_BIG_INT", "-9223372036854775808")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_PARAM_U", "18446744073709551615")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_PARAM_D", "0.5")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_PARAM_NAN", "NaN")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_PARAM_YES", "true")));
  EXPECT_THAT(variables, Not(Contains(Key("QUINTAIN_PARAM_BYTES"))));
  EXPECT_THAT(variables, Not(Contains(Key("QUINTAIN_PARAM_NUL"))));
  EXPECT_THAT(variables, Not(Contains(Key("QUINTAIN_PARAM_LONG"))));
}

TEST_F(AttemptInputTest, LimitsTheNumberOfParameterVariables) {
  for (std::size_t i = 0; i <= kMaxParameterVariables; ++i) {
    add<protobuf::BoolValue>("p" + std::to_string(i), true);
  }
  const auto variables = environment();
  EXPECT_THAT(variables,
              Contains(Key("QUINTAIN_PARAM_P" + std::to_string(kMaxParameterVariables - 1))));
  EXPECT_THAT(variables,
              Not(Contains(Key("QUINTAIN_PARAM_P" + std::to_string(kMaxParameterVariables)))));
  EXPECT_EQ(document()["parameters"].size(), kMaxParameterVariables + 1);
}

TEST_F(AttemptInputTest, TheFunctionsVariablesOverrideTheCallers) {
  set("COLOUR", "red");
  set("SIZE", "big");
  function_.caller_environment = {"*"};
  function_.environment = {{"COLOUR", "blue"}, {"PATH", "/bin"}, {"QUINTAIN_TASK_ID", "no"}};
  EXPECT_THAT(environment_problems(request_), IsEmpty());
  const auto variables = environment();
  EXPECT_THAT(variables, Contains(Pair("COLOUR", "blue")));
  EXPECT_THAT(variables, Contains(Pair("SIZE", "big")));
  EXPECT_THAT(variables, Contains(Pair("PATH", "/bin")));
  EXPECT_THAT(variables, Contains(Pair("QUINTAIN_TASK_ID", "task")));
}

TEST_F(AttemptInputTest, OnlyVariablesThatTheFunctionAcceptsReachIt) {
  for (const char* name : {"SIZE", "SIZES", "APP_A", "APP", "http_proxy"}) set(name, "callers");
  EXPECT_THAT(environment_problems(request_), IsEmpty());
  const auto callers = [this] {
    std::vector<std::string> names;
    for (const auto& [name, value] : environment()) {
      if (value == "callers") names.push_back(name);
    }
    return names;
  };
  EXPECT_THAT(callers(), IsEmpty());
  function_.caller_environment = {"SIZE", "APP_*"};
  EXPECT_THAT(callers(), ElementsAre("APP_A", "SIZE"));
}

TEST_F(AttemptInputTest, OnlyNamedVariablesOfTheServerAreInherited) {
  setenv("QUINTAIN_TEST_SECRET", "secret", 1);
  setenv("TZ", "UTC", 1);
  function_.inherited_environment = {{"LICENCE", "file"}, {"HOME", "/root"}, {"LANG", "xx"}};
  const auto variables = environment();
  unsetenv("QUINTAIN_TEST_SECRET");
  unsetenv("TZ");
  EXPECT_THAT(variables, Not(Contains(Key("QUINTAIN_TEST_SECRET"))));
  EXPECT_THAT(variables, Contains(Pair("TZ", "UTC")));
  EXPECT_THAT(variables, Contains(Pair("LICENCE", "file")));
  EXPECT_THAT(variables, Contains(Pair("LANG", "xx")));
  EXPECT_THAT(variables, Contains(Pair("HOME", "/work")));
}

TEST_F(AttemptInputTest, RejectsDangerousAndMalformedVariables) {
  for (const char* fine : {"a", "_", "A1_b", "LANG", "PATHS", "L_D"}) set(fine, "x");
  EXPECT_THAT(environment_problems(request_), IsEmpty());
  for (const char* wrong :
       {"", "1A", "A=B", "a-b", "PATH", "LD_PRELOAD", "PYTHONPATH", "QUINTAIN_TASK_ID"}) {
    set(wrong, "x");
  }
  set("V", std::string("a\0b", 3));
  EXPECT_THAT(
      environment_problems(request_),
      ElementsAre("'' is not a variable name; use letters, digits and '_'",
                  "'1A' is not a variable name; use letters, digits and '_'",
                  "'A=B' is not a variable name; use letters, digits and '_'",
                  "'LD_PRELOAD' can't be set by a caller", "'PATH' can't be set by a caller",
                  "'PYTHONPATH' can't be set by a caller",
                  "'QUINTAIN_TASK_ID' can't be set by a caller",
                  "'a-b' is not a variable name; use letters, digits and '_'",
                  "the value of 'V' contains a NUL"));
}

TEST_F(AttemptInputTest, TheDocumentContainsTheWholeRequest) {
  add<protobuf::StringValue>("text", "a\nb");
  add<protobuf::Int64Value>("n", 5);
  add<protobuf::BytesValue>("bytes", "\xFF\x01");
  request_.mutable_parameters(0)->set_type("string");
  auto* odd = request_.add_parameters();
  odd->set_name("odd");
  odd->mutable_value()->set_type_url("type.example/Odd");
  odd->mutable_value()->set_value("x");
  request_.add_parameters()->set_name("none");
  set("SIZE", "big");
  request_.mutable_context()->set_user_id("me");
  request_.mutable_context()->set_timeout_ms(1500);
  EXPECT_EQ(document(), nlohmann::json::parse(R"({
      "execution_id": "exec-7", "task_id": "task", "function_name": "f", "attempt": 2,
      "parameters": [
        {"name": "text", "type": "string", "value": "a\nb"},
        {"name": "n", "type": "", "value": 5},
        {"name": "bytes", "type": "", "base64": "/wE=",
         "type_url": "type.googleapis.com/google.protobuf.BytesValue"},
        {"name": "odd", "type": "", "type_url": "type.example/Odd", "base64": "eA=="},
        {"name": "none", "type": ""}],
      "context": {"session_id": "", "user_id": "me", "environment": {"SIZE": "big"}, "headers": {},
                  "timeout_ms": 1500, "max_retries": 0}})"));
}

TEST(OutcomeTest, ExitCodeZeroIsCompletedEvenAfterStop) {
  EXPECT_EQ(outcome_of({}).kind, Outcome::Kind::kCompleted);
  EXPECT_EQ(outcome_of({.stop_signal = SIGTERM}).kind, Outcome::Kind::kCompleted);
}

TEST(OutcomeTest, EndByTheStopSignalIsStoppedOnlyAfterStop) {
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

TEST(OutcomeTest, TheLastLineIsTheMessage) {
  EXPECT_EQ(outcome_of({.number = 2, .last_line = "why"}).error_message, "why");
  EXPECT_EQ(outcome_of({.number = 2}).error_message, "exit code 2");
  EXPECT_EQ(outcome_of({.by_signal = true, .number = SIGABRT, .last_line = "assert"}).error_message,
            "assert");
  EXPECT_EQ(outcome_of({.by_signal = true, .number = SIGRTMIN + 1}).error_code,
            "SIGNAL_" + std::to_string(SIGRTMIN + 1));
}

TEST(OutcomeTest, TheLastLineCanSetTheErrorCode) {
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
