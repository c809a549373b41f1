// Each rule: calls that it accepts, and calls that violate its clause.
#include "conformance/judgement/rules/rules.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>

#include "conformance/judgement/judge.h"
#include "conformance/judgement/rules/status_observation.h"
#include "conformance/judgement/testing/sample_call.h"

namespace quintain::conformance {
namespace {

using enum spearlet::ExecutionStatus;
using spearlet::EXECUTION_MODE_ASYNC;
using spearlet::EXECUTION_MODE_STREAM;
using spearlet::EXECUTION_MODE_SYNC;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
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
                                   "ETA-1", "STATE-5", "STATE-6", "STATE-7", "FIELD-3"));
  EXPECT_THAT(judged_by(async_call(async_answer())),
              UnorderedElementsAre("SYNC-6", "ASYNC-2", "ASYNC-5", "ASYNC-11", "ETA-1", "STATE-5",
                                   "STATE-6", "WIRE-5", "FIELD-3"));
  EXPECT_THAT(judged_by(refused_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_SYNC),
                                     absl::NotFoundError("no task"))),
              IsEmpty());
  EXPECT_THAT(judged_by(sent_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_SYNC))),
              IsEmpty());
}

TEST(Rules, CompareLongTextsInLinearTime) {
  spearlet::InvokeFunctionResponse answer = async_answer();
  answer.set_execution_id(std::string(2'000'000, 'a') + "b");
  answer.set_status_endpoint(std::string(6'000'000, 'a'));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(violated_by(async_call(answer)), Contains("ASYNC-2"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(Rules, ReportOnlyTheFirstOfManyViolations) {
  spearlet::ListExecutionsResponse answer;
  for (int i = 0; i < 5000; ++i) answer.add_executions()->set_execution_id("a");
  const Findings findings = judge(
      answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(), std::move(answer)));
  const Finding& finding = findings.by_clause().at("LIST-1");
  EXPECT_EQ(static_cast<std::int64_t>(finding.violations.size()) + finding.further, 4999);
  EXPECT_LT(finding.violations.size(), 51u);
}

TEST(Times, AreFarEnoughFromTheLimitsToBeSubtracted) {
  google::protobuf::Timestamp first;
  google::protobuf::Timestamp last;
  for (const std::int64_t seconds : {INT64_MAX, INT64_MAX / 1'000'000'000, INT64_MAX / 2}) {
    last.set_seconds(seconds);
    last.set_nanos(INT32_MAX);
    first.set_seconds(-seconds - 1);
    first.set_nanos(INT32_MIN);
    EXPECT_GT(time_of(last) - time_of(first), core::Duration::zero());
    EXPECT_LT(time_of(first) - time_of(last), core::Duration::zero());
  }
  first.set_seconds(1'700'000'000);
  first.set_nanos(1);
  EXPECT_EQ(time_of(first).count(), 1'700'000'000'000'000'001);
}

TEST(Async11, RequiresSuccessOfAnAcceptedCall) {
  auto answer = async_answer();
  answer.clear_success();
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-11"));
}

TEST(Eta6, RequiresEstimatesOfUnfinishedExecutions) {
  for (const auto status : {EXECUTION_STATUS_PENDING, EXECUTION_STATUS_RUNNING}) {
    const auto with = [&](const char* p50, const char* p90) {
      auto result = good_result(status);
      (*result.mutable_metrics())["eta_p50_ms"] = p50;
      (*result.mutable_metrics())["eta_p90_ms"] = p90;
      return violated_by(status_call(status_answer(result)));
    };
    EXPECT_THAT(with("1", "1.5"), IsEmpty());
    EXPECT_THAT(with("0", "1"), IsEmpty()) << "it is due";
    EXPECT_THAT(with("-1", "1"), UnorderedElementsAre("ETA-6"));
    EXPECT_THAT(with("2", "1"), UnorderedElementsAre("ETA-6"));
    EXPECT_THAT(with("soon", "1"), UnorderedElementsAre("ETA-6"));
    EXPECT_THAT(with("1", ""), UnorderedElementsAre("ETA-6"));
    auto result = good_result(status);
    result.clear_metrics();
    EXPECT_THAT(violated_by(status_call(status_answer(result))), UnorderedElementsAre("ETA-6"));
  }
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

TEST(Field3, RequiresNumbersThatFitTheirUnits) {
  auto answer = sync_answer(EXECUTION_STATUS_COMPLETED);
  EXPECT_THAT(violated_by(sync_call(answer)), IsEmpty());
  answer.mutable_result()->set_memory_used_bytes(-1);
  EXPECT_THAT(violated_by(sync_call(answer)), UnorderedElementsAre("FIELD-3"));
}

TEST(Async5, RequiresAnEstimateThatIsADuration) {
  auto answer = async_answer();
  answer.set_estimated_completion_ms(1'700'000'000'000);
  EXPECT_THAT(violated_by(async_call(answer)), UnorderedElementsAre("ASYNC-5"));
  for (const std::int64_t none : {0, -1}) {
    answer.set_estimated_completion_ms(none);
    EXPECT_THAT(violated_by(async_call(answer)), IsSupersetOf({"ASYNC-5", "ETA-1"}));
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
              ::testing::Contains("STATE-6"));
}

TEST(State12, RejectsLogsThatWereNotAskedFor) {
  auto answer = status_answer(good_result(EXECUTION_STATUS_COMPLETED));
  answer.add_logs("attempt 1 of a");
  spearlet::GetExecutionStatusRequest request = status_request("a");
  EXPECT_THAT(violated_by(answered_call(Method::kGetExecutionStatus, request, answer)),
              UnorderedElementsAre("STATE-12"));
  request.set_include_logs(true);
  EXPECT_THAT(violated_by(answered_call(Method::kGetExecutionStatus, request, answer)), IsEmpty());
}

TEST(State13, RejectsTimesInTheFuture) {
  // The sample ends at 300 ms; the call is answered 10 ms after it was sent.
  for (const std::int64_t sent : {280, 290, 400}) {
    auto call = status_call(status_answer(good_result(EXECUTION_STATUS_COMPLETED)));
    call.wall_sent =
        core::WallTime{std::chrono::seconds(1'700'000'000) + std::chrono::milliseconds(sent)};
    if (sent < 290) {
      EXPECT_THAT(violated_by(call), UnorderedElementsAre("STATE-13"));
      call.clock_tolerance = std::chrono::milliseconds(10);
    }
    EXPECT_THAT(violated_by(call), IsEmpty());
  }
}

// ---- TASK ---------------------------------------------------------------------------------------

spearlet::TaskInfo good_task(const std::string& id = "t") {
  spearlet::TaskInfo task;
  task.set_task_id(id);
  task.set_created_at(1'700'000'000'000);
  task.set_updated_at(1'700'000'000'300);
  task.set_execution_count(2);
  task.set_last_status(EXECUTION_STATUS_COMPLETED);
  return task;
}

struct TaskCall {
  spearlet::GetTaskRequest request;
  spearlet::GetTaskResponse answer;
  Policies policies;

  TaskCall() {
    request.set_task_id("t");
    request.set_include_executions(true);
    request.set_execution_limit(2);
    answer.set_found(true);
    *answer.mutable_task() = good_task();
    for (const char* id : {"b", "a"}) {
      auto& info = *answer.add_executions();
      info.set_execution_id(id);
      info.set_task_id("t");
      info.set_status(EXECUTION_STATUS_COMPLETED);
      set_time_ms(info.mutable_completed_at(), 300);
    }
  }
  std::vector<std::string> violated() const {
    return violated_by(answered_call(Method::kGetTask, request, answer), policies);
  }
};

TEST(Task5, RequiresAnAnswerThatFitsTheRequest) {
  EXPECT_THAT(TaskCall().violated(), IsEmpty());
  const auto reject = [](void (*change)(TaskCall&)) {
    TaskCall call;
    change(call);
    EXPECT_THAT(call.violated(), ::testing::Contains("TASK-5"));
  };
  reject([](TaskCall& call) { call.request.set_include_executions(false); });
  reject([](TaskCall& call) { call.request.set_execution_limit(1); });
  reject([](TaskCall& call) { call.request.set_execution_limit(-1); });
  reject([](TaskCall& call) { call.answer.set_found(false); });
  reject([](TaskCall& call) { call.answer.mutable_task()->set_task_id("other"); });
  reject([](TaskCall& call) { call.answer.mutable_executions(0)->set_task_id("other"); });
  reject([](TaskCall& call) { call.answer.mutable_executions(0)->set_execution_id("a"); });
  EXPECT_THAT(violated_by(refused_call(Method::kGetTask, spearlet::GetTaskRequest(),
                                       absl::NotFoundError(""))),
              UnorderedElementsAre("TASK-5"));
}

TEST(Task6, RequiresAPageThatFitsTheRequest) {
  spearlet::ListTasksRequest request;
  request.set_prefix("t");
  spearlet::ListTasksResponse good;
  *good.add_tasks() = good_task("t1");
  *good.add_tasks() = good_task("t2");
  const auto violated = [&](const spearlet::ListTasksResponse& answer) {
    return violated_by(answered_call(Method::kListTasks, request, answer));
  };
  EXPECT_THAT(violated(good), IsEmpty());
  for (void (*change)(spearlet::ListTasksResponse&) : {
           +[](spearlet::ListTasksResponse& a) { a.mutable_tasks(0)->set_task_id("other"); },
           +[](spearlet::ListTasksResponse& a) { a.mutable_tasks(0)->set_task_id("t2"); },
           +[](spearlet::ListTasksResponse& a) { a.mutable_tasks(0)->mutable_artifact_spec(); },
           +[](spearlet::ListTasksResponse& a) { a.set_has_more(true); },
       }) {
    auto answer = good;
    change(answer);
    EXPECT_THAT(violated(answer), UnorderedElementsAre("TASK-6"));
  }
}

TEST(Task7, RequiresASoundDescription) {
  const auto reject = [](void (*change)(spearlet::TaskInfo&)) {
    TaskCall call;
    change(*call.answer.mutable_task());
    EXPECT_THAT(call.violated(), Contains("TASK-7"));
  };
  reject([](auto& task) { task.set_execution_count(-1); });
  reject([](auto& task) { task.set_execution_count(1); });
  reject([](auto& task) { task.set_last_status(EXECUTION_STATUS_UNSPECIFIED); });
  reject([](auto& task) { task.set_last_status(EXECUTION_STATUS_FAILED); });
  // It may be that of a record that has expired.
  TaskCall expired;
  expired.answer.mutable_task()->set_last_status(EXECUTION_STATUS_FAILED);
  expired.policies.retention = std::chrono::seconds(1);
  EXPECT_THAT(expired.violated(), testing::Not(Contains("TASK-7")));
  reject([](auto& task) { task.set_created_at(0); });
  reject([](auto& task) { task.set_updated_at(task.created_at() - 1); });
}

TEST(Task8And9, RequireAConsistentDeletion) {
  spearlet::DeleteTaskRequest request;
  spearlet::DeleteTaskResponse answer;
  const auto violated = [&] {
    return violated_by(answered_call(Method::kDeleteTask, request, answer));
  };
  EXPECT_THAT(violated(), IsEmpty());
  answer.set_success(true);
  EXPECT_THAT(violated(), UnorderedElementsAre("TASK-8"));
  answer.set_deleted(true);
  EXPECT_THAT(violated(), IsEmpty());
  answer.set_cleaned_executions(1);
  EXPECT_THAT(violated(), UnorderedElementsAre("TASK-9"));
  request.set_cleanup_executions(true);
  EXPECT_THAT(violated(), IsEmpty());
}

// ---- STATS --------------------------------------------------------------------------------------

struct StatsCall {
  spearlet::GetStatsRequest request;
  spearlet::GetStatsResponse answer;

  StatsCall() {
    request.set_include_task_stats(true);
    request.set_include_execution_stats(true);
    auto& executions = *answer.mutable_execution_stats();
    executions.set_running_executions(1);
    executions.set_pending_executions(1);
    executions.set_completed_executions(2);
    executions.set_failed_executions(1);
    executions.set_average_execution_time_ms(10);
    executions.set_success_rate_percent(50);  // of 4, one of which is a TIMEOUT
    (*executions.mutable_executions_by_function())["echo"] = 6;
    answer.mutable_service_stats()->set_total_executions(6);
    answer.mutable_service_stats()->set_total_tasks(3);
    answer.mutable_task_stats()->set_active_tasks(1);
    answer.mutable_task_stats()->set_idle_tasks(2);
    (*answer.mutable_task_stats()->mutable_tasks_by_type())[""] = 3;
  }
  std::vector<std::string> violated() const {
    return violated_by(answered_call(Method::kGetStats, request, answer));
  }
};

TEST(Stats, RequireNumbersThatAgree) {
  EXPECT_THAT(StatsCall().violated(), IsEmpty());
  const auto reject = [](std::string_view clause, void (*change)(StatsCall&)) {
    StatsCall call;
    change(call);
    EXPECT_THAT(call.violated(), ::testing::Contains(clause));
  };
  reject("STATS-1",
         [](auto& call) { call.answer.mutable_execution_stats()->set_failed_executions(-1); });
  reject("STATS-1",
         [](auto& call) { call.answer.mutable_execution_stats()->set_failed_executions(3); });
  reject("STATS-2",
         [](auto& call) { call.answer.mutable_execution_stats()->set_success_rate_percent(67); });
  reject("STATS-2", [](auto& call) {
    call.answer.mutable_execution_stats()->set_average_execution_time_ms(-1);
  });
  reject("STATS-3", [](auto& call) { call.answer.mutable_task_stats()->set_idle_tasks(3); });
  reject("STATS-3", [](auto& call) { call.answer.mutable_task_stats()->clear_tasks_by_type(); });
  reject("STATS-4", [](auto& call) { call.request.set_time_range_hours(-1); });
  reject("STATS-5", [](auto& call) { call.request.set_include_task_stats(false); });
  reject("STATS-5", [](auto& call) { call.answer.clear_execution_stats(); });
  reject("STATS-5",
         [](auto& call) { call.answer.mutable_service_stats()->set_total_executions(5); });
}

TEST(Stats6, RequiresAKnownHealth) {
  spearlet::GetHealthResponse answer;
  for (const char* status : {"SERVING", "DRAINING", "OK", ""}) {
    answer.set_status(status);
    const bool known = std::string_view(status).ends_with("ING");
    EXPECT_EQ(violated_by(answered_call(Method::kGetHealth, spearlet::GetHealthRequest(), answer))
                  .empty(),
              known);
  }
}

// ---- LIST ---------------------------------------------------------------------------------------

TEST(List7, RejectsEntriesOfOtherTasks) {
  spearlet::ListExecutionsRequest request;
  request.set_task_id("t");
  spearlet::ListExecutionsResponse answer;
  auto& info = *answer.add_executions();
  info.set_execution_id("a");
  info.set_status(EXECUTION_STATUS_PENDING);
  for (const char* task : {"t", "other", ""}) {
    info.set_task_id(task);
    EXPECT_EQ(violated_by(answered_call(Method::kListExecutions, request, answer)).empty(),
              std::string_view(task) == "t");
  }
}

TEST(List1, RejectsAPageFromWhichNothingFollows) {
  spearlet::ListExecutionsResponse answer;
  answer.set_has_more(true);
  EXPECT_THAT(violated_by(answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(),
                                        answer)),
              UnorderedElementsAre("LIST-1"));
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

TEST(Stream5, RequiresRunningBeforeTheEnd) {
  EXPECT_THAT(
      violated_by(stream_call({{kRunning}, {EXECUTION_STATUS_PENDING}, {kCompleted, true}})),
      UnorderedElementsAre("STREAM-5"));
  EXPECT_THAT(violated_by(stream_call({{kCompleted}, {kCompleted, true}})),
              UnorderedElementsAre("STREAM-5"));
}

TEST(Stream4, RequiresErrorsOnlyOnceAndAtTheEnd) {
  EXPECT_THAT(violated_by(stream_call({{kRunning, false, "why"}, {kFailed, true, "why"}})),
              UnorderedElementsAre("STREAM-4"));
  EXPECT_THAT(violated_by(stream_call({{kCompleted, true, "why"}})),
              UnorderedElementsAre("STREAM-4"));
  EXPECT_THAT(violated_by(stream_call({{kFailed, true}})), UnorderedElementsAre("STREAM-4"));
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

TEST(Wire5, RequiresCallsThatDoNotWaitToBeAnsweredAtOnce) {
  const auto violated = [](RecordedCall recorded, std::int64_t returned) {
    end_call(recorded, returned);
    return violated_by(recorded);
  };
  const RecordedCall query = status_call(status_answer(good_result(EXECUTION_STATUS_RUNNING)));
  EXPECT_THAT(violated(query, 2000), IsEmpty());
  EXPECT_THAT(violated(query, 2001), UnorderedElementsAre("WIRE-5"));
  EXPECT_THAT(violated(async_call(async_answer()), 2001), UnorderedElementsAre("WIRE-5"));
  EXPECT_THAT(violated(sync_call(sync_answer(EXECUTION_STATUS_COMPLETED)), 9000), IsEmpty());
  EXPECT_THAT(violated(cancel_call(true, EXECUTION_STATUS_CANCELLED), 9000), IsEmpty());
}

TEST(State6, RequiresThatAnUnfinishedExecutionHasNoOutcome) {
  const auto violated = [](auto change) {
    auto result = good_result(EXECUTION_STATUS_RUNNING);
    change(result);
    return violated_by(status_call(status_answer(result)));
  };
  EXPECT_THAT(violated([](auto& result) { result.set_error_code("CODE"); }),
              UnorderedElementsAre("STATE-6"));
  EXPECT_THAT(violated([](auto& result) { result.set_error_message("why"); }),
              UnorderedElementsAre("STATE-6"));
  EXPECT_THAT(violated([](auto& result) { result.set_execution_time_ms(1); }), IsEmpty())
      << "it may count up";
  EXPECT_THAT(violated([](auto& result) { result.mutable_result()->set_value("x"); }),
              UnorderedElementsAre("STATE-6"));
}

}  // namespace
}  // namespace quintain::conformance
