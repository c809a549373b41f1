#include "scenarios/language/script.h"

#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/wrappers.pb.h>

#include <chrono>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using testing::ElementsAre;

std::vector<sim::Step> steps(const std::string& text) {
  return read_good_text(R"({"about": "x", "nodes": {"n1": {}, "n2": {}},
                            "functions": {"work": {}, "tool": {"task": "tools", "function": "saw"}},
                            "steps": [)" +
                        text + "]}")
      .steps;
}

template <class Action>
const Action& action(const sim::Step& step) {
  return std::get<Action>(step.action);
}

const spearlet::InvokeFunctionRequest& invocation(const sim::Step& step) {
  return action<spearlet::InvokeFunctionRequest>(step);
}

/// The text form of the request of a step.
std::string request(const std::string& text) {
  return invocation(steps(text)[0]).ShortDebugString();
}

TEST(Invocations, CallFunctionsOrTasks) {
  EXPECT_EQ(request(R"({"invoke": "work", "mode": "sync"})"),
            R"(task_id: "work" execution_mode: EXECUTION_MODE_SYNC)");
  EXPECT_EQ(request(R"({"invoke": "tool", "mode": "async"})"),
            R"(task_id: "tools" execution_mode: EXECUTION_MODE_ASYNC function_name: "saw")");
  EXPECT_EQ(request(R"({"invoke": {"task": "none"}, "mode": "stream", "function": "f"})"),
            R"(task_id: "none" execution_mode: EXECUTION_MODE_STREAM function_name: "f")");
  EXPECT_EQ(request(R"({"invoke": {}, "mode": "unspecified"})"), "");
}

TEST(Invocations, WritesEveryKeyIntoTheRequest) {
  const spearlet::InvokeFunctionRequest got = invocation(steps(R"({
      "invoke": "work", "mode": 99, "timeout": "5s", "retries": -3, "priority": -7,
      "execution_id": "id", "context_execution_id": "other",
      "fresh_instance": true, "create_if_not_exists": true, "invocation_type": "new-task",
      "task_name": "the work", "function": "named",
      "artifact": {"artifact_type": "process", "metadata": {"k": "v"}},
      "parameters": [{"name": "p", "text": "hello"}, {"text": ""}],
      "session_id": "s", "user_id": "u",
      "headers": {"h": "1"}, "environment": {"e": "2"}, "metadata": {"m": "3"}})")[0]);

  spearlet::InvokeFunctionRequest expected;
  expected.set_task_id("work");
  expected.set_execution_mode(static_cast<spearlet::ExecutionMode>(99));
  expected.mutable_context()->set_timeout_ms(5000);
  expected.mutable_context()->set_max_retries(-3);
  (*expected.mutable_invocation_metadata())["priority"] = "-7";
  (*expected.mutable_invocation_metadata())["m"] = "3";
  expected.set_execution_id("id");
  expected.mutable_context()->set_execution_id("other");
  expected.set_force_new_instance(true);
  expected.set_create_if_not_exists(true);
  expected.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  expected.set_task_name("the work");
  expected.set_function_name("named");
  expected.mutable_artifact_spec()->set_artifact_type("process");
  (*expected.mutable_artifact_spec()->mutable_metadata())["k"] = "v";
  google::protobuf::StringValue text;
  text.set_value("hello");
  expected.add_parameters()->set_name("p");
  expected.mutable_parameters(0)->mutable_value()->PackFrom(text);
  text.clear_value();
  expected.add_parameters()->mutable_value()->PackFrom(text);
  expected.mutable_context()->set_session_id("s");
  expected.mutable_context()->set_user_id("u");
  (*expected.mutable_context()->mutable_headers())["h"] = "1";
  (*expected.mutable_context()->mutable_environment())["e"] = "2";
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(got, expected))
      << got.DebugString();
}

TEST(Invocations, InvalidTimeoutsCanBeSent) {
  EXPECT_EQ(invocation(steps(R"({"invoke": "work", "mode": "sync", "timeout_ms": -5})")[0])
                .context()
                .timeout_ms(),
            -5);
}

TEST(Invocations, AnEmptyIdDiffersFromNone) {
  EXPECT_TRUE(invocation(steps(R"({"invoke": "work", "mode": "sync", "execution_id": ""})")[0])
                  .has_execution_id());
}

TEST(Invocations, TheRawRequestOverridesOtherKeys) {
  EXPECT_EQ(request(R"({"invoke": "work", "mode": "sync", "session_id": "s", "user_id": "u",
                        "metadata": {"a": "1"},
                        "request": {"task_id": "", "execution_mode": "ASYNC",
                                    "context": {"user_id": null, "timeout_ms": 7},
                                    "invocation_metadata": {"b": "2"}}})"),
            R"(execution_mode: EXECUTION_MODE_ASYNC context { session_id: "s" timeout_ms: 7 } )"
            R"(invocation_metadata { key: "b" value: "2" })");
}

TEST(Steps, ReadsTimeNameNodeAndDeadline) {
  const auto all = steps(R"({"health": {}},
                            {"at": "5ms", "as": "x", "node": "n2", "deadline": "1s", "stats": {}},
                            {"health": {}})");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].at, Instant());
  EXPECT_EQ(all[0].name, "step-1");
  EXPECT_EQ(all[0].node, 0u);
  EXPECT_EQ(all[0].deadline, core::kForever);
  EXPECT_EQ(all[1].at, Instant(5ms));
  EXPECT_EQ(all[1].name, "x");
  EXPECT_EQ(all[1].node, 1u);
  EXPECT_EQ(all[1].deadline, 1s);
  EXPECT_EQ(all[2].at, Instant(5ms));
  EXPECT_EQ(all[2].name, "step-3");
}

TEST(Steps, ReadsEveryKind) {
  const auto all = steps(R"({"as": "a", "invoke": "work", "mode": "async"},
      {"as": "b", "stream": "work"},
      {"as": "c", "stream": "work", "mode": "sync"},
      {"at": "1s", "status": "a", "include_result": true, "include_logs": true},
      {"status": {"id": "x"}},
      {"cancel": "a", "reason": "why", "force": true},
      {"cancel": {"id": "y"}},
      {"as": "l", "list_executions": {"task_id": "work", "limit": -1, "status_filter": "FAILED"}},
      {"list_executions": {"status_filter": "EXECUTION_STATUS_RUNNING"}, "page_after": "l"},
      {"as": "m", "list_tasks": {"prefix": "w", "start_after": "s"}},
      {"list_tasks": {}, "page_after": "m"},
      {"get_task": {"task_id": "work", "execution_limit": 3}},
      {"delete_task": {"force": true}},
      {"health": {"include_details": true}},
      {"stats": {"time_range_hours": 2}},
      {"at": "2s", "leave": "b"},
      {"drain": true})");
  ASSERT_EQ(all.size(), 17u);
  EXPECT_EQ(action<sim::StreamStep>(all[1]).request.execution_mode(),
            spearlet::EXECUTION_MODE_STREAM);
  EXPECT_EQ(action<sim::StreamStep>(all[2]).request.execution_mode(),
            spearlet::EXECUTION_MODE_SYNC);

  const auto& status = action<spearlet::GetExecutionStatusRequest>(all[3]);
  EXPECT_EQ(status.ShortDebugString(), "include_result: true include_logs: true");
  EXPECT_EQ(all[3].execution, "a");
  EXPECT_EQ(action<spearlet::GetExecutionStatusRequest>(all[4]).ShortDebugString(),
            R"(execution_id: "x")");
  EXPECT_EQ(all[4].execution, "");

  EXPECT_EQ(action<spearlet::CancelExecutionRequest>(all[5]).ShortDebugString(),
            R"(reason: "why" force: true)");
  EXPECT_EQ(all[5].execution, "a");
  EXPECT_EQ(action<spearlet::CancelExecutionRequest>(all[6]).execution_id(), "y");

  EXPECT_EQ(action<spearlet::ListExecutionsRequest>(all[7]).ShortDebugString(),
            R"(task_id: "work" limit: -1 status_filter: EXECUTION_STATUS_FAILED)");
  EXPECT_EQ(action<spearlet::ListExecutionsRequest>(all[8]).status_filter(),
            spearlet::EXECUTION_STATUS_RUNNING);
  EXPECT_EQ(all[8].page_after, "l");
  EXPECT_EQ(action<spearlet::ListTasksRequest>(all[9]).ShortDebugString(),
            R"(prefix: "w" start_after: "s")");
  EXPECT_EQ(all[10].page_after, "m");
  EXPECT_EQ(action<spearlet::GetTaskRequest>(all[11]).ShortDebugString(),
            R"(task_id: "work" execution_limit: 3)");
  EXPECT_TRUE(action<spearlet::DeleteTaskRequest>(all[12]).force());
  EXPECT_TRUE(action<spearlet::GetHealthRequest>(all[13]).include_details());
  EXPECT_EQ(action<spearlet::GetStatsRequest>(all[14]).time_range_hours(), 2);
  EXPECT_EQ(action<sim::LeaveStep>(all[15]).call, "b");
  EXPECT_TRUE(std::holds_alternative<sim::DrainStep>(all[16].action));
}

TEST(Steps, GoToTheNodeOfTheStepTheyReferTo) {
  const auto all = steps(R"({"as": "a", "node": "n2", "invoke": "work", "mode": "async"},
                            {"status": "a"}, {"status": "a", "node": "n1"}, {"health": {}})");
  EXPECT_EQ(all[1].node, 1u);
  EXPECT_EQ(all[2].node, 0u);
  EXPECT_EQ(all[3].node, 0u);
}

TEST(Steps, RepetitionsAreSeparateSteps) {
  const auto all = steps(R"({"as": "a", "at": "1s", "invoke": "work", "mode": "async",
                             "repeat": {"times": 3, "every": "10ms"}},
                            {"status": "a.3"},
                            {"health": {}, "repeat": {"times": 1, "every": "0s"}})");
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].name, "a.1");
  EXPECT_EQ(all[0].at, Instant(1s));
  EXPECT_EQ(all[2].name, "a.3");
  EXPECT_EQ(all[2].at, Instant(1s + 20ms));
  EXPECT_EQ(all[3].at, Instant(1s + 20ms));
  EXPECT_EQ(all[3].execution, "a.3");
  EXPECT_EQ(all[4].name, "step-3.1");
}

TEST(Steps, MayBeInAnyOrderOfTime) {
  const auto all = steps(R"({"at": "2s", "cancel": "a"},
                            {"at": "1s", "as": "a", "invoke": "work", "mode": "async"})");
  EXPECT_EQ(all[0].execution, "a");
}

TEST(Steps, HaveALimitedNumber) {
  std::string text = R"({"about": "x", "functions": {"f": {}}, "steps": [)";
  for (int i = 0; i < 11; ++i) {
    text += std::string(i == 0 ? "" : ",") + "\n" +
            R"({"health": {}, "repeat": {"times": 10000, "every": "1s"}})";
  }
  EXPECT_EQ(errors_of(text + "]}"),
            "f:12: /steps/10: this makes more than 100000 steps; use a load for that many calls");
}

TEST(Steps, ManyNamesAreNotListedInErrors) {
  EXPECT_EQ(errors_of(R"({"about": "x", "functions": {"f": {}}, "steps": [
                          {"as": "a", "health": {}, "repeat": {"times": 30, "every": "0s"}},
                          {"at": "1s", "leave": "a.31"}]})"),
            R"(f:3: /steps/1/leave: there is no step "a.31"; did you mean 'a.1'?)");
}

}  // namespace
}  // namespace quintain::scenarios
