// Each rule: calls that it accepts, and calls that violate its clause.
#include "conformance/judgement/rules/rules.h"

#include <gmock/gmock.h>

#include "conformance/judgement/judge.h"
#include "conformance/judgement/testing/sample_call.h"

namespace quintain::conformance {
namespace {

using enum spearlet::ExecutionStatus;
using spearlet::EXECUTION_MODE_ASYNC;
using spearlet::EXECUTION_MODE_STREAM;
using spearlet::EXECUTION_MODE_SYNC;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Findings judge(const RecordedCall& recorded, const Policies& policies = {}) {
  Findings findings;
  judge_recorded_call(recorded, policies, findings);
  return findings;
}

std::vector<std::string> violated_by(const RecordedCall& recorded, const Policies& policies = {}) {
  std::vector<std::string> clauses;
  const Findings findings = judge(recorded, policies);
  for (const auto& [clause, finding] : findings.by_clause()) {
    if (!finding.violations.empty()) clauses.push_back(clause);
    for (const Violation& violation : finding.violations) {
      EXPECT_EQ(violation.recorded_calls, std::vector{recorded.number});
      EXPECT_FALSE(violation.expected.empty());
      EXPECT_FALSE(violation.observed.empty());
    }
  }
  return clauses;
}

std::vector<std::string> judged_by(const RecordedCall& recorded) {
  std::vector<std::string> clauses;
  const Findings findings = judge(recorded);
  for (const auto& [clause, finding] : findings.by_clause()) clauses.push_back(clause);
  return clauses;
}

RecordedCall invoked(spearlet::InvokeFunctionRequest request,
                     spearlet::InvokeFunctionResponse answer) {
  return answered_call(Method::kInvokeFunction, std::move(request), std::move(answer));
}

RecordedCall sync_call(spearlet::InvokeFunctionResponse answer) {
  return invoked(invoke_request(EXECUTION_MODE_SYNC), std::move(answer));
}

RecordedCall async_call(spearlet::InvokeFunctionResponse answer, const std::string& given = "") {
  return invoked(invoke_request(EXECUTION_MODE_ASYNC, given), std::move(answer));
}

RecordedCall status_call(spearlet::GetExecutionStatusResponse answer, bool include_result = true) {
  return answered_call(Method::kGetExecutionStatus, status_request("a", include_result),
                       std::move(answer));
}

RecordedCall cancel_call(bool success, spearlet::ExecutionStatus status) {
  return answered_call(Method::kCancelExecution, cancel_request("a"),
                       cancel_answer(success, status));
}

TEST(Rules, AcceptConformingAnswers) {
  for (const auto status : {EXECUTION_STATUS_COMPLETED, EXECUTION_STATUS_FAILED,
                            EXECUTION_STATUS_CANCELLED, EXECUTION_STATUS_TIMEOUT}) {
    EXPECT_THAT(violated_by(sync_call(sync_answer(status))), IsEmpty());
    auto result = good_result(status);
    EXPECT_THAT(violated_by(status_call(status_answer(result))), IsEmpty());
    result.clear_result();
    EXPECT_THAT(violated_by(status_call(status_answer(result), false)), IsEmpty());
  }
  for (const auto status : {EXECUTION_STATUS_PENDING, EXECUTION_STATUS_RUNNING}) {
    EXPECT_THAT(violated_by(status_call(status_answer(good_result(status)))), IsEmpty());
  }
  EXPECT_THAT(violated_by(async_call(async_answer())), IsEmpty());
  EXPECT_THAT(violated_by(cancel_call(true, EXECUTION_STATUS_CANCELLED)), IsEmpty());
  EXPECT_THAT(violated_by(cancel_call(false, EXECUTION_STATUS_FAILED)), IsEmpty());
  EXPECT_THAT(violated_by(cancel_call(false, EXECUTION_STATUS_UNSPECIFIED)), IsEmpty());
}

TEST(Rules, JudgeOnlyWhatAppliesToTheCall) {
  EXPECT_THAT(judged_by(sync_call(sync_answer(EXECUTION_STATUS_COMPLETED))),
              UnorderedElementsAre("SYNC-1", "SYNC-2", "SYNC-3", "SYNC-4", "SYNC-5", "SYNC-6",
                                   "ETA-1", "STATE-5", "STATE-6", "STATE-7"));
  EXPECT_THAT(judged_by(async_call(async_answer())),
              UnorderedElementsAre("SYNC-6", "ASYNC-2", "ASYNC-5", "ETA-1", "STATE-5", "STATE-6"));
  EXPECT_THAT(judged_by(refused_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_SYNC),
                                     absl::NotFoundError("no task"))),
              IsEmpty());
  EXPECT_THAT(judged_by(sent_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_SYNC))),
              IsEmpty());
}

TEST(Sync1, RejectsEndpointAndEstimate) {
  auto answer = sync_answer(EXECUTION_STATUS_FAILED);
  answer.set_status_endpoint("/status/a");
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-1"));
  answer.clear_status_endpoint();
  answer.set_estimated_completion_ms(1);
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-1", "ETA-1"));
}

TEST(Sync2, RequiresAFinalStatus) {
  auto answer = sync_answer(EXECUTION_STATUS_RUNNING);
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-2"));
  answer.clear_result();
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-2"));
}

TEST(Sync3, RequiresTheRequestedExecutionId) {
  EXPECT_THAT(violated_by(sync_call(sync_answer(EXECUTION_STATUS_COMPLETED, ""))),
              UnorderedElementsAre("SYNC-3"));
  auto request = invoke_request(EXECUTION_MODE_SYNC, "b");
  EXPECT_THAT(violated_by(invoked(request, sync_answer(EXECUTION_STATUS_COMPLETED, "a"))),
              UnorderedElementsAre("SYNC-3"));
  request.clear_execution_id();
  request.mutable_context()->set_execution_id("b");
  EXPECT_THAT(violated_by(invoked(request, sync_answer(EXECUTION_STATUS_COMPLETED, "a"))),
              UnorderedElementsAre("SYNC-3"));
  EXPECT_THAT(violated_by(invoked(request, sync_answer(EXECUTION_STATUS_COMPLETED, "b"))),
              IsEmpty());
}

TEST(Sync4, RequiresErrorsToMatchTheStatus) {
  auto answer = sync_answer(EXECUTION_STATUS_COMPLETED);
  answer.mutable_result()->set_error_message("x");
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-4"));
  answer = sync_answer(EXECUTION_STATUS_TIMEOUT);
  answer.mutable_result()->clear_error_code();
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-4"));
  auto result = good_result(EXECUTION_STATUS_FAILED);
  result.mutable_result()->set_value("half a result");
  EXPECT_THAT(violated_by(status_call(status_answer(result))), UnorderedElementsAre("SYNC-4"));
}

TEST(Sync5, RequiresSuccessAsDeclared) {
  auto answer = sync_answer(EXECUTION_STATUS_FAILED);
  EXPECT_THAT(violated_by(sync_call(answer), {.success_sync = Policies::SuccessSync::kServed}),
              UnorderedElementsAre("SYNC-5"));
  answer.set_success(true);
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-5"));
  EXPECT_THAT(violated_by(sync_call(answer), {.success_sync = Policies::SuccessSync::kServed}),
              IsEmpty());
}

TEST(Sync6, RequiresTheRequestedTaskId) {
  auto answer = sync_answer(EXECUTION_STATUS_COMPLETED);
  answer.set_task_id("t1234");
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-6"));
  auto request = invoke_request(EXECUTION_MODE_SYNC);
  request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  EXPECT_THAT(violated_by(invoked(request, answer)), IsEmpty()) << "a new task gets an id";
  answer.clear_task_id();
  EXPECT_THAT(violated_by(sync_call(answer)), IsEmpty());
}

TEST(Sync, TreatsAnUnspecifiedModeAsSyncOnlyIfDeclared) {
  auto answer = sync_answer(EXECUTION_STATUS_COMPLETED);
  answer.set_status_endpoint("/status/a");
  const RecordedCall call = invoked(invoke_request(spearlet::EXECUTION_MODE_UNSPECIFIED), answer);
  EXPECT_THAT(violated_by(call), IsEmpty());
  EXPECT_THAT(violated_by(call, {.mode_unspecified = Policies::ModeUnspecified::kSync}),
              UnorderedElementsAre("SYNC-1"));
}

TEST(StartErrors, TreatsAFailedBodyAsARefusalOnlyIfDeclared) {
  const Policies policies = {.start_errors = Policies::StartErrors::kFailedBody};
  auto answer = sync_answer(EXECUTION_STATUS_FAILED, "");
  answer.mutable_result()->clear_started_at();
  answer.mutable_result()->clear_completed_at();
  EXPECT_THAT(violated_by(sync_call(answer), policies), IsEmpty());
  EXPECT_THAT(violated_by(async_call(answer), policies), IsEmpty());
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("SYNC-3", "STATE-6"));
}

TEST(Async2, RequiresAnEndpointWithTheId) {
  auto answer = async_answer();
  answer.clear_status_endpoint();
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-2"));
  answer.set_status_endpoint("/x/other");
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-2"));
  answer.set_status_endpoint("/status/");
  answer.clear_execution_id();
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-2"));
  EXPECT_THAT(violated_by(async_call(async_answer("a"), "b")), UnorderedElementsAre("ASYNC-2"));
}

TEST(Async5, RequiresAnEstimateThatIsADuration) {
  auto answer = async_answer();
  answer.set_estimated_completion_ms(1'700'000'000'000);
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-5"));
  for (const std::int64_t none : {0, -1}) {
    answer.set_estimated_completion_ms(none);
    EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-5", "ETA-1"));
  }
}

TEST(Async, RequiresNoEstimateForARepeatedIdOnceItsExecutionEnded) {
  auto answer = async_answer();
  *answer.mutable_result() = good_result(EXECUTION_STATUS_COMPLETED);
  answer.clear_estimated_completion_ms();
  answer.clear_status_endpoint();
  EXPECT_THAT(violated_by(async_call(answer, "a")), IsEmpty());
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-2", "ASYNC-5", "ETA-1"));
}

TEST(State5, RejectsUnspecifiedAndUnknownStatuses) {
  EXPECT_THAT(violated_by(status_call(status_answer({}))), UnorderedElementsAre("STATE-5"));
  auto result = good_result(EXECUTION_STATUS_RUNNING);
  result.set_status(static_cast<spearlet::ExecutionStatus>(17));
  EXPECT_THAT(violated_by(status_call(status_answer(result))), UnorderedElementsAre("STATE-5"));
  spearlet::ListExecutionsResponse list;
  list.add_executions()->set_execution_id("a");
  EXPECT_THAT(
      violated_by(answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(), list)),
      UnorderedElementsAre("STATE-5"));
}

TEST(State6, RequiresTimesToMatchTheStatus) {
  auto pending = good_result(EXECUTION_STATUS_PENDING);
  set_time_ms(pending.mutable_started_at(), 100);
  EXPECT_THAT(violated_by(status_call(status_answer(pending))), UnorderedElementsAre("STATE-6"));

  auto running = good_result(EXECUTION_STATUS_RUNNING);
  set_time_ms(running.mutable_completed_at(), 100);
  running.clear_started_at();
  EXPECT_THAT(violated_by(status_call(status_answer(running))), UnorderedElementsAre("STATE-6"));

  auto ended = good_result(EXECUTION_STATUS_FAILED);
  ended.clear_completed_at();
  EXPECT_THAT(violated_by(status_call(status_answer(ended))), UnorderedElementsAre("STATE-6"));

  auto reversed = good_result(EXECUTION_STATUS_COMPLETED);
  set_time_ms(reversed.mutable_started_at(), 301);
  reversed.set_execution_time_ms(0);
  EXPECT_THAT(violated_by(status_call(status_answer(reversed))), UnorderedElementsAre("STATE-6"));

  auto never_started = good_result(EXECUTION_STATUS_CANCELLED);
  never_started.clear_started_at();
  EXPECT_THAT(violated_by(status_call(status_answer(never_started))), IsEmpty());
}

TEST(State6, AppliesToLists) {
  spearlet::GetTaskResponse task;
  auto& info = *task.add_executions();
  info.set_execution_id("a");
  info.set_status(EXECUTION_STATUS_COMPLETED);
  EXPECT_THAT(violated_by(answered_call(Method::kGetTask, spearlet::GetTaskRequest(), task)),
              UnorderedElementsAre("STATE-6"));
}

TEST(State7, RequiresTheTimeFromStartToEnd) {
  auto result = good_result(EXECUTION_STATUS_COMPLETED);
  result.set_execution_time_ms(300);
  EXPECT_THAT(violated_by(status_call(status_answer(result))), UnorderedElementsAre("STATE-7"));
  for (const std::int64_t rounded : {199, 201}) {
    result.set_execution_time_ms(rounded);
    EXPECT_THAT(violated_by(status_call(status_answer(result))), IsEmpty());
  }
}

TEST(State9, RequiresAResultAndThePayloadOnlyOnRequest) {
  spearlet::GetExecutionStatusResponse bare;
  bare.set_found(true);
  EXPECT_THAT(violated_by(status_call(bare)), UnorderedElementsAre("STATE-9"));
  EXPECT_THAT(
      violated_by(status_call(status_answer(good_result(EXECUTION_STATUS_COMPLETED)), false)),
      UnorderedElementsAre("STATE-9"));
}

TEST(State10, RejectsErrorsForAnUnknownId) {
  EXPECT_THAT(violated_by(refused_call(Method::kGetExecutionStatus, status_request("a"),
                                       absl::NotFoundError("no execution"))),
              UnorderedElementsAre("STATE-10"));
  auto answer = status_answer(good_result(EXECUTION_STATUS_COMPLETED));
  answer.mutable_result()->clear_completed_at();
  answer.set_found(false);
  EXPECT_THAT(violated_by(status_call(answer)), UnorderedElementsAre("STATE-10"))
      << "and nothing else";
  EXPECT_THAT(violated_by(status_call({})), IsEmpty());
  EXPECT_THAT(violated_by(refused_call(Method::kGetExecutionStatus, status_request(""),
                                       absl::InvalidArgumentError("no id"))),
              IsEmpty());
}

TEST(Cancel1, RejectsSuccessForAnUnknownId) {
  EXPECT_THAT(violated_by(cancel_call(true, EXECUTION_STATUS_UNSPECIFIED)),
              UnorderedElementsAre("CANCEL-1"));
  const RecordedCall refused = refused_call(Method::kCancelExecution, cancel_request("a"),
                                            absl::NotFoundError("no execution"));
  EXPECT_THAT(violated_by(refused), UnorderedElementsAre("CANCEL-1"));
  EXPECT_THAT(violated_by(refused, {.cancel_unknown = Policies::CancelUnknown::kNotFound}),
              IsEmpty());
}

TEST(Cancel3, RejectsSuccessWithAnotherFinalStatus) {
  EXPECT_THAT(violated_by(cancel_call(true, EXECUTION_STATUS_COMPLETED)),
              UnorderedElementsAre("CANCEL-3"));
  EXPECT_THAT(violated_by(cancel_call(true, EXECUTION_STATUS_RUNNING)), IsEmpty())
      << "the cancel may be in progress";
}

struct Chunk {
  spearlet::ExecutionStatus status;
  bool is_final = false;
  std::string error{};
  std::string id = "a";
};

RecordedCall stream_call(const std::vector<Chunk>& chunks, absl::Status status = absl::OkStatus()) {
  RecordedCall call = sent_call(Method::kStreamFunction, invoke_request(EXECUTION_MODE_STREAM));
  for (const Chunk& chunk : chunks) {
    spearlet::StreamExecutionResult message;
    message.set_execution_id(chunk.id);
    message.set_status(chunk.status);
    message.set_is_final(chunk.is_final);
    message.set_error_message(chunk.error);
    receive(call, message, 5);
  }
  end_call(call, 10, std::move(status));
  return call;
}

constexpr auto kRunning = EXECUTION_STATUS_RUNNING;
constexpr auto kCompleted = EXECUTION_STATUS_COMPLETED;
constexpr auto kFailed = EXECUTION_STATUS_FAILED;

TEST(Stream, AcceptsConformingStreams) {
  EXPECT_THAT(violated_by(stream_call({{kRunning}, {kRunning}, {kCompleted, true}})), IsEmpty());
  EXPECT_THAT(violated_by(stream_call({{kRunning}, {kFailed, true, "why"}})), IsEmpty());
  EXPECT_THAT(violated_by(stream_call({}, absl::NotFoundError("no task"))), IsEmpty());
  EXPECT_THAT(violated_by(stream_call({{kRunning}}, absl::CancelledError("left"))), IsEmpty());
}

TEST(Stream1, RequiresOneFinalMessageAtTheEnd) {
  EXPECT_THAT(violated_by(stream_call({{kRunning}})), UnorderedElementsAre("STREAM-1"));
  EXPECT_THAT(violated_by(stream_call({})), UnorderedElementsAre("STREAM-1"));
  EXPECT_THAT(violated_by(stream_call({{kCompleted, true}, {kCompleted, true}})),
              UnorderedElementsAre("STREAM-1"));
  EXPECT_THAT(violated_by(stream_call({{kCompleted, true}, {kRunning}}, absl::CancelledError(""))),
              UnorderedElementsAre("STREAM-1"))
      << "also if the rest of the stream is missing";
}

TEST(Stream2, RequiresOneExecutionAndAFinalStatus) {
  EXPECT_THAT(violated_by(stream_call({{kRunning}, {kRunning, true}})),
              UnorderedElementsAre("STREAM-2"));
  EXPECT_THAT(violated_by(stream_call({{kRunning}, {kCompleted, true, "", "b"}})),
              UnorderedElementsAre("STREAM-2"));
  EXPECT_THAT(violated_by(stream_call({{kCompleted, true, "", ""}})),
              UnorderedElementsAre("STREAM-2"));
}

TEST(Stream4, RequiresErrorsOnlyOnceAndAtTheEnd) {
  EXPECT_THAT(violated_by(stream_call({{kRunning, false, "why"}, {kFailed, true, "why"}})),
              UnorderedElementsAre("STREAM-4"));
  EXPECT_THAT(violated_by(stream_call({{kCompleted, true, "why"}})),
              UnorderedElementsAre("STREAM-4"));
  EXPECT_THAT(violated_by(stream_call({{kFailed, true, "why"}}, absl::InternalError("why"))),
              UnorderedElementsAre("STREAM-4"));
  EXPECT_THAT(violated_by(stream_call({{kFailed, true, "why"}}, absl::UnavailableError("line"))),
              IsEmpty());
}

RecordedCall list_call(const spearlet::ListExecutionsRequest& request,
                       const std::vector<std::string>& ids) {
  spearlet::ListExecutionsResponse answer;
  for (const std::string& id : ids) {
    auto& info = *answer.add_executions();
    info.set_execution_id(id);
    info.set_status(kRunning);
  }
  return answered_call(Method::kListExecutions, request, answer);
}

TEST(List1, RejectsDuplicatesInAPage) {
  EXPECT_THAT(violated_by(list_call({}, {"a", "b"})), IsEmpty());
  EXPECT_THAT(violated_by(list_call({}, {"a", "b", "a"})), UnorderedElementsAre("LIST-1"));
}

TEST(List2, RequiresLimitsToBeObeyed) {
  spearlet::ListExecutionsRequest request;
  request.set_limit(1);
  EXPECT_THAT(violated_by(list_call(request, {"a"})), IsEmpty());
  EXPECT_THAT(violated_by(list_call(request, {"a", "b"})), UnorderedElementsAre("LIST-2"));
  request.set_limit(-1);
  EXPECT_THAT(violated_by(list_call(request, {})), UnorderedElementsAre("LIST-2"));
  EXPECT_THAT(violated_by(refused_call(Method::kListExecutions, request,
                                       absl::InvalidArgumentError("negative"))),
              IsEmpty());
  spearlet::ListTasksRequest tasks;
  tasks.set_limit(-1);
  EXPECT_THAT(violated_by(answered_call(Method::kListTasks, tasks, spearlet::ListTasksResponse())),
              UnorderedElementsAre("LIST-2"));
}

TEST(List3, RejectsOtherStatusesThanTheFilters) {
  spearlet::ListExecutionsRequest request;
  request.set_status_filter(kRunning);
  EXPECT_THAT(violated_by(list_call(request, {"a"})), IsEmpty());
  request.set_status_filter(kCompleted);
  EXPECT_THAT(violated_by(list_call(request, {"a"})), UnorderedElementsAre("LIST-3"));
}

}  // namespace
}  // namespace quintain::conformance
