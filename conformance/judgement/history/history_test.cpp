// Hand-made and random call sequences: which violations the checks of histories report, and that
// they report none for conforming executions.
#include "conformance/judgement/judge.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <array>
#include <chrono>
#include <vector>

#include "conformance/judgement/testing/linearization_search.h"
#include "conformance/judgement/testing/sample_call.h"
#include "core/statuses.h"

namespace quintain::conformance {
namespace {

using enum spearlet::ExecutionStatus;
using spearlet::EXECUTION_MODE_ASYNC;
using spearlet::EXECUTION_MODE_STREAM;
using spearlet::EXECUTION_MODE_SYNC;
using spearlet::ExecutionStatus;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// Builds a sequence of calls for the execution 'a', in the order of sending, and judges it. Times
/// are in milliseconds.
class CallSequence {
 public:
  RecordedCall& add(RecordedCall recorded) {
    recorded.number = recorded_calls_.size() + 1;
    recorded_calls_.push_back(std::move(recorded));
    return recorded_calls_.back();
  }

  RecordedCall& invoke(spearlet::InvokeFunctionRequest request,
                       spearlet::InvokeFunctionResponse answer, std::int64_t sent,
                       std::int64_t returned) {
    return add(answered_call(Method::kInvokeFunction, std::move(request), std::move(answer), sent,
                             returned));
  }
  RecordedCall& invoke_async(std::int64_t sent, std::int64_t returned) {
    return invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), async_answer("a"), sent, returned);
  }
  RecordedCall& invoke_sync(ExecutionStatus status, std::int64_t sent, std::int64_t returned) {
    return invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), sync_answer(status, "a"), sent,
                  returned);
  }
  RecordedCall& refuse(spearlet::InvokeFunctionRequest request, absl::Status status,
                       std::int64_t sent, std::int64_t returned) {
    return add(refused_call(Method::kInvokeFunction, std::move(request), std::move(status), sent,
                            returned));
  }

  RecordedCall& query(spearlet::ExecutionResult result, std::int64_t sent, std::int64_t returned,
                      bool include_result = true) {
    if (!include_result) result.clear_result();
    return add(answered_call(Method::kGetExecutionStatus, status_request("a", include_result),
                             status_answer(std::move(result)), sent, returned));
  }
  RecordedCall& query(ExecutionStatus status, std::int64_t sent, std::int64_t returned) {
    return query(good_result(status), sent, returned);
  }
  RecordedCall& miss(std::int64_t sent, std::int64_t returned) {
    return add(answered_call(Method::kGetExecutionStatus, status_request("a"),
                             spearlet::GetExecutionStatusResponse(), sent, returned));
  }

  RecordedCall& cancel(bool success, ExecutionStatus status, std::int64_t sent,
                       std::int64_t returned, const std::string& reason = "") {
    return add(answered_call(Method::kCancelExecution, cancel_request("a", reason),
                             cancel_answer(success, status), sent, returned));
  }

  RecordedCall& list(const std::vector<ExecutionStatus>& statuses, std::int64_t sent,
                     std::int64_t returned) {
    spearlet::ListExecutionsResponse answer;
    for (const ExecutionStatus status : statuses) {
      const auto result = good_result(status);
      auto& info = *answer.add_executions();
      info.set_execution_id("a");
      info.set_task_id("fixtures");
      info.set_function_name("echo");
      info.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
      info.set_status(status);
      info.set_execution_time_ms(result.execution_time_ms());
      if (result.has_started_at()) *info.mutable_started_at() = result.started_at();
      if (result.has_completed_at()) *info.mutable_completed_at() = result.completed_at();
      info.set_execution_time_ms(result.execution_time_ms());
      info.set_error_message(result.error_message());
    }
    return add(answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(), answer,
                             sent, returned));
  }

  Findings judge(const Policies& policies = {}) const {
    Findings findings;
    judge_history(recorded_calls_, policies, findings);
    return findings;
  }

  std::vector<std::string> violated(const Policies& policies = {}) const {
    std::vector<std::string> clauses;
    const Findings findings = judge(policies);
    for (const auto& [clause, finding] : findings.by_clause()) {
      if (!finding.violations.empty()) clauses.push_back(clause);
    }
    return clauses;
  }

  /// The first violation of the clause; an empty one if there is none.
  Violation violation(std::string_view clause) const {
    const Findings findings = judge();
    const auto found = findings.by_clause().find(clause);
    return found == findings.by_clause().end() || found->second.violations.empty()
               ? Violation{}
               : found->second.violations.front();
  }

  const std::vector<RecordedCall>& recorded_calls() const { return recorded_calls_; }

 private:
  std::vector<RecordedCall> recorded_calls_;
};

using namespace core::statuses;

const absl::Status kAlreadyExists = absl::AlreadyExistsError("it exists");

TEST(History, AcceptsAConformingExecution) {
  CallSequence calls;
  calls.miss(0, 1);
  calls.invoke_async(2, 4);
  calls.query(kPending, 5, 6);
  calls.query(kRunning, 120, 130);
  calls.list({kRunning}, 131, 140);
  calls.query(kCompleted, 310, 320);
  calls.query(good_result(kCompleted), 330, 340, /*include_result=*/false);
  calls.list({kCompleted}, 341, 350);
  calls.cancel(false, kCompleted, 360, 370);
  EXPECT_THAT(calls.violated(), IsEmpty());
  const Findings findings = calls.judge();
  for (const char* clause : {"STATE-1", "STATE-2", "STATE-3", "STATE-4", "STATE-9", "STATE-10",
                             "ASYNC-1", "ASYNC-4", "CANCEL-2", "LIST-1", "SYNC-6"}) {
    EXPECT_TRUE(findings.judged(clause)) << clause;
  }
}

TEST(History, JudgesNothingWithoutTwoOrderedCalls) {
  EXPECT_THAT(CallSequence().judge().by_clause(), IsEmpty());
  CallSequence alone;
  alone.query(kRunning, 0, 10);
  EXPECT_THAT(alone.judge().by_clause(), IsEmpty()) << "one call has no order";
}

// ---- Order --------------------------------------------------------------------------------------

TEST(State4, RejectsALaterReadOfAnEarlierStatus) {
  CallSequence calls;
  calls.query(kRunning, 0, 10);
  calls.query(kRunning, 5, 30);
  calls.query(kPending, 11, 20);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-1", "STATE-4"));
  const Violation violation = calls.violation("STATE-4");
  EXPECT_THAT(violation.recorded_calls, ElementsAre(1, 3));
  EXPECT_THAT(violation.observed,
              AllOf(HasSubstr("call 1 (GetExecutionStatus), sent at 0s, returned RUNNING at 10ms"),
                    HasSubstr("call 3 (GetExecutionStatus), sent at 11ms, returned PENDING at "
                              "20ms; the first ended before the second started")));
}

TEST(State4, AcceptsOverlappingReadsThatDisagree) {
  CallSequence calls;
  calls.query(kRunning, 0, 10);
  calls.query(kPending, 9, 20);
  calls.query(kRunning, 10, 20);
  EXPECT_THAT(calls.violated(), IsEmpty());
}

TEST(State4, JudgesTheAnswersOfAllMethods) {
  CallSequence list;
  list.query(kRunning, 0, 10);
  list.list({kPending}, 11, 20);
  EXPECT_THAT(list.violated(), UnorderedElementsAre("STATE-1", "STATE-4"));
  CallSequence cancel;
  cancel.cancel(true, kCancelled, 0, 10);
  cancel.query(kRunning, 11, 20);
  EXPECT_THAT(cancel.violated(), UnorderedElementsAre("STATE-1", "STATE-2", "STATE-4"));
  CallSequence sync;
  sync.invoke_sync(kCompleted, 0, 10);
  sync.query(kRunning, 11, 20);
  EXPECT_THAT(sync.violated(), UnorderedElementsAre("STATE-1", "STATE-2", "STATE-4"));
}

TEST(State4, AcceptsALateEffectOfAnUnansweredCancel) {
  CallSequence calls;
  calls.invoke_async(0, 5);
  end_call(calls.cancel(true, kCancelled, 6, 10), 10, absl::DeadlineExceededError(""));
  calls.query(kRunning, 120, 130);
  calls.query(kCancelled, 400, 410);
  EXPECT_THAT(calls.violated(), IsEmpty());
}

TEST(State1, RejectsAStreamThatGoesBack) {
  CallSequence calls;
  RecordedCall call = sent_call(Method::kStreamFunction, invoke_request(EXECUTION_MODE_STREAM));
  spearlet::StreamExecutionResult message;
  message.set_execution_id("a");
  for (const ExecutionStatus status : {kRunning, kPending, kCompleted}) {
    message.set_status(status);
    receive(call, message, 10);
  }
  end_call(call, 10);
  calls.add(call);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-1"));
}

TEST(State1, DoesNotCompareTwoOpenStreams) {
  CallSequence calls;
  for (const ExecutionStatus status : {kCompleted, kRunning}) {
    RecordedCall call = sent_call(Method::kStreamFunction, invoke_request(EXECUTION_MODE_STREAM));
    spearlet::StreamExecutionResult message;
    message.set_execution_id("a");
    message.set_status(status);
    receive(call, message, 10);
    calls.add(call);
  }
  EXPECT_THAT(calls.violated(), IsEmpty());
}

TEST(State3, RejectsTwoOutcomes) {
  CallSequence overlapping;
  overlapping.query(kFailed, 0, 10);
  overlapping.query(EXECUTION_STATUS_TIMEOUT, 5, 15);
  EXPECT_THAT(overlapping.violated(), UnorderedElementsAre("STATE-3"));
  CallSequence ordered;
  ordered.query(kFailed, 0, 10);
  ordered.query(kCompleted, 11, 15);
  EXPECT_THAT(ordered.violated(), UnorderedElementsAre("STATE-2", "STATE-3"));
  EXPECT_THAT(ordered.violation("STATE-3").recorded_calls, ElementsAre(1, 2));
}

TEST(Async4, RejectsAMissAfterAcceptance) {
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.miss(11, 20);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("ASYNC-4"));
  EXPECT_THAT(calls.violation("ASYNC-4").recorded_calls, ElementsAre(1, 2));
  CallSequence overlapping;
  overlapping.invoke_async(0, 10);
  overlapping.miss(9, 20);
  EXPECT_THAT(overlapping.violated(), IsEmpty());
}

TEST(Async4, OrdersEqualTimesByCallNumber) {
  CallSequence unknown;
  unknown.invoke_async(0, 0);
  unknown.miss(0, 0);
  EXPECT_THAT(unknown.violated(), IsEmpty());
  CallSequence known;
  known.invoke_async(0, 0).followed_by = 2;
  known.miss(0, 0);
  EXPECT_THAT(known.violated(), UnorderedElementsAre("ASYNC-4"));
}

TEST(State2, RejectsARecordThatDisappears) {
  CallSequence calls;
  calls.query(kRunning, 0, 10);
  calls.miss(11, 20);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-2"));
  CallSequence cleaned;
  cleaned.query(kRunning, 0, 10);
  spearlet::DeleteTaskRequest request;
  request.set_cleanup_executions(true);
  cleaned.add(answered_call(Method::kDeleteTask, request, spearlet::DeleteTaskResponse(), 10, 12));
  cleaned.miss(15, 20);
  EXPECT_THAT(cleaned.violated(), IsEmpty());
}

TEST(State2, KnowsThatOtherClientsMayUseAnIdAgain) {
  auto second = good_result(kCompleted);
  set_time_ms(second.mutable_started_at(), 10'400);
  set_time_ms(second.mutable_completed_at(), 10'600);
  const Policies policies = {.retention = milliseconds(10'000)};
  for (const bool concurrent : {false, true}) {
    CallSequence calls;
    calls.list({kCompleted}, 9'000, 12'000);
    calls.query(second, concurrent ? 11'000 : 12'100, 12'200);
    EXPECT_THAT(calls.violated(policies), IsEmpty());
    EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-2", "STATE-6"));
  }
  CallSequence runs;
  runs.query(kCompleted, 9'000, 9'010);
  runs.query(kRunning, 10'500, 10'510);
  EXPECT_THAT(runs.violated(policies), IsEmpty());
  EXPECT_THAT(runs.violated(), Not(IsEmpty()));
  // The times of one execution overlap.
  auto changed = good_result(kCompleted);
  set_time_ms(changed.mutable_started_at(), 150);
  CallSequence same;
  same.query(kCompleted, 9'000, 9'010);
  same.query(changed, 9'020, 9'030);
  EXPECT_THAT(same.violated(policies), UnorderedElementsAre("STATE-2", "STATE-6"));
}

TEST(State10, RejectsARecordBeforeTheFirstUseOfItsId) {
  CallSequence calls;
  calls.query(kPending, 0, 10);
  calls.invoke_async(11, 20);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-10"));
  CallSequence overlapping;
  overlapping.query(kPending, 0, 12);
  overlapping.invoke_async(11, 20);
  EXPECT_THAT(overlapping.violated(), IsEmpty());
}

// ---- Records ------------------------------------------------------------------------------------

TEST(State2, RejectsDifferentReportsOfTheEnd) {
  auto other = good_result(kFailed);
  other.set_error_message("another text");
  CallSequence error;
  error.query(kFailed, 0, 10);
  error.query(other, 5, 15);
  EXPECT_THAT(error.violated(), UnorderedElementsAre("STATE-2"));

  other = good_result(kCompleted);
  set_time_ms(other.mutable_completed_at(), 350);
  CallSequence moved;
  moved.query(kCompleted, 0, 10);
  moved.query(other, 5, 15);
  EXPECT_THAT(moved.violated(), UnorderedElementsAre("STATE-2", "STATE-6"));
  EXPECT_THAT(moved.violation("STATE-2").observed,
              HasSubstr("completed_at is 2023-11-14T22:13:20.300Z and 2023-11-14T22:13:20.350Z"));
}

TEST(State2, AcceptsTruncatedTimesOutsideQueries) {
  auto precise = good_result(kCompleted);
  precise.mutable_completed_at()->set_nanos(300'999'999);
  CallSequence sync;
  sync.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), sync_answer(kCompleted), 0, 10);
  sync.query(precise, 11, 20);
  EXPECT_THAT(sync.violated(), IsEmpty());
  sync.query(kCompleted, 21, 30);
  EXPECT_THAT(sync.violated(), UnorderedElementsAre("STATE-2", "STATE-6"))
      << "queries must agree exactly";
}

TEST(State6, RejectsAChangedStart) {
  auto later = good_result(kRunning);
  set_time_ms(later.mutable_started_at(), 110);
  CallSequence calls;
  calls.query(kRunning, 100, 110);
  calls.query(later, 111, 120);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-6"));

  CallSequence retried;
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  request.mutable_context()->set_max_retries(1);
  retried.invoke(request, async_answer(), 0, 10);
  retried.query(kRunning, 100, 110);
  retried.query(later, 111, 120);
  EXPECT_THAT(retried.violated(), IsEmpty()) << "it may be the start of the last attempt";
}

TEST(State9, RejectsAnotherPayloadAndOtherOmissions) {
  auto other = good_result(kCompleted);
  other.mutable_result()->set_value("\n\005world");
  CallSequence queries;
  queries.query(kCompleted, 0, 10);
  queries.query(other, 5, 15);
  EXPECT_THAT(queries.violated(), UnorderedElementsAre("STATE-2", "STATE-9"));

  CallSequence sync;
  sync.invoke_sync(kCompleted, 0, 10);
  other.clear_result();
  sync.query(other, 11, 20);
  EXPECT_THAT(sync.violated(), UnorderedElementsAre("STATE-9"));

  CallSequence cut;
  cut.query(kFailed, 0, 10);
  auto bare = good_result(kFailed);
  bare.clear_error_code();
  cut.query(bare, 11, 20, /*include_result=*/false);
  EXPECT_THAT(cut.violated(), UnorderedElementsAre("STATE-2", "STATE-9"));
}

TEST(Sync6, RejectsListsWithAnotherFunction) {
  CallSequence calls;
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  request.set_function_name("sleep");
  calls.invoke(request, async_answer(), 0, 10);
  calls.list({kRunning}, 11, 20);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("SYNC-6", "LIST-8"));
}

TEST(State11, RequiresTheRecordOfASyncExecution) {
  CallSequence calls;
  calls.invoke_sync(kFailed, 0, 10);
  calls.miss(11, 12);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-11"));
  CallSequence found;
  found.invoke_sync(kFailed, 0, 10);
  found.query(kFailed, 11, 12);
  EXPECT_THAT(found.violated(), IsEmpty());
  EXPECT_TRUE(found.judge().judged("STATE-11"));
  CallSequence overlapping;
  overlapping.invoke_sync(kFailed, 0, 10);
  overlapping.miss(9, 12);
  EXPECT_THAT(overlapping.violated(), IsEmpty());
}

// The results of sample calls start at 1'700'000'000 s and 100 ms.
core::WallTime wall_ms(std::int64_t ms) {
  return {std::chrono::seconds(1'700'000'000) + std::chrono::milliseconds(ms)};
}

TEST(State13, RejectsAStartBeforeTheCall) {
  for (const std::int64_t sent : {50, 100, 101, 102, 500}) {
    CallSequence calls;
    calls.invoke_async(0, 10).wall_sent = wall_ms(sent);
    calls.query(kRunning, 11, 20);
    if (sent <= 101) {  // times may be truncated to milliseconds
      EXPECT_THAT(calls.violated(), IsEmpty()) << sent;
      EXPECT_TRUE(calls.judge().judged("STATE-13"));
    } else {
      EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-13", "STATE-6")) << sent;
    }
  }
  CallSequence tolerated;
  RecordedCall& invoke = tolerated.invoke_async(0, 10);
  invoke.wall_sent = wall_ms(600);
  invoke.clock_tolerance = std::chrono::milliseconds(500);
  tolerated.query(kRunning, 11, 20);
  EXPECT_THAT(tolerated.violated(), IsEmpty());
}

// Lists executions that were accepted one after the other, in this order.
CallSequence listed(const std::vector<std::string>& order, Method method) {
  CallSequence calls;
  std::int64_t at = 0;
  for (const std::string id : {"a", "b", "c"}) {
    calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, id), async_answer(id), at, at + 5);
    at += 10;
  }
  const auto add_entries = [&](auto& answer) {
    for (const std::string& id : order) {
      auto& info = *answer.add_executions();
      info.set_execution_id(id);
      info.set_task_id("fixtures");
      info.set_function_name("echo");
      info.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
      info.set_status(kPending);
    }
  };
  if (method == Method::kGetTask) {
    spearlet::GetTaskResponse answer;
    add_entries(answer);
    calls.add(answered_call(method, spearlet::GetTaskRequest(), answer, 50, 60));
  } else {
    spearlet::ListExecutionsResponse answer;
    add_entries(answer);
    calls.add(answered_call(method, spearlet::ListExecutionsRequest(), answer, 50, 60));
  }
  return calls;
}

TEST(List6, RequiresTheOrderOfAcceptance) {
  EXPECT_THAT(listed({"a", "b", "c"}, Method::kListExecutions).violated(), IsEmpty());
  for (const auto& order :
       {std::vector<std::string>{"b", "a", "c"}, {"a", "c", "b"}, {"b", "c", "a"}}) {
    EXPECT_THAT(listed(order, Method::kListExecutions).violated(), UnorderedElementsAre("LIST-6"));
  }
  EXPECT_THAT(listed({"c", "b", "a"}, Method::kGetTask).violated(), IsEmpty());
  EXPECT_THAT(listed({"a", "b", "c"}, Method::kGetTask).violated(), UnorderedElementsAre("TASK-5"));
}

TEST(List8, RejectsAnEntryThatDiffersFromTheQuery) {
  CallSequence calls;
  calls.invoke_async(0, 10);
  auto result = good_result(kFailed);
  result.set_error_message("another");
  calls.query(result, 11, 12);
  calls.list({kFailed}, 13, 14);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("LIST-8", "STATE-2"));
}

TEST(List9, RejectsAnEntryAfterTheRetention) {
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.query(kCompleted, 11, 12);
  calls.list({kCompleted}, 3000, 3001);
  Policies policies;
  policies.retention = std::chrono::seconds(1);
  EXPECT_THAT(calls.violated(policies), UnorderedElementsAre("LIST-9"));
  policies.retention = std::chrono::seconds(2);
  EXPECT_THAT(calls.violated(policies), IsEmpty());
}

TEST(List1, RejectsACompleteListWithoutAKnownExecution) {
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.list({}, 11, 20);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("LIST-1"));
  CallSequence overlapping;
  overlapping.invoke_async(0, 10);
  overlapping.list({}, 9, 20);
  EXPECT_THAT(overlapping.violated(), IsEmpty());
  CallSequence deleted;
  deleted.invoke_async(0, 10);
  deleted.add(answered_call(Method::kDeleteTask, spearlet::DeleteTaskRequest(),
                            spearlet::DeleteTaskResponse(), 10, 12));
  deleted.list({}, 15, 20);
  EXPECT_THAT(deleted.violated(), IsEmpty()) << "the task may have been deleted";
}

// ---- ASYNC --------------------------------------------------------------------------------------

TEST(Async1, RejectsAFirstAnswerThatIsNotPending) {
  auto done = async_answer();
  *done.mutable_result() = good_result(kCompleted);
  auto bare = async_answer();
  bare.clear_result();
  auto ended = async_answer();
  set_time_ms(ended.mutable_result()->mutable_completed_at(), 1);
  for (const auto& answer : {done, bare, ended}) {
    for (const char* id : {"a", ""}) {
      CallSequence calls;
      calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, id), answer, 0, 10);
      EXPECT_THAT(calls.violated(), ElementsAre("ASYNC-1"));
    }
  }
}

TEST(Async1, AcceptsTheCurrentStateIfALostCallMayHaveBeenTheFirst) {
  auto completed = async_answer();
  *completed.mutable_result() = good_result(kCompleted);
  const auto violated = [&](std::int64_t other_sent, core::Duration retention) {
    CallSequence calls;
    calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), completed, 0, 10);
    calls.refuse(invoke_request(EXECUTION_MODE_ASYNC, "a"), absl::UnavailableError("lost"),
                 other_sent, other_sent + 1);
    return calls.violated({.retention = retention});
  };
  EXPECT_THAT(violated(0, core::kForever), IsEmpty());
  EXPECT_THAT(violated(0, std::chrono::hours(1)), IsEmpty()) << "though the id may be free later";
  EXPECT_THAT(violated(11, core::kForever), ElementsAre("ASYNC-1")) << "it came after the answer";
  EXPECT_THAT(violated(11, std::chrono::hours(1)), ElementsAre("ASYNC-1"));
}

TEST(Async1, AcceptsTheCurrentStateInALaterAnswer) {
  auto done = async_answer();
  *done.mutable_result() = good_result(kCompleted);
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), done, 400, 410);
  EXPECT_THAT(calls.violated(), IsEmpty());
  CallSequence overlapping;
  overlapping.invoke_async(0, 10);
  overlapping.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), done, 5, 15);
  EXPECT_THAT(overlapping.violated(), IsEmpty()) << "either may have come first";
  CallSequence unanswered;
  end_call(unanswered.invoke_async(0, 10), 10, absl::DeadlineExceededError(""));
  unanswered.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), done, 400, 410);
  EXPECT_THAT(unanswered.violated(), IsEmpty()) << "the unanswered call may have been first";
}

TEST(Async8, RejectsAFailureWithoutAnErrorCode) {
  auto result = good_result(kFailed);
  result.clear_error_code();
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.query(result, 311, 320);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("ASYNC-8"));
}

TEST(Async9, RejectsARecordOfARefusedCall) {
  const auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  CallSequence full;
  full.refuse(request, absl::ResourceExhaustedError("full"), 0, 10);
  full.query(kPending, 11, 20);
  EXPECT_THAT(full.violated(), UnorderedElementsAre("ASYNC-9"));
  CallSequence unknown;
  unknown.refuse(request, absl::NotFoundError("no task"), 0, 10);
  unknown.query(kFailed, 11, 20);
  EXPECT_THAT(unknown.violated(), UnorderedElementsAre("ASYNC-6"));
  CallSequence again;
  again.refuse(request, absl::ResourceExhaustedError("full"), 0, 10);
  again.invoke_async(11, 20);
  again.query(kPending, 21, 30);
  EXPECT_THAT(again.violated(), IsEmpty());
}

// ---- CANCEL -------------------------------------------------------------------------------------

TEST(Cancel2, RejectsEffectsOfALateCancel) {
  CallSequence overwritten;
  overwritten.query(kCompleted, 0, 10);
  overwritten.cancel(true, kCancelled, 11, 20);
  EXPECT_THAT(overwritten.violated(),
              UnorderedElementsAre("CANCEL-2", "CANCEL-3", "STATE-2", "STATE-3"));
  CallSequence unknown;
  unknown.query(kCompleted, 0, 10);
  unknown.cancel(false, EXECUTION_STATUS_UNSPECIFIED, 11, 20);
  EXPECT_THAT(unknown.violated(), UnorderedElementsAre("CANCEL-2"));
  CallSequence quietly;
  quietly.query(kFailed, 0, 10);
  quietly.cancel(false, kFailed, 11, 20);
  quietly.query(kCancelled, 21, 30);
  EXPECT_THAT(quietly.violated(), UnorderedElementsAre("CANCEL-2", "STATE-2", "STATE-3"));
}

TEST(Cancel3, RejectsSuccessWithoutAnEffect) {
  CallSequence completes;
  completes.cancel(true, kRunning, 0, 10);
  completes.query(kCompleted, 311, 320);
  EXPECT_THAT(completes.violated(), UnorderedElementsAre("CANCEL-3"));
  CallSequence twice;
  twice.cancel(true, kCancelled, 0, 10);
  twice.cancel(true, kCancelled, 11, 20);
  EXPECT_THAT(twice.violated(), UnorderedElementsAre("CANCEL-3"));
  CallSequence together;
  together.cancel(true, kCancelled, 0, 10);
  together.cancel(true, kCancelled, 5, 15);
  EXPECT_THAT(together.violated(), IsEmpty());
}

TEST(Cancel5, RequiresARecordWithTheReason) {
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.cancel(true, kCancelled, 15, 30, "enough");
  auto result = good_result(kCancelled);
  calls.query(result, 310, 320);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("CANCEL-5"));
  result.set_error_message("cancelled: enough");
  CallSequence reported;
  reported.invoke_async(0, 10);
  reported.cancel(true, kCancelled, 15, 30, "enough");
  reported.query(result, 310, 320);
  EXPECT_THAT(reported.violated(), IsEmpty());
  CallSequence of_others;
  of_others.cancel(true, kCancelled, 0, 10, "enough");
  of_others.query(good_result(kCancelled), 11, 20);
  EXPECT_THAT(of_others.violated(), IsEmpty()) << "its caller may have left before the cancel";
  CallSequence other;
  other.cancel(true, kCancelled, 0, 10, "enough");
  end_call(other.cancel(true, kCancelled, 0, 10, "why"), 10, absl::DeadlineExceededError(""));
  other.query(good_result(kCancelled), 11, 20);
  EXPECT_THAT(other.violated(), IsEmpty()) << "the unanswered cancel may have set the reason";
  CallSequence silent;
  silent.cancel(true, kCancelled, 0, 10, "enough");
  silent.cancel(true, kCancelled, 0, 10);
  silent.query(good_result(kCancelled), 11, 20);
  EXPECT_THAT(silent.violated(), IsEmpty()) << "the cancel without a reason may have been first";
  CallSequence gone;
  gone.cancel(true, kCancelled, 0, 10, "enough");
  gone.miss(11, 20);
  EXPECT_THAT(gone.violated(), UnorderedElementsAre("CANCEL-5"));
}

TEST(Cancel5, AssignsAnUnansweredCancelToAnyExecutionOfTheId) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(100)};
  auto result = good_result(kCancelled);
  result.set_error_message("why");
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.cancel(true, kCancelled, 15, 30, "enough");
  end_call(calls.cancel(true, kCancelled, 16, 25, "why"), 25, absl::DeadlineExceededError(""));
  calls.query(result, 310, 320);
  calls.miss(10'421, 10'430);
  calls.invoke_async(10'431, 10'440);
  EXPECT_THAT(calls.violated(policies), IsEmpty());
}

TEST(Idem4, AllowsAnyExpiryOfAnExecutionThatWasFirstSeenAfterItsEnd) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(0)};
  CallSequence calls;
  calls.query(good_result(kCompleted), 9'000, 9'010);
  calls.miss(10'500, 10'510);
  EXPECT_THAT(calls.violated(policies), IsEmpty());
}

TEST(Idem4, AllowsACallThatMayHaveFoundTheOldRecordOrNone) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(0)};
  CallSequence calls;
  calls.invoke_async(0, 10);
  // The execution has ended at 300 ms, which no call has seen: from 10 s on the record may be gone.
  spearlet::InvokeFunctionResponse found = async_answer("a");
  *found.mutable_result() = good_result(kCompleted);
  calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), found, 10'100, 10'110);
  calls.invoke_async(10'400, 10'410);
  EXPECT_THAT(calls.violated(policies), IsEmpty());
}

TEST(Idem4, KnowsThatARefusalMayBeAboutATask) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(0)};
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  const auto violated = [&] {
    CallSequence calls;
    calls.invoke_async(0, 10);
    calls.query(kCompleted, 310, 320);
    calls.refuse(request, kAlreadyExists, 10'400, 10'410);
    return calls.violated(policies);
  };
  EXPECT_THAT(violated(), UnorderedElementsAre("IDEM-4"));
  request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  EXPECT_THAT(violated(), IsEmpty());
  request.set_create_if_not_exists(true);
  EXPECT_THAT(violated(), UnorderedElementsAre("IDEM-4"));
}

// ---- IDEM ---------------------------------------------------------------------------------------

TEST(Idem1, RequiresTheSameRecordForAnEqualRequest) {
  CallSequence good;
  good.invoke_sync(kCompleted, 0, 310);
  good.invoke_sync(kCompleted, 311, 320);
  EXPECT_THAT(good.violated(), IsEmpty());
  EXPECT_TRUE(good.judge().judged("IDEM-1"));

  CallSequence refused;
  refused.invoke_sync(kCompleted, 0, 310);
  refused.refuse(invoke_request(EXECUTION_MODE_SYNC, "a"), kAlreadyExists, 311, 320);
  EXPECT_THAT(refused.violated(), UnorderedElementsAre("IDEM-1"));
  const Policies policies = {.duplicate_id = Policies::DuplicateId::kRefused};
  EXPECT_THAT(refused.violated(policies), IsEmpty());
  EXPECT_THAT(good.violated(policies), UnorderedElementsAre("IDEM-1"));
}

TEST(Idem1, IsNotAboutIdsThatTheTargetHasMade) {
  CallSequence calls;
  calls.invoke(invoke_request(EXECUTION_MODE_SYNC, ""), sync_answer(kCompleted, "a"), 0, 310);
  calls.refuse(invoke_request(EXECUTION_MODE_SYNC, "a"), kAlreadyExists, 311, 320);
  EXPECT_THAT(calls.violated(), IsEmpty());
}

TEST(Idem1, RejectsASecondRunOfAnEqualRequest) {
  auto again = sync_answer(kCompleted);
  set_time_ms(again.mutable_result()->mutable_started_at(), 400);
  set_time_ms(again.mutable_result()->mutable_completed_at(), 600);
  CallSequence later;
  later.invoke_sync(kCompleted, 0, 310);
  later.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), again, 311, 620);
  EXPECT_THAT(later.violated(), UnorderedElementsAre("IDEM-1", "STATE-2", "STATE-6"));
  CallSequence in_flight;
  in_flight.invoke_sync(kCompleted, 0, 310);
  in_flight.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), again, 300, 620);
  EXPECT_THAT(in_flight.violated(), UnorderedElementsAre("IDEM-3", "STATE-2", "STATE-6"));
}

TEST(Idem2, RequiresRefusalOfADifferentRequest) {
  auto other = invoke_request(EXECUTION_MODE_SYNC, "a");
  other.set_function_name("sleep");
  CallSequence accepted;
  accepted.invoke_sync(kCompleted, 0, 310);
  accepted.invoke(other, sync_answer(kCompleted), 311, 320);
  EXPECT_THAT(accepted.violated(), UnorderedElementsAre("IDEM-2"));
  CallSequence refused;
  refused.invoke_sync(kCompleted, 0, 310);
  refused.refuse(other, kAlreadyExists, 311, 320);
  EXPECT_THAT(refused.violated(), IsEmpty());
  EXPECT_TRUE(refused.judge().judged("IDEM-2"));
  CallSequence together;
  together.invoke_sync(kCompleted, 0, 310);
  together.invoke(other, sync_answer(kCompleted), 5, 320);
  EXPECT_THAT(together.violated(), UnorderedElementsAre("IDEM-2")) << "in either order";
  CallSequence unanswered;
  end_call(unanswered.invoke(other, sync_answer(kCompleted), 0, 10), 10,
           absl::DeadlineExceededError(""));
  unanswered.invoke_sync(kCompleted, 11, 310);
  EXPECT_THAT(unanswered.violated(), IsEmpty()) << "the unanswered call may never have arrived";
}

TEST(Idem3, RequiresTheRunningExecutionForAnEqualRequest) {
  auto running = async_answer();
  *running.mutable_result() = good_result(kRunning);
  running.set_task_id("t123");
  CallSequence calls;
  calls.invoke_async(0, 10);
  calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), running, 110, 120);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("IDEM-3"));
}

TEST(Idem4, RejectsARecordAfterTheRetentionPeriod) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(100)};
  CallSequence stays;
  stays.invoke_async(0, 10);
  stays.query(kCompleted, 310, 320);
  stays.query(kCompleted, 10'421, 10'430);
  EXPECT_THAT(stays.violated(policies), UnorderedElementsAre("IDEM-4"));
  EXPECT_THAT(stays.violated(), IsEmpty());
  CallSequence meanwhile;
  meanwhile.query(kCompleted, 310, 320);
  meanwhile.query(kCompleted, 10'419, 10'430);
  EXPECT_THAT(meanwhile.violated(policies), IsEmpty());

  CallSequence early;
  early.invoke_async(0, 10);
  early.query(kCompleted, 310, 320);
  early.miss(9'000, 9'800);
  EXPECT_THAT(early.violated(policies), UnorderedElementsAre("ASYNC-4"));

  CallSequence good;
  good.invoke_async(0, 10);
  good.query(kCompleted, 310, 320);
  good.miss(10'421, 10'430);
  good.invoke_async(10'431, 10'440);
  good.query(kPending, 10'441, 10'450);
  EXPECT_THAT(good.violated(policies), IsEmpty());
  EXPECT_TRUE(good.judge(policies).judged("IDEM-4"));

  CallSequence taken;
  taken.invoke_async(0, 10);
  taken.query(kCompleted, 310, 320);
  taken.refuse(invoke_request(EXECUTION_MODE_ASYNC, "a"), kAlreadyExists, 10'421, 10'430);
  EXPECT_THAT(taken.violated(policies), UnorderedElementsAre("IDEM-4"));
}

TEST(Idem4, DoesNotJudgeAnIdThatMayBeFree) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(100)};
  auto running = async_answer();
  *running.mutable_result() = good_result(kRunning);
  CallSequence perhaps_joined;
  perhaps_joined.invoke_async(0, 10);
  perhaps_joined.query(kRunning, 120, 130);
  perhaps_joined.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), running, 10'020, 10'050);
  EXPECT_THAT(perhaps_joined.violated(policies), IsEmpty());
  CallSequence perhaps_new;
  perhaps_new.invoke_async(0, 10);
  perhaps_new.query(kCompleted, 310, 320);
  perhaps_new.invoke_async(10'000, 10'050);
  perhaps_new.query(kPending, 10'060, 10'070);
  EXPECT_THAT(perhaps_new.violated(policies), IsEmpty());
  CallSequence perhaps_later;
  perhaps_later.invoke_async(0, 10);
  perhaps_later.query(kCompleted, 310, 320);
  end_call(perhaps_later.invoke_async(10'000, 10'050), 10'050, absl::DeadlineExceededError(""));
  perhaps_later.query(kCompleted, 10'060, 10'070);
  perhaps_later.query(kPending, 10'080, 10'090);
  EXPECT_THAT(perhaps_later.violated(policies), IsEmpty())
      << "the unanswered call may take effect later";
}

// ---- Random histories ---------------------------------------------------------------------------

/// A random conforming execution and the calls of its clients. Each call takes effect at one
/// moment, and its interval is a random one around that.
CallSequence any_conforming_calls() {
  const auto any = [](std::int64_t from, std::int64_t to) { return *rc::gen::inRange(from, to); };
  CallSequence calls;
  // The execution changes at even times and is read at odd times.
  const std::int64_t accepted = 2 * any(1, 10);
  const std::int64_t started = accepted + 2 * any(1, 20);
  const std::int64_t ended = started + 2 * any(1, 20);
  const auto status = *rc::gen::element(kCompleted, kFailed, kCancelled, EXECUTION_STATUS_TIMEOUT);
  const bool starts = status == kCompleted || any(0, 3) > 0;

  const auto result_at = [&](std::int64_t moment) {
    const bool over = moment > ended;
    const bool running = starts && moment > started;
    auto result = good_result(over ? status : running ? kRunning : kPending);
    result.clear_started_at();
    if (running) set_time_ms(result.mutable_started_at(), started);
    if (over) set_time_ms(result.mutable_completed_at(), ended);
    result.set_execution_time_ms(over && starts ? ended - started : 0);
    if (over && status == kCancelled) result.set_error_message("because");
    return result;
  };
  const auto lead = [&] { return any(0, 8); };

  struct Planned {
    std::int64_t sent;
    RecordedCall call;
  };
  std::vector<Planned> plan;
  const auto add = [&](RecordedCall call) {
    plan.push_back({call.sent.since_start().count(), call});
  };

  add(answered_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_ASYNC, "a"),
                    async_answer("a"), accepted - lead(), accepted + lead()));
  const std::int64_t reads = any(0, 12);
  for (std::int64_t i = 0; i < reads; ++i) {
    const std::int64_t moment = 2 * any(0, 60) + 1;
    const std::int64_t sent = moment - lead();
    const std::int64_t returned = moment + lead();
    const bool include_result = any(0, 2) == 0;
    auto answer = status_answer(result_at(moment));
    if (!include_result) answer.mutable_result()->clear_result();
    if (moment < accepted) answer = {};
    add(answered_call(Method::kGetExecutionStatus, status_request("a", include_result), answer,
                      sent, returned));
    if (any(0, 5) == 0) end_call(plan.back().call, returned, absl::DeadlineExceededError(""));
  }
  const std::int64_t repeats = any(0, 3);
  for (std::int64_t i = 0; i < repeats; ++i) {
    const std::int64_t moment = accepted + 2 * any(0, 40) + 1;
    auto answer = async_answer("a");
    *answer.mutable_result() = result_at(moment);
    add(answered_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_ASYNC, "a"), answer,
                      std::max(moment - lead(), accepted), moment + lead()));
    // The caller cancels the call, or the answer has not arrived yet.
    if (any(0, 4) == 0) end_call(plan.back().call, moment, absl::CancelledError(""));
    if (any(0, 4) == 0)
      plan.back().call =
          sent_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_ASYNC, "a"), moment);
  }
  const std::int64_t lists = any(0, 3);
  for (std::int64_t i = 0; i < lists; ++i) {
    const std::int64_t moment = 2 * any(0, 60) + 1;
    spearlet::ListExecutionsResponse answer;
    if (moment > accepted) {
      const auto result = result_at(moment);
      auto& info = *answer.add_executions();
      info.set_execution_id("a");
      info.set_function_name("echo");
      info.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
      info.set_error_message(result.error_message());
      info.set_status(result.status());
      info.set_execution_time_ms(result.execution_time_ms());
      if (result.has_started_at()) *info.mutable_started_at() = result.started_at();
      if (result.has_completed_at()) *info.mutable_completed_at() = result.completed_at();
    }
    add(answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(), answer,
                      moment - lead(), moment + lead()));
  }
  if (status == kCancelled) {
    add(answered_call(Method::kCancelExecution, cancel_request("a", "because"),
                      cancel_answer(true, kCancelled), ended - lead(), ended + lead()));
    // The answer may be lost.
    if (any(0, 3) == 0) end_call(plan.back().call, ended, absl::UnavailableError(""));
  }
  if (any(0, 2) == 0) {
    const std::int64_t moment = ended + 2 * any(0, 10) + 1;
    add(answered_call(Method::kCancelExecution, cancel_request("a", "too late"),
                      cancel_answer(false, status), moment - lead(), moment + lead()));
  }
  std::ranges::stable_sort(plan, {}, &Planned::sent);
  for (Planned& planned : plan) calls.add(std::move(planned.call));
  return calls;
}

TEST(History, AcceptsRandomConformingExecutions) {
  int judged = 0;
  EXPECT_TRUE(rc::check([&] {
    const CallSequence calls = any_conforming_calls();
    Findings findings = calls.judge();
    for (const RecordedCall& recorded : calls.recorded_calls())
      judge_recorded_call(recorded, {}, findings);
    for (const auto& [clause, finding] : findings.by_clause()) {
      for (const Violation& violation : finding.violations) {
        RC_LOG() << clause << ": " << violation.expected << "; " << violation.observed << "\n";
      }
      RC_ASSERT(finding.violations.empty());
    }
    judged += findings.judged("STATE-4") ? 1 : 0;
  }));
  EXPECT_GT(judged, 50) << "too few relevant histories were generated";
}

TEST(History, AgreesWithASearchOfAllLinearizations) {
  int illegal = 0;
  EXPECT_TRUE(rc::check([&] {
    CallSequence calls;
    std::vector<Read> reads;
    const auto count = *rc::gen::inRange(0, 7);
    for (int i = 0; i < count; ++i) {
      const auto sent = *rc::gen::inRange<std::int64_t>(0, 20);
      const auto returned = sent + *rc::gen::inRange<std::int64_t>(0, 6);
      const int stage = *rc::gen::inRange(0, 3);
      calls.query(std::array{kPending, kRunning, kCompleted}[static_cast<std::size_t>(stage)], sent,
                  returned);
      // Equal times are unordered.
      reads.push_back({{at_ms(sent), 0}, {at_ms(returned), 1}, stage});
    }
    const bool legal = is_linearizable(reads);
    illegal += legal ? 0 : 1;
    RC_ASSERT(legal != calls.judge().violated("STATE-4"));
  }));
  EXPECT_GT(illegal, 10) << "too few relevant histories were generated";
}

TEST(History, JudgesListsFullOfOneIdInLinearTime) {
  // Compared in pairs, these would take minutes.
  const std::vector<ExecutionStatus> entries(30'000, EXECUTION_STATUS_COMPLETED);
  CallSequence calls;
  calls.invoke_async(0, 10);
  for (int i = 0; i < 5; ++i) calls.list(entries, 400 + i, 401 + i);
  calls.invoke_async(500, 510);
  for (int i = 0; i < 5; ++i) calls.list(entries, 600 + i, 601 + i);
  const auto began = std::chrono::steady_clock::now();
  calls.judge();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(Eta5, RequiresThePercentileAndTheEstimatorInTheFirstAnswer) {
  const auto violated = [](const char* name, const char* value) {
    CallSequence calls;
    auto answer = async_answer("a");
    (*answer.mutable_result()->mutable_metrics())[name] = value;
    calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), answer, 0, 10);
    return calls.violated();
  };
  EXPECT_THAT(violated("eta_p90_ms", "50"), IsEmpty()) << "the estimate is 50 ms";
  EXPECT_THAT(violated("eta_p90_ms", "49"), UnorderedElementsAre("ETA-5"));
  EXPECT_THAT(violated("eta_p90_ms", ""), UnorderedElementsAre("ETA-5"));
  EXPECT_THAT(violated("eta_estimator", ""), UnorderedElementsAre("ETA-5"));
}

TEST(Cancel10, RequiresNoStatusForAnUnknownId) {
  CallSequence calls;
  calls.miss(0, 10);
  calls.cancel(false, EXECUTION_STATUS_UNSPECIFIED, 20, 30);
  EXPECT_THAT(calls.violated(), IsEmpty());
  EXPECT_TRUE(calls.judge().judged("CANCEL-10"));
  calls.cancel(false, kCancelled, 40, 50);
  EXPECT_THAT(calls.violated(), testing::Contains("CANCEL-10"));
}

TEST(Time1, RequiresTheTimeoutToBeObeyed) {
  const auto started = [] {
    CallSequence calls;
    auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
    request.mutable_context()->set_timeout_ms(300);
    calls.invoke(request, async_answer("a"), 0, 10);
    return calls;
  };
  CallSequence early = started();
  early.query(EXECUTION_STATUS_TIMEOUT, 290, 299);
  EXPECT_THAT(early.violated(), UnorderedElementsAre("TIME-1"));
  CallSequence in_time = started();
  in_time.query(kRunning, 299, 305);
  in_time.query(kRunning, 1310, 1320);  // the grace is 1 s
  in_time.query(EXECUTION_STATUS_TIMEOUT, 1320, 1330);
  EXPECT_THAT(in_time.violated(), IsEmpty());
  CallSequence late = started();
  late.query(kRunning, 1311, 1320);
  EXPECT_THAT(late.violated(), UnorderedElementsAre("TIME-1"));
  Policies from_start;
  from_start.timeout_from = Policies::TimeoutFrom::kStart;
  EXPECT_THAT(late.violated(from_start), IsEmpty());
}

TEST(History, JudgesManyCallsQuickly) {
  CallSequence calls;
  calls.invoke_async(0, 10);
  for (int i = 0; i < 20'000; ++i) calls.query(kRunning, 120 + i, 125 + i);
  EXPECT_THAT(calls.violated(), IsEmpty());
}

TEST(State2, RequiresTheSameNumbersInAllAnswers) {
  const auto violated = [](auto change) {
    CallSequence calls;
    calls.invoke_sync(kCompleted, 0, 310);
    auto result = good_result(kCompleted);
    change(result);
    calls.query(result, 320, 330);
    return calls.violated();
  };
  EXPECT_THAT(violated([](auto&) {}), IsEmpty());
  EXPECT_THAT(violated([](auto& result) { result.set_execution_time_ms(201); }),
              UnorderedElementsAre("STATE-2"));
  EXPECT_THAT(violated([](auto& result) { result.set_memory_used_bytes(1); }),
              UnorderedElementsAre("STATE-2"));
}

TEST(State2, RequiresTheSameMetricsInAllQueries) {
  CallSequence calls;
  auto result = good_result(kCompleted);
  (*result.mutable_metrics())["retries"] = "1";
  calls.query(result, 320, 330);
  calls.query(result, 340, 350);
  EXPECT_THAT(calls.violated(), IsEmpty());
  (*result.mutable_metrics())["retries"] = "2";
  calls.query(result, 360, 370);
  EXPECT_THAT(calls.violated(), UnorderedElementsAre("STATE-2"));
}

// The sample execution ends at 300 ms on the target's clock.
TEST(Wire5, RequiresTheAnswerWhenTheExecutionEnds) {
  CallSequence calls;
  calls.invoke_sync(kCompleted, 0, 310);
  EXPECT_THAT(calls.violated(), IsEmpty());
  EXPECT_TRUE(calls.judge().judged("WIRE-5"));
  // Another client sees the end 2 s before the caller does.
  CallSequence late;
  late.invoke_sync(kCompleted, 0, 2'311);
  EXPECT_THAT(late.violated(), IsEmpty());
  late.query(kCompleted, 300, 310);
  EXPECT_THAT(late.violated(), UnorderedElementsAre("WIRE-5"));
  // The cancel is sent after the end.
  CallSequence cancelled;
  cancelled.query(kCancelled, 300, 310);
  cancelled.cancel(false, kCancelled, 9'000, 9'010);
  EXPECT_THAT(cancelled.violated(), IsEmpty());
  cancelled.cancel(false, kCancelled, 9'000, 11'001);
  EXPECT_THAT(cancelled.violated(), UnorderedElementsAre("WIRE-5"));
}

}  // namespace
}  // namespace quintain::conformance
