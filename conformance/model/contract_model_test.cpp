// Hand-made histories: the answers with which the model disagrees, and right ones beside them.
#include "conformance/model/contract_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conformance/judgement/testing/sample_call.h"
#include "conformance/model/known_executions.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using namespace model;
using spearlet::EXECUTION_MODE_ASYNC;
using spearlet::EXECUTION_MODE_SYNC;
using spearlet::InvokeFunctionRequest;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The calls to a node, in the order of sending. Times are in milliseconds.
class Calls {
 public:
  RecordedCall& add(RecordedCall recorded) {
    recorded.number = recorded_.size() + 1;
    recorded.wall_sent = core::WallTime{1'700'000'000s + recorded.sent.since_start()};
    recorded_.push_back(std::move(recorded));
    return recorded_.back();
  }
  RecordedCall& invoke(InvokeFunctionRequest request, spearlet::InvokeFunctionResponse answer,
                       std::int64_t sent, std::int64_t returned) {
    return add(answered_call(Method::kInvokeFunction, std::move(request), std::move(answer), sent,
                             returned));
  }
  RecordedCall& start(std::int64_t at = 0) {
    return invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), async_answer("a"), at, at);
  }
  RecordedCall& refuse(InvokeFunctionRequest request, absl::StatusCode code, std::int64_t sent,
                       std::int64_t returned) {
    return add(refused_call(Method::kInvokeFunction, std::move(request), absl::Status(code, "no"),
                            sent, returned));
  }
  RecordedCall& read(spearlet::ExecutionResult result, std::int64_t at) {
    return add(answered_call(Method::kGetExecutionStatus, status_request("a"),
                             status_answer(std::move(result)), at, at));
  }
  RecordedCall& read(spearlet::ExecutionStatus status, std::int64_t at) {
    return read(good_result(status), at);
  }
  RecordedCall& miss(std::int64_t at) {
    return add(answered_call(Method::kGetExecutionStatus, status_request("a"),
                             spearlet::GetExecutionStatusResponse(), at, at));
  }
  RecordedCall& cancel(bool success, spearlet::ExecutionStatus status, std::int64_t sent,
                       std::int64_t returned, const std::string& reason = "") {
    return add(answered_call(Method::kCancelExecution, cancel_request("a", reason),
                             cancel_answer(success, status), sent, returned));
  }
  RecordedCall& list(const std::vector<std::string>& ids, std::int64_t at) {
    spearlet::ListExecutionsResponse answer;
    for (const std::string& id : ids) {
      auto& info = *answer.add_executions();
      info.set_execution_id(id);
      info.set_task_id("fixtures");
      info.set_function_name("echo");
      info.set_execution_mode(EXECUTION_MODE_ASYNC);
      info.set_status(kPending);
    }
    return add(
        answered_call(Method::kListExecutions, spearlet::ListExecutionsRequest(), answer, at, at));
  }

  std::vector<std::string> judge(const ModelledNode& node = {}) const {
    std::vector<std::string> found;
    for (const Disagreement& disagreement : disagreements(recorded_, node)) {
      found.push_back(disagreement.what);
    }
    return found;
  }

 private:
  std::vector<RecordedCall> recorded_;
};

spearlet::ExecutionResult ended(spearlet::ExecutionStatus status, const std::string& code,
                                const std::string& message = "why") {
  spearlet::ExecutionResult result = good_result(status);
  result.set_error_code(code);
  result.set_error_message(message);
  return result;
}

ModelledNode node_whose_function(const FunctionBehaviour& does) {
  ModelledNode node;
  node.behaviour = [does](const InvokeFunctionRequest&) { return does; };
  return node;
}

TEST(ContractModel, AgreesWithAConformingExecution) {
  Calls calls;
  calls.miss(0);
  calls.start(1);
  calls.read(kPending, 50);
  calls.read(kRunning, 150);
  calls.read(kCompleted, 300);
  calls.cancel(false, kCompleted, 310, 310);
  EXPECT_THAT(calls.judge(), IsEmpty());
}

// ---- Statuses -----------------------------------------------------------------------------------

TEST(ContractModel, AStatusNeverGoesBack) {
  Calls pending;
  pending.start();
  pending.read(kRunning, 150);
  pending.read(kPending, 160);
  EXPECT_THAT(pending.judge(), ElementsAre(HasSubstr("shows 'a' as PENDING; allowed: RUNNING")));
  Calls running;
  running.start();
  running.read(kCompleted, 300);
  running.read(kRunning, 310);
  EXPECT_THAT(running.judge(), ElementsAre(HasSubstr("as RUNNING; allowed: COMPLETED")));
}

TEST(ContractModel, ARecordIsThereFromTheAnswerOn) {
  Calls lost;
  lost.start();
  lost.miss(10);
  EXPECT_THAT(lost.judge(), ElementsAre(HasSubstr("it is not found; allowed: PENDING or RUNNING")));
  Calls early;
  early.read(kPending, 0);
  early.start(1);
  EXPECT_THAT(early.judge(), ElementsAre(HasSubstr("as PENDING; allowed: absent")));
}

TEST(ContractModel, OnlyACancelCancels) {
  Calls calls;
  calls.start();
  calls.read(ended(kCancelled, "CANCELLED"), 300);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("as CANCELLED; allowed: RUNNING")));
  Calls cancelled;
  cancelled.start();
  cancelled.cancel(true, kCancelled, 250, 300);
  cancelled.read(ended(kCancelled, "CANCELLED"), 301);
  EXPECT_THAT(cancelled.judge(), IsEmpty());
}

TEST(ContractModel, AnExecutionIsTimeoutFromItsDeadlineOnAndNotBefore) {
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  const auto judge = [&](std::int64_t timeout, std::int64_t at, spearlet::ExecutionResult shown) {
    request.mutable_context()->set_timeout_ms(timeout);
    Calls calls;
    calls.invoke(request, async_answer("a"), 0, 0);
    calls.read(std::move(shown), at);
    return calls.judge();
  };
  EXPECT_THAT(judge(300, 300, ended(kTimeout, "TIMEOUT")), IsEmpty());
  EXPECT_THAT(judge(301, 300, ended(kTimeout, "TIMEOUT")), ElementsAre(HasSubstr("as TIMEOUT")));
  EXPECT_THAT(judge(299, 300, ended(kTimeout, "TIMEOUT")),
              ElementsAre(HasSubstr("a TIMEOUT comes exactly at the deadline")));
  EXPECT_THAT(judge(299, 300, good_result(kRunning)),
              ElementsAre(HasSubstr("allowed: COMPLETED or FAILED or TIMEOUT")));
  EXPECT_THAT(judge(299, 300, good_result(kCompleted)),
              ElementsAre(HasSubstr("it ended after its deadline")));
}

// A caller that leaves shortly before its deadline has waited until then, by its own clock.
TEST(ContractModel, AnExecutionEndsSoonAfterItsCallerHasLeft) {
  const auto judge = [](std::int64_t left) {
    Calls calls;
    auto call = refused_call(Method::kInvokeFunction, invoke_request(EXECUTION_MODE_SYNC, "a"),
                             absl::CancelledError("left"), 0, left);
    call.deadline = at_ms(640);
    call.abandoned = true;
    calls.add(call);
    calls.read(kRunning, 630);
    return calls.judge({.cancel_grace = 10ms});
  };
  EXPECT_THAT(judge(529), ElementsAre(HasSubstr("as RUNNING; allowed: absent or COMPLETED")));
  EXPECT_THAT(judge(530), IsEmpty());
}

TEST(ContractModel, TheErrorCodeIsThatOfTheEnd) {
  Calls calls;
  calls.start();
  calls.cancel(true, kCancelled, 300, 300);
  calls.read(ended(kCancelled, "OTHER"), 301);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("the code is CANCELLED")));
}

TEST(ContractModel, TheErrorStaysTheSame) {
  Calls calls;
  calls.start();
  calls.read(ended(kFailed, "F", "one"), 300);
  calls.read(ended(kFailed, "F", "another"), 301);
  EXPECT_THAT(calls.judge(),
              ElementsAre(HasSubstr("its error differs from that in another answer")));
}

// ---- Functions ----------------------------------------------------------------------------------

TEST(ContractModel, AnExecutionEndsAsItsFunctionDoes) {
  using enum FunctionBehaviour::Fate;
  Calls failed;
  failed.start();
  failed.read(ended(kFailed, "F"), 300);
  EXPECT_THAT(failed.judge(node_whose_function({.attempts = {kFails}, .error_code = "F"})),
              IsEmpty());
  EXPECT_THAT(failed.judge(node_whose_function({.attempts = {kFails}, .error_code = "G"})),
              ElementsAre(HasSubstr("the error_code is not that of the function")));
  EXPECT_THAT(failed.judge(node_whose_function({.attempts = {kCompletes}})),
              ElementsAre(HasSubstr("as FAILED; allowed: RUNNING")));
  Calls completed;
  completed.start();
  completed.read(kCompleted, 300);
  EXPECT_THAT(completed.judge(node_whose_function({.attempts = {kFails, kCompletes}})),
              ElementsAre(HasSubstr("as COMPLETED; allowed: RUNNING")))
      << "there is no second attempt";
  google::protobuf::Any other;
  other.set_value("other");
  EXPECT_THAT(completed.judge(node_whose_function({.attempts = {kCompletes}, .result = other})),
              ElementsAre(HasSubstr("the result is not what the function returns")));
}

TEST(ContractModel, AResultThatIsTooLargeFails) {
  using enum FunctionBehaviour::Fate;
  google::protobuf::Any large;
  large.set_value(std::string(std::size_t{4} << 20, 'x'));
  const ModelledNode node = node_whose_function({.attempts = {kCompletes}, .result = large});
  const auto judge = [&](spearlet::ExecutionResult shown) {
    Calls calls;
    calls.start();
    calls.read(std::move(shown), 300);
    return calls.judge(node);
  };
  EXPECT_THAT(judge(ended(kFailed, "RESULT_TOO_LARGE")), IsEmpty());
  EXPECT_THAT(judge(ended(kFailed, "OTHER")),
              ElementsAre(HasSubstr("the error_code of a result that is too large")));
  EXPECT_THAT(judge(good_result(kCompleted)),
              ElementsAre(HasSubstr("as COMPLETED; allowed: RUNNING")));
}

// ---- Invocations --------------------------------------------------------------------------------

TEST(ContractModel, ASyncAnswerShowsTheEnd) {
  Calls calls;
  auto answer = sync_answer(kRunning, "a");
  calls.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), answer, 0, 200);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("a SYNC answer has a final status")));
}

TEST(ContractModel, AnAsyncAnswerComesAtOnceAndIsPending) {
  Calls late;
  late.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), async_answer("a"), 0, 5);
  EXPECT_THAT(late.judge(), ElementsAre(HasSubstr("it is answered too late")));
  EXPECT_THAT(late.judge({.delay = 5ms}), IsEmpty());
  Calls ready;
  auto answer = async_answer("a");
  *answer.mutable_result() = good_result(kCompleted);
  ready.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), answer, 300, 300);
  EXPECT_THAT(ready.judge(), ElementsAre(HasSubstr("the first answer of an ASYNC execution")));
}

TEST(ContractModel, AMalformedRequestIsRefused) {
  auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  request.mutable_context()->set_timeout_ms(-1);
  Calls accepted;
  accepted.invoke(request, async_answer("a"), 0, 0);
  EXPECT_THAT(accepted.judge(), ElementsAre(HasSubstr("it must be refused; allowed: INVALID")));
  Calls refused;
  refused.refuse(invoke_request(EXECUTION_MODE_ASYNC, "a"), absl::StatusCode::kInvalidArgument, 0,
                 0);
  EXPECT_THAT(refused.judge(), ElementsAre(HasSubstr("it may not be refused so")));
}

TEST(ContractModel, AnIdThatIsGivenIsNotEmpty) {
  auto request = invoke_request(EXECUTION_MODE_ASYNC);
  Calls without;
  without.refuse(request, absl::StatusCode::kInvalidArgument, 0, 0);
  EXPECT_THAT(without.judge(), ElementsAre(HasSubstr("it may not be refused so")));
  request.set_execution_id("");
  Calls empty;
  empty.refuse(request, absl::StatusCode::kInvalidArgument, 0, 0);
  EXPECT_THAT(empty.judge(), IsEmpty());
}

TEST(ContractModel, ARepeatedCallIsAnsweredFromItsRecord) {
  Calls calls;
  calls.start();
  calls.refuse(invoke_request(EXECUTION_MODE_ASYNC, "a"), absl::StatusCode::kAlreadyExists, 10, 10);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("it may not be refused so; allowed: OK")));
}

TEST(ContractModel, AnotherRequestWithAUsedIdIsRefused) {
  auto other = invoke_request(EXECUTION_MODE_ASYNC, "a");
  other.set_function_name("sleep");
  Calls refused;
  refused.start();
  refused.refuse(other, absl::StatusCode::kAlreadyExists, 10, 10);
  EXPECT_THAT(refused.judge(), IsEmpty());
  Calls accepted;
  accepted.start();
  accepted.invoke(other, async_answer("a"), 10, 10);
  EXPECT_THAT(accepted.judge(), ElementsAre(HasSubstr("it must be refused; allowed: ")));
}

// Of two calls with one id neither has an answer, so each may have been the first at the node.
TEST(ContractModel, ACallMayBeOvertakenByAnotherWithItsId) {
  const auto request = invoke_request(EXECUTION_MODE_ASYNC, "a");
  auto other = request;
  other.set_function_name("sleep");
  const auto lost = [](Calls& calls, const InvokeFunctionRequest& sent) {
    calls.add(refused_call(Method::kInvokeFunction, sent, absl::UnavailableError("lost"), 2, 9));
  };
  Calls overtaken;
  overtaken.refuse(request, absl::StatusCode::kAlreadyExists, 1, 10);
  lost(overtaken, request);
  lost(overtaken, other);
  EXPECT_THAT(overtaken.judge({.delay = 10ms}), IsEmpty());
  Calls alone;
  alone.refuse(request, absl::StatusCode::kAlreadyExists, 1, 10);
  lost(alone, request);
  EXPECT_THAT(alone.judge({.delay = 10ms}), ElementsAre(HasSubstr("it may not be refused so")));
  Calls later;
  later.refuse(request, absl::StatusCode::kAlreadyExists, 1, 1);
  lost(later, request);
  lost(later, other);
  EXPECT_THAT(later.judge({.delay = 10ms}), ElementsAre(HasSubstr("it may not be refused so")));
}

TEST(ContractModel, ATaskThatDoesNotExistTakesNoWork) {
  Calls calls;
  calls.start();
  EXPECT_THAT(calls.judge({.tasks = std::set<std::string>{"fixtures"}}), IsEmpty());
  EXPECT_THAT(calls.judge({.tasks = std::set<std::string>{"others"}}),
              ElementsAre(HasSubstr("it must be refused; allowed: NOT_FOUND")));
}

// ---- Cancels ------------------------------------------------------------------------------------

TEST(ContractModel, ACancelAfterTheEndDoesNotSucceed) {
  Calls calls;
  calls.start();
  calls.cancel(true, kCancelled, 250, 300);
  calls.cancel(true, kCancelled, 310, 310);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("the execution had ended before")));
}

TEST(ContractModel, ACancelIsAnsweredWhenTheGracePeriodEnds) {
  Calls calls;
  calls.start();
  calls.cancel(true, kCancelled, 100, 300);
  EXPECT_THAT(calls.judge({.cancel_grace = 200ms}), IsEmpty());
  EXPECT_THAT(calls.judge({.cancel_grace = 199ms}), ElementsAre(HasSubstr("grace period ends")));
}

TEST(ContractModel, TheRecordHasTheReasonOfTheFirstCancel) {
  Calls calls;
  calls.start();
  calls.cancel(true, kCancelled, 100, 300, "first");
  calls.cancel(true, kCancelled, 200, 300, "second");
  calls.read(ended(kCancelled, "CANCELLED", "second"), 310);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("lacks the reason of the first cancel")));
}

TEST(ContractModel, ACancelOfAnUnknownIdHasNoStatus) {
  Calls calls;
  calls.cancel(false, kCompleted, 0, 0);
  EXPECT_THAT(calls.judge(), ElementsAre(HasSubstr("as COMPLETED; allowed: absent")));
}

// ---- Right answers with one change --------------------------------------------------------------

/// A change of a right answer, and what the model says of it.
template <class Answer>
struct Change {
  void (*make)(Answer& answer);
  const char* disagreement;
};

template <class Answer, class Judge>
void expect_disagreements(const Answer& right, const std::vector<Change<Answer>>& changes,
                          const Judge& judge) {
  EXPECT_THAT(judge(right), IsEmpty());
  for (const Change<Answer>& change : changes) {
    Answer wrong = right;
    change.make(wrong);
    EXPECT_THAT(judge(wrong), ElementsAre(HasSubstr(change.disagreement)));
  }
}

TEST(ContractModel, JudgesWhatAReadShows) {
  using Result = spearlet::ExecutionResult;
  const auto read_at = [](std::int64_t at) {
    return [at](const Result& shown) {
      Calls calls;
      calls.start();
      calls.read(shown, at);
      return calls.judge();
    };
  };
  expect_disagreements<Result>(good_result(kPending),
                               {{[](auto& shown) { set_time_ms(shown.mutable_started_at(), 50); },
                                 "what is PENDING has not started"}},
                               read_at(50));
  expect_disagreements<Result>(
      good_result(kRunning),
      {{[](auto& shown) { shown.set_error_message("e"); }, "there is an error before the end"},
       {[](auto& shown) { shown.clear_started_at(); }, "there is no started_at"},
       {[](auto& shown) { (*shown.mutable_metrics())["eta_p90_ms"] = "1"; },
        "the estimates are not in their order"},
       {[](auto& shown) { set_time_ms(shown.mutable_started_at(), 151); },
        "as RUNNING; allowed: PENDING"}},
      read_at(150));
  expect_disagreements<Result>(
      good_result(kCompleted),
      {{[](auto& shown) { shown.set_error_message("e"); }, "what is COMPLETED has no error"},
       {[](auto& shown) { shown.set_error_code("E"); }, "the error_code belongs to a bad end"},
       {[](auto& shown) { shown.clear_started_at(); }, "it never started"},
       {[](auto& shown) { shown.clear_completed_at(); }, "completed_at belongs to the end"},
       {[](auto& shown) { shown.set_execution_time_ms(20); }, "execution_time_ms is the time"},
       {[](auto& shown) {
          set_time_ms(shown.mutable_completed_at(), 301);
          shown.set_execution_time_ms(201);
        },
        "as COMPLETED; allowed: RUNNING"}},
      read_at(300));
  expect_disagreements<Result>(good_result(kFailed),
                               {{[](auto& shown) { shown.mutable_result()->set_value("r"); },
                                 "only what is COMPLETED has a result"}},
                               read_at(300));
}

TEST(ContractModel, NothingStartsBeforeItsAcceptance) {
  Calls calls;
  calls.start(150);
  calls.read(kCompleted, 300);
  EXPECT_THAT(calls.judge(), Contains(HasSubstr("a time is before the acceptance")));
}

TEST(ContractModel, ComparesTwoReadsOfOneRecord) {
  using Result = spearlet::ExecutionResult;
  expect_disagreements<Result>(good_result(kCompleted),
                               {{[](auto& shown) {
                                   set_time_ms(shown.mutable_started_at(), 110);
                                   shown.set_execution_time_ms(190);
                                 },
                                 "started_at differs from an earlier answer"},
                                {[](auto& shown) {
                                   set_time_ms(shown.mutable_completed_at(), 290);
                                   shown.set_execution_time_ms(190);
                                 },
                                 "completed_at differs from another answer"},
                                {[](auto& shown) { shown.mutable_result()->set_value("other"); },
                                 "its result differs from that in another answer"}},
                               [](const Result& shown) {
                                 Calls calls;
                                 calls.start();
                                 calls.read(kCompleted, 300);
                                 calls.read(shown, 310);
                                 return calls.judge();
                               });
}

TEST(ContractModel, AReadHasWhatWasAskedFor) {
  using Answer = spearlet::GetExecutionStatusResponse;
  auto right = status_answer(good_result(kCompleted));
  right.mutable_result()->clear_result();
  expect_disagreements<Answer>(
      right,
      {{[](auto& answer) { answer.add_logs(); }, "nobody asked for logs"},
       {[](auto& answer) { answer.mutable_result()->mutable_result()->set_value("r"); },
        "nobody asked for a result"}},
      [](const Answer& answer) {
        Calls calls;
        calls.start();
        calls.add(answered_call(Method::kGetExecutionStatus,
                                status_request("a", /*include_result=*/false), answer, 300, 300));
        return calls.judge();
      });
}

TEST(ContractModel, JudgesTheAnswerToAnInvocation) {
  using Answer = spearlet::InvokeFunctionResponse;
  expect_disagreements<Answer>(
      sync_answer(kCompleted, "a"),
      {{[](auto& answer) { answer.clear_execution_id(); }, "there is no execution_id"},
       {[](auto& answer) { answer.set_execution_id("b"); }, "the execution_id is another one"},
       {[](auto& answer) { answer.set_task_id("other"); }, "it is another task"},
       {[](auto& answer) { answer.set_status_endpoint("/status/a"); }, "has no status_endpoint"},
       {[](auto& answer) { answer.set_estimated_completion_ms(1); }, "has no estimate"},
       {[](auto& answer) { answer.set_success(false); }, "success means COMPLETED"}},
      [](const Answer& answer) {
        Calls calls;
        calls.invoke(invoke_request(EXECUTION_MODE_SYNC, "a"), answer, 0, 300);
        return calls.judge();
      });
  expect_disagreements<Answer>(
      async_answer("a"),
      {{[](auto& answer) { answer.set_success(false); }, "an accepted ASYNC call is a success"},
       {[](auto& answer) { answer.set_status_endpoint("/b"); }, "leads to the execution"},
       {[](auto& answer) { answer.set_estimated_completion_ms(0); }, "there is no estimate"},
       {[](auto& answer) { answer.mutable_result()->mutable_metrics()->erase("eta_estimator"); },
        "it names no estimator"},
       {[](auto& answer) { answer.set_estimated_completion_ms(91); },
        "the estimates are not in their order"},
       {[](auto& answer) {
          answer.set_estimated_completion_ms(3'600'001);
          (*answer.mutable_result()->mutable_metrics())["eta_p90_ms"] = "3600001";
        },
        "the estimate is longer than the timeout"}},
      [](const Answer& answer) {
        Calls calls;
        calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, "a"), answer, 0, 0);
        return calls.judge();
      });
}

TEST(ContractModel, JudgesTheMessagesOfAStream) {
  using Message = spearlet::StreamExecutionResult;
  struct Stream {
    Message chunk;
    Message end;
  };
  Stream right;
  right.chunk.set_execution_id("a");
  right.chunk.set_status(kRunning);
  right.end.set_execution_id("a");
  right.end.set_status(kCompleted);
  right.end.set_is_final(true);
  expect_disagreements<Stream>(
      right,
      {{[](auto& stream) { stream.end.set_execution_id("b"); }, "the id changes"},
       {[](auto& stream) { stream.end.set_is_final(false); }, "is its only final one"},
       {[](auto& stream) { stream.chunk.set_status(kPending); }, "RUNNING until it is final"},
       {[](auto& stream) { stream.chunk.set_error_message("e"); }, "the error comes with the end"},
       {[](auto& stream) { stream.end.set_status(kFailed); }, "a bad end has an error"}},
      [](const Stream& stream) {
        Calls calls;
        auto call = sent_call(Method::kStreamFunction,
                              invoke_request(spearlet::EXECUTION_MODE_STREAM, "a"), 0);
        receive(call, stream.chunk, 100);
        receive(call, stream.end, 300);
        end_call(call, 300);
        calls.add(call);
        return calls.judge();
      });
}

TEST(ContractModel, JudgesTheAnswerToACancel) {
  using Answer = spearlet::CancelExecutionResponse;
  expect_disagreements<Answer>(
      cancel_answer(true, kCancelled),
      {{[](auto& answer) { answer.set_final_status(kCompleted); },
        "success means that it ended CANCELLED"},
       {[](auto& answer) {
          answer.set_success(false);
          answer.set_final_status(kRunning);
        },
        "a cancel is answered when the execution has ended"}},
      [](const Answer& answer) {
        Calls calls;
        calls.start();
        calls.add(answered_call(Method::kCancelExecution, cancel_request("a"), answer, 100, 300));
        return calls.judge();
      });
}

TEST(ContractModel, JudgesAPageOfExecutions) {
  using Answer = spearlet::ListExecutionsResponse;
  Answer right;
  auto& entry = *right.add_executions();
  entry.set_execution_id("a");
  entry.set_task_id("fixtures");
  entry.set_function_name("echo");
  entry.set_execution_mode(EXECUTION_MODE_ASYNC);
  entry.set_status(kPending);
  expect_disagreements<Answer>(
      right,
      {{[](auto& answer) { answer.mutable_executions(0)->clear_execution_id(); }, "has no id"},
       {[](auto& answer) { answer.mutable_executions(0)->set_task_id("t"); }, "task differs"},
       {[](auto& answer) { answer.mutable_executions(0)->set_function_name("f"); },
        "function differs"},
       {[](auto& answer) { answer.mutable_executions(0)->set_execution_mode(EXECUTION_MODE_SYNC); },
        "mode differs"},
       {[](auto& answer) { *answer.add_executions() = answer.executions(0); },
        "the page is longer than its limit"},
       {[](auto& answer) { answer.set_has_more(true); }, "next_start_after belongs to has_more"}},
      [](const Answer& answer) {
        Calls calls;
        calls.start();
        spearlet::ListExecutionsRequest request;
        request.set_limit(1);
        calls.add(answered_call(Method::kListExecutions, request, answer, 10, 10));
        return calls.judge();
      });
}

TEST(ContractModel, JudgesWhatANodeCounts) {
  using Answer = spearlet::GetHealthResponse;
  Answer right;
  right.set_status("SERVING");
  right.mutable_details()->set_pending_executions(1);
  right.mutable_details()->set_total_executions(1);
  expect_disagreements<Answer>(
      right,
      {{[](auto& answer) { answer.set_status("FINE"); }, "it has no such status"},
       {[](auto& answer) { answer.clear_details(); }, "details are there if asked for"},
       {[](auto& answer) { answer.mutable_details()->set_total_executions(2); },
        "total_executions is 2; allowed: 1 to 1"},
       {[](auto& answer) { answer.mutable_details()->set_running_executions(2); },
        "running_executions is 2; allowed: 0 to 1"}},
      [](const Answer& answer) {
        Calls calls;
        calls.start();
        spearlet::GetHealthRequest request;
        request.set_include_details(true);
        calls.add(answered_call(Method::kGetHealth, request, answer, 10, 10));
        return calls.judge();
      });
}

TEST(ContractModel, JudgesTasksAndTheirDeletion) {
  const ModelledNode node{.tasks = std::set<std::string>{"fixtures"}};
  using Tasks = spearlet::ListTasksResponse;
  Tasks right;
  right.add_tasks()->set_task_id("fixtures");
  expect_disagreements<Tasks>(
      right,
      {{[](auto& answer) { answer.clear_tasks(); }, "a task is left out"},
       {[](auto& answer) { *answer.add_tasks() = answer.tasks(0); }, "a task is listed twice"},
       {[](auto& answer) { answer.mutable_tasks(0)->set_task_id("t"); }, "there is no such task"},
       {[](auto& answer) { answer.mutable_tasks(0)->mutable_artifact_spec(); },
        "nobody asked for details"},
       {[](auto& answer) { answer.set_next_start_after("t"); }, "belongs to has_more"}},
      [&](const Tasks& answer) {
        Calls calls;
        calls.add(answered_call(Method::kListTasks, spearlet::ListTasksRequest(), answer, 10, 10));
        return calls.judge(node);
      });
  using Deleted = spearlet::DeleteTaskResponse;
  expect_disagreements<Deleted>(
      Deleted(),
      {{[](auto& answer) { answer.set_success(true); }, "success means that it is deleted"},
       {[](auto& answer) { answer.set_cleaned_executions(1); }, "it cleaned unasked"}},
      [&](const Deleted& answer) {
        Calls calls;
        calls.start();
        spearlet::DeleteTaskRequest request;
        request.set_task_id("fixtures");
        calls.add(answered_call(Method::kDeleteTask, request, answer, 10, 10));
        return calls.judge(node);
      });
}

TEST(ContractModel, ATaskIsDeletedByForceOnlyWhileItsExecutionsHaveNotEnded) {
  using enum FunctionBehaviour::Fate;
  const auto judge = [](FunctionBehaviour::Fate fate, bool force, bool deleted) {
    Calls calls;
    calls.start();
    spearlet::DeleteTaskRequest request;
    request.set_task_id("fixtures");
    request.set_force(force);
    spearlet::DeleteTaskResponse answer;
    answer.set_success(deleted);
    answer.set_deleted(deleted);
    calls.add(answered_call(Method::kDeleteTask, request, answer, 10, 10));
    ModelledNode node = node_whose_function({.attempts = {fate}});
    node.tasks = {"fixtures"};
    return calls.judge(node);
  };
  EXPECT_THAT(judge(kHangs, false, true), ElementsAre(HasSubstr("the task is busy")));
  EXPECT_THAT(judge(kHangs, false, false), IsEmpty());
  EXPECT_THAT(judge(kHangs, true, true), IsEmpty());
  EXPECT_THAT(judge(kHangs, true, false), ElementsAre(HasSubstr("nothing is in its way")));
  EXPECT_THAT(judge(kCompletes, false, true), IsEmpty());
}

// ---- Lists --------------------------------------------------------------------------------------

TEST(ContractModel, AListHasEveryExecutionOnceInTheOrderOfAcceptance) {
  const auto judge = [](const std::vector<std::string>& ids) {
    Calls calls;
    for (const char* id : {"a", "b", "c"}) {
      calls.invoke(invoke_request(EXECUTION_MODE_ASYNC, id), async_answer(id), *id, *id);
    }
    calls.list(ids, 1000);
    return calls.judge();
  };
  EXPECT_THAT(judge({"a", "b", "c"}), IsEmpty());
  EXPECT_THAT(judge({"a", "c"}), ElementsAre(HasSubstr("'b' is left out")));
  EXPECT_THAT(judge({"a", "c", "b"}), ElementsAre(HasSubstr("not in the order of acceptance")));
  EXPECT_THAT(judge({"a", "b", "b", "c"}), ElementsAre(HasSubstr("listed twice")));
  EXPECT_THAT(judge({"a", "b", "c", "d"}), ElementsAre(HasSubstr("as PENDING; allowed: absent")));
}

}  // namespace
}  // namespace quintain::conformance
