// Modes, states, idempotency, admission and draining. A test of a clause has its name.
#include "core/execution_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/testing/test_node.h"

namespace quintain::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

NodeConfig slots(int count, int queue_limit = 10) {
  NodeConfig config;
  config.slots = count;
  config.queue_limit = queue_limit;
  return config;
}

// ---- SYNC ---------------------------------------------------------------------------------------

TEST(SyncClause, Sync1NoEndpointAndNoEstimateForAnyOutcome) {
  TestNode node;
  auto& completes = node.sync({.id = "a"});
  auto& fails = node.sync({.id = "b"});
  auto& cancelled = node.sync({.id = "c"});
  auto& late = node.sync({.id = "d", .timeout_ms = 10});
  node.settle();
  node.runtime.finish("a");
  node.runtime.finish("b", failed());
  node.cancel("c", true);
  node.run_for(10ms);
  for (const auto* call : {&completes, &fails, &cancelled, &late}) {
    EXPECT_EQ((*call)->status_endpoint(), "");
    EXPECT_EQ((*call)->estimated_completion_ms(), 0);
    EXPECT_TRUE((*call)->result().metrics().empty());
  }
}

TEST(SyncClause, Sync2TheAnswerComesAtTheEndWithTheFullResult) {
  TestNode node;
  auto& call = node.sync();
  node.run_for(2s);
  EXPECT_FALSE(call.answered());
  const std::string id = node.list().executions(0).execution_id();
  Outcome outcome = completed("value");
  outcome.memory_used_bytes = 77;
  node.runtime.finish(id, outcome);
  ASSERT_TRUE(call.answered());
  EXPECT_EQ(call->result().status(), kCompleted);
  EXPECT_EQ(call->result().result().value(), "value");
  EXPECT_EQ(call->result().result().type_url(), "text");
  EXPECT_EQ(call->result().execution_time_ms(), 2000);
  EXPECT_EQ(call->result().memory_used_bytes(), 77);
}

TEST(SyncClause, Sync3And6IdsAreEchoed) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec&) { return takes(1ms); };
  auto& named = node.sync({.id = "mine"});
  auto& unnamed = node.sync();
  node.run_for(1ms);
  EXPECT_EQ(named->execution_id(), "mine");
  EXPECT_EQ(named->task_id(), "task");
  EXPECT_THAT(named->instance_id(), "task-i1");
  EXPECT_FALSE(unnamed->execution_id().empty());
  EXPECT_EQ(node.list().executions(0).function_name(), "f");
}

TEST(SyncClause, Sync4And5ErrorsAndSuccess) {
  TestNode node;
  auto& completes = node.sync({.id = "a"});
  auto& fails = node.sync({.id = "b"});
  auto& nameless = node.sync({.id = "c"});
  node.settle();
  node.runtime.finish("a");
  node.runtime.finish("b", failed("E42", "bad luck"));
  node.runtime.finish("c", failed("", ""));
  EXPECT_TRUE(completes->success());
  EXPECT_EQ(completes->result().error_code(), "");
  EXPECT_EQ(completes->result().error_message(), "");
  EXPECT_FALSE(fails->success());
  EXPECT_EQ(fails->result().status(), kFailed);
  EXPECT_EQ(fails->result().error_code(), "E42");
  EXPECT_EQ(fails->result().error_message(), "bad luck");
  EXPECT_FALSE(fails->result().has_result());
  EXPECT_NE(nameless->result().error_code(), "");
}

// ---- ASYNC --------------------------------------------------------------------------------------

TEST(AsyncClause, Async1And3TheFirstAnswerIsPendingAndAtOnce) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec&) { return takes(0s); };
  auto& call = node.async({.id = "a"});
  ASSERT_TRUE(call.answered());
  EXPECT_TRUE(call->success());
  EXPECT_EQ(call->result().status(), kPending);
  EXPECT_FALSE(call->result().has_result());
  EXPECT_FALSE(call->result().has_started_at());
  EXPECT_FALSE(call->result().has_completed_at());
  node.settle();
  EXPECT_EQ(node.status("a"), kCompleted);
}

TEST(AsyncClause, Async2And4TheEndpointNamesTheExecutionAndItIsFound) {
  TestNode node;
  auto& call = node.async();
  EXPECT_EQ(call->status_endpoint(), "/status/" + call->execution_id());
  EXPECT_TRUE(node.found(call->execution_id()));
}

TEST(AsyncClause, Async5TheEstimateIsAPositiveDuration) {
  NodeConfig config;
  config.eta.estimator = "queue-length";
  TestNode node(config);
  auto& call = node.async();
  EXPECT_EQ(call->estimated_completion_ms(), 1000) << "the prior";
  EXPECT_EQ(call->result().metrics().at("eta_p90_ms"), "2303") << "1000 ln 10, rounded up";
  EXPECT_EQ(call->result().metrics().at("eta_estimator"), "queue-length");
}

TEST(AsyncClause, Async5TheBestEstimatorIsTheDefault) {
  TestNode node;
  auto& call = node.async();
  EXPECT_GT(call->estimated_completion_ms(), 0);
  EXPECT_EQ(call->result().metrics().at("eta_estimator"), "best");
}

TEST(AsyncClause, Async6RejectsUnknownTasksAndFunctions) {
  TestNode node;
  node.add_task(task_spec("listed", {"g"}));
  auto& no_task = node.async({.id = "a", .task = "nowhere"});
  auto& no_function = node.async({.id = "b", .task = "listed"});
  EXPECT_EQ(no_task.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(no_function.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(node.counters().refused(RefusalReason::kUnknownTask), 2);
  EXPECT_EQ(node.list().executions_size(), 0);
}

TEST(AsyncClause, Async7ContinuesWhenTheCallerLeaves) {
  TestNode node;
  auto& call = node.async({.id = "a"});
  node.settle();
  call.leave();
  node.run_for(1s);
  EXPECT_EQ(node.status("a"), kRunning);
  node.runtime.finish("a");
  EXPECT_EQ(node.status("a"), kCompleted);
}

TEST(AsyncClause, Async8ReportsALaterFailure) {
  TestNode node;
  node.async({.id = "a"});
  node.settle();
  node.runtime.finish("a", failed("E7"));
  const auto answer = node.look_up("a");
  EXPECT_EQ(answer.result().status(), kFailed);
  EXPECT_EQ(answer.result().error_code(), "E7");
  EXPECT_TRUE(answer.result().has_completed_at());
}

TEST(AsyncClause, Async9AFullQueueRejectsWithoutATrace) {
  TestNode node(slots(1, 1));
  node.async({.id = "runs"});
  node.async({.id = "waits"});
  auto& refused = node.async({.id = "a"});
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  auto request = async_request({.id = "b", .task = "new"});
  request.mutable_artifact_spec();
  request.set_create_if_not_exists(true);
  EXPECT_EQ(node.invoke(request).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(node.found("a"));
  EXPECT_FALSE(node.found("b"));
  EXPECT_EQ(node.node->manager().tasks().find("new"), nullptr);
  EXPECT_EQ(node.counters().refused(RefusalReason::kQueueFull), 2);
  node.settle();
  node.runtime.finish("runs");
  EXPECT_TRUE(node.async({.id = "a"})->success()) << "the id was not used up";
}

TEST(AsyncClause, Async9AQueueOfLengthZeroStillFillsFreeSlots) {
  TestNode node(slots(1, 0));
  EXPECT_TRUE(node.async({.id = "a"})->success());
  EXPECT_EQ(node.async({.id = "b"}).code(), absl::StatusCode::kResourceExhausted);
}

// ---- MODE ---------------------------------------------------------------------------------------

TEST(ModeClause, Mode1And2RejectsOtherModesWithoutATrace) {
  TestNode node;
  for (const int mode : {0, 3, 4, -1}) {
    auto& call = node.invoke(request(static_cast<spearlet::ExecutionMode>(mode)));
    EXPECT_EQ(call.code(), absl::StatusCode::kInvalidArgument) << mode;
  }
  EXPECT_EQ(node.counters().refused(RefusalReason::kInvalid), 4);
  EXPECT_EQ(node.list().executions_size(), 0);
}

TEST(ModeClause, Mode3TheModesDifferInShape) {
  TestNode node;
  auto& sync = node.sync();
  auto& async = node.async();
  EXPECT_FALSE(sync.answered());
  EXPECT_TRUE(async.answered());
}

// ---- STATE --------------------------------------------------------------------------------------

TEST(StateClause, State1QueuedAndColdExecutionsArePending) {
  TestNode node(slots(1));
  node.runtime.plan = [](const AttemptSpec&) { return Plan{.cold_start = 1s}; };
  node.async({.id = "a"});
  node.async({.id = "b"});
  node.run_for(1s - 1ns);
  EXPECT_EQ(node.status("a"), kPending) << "its instance is not ready";
  node.run_for(1ns);
  EXPECT_EQ(node.status("a"), kRunning);
  EXPECT_EQ(node.status("b"), kPending) << "it has no slot";
  node.runtime.finish("a");
  node.settle();
  EXPECT_EQ(node.status("b"), kRunning) << "the instance is warm";
}

TEST(StateClause, State2And8AnswersNeverChangeAfterTheEnd) {
  TestNode node;
  node.async({.id = "a"});
  node.run_for(5ms);
  node.runtime.finish("a");
  const std::string first = node.look_up("a").SerializeAsString();
  node.run_for(1h);
  EXPECT_EQ(node.look_up("a").SerializeAsString(), first);
}

TEST(StateClause, State3IgnoresAndCountsLateAndRepeatedReports) {
  TestNode node;
  node.async({.id = "a"});
  node.settle();
  const AttemptId attempt = node.runtime.id("a");
  node.runtime.finish("a", completed("first"));
  AttemptListener& listener = node.runtime.listener();
  listener.on_finished(attempt, failed());
  listener.on_started(attempt);
  listener.on_chunk(attempt, {});
  listener.on_log(attempt, "late");
  listener.on_finished(AttemptId{12345}, completed());
  EXPECT_EQ(node.counters().reports_ignored, 5);
  const auto answer = node.look_up("a");
  EXPECT_EQ(answer.result().status(), kCompleted);
  EXPECT_EQ(answer.result().result().value(), "first");
  EXPECT_EQ(answer.logs_size(), 0);
  EXPECT_EQ(node.busy(), 0);
}

TEST(StateClause, State6And7TimesAreUnsetUntilTheyHaveHappened) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec&) {
    return Plan{.cold_start = 3s, .run = 2500us, .outcome = completed()};
  };
  node.run_for(1s);
  node.async({.id = "a"});
  EXPECT_FALSE(node.look_up("a").result().has_started_at());
  node.run_for(3s);
  EXPECT_TRUE(node.look_up("a").result().has_started_at());
  EXPECT_FALSE(node.look_up("a").result().has_completed_at());
  node.run_for(1s);
  const auto result = node.look_up("a").result();
  EXPECT_EQ(result.started_at().seconds(), 1'700'000'004);
  EXPECT_EQ(result.completed_at().seconds(), 1'700'000'004);
  EXPECT_EQ(result.completed_at().nanos(), 2'500'000);
  EXPECT_EQ(result.execution_time_ms(), 2);
}

TEST(StateClause, State9WithoutIncludeResultOnlyThePayloadIsMissing) {
  TestNode node;
  node.async({.id = "a"});
  spearlet::GetExecutionStatusRequest query;
  query.set_execution_id("a");
  const auto look = [&] {
    return node.ask(&FunctionService::GetExecutionStatus, query).response().result();
  };
  EXPECT_EQ(look().status(), kPending);
  node.settle();
  EXPECT_EQ(look().status(), kRunning);
  node.runtime.finish("a");
  EXPECT_FALSE(look().has_result());
  spearlet::ExecutionResult with = node.look_up("a").result();
  EXPECT_TRUE(with.has_result());
  with.clear_result();
  EXPECT_EQ(look().SerializeAsString(), with.SerializeAsString());
}

TEST(StateClause, State10AnUnknownIdIsNotFoundButNoError) {
  TestNode node;
  EXPECT_FALSE(node.look_up("unknown").found());
  EXPECT_FALSE(node.look_up("").found());
  EXPECT_FALSE(node.look_up("unknown").has_result());
}

TEST(State, ACompletionWithoutAStartSetsTheStartTime) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec&) {
    return Plan{.outcome = completed(), .start_fails = true};
  };
  node.async({.id = "a"});
  node.settle();
  EXPECT_EQ(node.status("a"), kCompleted);
  EXPECT_TRUE(node.look_up("a").result().has_started_at());
}

// ---- IDEM ---------------------------------------------------------------------------------------

TEST(IdemClause, Idem1And3ARepeatedRequestIsTheSameExecution) {
  TestNode node;
  auto& first = node.async({.id = "a"});
  node.settle();
  auto& running = node.async({.id = "a"});
  node.runtime.finish("a");
  auto& ended = node.async({.id = "a"});
  EXPECT_EQ(running->result().status(), kRunning);
  EXPECT_EQ(ended->result().status(), kCompleted);
  EXPECT_EQ(ended->result().result().value(), "done");
  EXPECT_EQ(ended->status_endpoint(), first->status_endpoint());
  EXPECT_EQ(ended->estimated_completion_ms(), first->estimated_completion_ms());
  EXPECT_EQ(node.runtime.started(), 1U);
  EXPECT_EQ(node.counters().repeated, 2);
  EXPECT_EQ(node.counters().accepted, 1);
}

TEST(IdemClause, Idem3ARepeatedSyncCallWaitsBesideTheFirst) {
  TestNode node;
  auto& first = node.sync({.id = "a"});
  node.settle();
  auto& second = node.sync({.id = "a"});
  EXPECT_FALSE(second.answered());
  node.runtime.finish("a");
  auto& third = node.sync({.id = "a"});
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  EXPECT_EQ(first->SerializeAsString(), third->SerializeAsString());
  EXPECT_EQ(node.runtime.started(), 1U);
}

TEST(IdemClause, Idem2RejectsAnotherRequestAndKeepsTheFirst) {
  TestNode node;
  node.async({.id = "a"});
  const std::string generated = node.async()->execution_id();
  node.settle();
  EXPECT_EQ(node.async({.id = "a", .function = "g"}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(node.sync({.id = "a"}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(node.stream({.id = "a"}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(node.async({.id = generated}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(node.status("a"), kRunning);
}

TEST(IdemClause, Idem4AfterItsRetentionTheIdIsFree) {
  NodeConfig config;
  config.retention.age = 60s;
  TestNode node(config);
  node.async({.id = "a"});
  node.settle();
  node.runtime.finish("a");
  node.run_for(60s - 1ns);
  EXPECT_TRUE(node.found("a"));
  node.run_for(1ns);
  EXPECT_FALSE(node.found("a"));
  EXPECT_EQ(node.async({.id = "a", .function = "other"})->result().status(), kPending);
  node.settle();
  EXPECT_EQ(node.runtime.started(), 2U);
}

TEST(Idem, AnswersRepetitionsWhileDrainingOrFull) {
  TestNode node(slots(1, 0));
  node.async({.id = "a"});
  EXPECT_TRUE(node.async({.id = "a"})->success());
  node.node->drain();
  EXPECT_TRUE(node.async({.id = "a"})->success());
}

// ---- Tasks that an invocation creates
// -------------------------------------------------------------

TEST(NewTask, IsCreatedFromTheRequest) {
  TestNode node;
  auto request = async_request({.task = ""});
  request.mutable_artifact_spec()->set_artifact_type("wasm");
  request.set_task_name("named");
  request.set_task_description("described");
  const std::string id = node.invoke(request)->task_id();
  const Task* task = node.node->manager().tasks().find(id);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->spec().task_name, "named");
  EXPECT_EQ(task->spec().description, "described");
  EXPECT_EQ(task->spec().artifact.artifact_type(), "wasm");
  EXPECT_NE(node.invoke(request)->task_id(), id) << "each request creates another task";
}

TEST(NewTask, CreateIfNotExistsDecidesInBothDirections) {
  TestNode node;
  auto existing = async_request({.task = "fresh"});
  EXPECT_EQ(node.invoke(existing).code(), absl::StatusCode::kNotFound);
  auto created = async_request({.task = "task"});
  created.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  created.mutable_artifact_spec();
  EXPECT_EQ(node.invoke(created).code(), absl::StatusCode::kAlreadyExists);
  existing.set_create_if_not_exists(true);
  created.set_create_if_not_exists(true);
  EXPECT_EQ(node.invoke(existing)->task_id(), "fresh");
  EXPECT_EQ(node.invoke(created)->task_id(), "task");
}

TEST(NewTask, TasksAndFunctionNamesAreLimited) {
  NodeConfig config;
  config.task_limit = 2;
  config.functions_per_task = 1;
  TestNode node(config);
  auto request = async_request({.task = ""});
  request.mutable_artifact_spec();
  EXPECT_TRUE(node.invoke(request)->success());
  EXPECT_EQ(node.invoke(request).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(node.async({.function = "f"})->success());
  EXPECT_EQ(node.async({.function = "g"}).code(), absl::StatusCode::kResourceExhausted);
}

// ---- Draining and shutdown
// -----------------------------------------------------------------------

TEST(Drain, RejectsNewWorkAndFinishesTheOld) {
  TestNode node(slots(1));
  node.async({.id = "a"});
  auto& waiting = node.sync({.id = "b"});
  node.settle();
  int drained = 0;
  node.node->drain([&] { ++drained; });
  EXPECT_EQ(node.async().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node.stream().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node.counters().refused(RefusalReason::kDraining), 2);
  node.runtime.finish("a");
  node.settle();
  EXPECT_EQ(drained, 0);
  node.runtime.finish("b");
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(waiting->result().status(), kCompleted);
}

TEST(Drain, AnIdleNodeIsDrainedAtOnce) {
  TestNode node;
  int drained = 0;
  node.node->drain([&] { ++drained; });
  EXPECT_EQ(drained, 1);
}

TEST(Shutdown, RefusesUnansweredCallsAndKillsAttempts) {
  TestNode node(slots(1));
  auto& sync = node.sync({.id = "a"});
  auto& queued = node.sync({.id = "b"});
  auto& stream = node.stream({.id = "c"});
  node.settle();
  auto& cancel = node.cancel("a");
  node.node.reset();
  EXPECT_EQ(sync.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(queued.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(stream.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(cancel.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node.runtime.calls.back(), "kill a");
  EXPECT_EQ(node.environment.pending(), 0U) << "no timer of the node is left";
}

TEST(Logs, KeepsTheNewestLines) {
  NodeConfig config;
  config.log_lines = 2;
  TestNode node(config);
  node.async({.id = "a"});
  node.settle();
  for (const char* line : {"one", "two", "three"}) node.runtime.log("a", line);
  EXPECT_THAT(node.look_up("a").logs(), ElementsAre("two", "three"));
  node.runtime.finish("a");
  EXPECT_THAT(node.look_up("a").logs(), ElementsAre("two", "three"));
  spearlet::GetExecutionStatusRequest query;
  query.set_execution_id("a");
  EXPECT_EQ(node.ask(&FunctionService::GetExecutionStatus, query)->logs_size(), 0);
}

}  // namespace
}  // namespace quintain::core::testing
