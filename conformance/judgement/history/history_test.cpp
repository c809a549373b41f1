#include "conformance/judgement/history/history.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <array>

#include "conformance/judgement/history/search.h"
#include "conformance/judgement/rules/recorded_call_rules.h"
#include "conformance/judgement/testing/sample_call.h"

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

/// Calls about the execution 'a', in the order of sending. Times are milliseconds.
class Story {
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
      info.set_status(status);
      if (result.has_started_at()) *info.mutable_started_at() = result.started_at();
      if (result.has_completed_at()) *info.mutable_completed_at() = result.completed_at();
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

  std::vector<std::string> record_failure(const Policies& policies = {}) const {
    std::vector<std::string> clauses;
    const Findings findings = judge(policies);
    for (const auto& [clause, finding] : findings.by_clause()) {
      if (!finding.violations.empty()) clauses.push_back(clause);
    }
    return clauses;
  }

  /// The first violation of a clause.
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

constexpr auto kPending = EXECUTION_STATUS_PENDING;
constexpr auto kRunning = EXECUTION_STATUS_RUNNING;
constexpr auto kCompleted = EXECUTION_STATUS_COMPLETED;
constexpr auto kFailed = EXECUTION_STATUS_FAILED;
constexpr auto kCancelled = EXECUTION_STATUS_CANCELLED;

const absl::Status kAlreadyExists = absl::AlreadyExistsError("it exists");

TEST(History, OfAGoodExecutionBreaksNothing) {
  Story story;
  story.miss(0, 1);
  story.invoke_async(2, 4);
  story.query(kPending, 5, 6);
  story.query(kRunning, 120, 130);
  story.list({kRunning}, 131, 140);
  story.query(kCompleted, 310, 320);
  story.query(good_result(kCompleted), 330, 340, /*include_result=*/false);
  story.list({kCompleted}, 341, 350);
  story.cancel(false, kCompleted, 360, 370);
  EXPECT_THAT(story.record_failure(), IsEmpty());
  const Findings findings = story.judge();
  for (const char* clause : {"STATE-1", "STATE-2", "STATE-3", "STATE-4", "STATE-9", "STATE-10",
                             "ASYNC-1", "ASYNC-4", "CANCEL-2", "LIST-1", "SYNC-6"}) {
    EXPECT_TRUE(findings.judged(clause)) << clause;
  }
}

TEST(History, OfNothingJudgesNothing) {
  EXPECT_THAT(Story().judge().by_clause(), IsEmpty());
  Story alone;
  alone.query(kRunning, 0, 10);
  EXPECT_THAT(alone.judge().by_clause(), IsEmpty()) << "there is no order of one";
}

// ---- Order --------------------------------------------------------------------------------------

TEST(State4, ALaterReadShowsNoEarlierStage) {
  Story story;
  story.query(kRunning, 0, 10);
  story.query(kRunning, 5, 30);
  story.query(kPending, 11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("STATE-1", "STATE-4"));
  const Violation violation = story.violation("STATE-4");
  EXPECT_THAT(violation.recorded_calls, ElementsAre(1, 3));
  EXPECT_THAT(violation.observed,
              AllOf(HasSubstr("call 1 (GetExecutionStatus), sent at 0s, was told RUNNING at 10ms"),
                    HasSubstr("call 3 (GetExecutionStatus), sent at 11ms, was told PENDING at "
                              "20ms; the first was over before the second began")));
}

TEST(State4, OverlappingReadsMayDisagree) {
  Story story;
  story.query(kRunning, 0, 10);
  story.query(kPending, 9, 20);
  story.query(kRunning, 10, 20);
  EXPECT_THAT(story.record_failure(), IsEmpty());
}

TEST(State4, EveryAnswerIsARead) {
  Story list;
  list.query(kRunning, 0, 10);
  list.list({kPending}, 11, 20);
  EXPECT_THAT(list.record_failure(), UnorderedElementsAre("STATE-1", "STATE-4"));
  Story cancel;
  cancel.cancel(true, kCancelled, 0, 10);
  cancel.query(kRunning, 11, 20);
  EXPECT_THAT(cancel.record_failure(), UnorderedElementsAre("STATE-1", "STATE-2", "STATE-4"));
  Story sync;
  sync.invoke_sync(kCompleted, 0, 10);
  sync.query(kRunning, 11, 20);
  EXPECT_THAT(sync.record_failure(), UnorderedElementsAre("STATE-1", "STATE-2", "STATE-4"));
}

TEST(State4, AnUnansweredCancelMayHaveItsEffectForEver) {
  Story story;
  story.invoke_async(0, 5);
  end_call(story.cancel(true, kCancelled, 6, 10), 10, absl::DeadlineExceededError(""));
  story.query(kRunning, 120, 130);
  story.query(kCancelled, 400, 410);
  EXPECT_THAT(story.record_failure(), IsEmpty());
}

TEST(State1, AStreamAdvances) {
  Story story;
  RecordedCall call = sent_call(Method::kStreamFunction, invoke_request(EXECUTION_MODE_STREAM));
  spearlet::StreamExecutionResult message;
  message.set_execution_id("a");
  for (const ExecutionStatus status : {kRunning, kPending, kCompleted}) {
    message.set_status(status);
    receive(call, message, 10);
  }
  end_call(call, 10);
  story.add(call);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("STATE-1"));
}

TEST(State1, TwoStreamsNeedNotAdvanceTogether) {
  Story story;
  for (const ExecutionStatus status : {kCompleted, kRunning}) {
    RecordedCall call = sent_call(Method::kStreamFunction, invoke_request(EXECUTION_MODE_STREAM));
    spearlet::StreamExecutionResult message;
    message.set_execution_id("a");
    message.set_status(status);
    receive(call, message, 10);
    story.add(call);
  }
  EXPECT_THAT(story.record_failure(), IsEmpty());
}

TEST(State3, ThereIsOneOutcome) {
  Story overlapping;
  overlapping.query(kFailed, 0, 10);
  overlapping.query(EXECUTION_STATUS_TIMEOUT, 5, 15);
  EXPECT_THAT(overlapping.record_failure(), UnorderedElementsAre("STATE-3"));
  Story ordered;
  ordered.query(kFailed, 0, 10);
  ordered.query(kCompleted, 11, 15);
  EXPECT_THAT(ordered.record_failure(), UnorderedElementsAre("STATE-2", "STATE-3"));
  EXPECT_THAT(ordered.violation("STATE-3").recorded_calls, ElementsAre(1, 2));
}

TEST(Async4, WhatWasAcceptedIsFound) {
  Story story;
  story.invoke_async(0, 10);
  story.miss(11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("ASYNC-4"));
  EXPECT_THAT(story.violation("ASYNC-4").recorded_calls, ElementsAre(1, 2));
  Story overlapping;
  overlapping.invoke_async(0, 10);
  overlapping.miss(9, 20);
  EXPECT_THAT(overlapping.record_failure(), IsEmpty());
}

TEST(Async4, EqualTimesAreOrderedByNumbers) {
  Story unknown;
  unknown.invoke_async(0, 0);
  unknown.miss(0, 0);
  EXPECT_THAT(unknown.record_failure(), IsEmpty());
  Story known;
  known.invoke_async(0, 0).followed_by = 2;
  known.miss(0, 0);
  EXPECT_THAT(known.record_failure(), UnorderedElementsAre("ASYNC-4"));
}

TEST(State2, WhatWasSeenDoesNotVanish) {
  Story story;
  story.query(kRunning, 0, 10);
  story.miss(11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("STATE-2"));
  Story cleaned;
  cleaned.query(kRunning, 0, 10);
  spearlet::DeleteTaskRequest request;
  request.set_cleanup_executions(true);
  cleaned.add(answered_call(Method::kDeleteTask, request, spearlet::DeleteTaskResponse(), 10, 12));
  cleaned.miss(15, 20);
  EXPECT_THAT(cleaned.record_failure(), IsEmpty());
}

TEST(State10, NothingIsFoundBeforeItIsThere) {
  Story story;
  story.query(kPending, 0, 10);
  story.invoke_async(11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("STATE-10"));
  Story overlapping;
  overlapping.query(kPending, 0, 12);
  overlapping.invoke_async(11, 20);
  EXPECT_THAT(overlapping.record_failure(), IsEmpty());
}

// ---- Records ------------------------------------------------------------------------------------

TEST(State2, TheEndIsToldAlike) {
  auto other = good_result(kFailed);
  other.set_error_message("another text");
  Story error;
  error.query(kFailed, 0, 10);
  error.query(other, 5, 15);
  EXPECT_THAT(error.record_failure(), UnorderedElementsAre("STATE-2"));

  other = good_result(kCompleted);
  set_time_ms(other.mutable_completed_at(), 350);
  Story moved;
  moved.query(kCompleted, 0, 10);
  moved.query(other, 5, 15);
  EXPECT_THAT(moved.record_failure(), UnorderedElementsAre("STATE-2", "STATE-6"));
  EXPECT_THAT(moved.violation("STATE-2").observed,
              HasSubstr("completed_at is 2023-11-14T22:13:20.300Z and 2023-11-14T22:13:20.350Z"));
}

TEST(State2, TimesInOtherAnswersMayBeCoarser) {
  auto precise = good_result(kCompleted);
  precise.mutable_completed_at()->set_nanos(300'999'999);
  Story sync;
  sync.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), sync_answer(kCompleted), 0, 10);
  sync.query(precise, 11, 20);
  EXPECT_THAT(sync.record_failure(), IsEmpty());
  sync.query(kCompleted, 21, 30);
  EXPECT_THAT(sync.record_failure(), UnorderedElementsAre("STATE-2", "STATE-6"))
      << "but not in queries";
}

TEST(State6, StartedAtStays) {
  auto later = good_result(kRunning);
  set_time_ms(later.mutable_started_at(), 110);
  Story story;
  story.query(kRunning, 100, 110);
  story.query(later, 111, 120);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("STATE-6"));

  Story retried;
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  request.mutable_context()->set_max_retries(1);
  retried.invoke(request, async_answer(), 0, 10);
  retried.query(kRunning, 100, 110);
  retried.query(later, 111, 120);
  EXPECT_THAT(retried.record_failure(), IsEmpty()) << "it may be the last attempt's";
}

TEST(State9, ThePayloadIsOneAndNothingElseIsLeftOut) {
  auto other = good_result(kCompleted);
  other.mutable_result()->set_value("\n\005world");
  Story queries;
  queries.query(kCompleted, 0, 10);
  queries.query(other, 5, 15);
  EXPECT_THAT(queries.record_failure(), UnorderedElementsAre("STATE-2", "STATE-9"));

  Story sync;
  sync.invoke_sync(kCompleted, 0, 10);
  other.clear_result();
  sync.query(other, 11, 20);
  EXPECT_THAT(sync.record_failure(), UnorderedElementsAre("STATE-9"));

  Story cut;
  cut.query(kFailed, 0, 10);
  auto bare = good_result(kFailed);
  bare.clear_error_code();
  cut.query(bare, 11, 20, /*include_result=*/false);
  EXPECT_THAT(cut.record_failure(), UnorderedElementsAre("STATE-2", "STATE-9"));
}

TEST(Sync6, ListsNameWhatWasAskedFor) {
  Story story;
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  request.set_function_name("sleep");
  story.invoke(request, async_answer(), 0, 10);
  story.list({kRunning}, 11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("SYNC-6"));
}

TEST(List1, AWholeListLacksNothing) {
  Story story;
  story.invoke_async(0, 10);
  story.list({}, 11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("LIST-1"));
  Story overlapping;
  overlapping.invoke_async(0, 10);
  overlapping.list({}, 9, 20);
  EXPECT_THAT(overlapping.record_failure(), IsEmpty());
  Story deleted;
  deleted.invoke_async(0, 10);
  deleted.add(answered_call(Method::kDeleteTask, spearlet::DeleteTaskRequest(),
                            spearlet::DeleteTaskResponse(), 10, 12));
  deleted.list({}, 15, 20);
  EXPECT_THAT(deleted.record_failure(), IsEmpty()) << "its task may be gone";
}

// ---- ASYNC --------------------------------------------------------------------------------------

TEST(Async1, TheFirstAnswerIsPending) {
  auto done = async_answer();
  *done.mutable_result() = good_result(kCompleted);
  auto bare = async_answer();
  bare.clear_result();
  auto ended = async_answer();
  set_time_ms(ended.mutable_result()->mutable_completed_at(), 1);
  for (const auto& answer : {done, bare, ended}) {
    for (const char* id : {"a", ""}) {
      Story story;
      story.invoke(invoke_request(EXECUTION_MODE_ASYNC, id), answer, 0, 10);
      EXPECT_THAT(story.record_failure(), ElementsAre("ASYNC-1"));
    }
  }
}

TEST(Async1, ASecondAnswerTellsThePresentState) {
  auto done = async_answer();
  *done.mutable_result() = good_result(kCompleted);
  Story story;
  story.invoke_async(0, 10);
  story.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), done, 400, 410);
  EXPECT_THAT(story.record_failure(), IsEmpty());
  Story overlapping;
  overlapping.invoke_async(0, 10);
  overlapping.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), done, 5, 15);
  EXPECT_THAT(overlapping.record_failure(), IsEmpty()) << "either may have come first";
  Story unanswered;
  end_call(unanswered.invoke_async(0, 10), 10, absl::DeadlineExceededError(""));
  unanswered.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), done, 400, 410);
  EXPECT_THAT(unanswered.record_failure(), IsEmpty())
      << "the one that got no answer may have been first";
}

TEST(Async8, ALaterFailureHasACode) {
  auto result = good_result(kFailed);
  result.clear_error_code();
  Story story;
  story.invoke_async(0, 10);
  story.query(result, 311, 320);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("ASYNC-8"));
}

TEST(Async9, ARefusalLeavesNoRecord) {
  const auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  Story full;
  full.refuse(request, absl::ResourceExhaustedError("full"), 0, 10);
  full.query(kPending, 11, 20);
  EXPECT_THAT(full.record_failure(), UnorderedElementsAre("ASYNC-9"));
  Story unknown;
  unknown.refuse(request, absl::NotFoundError("no task"), 0, 10);
  unknown.query(kFailed, 11, 20);
  EXPECT_THAT(unknown.record_failure(), UnorderedElementsAre("ASYNC-6"));
  Story again;
  again.refuse(request, absl::ResourceExhaustedError("full"), 0, 10);
  again.invoke_async(11, 20);
  again.query(kPending, 21, 30);
  EXPECT_THAT(again.record_failure(), IsEmpty());
}

// ---- CANCEL -------------------------------------------------------------------------------------

TEST(Cancel2, ALateCancelChangesNothing) {
  Story overwritten;
  overwritten.query(kCompleted, 0, 10);
  overwritten.cancel(true, kCancelled, 11, 20);
  EXPECT_THAT(overwritten.record_failure(),
              UnorderedElementsAre("CANCEL-2", "CANCEL-3", "STATE-2", "STATE-3"));
  Story untold;
  untold.query(kCompleted, 0, 10);
  untold.cancel(false, EXECUTION_STATUS_UNSPECIFIED, 11, 20);
  EXPECT_THAT(untold.record_failure(), UnorderedElementsAre("CANCEL-2"));
  Story quietly;
  quietly.query(kFailed, 0, 10);
  quietly.cancel(false, kFailed, 11, 20);
  quietly.query(kCancelled, 21, 30);
  EXPECT_THAT(quietly.record_failure(), UnorderedElementsAre("CANCEL-2", "STATE-2", "STATE-3"));
}

TEST(Cancel3, SuccessIsAnEffect) {
  Story completes;
  completes.cancel(true, kRunning, 0, 10);
  completes.query(kCompleted, 311, 320);
  EXPECT_THAT(completes.record_failure(), UnorderedElementsAre("CANCEL-3"));
  Story twice;
  twice.cancel(true, kCancelled, 0, 10);
  twice.cancel(true, kCancelled, 11, 20);
  EXPECT_THAT(twice.record_failure(), UnorderedElementsAre("CANCEL-3"));
  Story together;
  together.cancel(true, kCancelled, 0, 10);
  together.cancel(true, kCancelled, 5, 15);
  EXPECT_THAT(together.record_failure(), IsEmpty());
}

TEST(Cancel5, TheCancelledStayOnRecordWithTheReason) {
  Story story;
  story.cancel(true, kCancelled, 0, 10, "enough");
  auto result = good_result(kCancelled);
  story.query(result, 11, 20);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("CANCEL-5"));
  result.set_error_message("cancelled: enough");
  Story told;
  told.cancel(true, kCancelled, 0, 10, "enough");
  told.query(result, 11, 20);
  EXPECT_THAT(told.record_failure(), IsEmpty());
  Story other;
  other.cancel(true, kCancelled, 0, 10, "enough");
  end_call(other.cancel(true, kCancelled, 0, 10, "why"), 10, absl::DeadlineExceededError(""));
  other.query(good_result(kCancelled), 11, 20);
  EXPECT_THAT(other.record_failure(), IsEmpty())
      << "the call without an answer may have given the reason";
  Story silent;
  silent.cancel(true, kCancelled, 0, 10, "enough");
  silent.cancel(true, kCancelled, 0, 10);
  silent.query(good_result(kCancelled), 11, 20);
  EXPECT_THAT(silent.record_failure(), IsEmpty())
      << "the one that gave no reason may have been first";
  Story gone;
  gone.cancel(true, kCancelled, 0, 10, "enough");
  gone.miss(11, 20);
  EXPECT_THAT(gone.record_failure(), UnorderedElementsAre("CANCEL-5"));
}

TEST(Cancel5, AnUnansweredCancelMayHaveMeantAnyOfTheIdsExecutions) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(100)};
  auto result = good_result(kCancelled);
  result.set_error_message("why");
  Story story;
  story.invoke_async(0, 10);
  story.cancel(true, kCancelled, 15, 30, "enough");
  end_call(story.cancel(true, kCancelled, 16, 25, "why"), 25, absl::DeadlineExceededError(""));
  story.query(result, 310, 320);
  story.miss(10'421, 10'430);
  story.invoke_async(10'431, 10'440);
  EXPECT_THAT(story.record_failure(policies), IsEmpty());
}

// ---- IDEM ---------------------------------------------------------------------------------------

TEST(Idem1, TheSameRequestIsTheSameRecord) {
  Story good;
  good.invoke_sync(kCompleted, 0, 310);
  good.invoke_sync(kCompleted, 311, 320);
  EXPECT_THAT(good.record_failure(), IsEmpty());
  EXPECT_TRUE(good.judge().judged("IDEM-1"));

  Story refused;
  refused.invoke_sync(kCompleted, 0, 310);
  refused.refuse(invoke_request(EXECUTION_MODE_SYNC, "a"), kAlreadyExists, 311, 320);
  EXPECT_THAT(refused.record_failure(), UnorderedElementsAre("IDEM-1"));
  const Policies policies = {.duplicate_id = Policies::DuplicateId::kRefused};
  EXPECT_THAT(refused.record_failure(policies), IsEmpty());
  EXPECT_THAT(good.record_failure(policies), UnorderedElementsAre("IDEM-1"));
}

TEST(Idem1, TheSameRequestRunsOnce) {
  auto again = sync_answer(kCompleted);
  set_time_ms(again.mutable_result()->mutable_started_at(), 400);
  set_time_ms(again.mutable_result()->mutable_completed_at(), 600);
  Story later;
  later.invoke_sync(kCompleted, 0, 310);
  later.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), again, 311, 620);
  EXPECT_THAT(later.record_failure(), UnorderedElementsAre("IDEM-1", "STATE-2", "STATE-6"));
  Story in_flight;
  in_flight.invoke_sync(kCompleted, 0, 310);
  in_flight.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), again, 300, 620);
  EXPECT_THAT(in_flight.record_failure(), UnorderedElementsAre("IDEM-3", "STATE-2", "STATE-6"));
}

TEST(Idem2, AnotherRequestIsRefused) {
  auto other = invoke_request(EXECUTION_MODE_SYNC, "a");
  other.set_function_name("sleep");
  Story accepted;
  accepted.invoke_sync(kCompleted, 0, 310);
  accepted.invoke(other, sync_answer(kCompleted), 311, 320);
  EXPECT_THAT(accepted.record_failure(), UnorderedElementsAre("IDEM-2"));
  Story refused;
  refused.invoke_sync(kCompleted, 0, 310);
  refused.refuse(other, kAlreadyExists, 311, 320);
  EXPECT_THAT(refused.record_failure(), IsEmpty());
  EXPECT_TRUE(refused.judge().judged("IDEM-2"));
  Story together;
  together.invoke_sync(kCompleted, 0, 310);
  together.invoke(other, sync_answer(kCompleted), 5, 320);
  EXPECT_THAT(together.record_failure(), UnorderedElementsAre("IDEM-2")) << "whichever came first";
  Story unanswered;
  end_call(unanswered.invoke(other, sync_answer(kCompleted), 0, 10), 10,
           absl::DeadlineExceededError(""));
  unanswered.invoke_sync(kCompleted, 11, 310);
  EXPECT_THAT(unanswered.record_failure(), IsEmpty()) << "it may never have arrived";
}

TEST(Idem3, OneThatRunsIsJoined) {
  auto running = async_answer();
  *running.mutable_result() = good_result(kRunning);
  running.set_task_id("t123");
  Story story;
  story.invoke_async(0, 10);
  story.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), running, 110, 120);
  EXPECT_THAT(story.record_failure(), UnorderedElementsAre("IDEM-3"));
}

TEST(Idem4, PastTheRetentionARecordIsGone) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(100)};
  Story stays;
  stays.invoke_async(0, 10);
  stays.query(kCompleted, 310, 320);
  stays.query(kCompleted, 10'421, 10'430);
  EXPECT_THAT(stays.record_failure(policies), UnorderedElementsAre("IDEM-4"));
  EXPECT_THAT(stays.record_failure(), IsEmpty());
  Story meanwhile;
  meanwhile.query(kCompleted, 310, 320);
  meanwhile.query(kCompleted, 10'419, 10'430);
  EXPECT_THAT(meanwhile.record_failure(policies), IsEmpty());

  Story early;
  early.invoke_async(0, 10);
  early.query(kCompleted, 310, 320);
  early.miss(9'000, 9'800);
  EXPECT_THAT(early.record_failure(policies), UnorderedElementsAre("ASYNC-4"));

  Story good;
  good.invoke_async(0, 10);
  good.query(kCompleted, 310, 320);
  good.miss(10'421, 10'430);
  good.invoke_async(10'431, 10'440);
  good.query(kPending, 10'441, 10'450);
  EXPECT_THAT(good.record_failure(policies), IsEmpty());
  EXPECT_TRUE(good.judge(policies).judged("IDEM-4"));

  Story taken;
  taken.invoke_async(0, 10);
  taken.query(kCompleted, 310, 320);
  taken.refuse(invoke_request(EXECUTION_MODE_ASYNC, "a"), kAlreadyExists, 10'421, 10'430);
  EXPECT_THAT(taken.record_failure(policies), UnorderedElementsAre("IDEM-4"));
}

TEST(Idem4, AnIdThatMayBeFreeIsNotJudged) {
  const Policies policies = {.retention = milliseconds(10'000), .grace = milliseconds(100)};
  auto running = async_answer();
  *running.mutable_result() = good_result(kRunning);
  Story perhaps_joined;
  perhaps_joined.invoke_async(0, 10);
  perhaps_joined.query(kRunning, 120, 130);
  perhaps_joined.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), running, 10'020, 10'050);
  EXPECT_THAT(perhaps_joined.record_failure(policies), IsEmpty());
  Story perhaps_new;
  perhaps_new.invoke_async(0, 10);
  perhaps_new.query(kCompleted, 310, 320);
  perhaps_new.invoke_async(10'000, 10'050);
  perhaps_new.query(kPending, 10'060, 10'070);
  EXPECT_THAT(perhaps_new.record_failure(policies), IsEmpty());
  Story perhaps_later;
  perhaps_later.invoke_async(0, 10);
  perhaps_later.query(kCompleted, 310, 320);
  end_call(perhaps_later.invoke_async(10'000, 10'050), 10'050, absl::DeadlineExceededError(""));
  perhaps_later.query(kCompleted, 10'060, 10'070);
  perhaps_later.query(kPending, 10'080, 10'090);
  EXPECT_THAT(perhaps_later.record_failure(policies), IsEmpty())
      << "the call may take effect only now";
}

// ---- Good histories are accepted ----------------------------------------------------------------

/// A random good execution and what its clients saw of it, each call at a moment of its own within
/// a random interval around it.
Story any_good_story() {
  const auto any = [](std::int64_t from, std::int64_t to) { return *rc::gen::inRange(from, to); };
  Story story;
  // Even moments are the execution's, odd ones its readers'.
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
  std::vector<Planned> calls;
  const auto plan = [&](RecordedCall call) {
    calls.push_back({call.sent.since_start().count(), call});
  };

  plan(answered_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_ASYNC, "a"),
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
    plan(answered_call(Method::kGetExecutionStatus, status_request("a", include_result), answer,
                       sent, returned));
    if (any(0, 5) == 0) end_call(calls.back().call, returned, absl::DeadlineExceededError(""));
  }
  const std::int64_t repeats = any(0, 3);
  for (std::int64_t i = 0; i < repeats; ++i) {
    const std::int64_t moment = accepted + 2 * any(0, 40) + 1;
    auto answer = async_answer("a");
    *answer.mutable_result() = result_at(moment);
    plan(answered_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_ASYNC, "a"), answer,
                       std::max(moment - lead(), accepted), moment + lead()));
    // Its caller does not wait for the answer, or it has not come yet.
    if (any(0, 4) == 0) end_call(calls.back().call, moment, absl::CancelledError(""));
    if (any(0, 4) == 0)
      calls.back().call =
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
      info.set_status(result.status());
      info.set_execution_time_ms(result.execution_time_ms());
      if (result.has_started_at()) *info.mutable_started_at() = result.started_at();
      if (result.has_completed_at()) *info.mutable_completed_at() = result.completed_at();
    }
    plan(answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(), answer,
                       moment - lead(), moment + lead()));
  }
  if (status == kCancelled) {
    plan(answered_call(Method::kCancelExecution, cancel_request("a", "because"),
                       cancel_answer(true, kCancelled), ended - lead(), ended + lead()));
    // Its answer is lost at times.
    if (any(0, 3) == 0) end_call(calls.back().call, ended, absl::UnavailableError(""));
  }
  if (any(0, 2) == 0) {
    const std::int64_t moment = ended + 2 * any(0, 10) + 1;
    plan(answered_call(Method::kCancelExecution, cancel_request("a", "too late"),
                       cancel_answer(false, status), moment - lead(), moment + lead()));
  }
  std::ranges::stable_sort(calls, {}, &Planned::sent);
  for (Planned& planned : calls) story.add(std::move(planned.call));
  return story;
}

TEST(History, OfAnyGoodExecutionIsAccepted) {
  int judged = 0;
  EXPECT_TRUE(rc::check([&] {
    const Story story = any_good_story();
    Findings findings = story.judge();
    for (const RecordedCall& recorded : story.recorded_calls())
      judge_recorded_call(recorded, {}, findings);
    for (const auto& [clause, finding] : findings.by_clause()) {
      for (const Violation& violation : finding.violations) {
        RC_LOG() << clause << ": " << violation.expected << "; " << violation.observed << "\n";
      }
      RC_ASSERT(finding.violations.empty());
    }
    judged += findings.judged("STATE-4") ? 1 : 0;
  }));
  EXPECT_GT(judged, 50) << "or the property says little";
}

TEST(History, IsJudgedAsASearchOfAllLinearizationsWould) {
  int illegal = 0;
  EXPECT_TRUE(rc::check([&] {
    Story story;
    std::vector<Read> reads;
    const auto count = *rc::gen::inRange(0, 7);
    for (int i = 0; i < count; ++i) {
      const auto sent = *rc::gen::inRange<std::int64_t>(0, 20);
      const auto returned = sent + *rc::gen::inRange<std::int64_t>(0, 6);
      const int stage = *rc::gen::inRange(0, 3);
      story.query(std::array{kPending, kRunning, kCompleted}[static_cast<std::size_t>(stage)], sent,
                  returned);
      // Of equal times nothing is known.
      reads.push_back({{at_ms(sent), 0}, {at_ms(returned), 1}, stage});
    }
    const bool legal = is_linearizable(reads);
    illegal += legal ? 0 : 1;
    RC_ASSERT(legal != story.judge().broke("STATE-4"));
  }));
  EXPECT_GT(illegal, 10) << "or the property says little";
}

TEST(History, OfManyCallsIsJudgedQuickly) {
  Story story;
  story.invoke_async(0, 10);
  for (int i = 0; i < 20'000; ++i) story.query(kRunning, 120 + i, 125 + i);
  EXPECT_THAT(story.record_failure(), IsEmpty());
}

}  // namespace
}  // namespace quintain::conformance
