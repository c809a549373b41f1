#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kOnce[] = "every-call-answered-once";
constexpr char kShape[] = "answers-in-shape";
constexpr char kOrdered[] = "timestamps-ordered";

void set_time(core::Duration since_start, google::protobuf::Timestamp* time) {
  const core::Duration since_epoch = kWorldStart.since_epoch + since_start;
  time->set_seconds(std::chrono::floor<std::chrono::seconds>(since_epoch).count());
  time->set_nanos(static_cast<std::int32_t>((since_epoch % 1s).count()));
}

class CallScene : public Scene {
 public:
  template <class Request>
  std::uint64_t call(const Request& request) {
    return world.open_call(0, request);
  }

  std::uint64_t invoke(spearlet::ExecutionMode mode, const std::string& id = "") {
    spearlet::InvokeFunctionRequest request;
    request.set_execution_mode(mode);
    if (!id.empty()) request.set_execution_id(id);
    return call(request);
  }
  std::uint64_t invoke_sync() { return invoke(spearlet::EXECUTION_MODE_SYNC); }
  std::uint64_t invoke_async(const std::string& id = "") {
    return invoke(spearlet::EXECUTION_MODE_ASYNC, id);
  }

  void answer(std::uint64_t call, const google::protobuf::Message& message) {
    world.call_answered(0, call, &message);
  }
  void refuse(std::uint64_t call, absl::StatusCode code = absl::StatusCode::kUnknown) {
    world.call_answered(0, call, nullptr, code);
  }
};

// Correct answers of each mode, which tests then change.
spearlet::InvokeFunctionResponse completed() {
  spearlet::InvokeFunctionResponse answer;
  answer.set_success(true);
  answer.set_execution_id("e1");
  answer.mutable_result()->set_status(kCompleted);
  answer.mutable_result()->mutable_result()->set_value("out");
  set_time(0s, answer.mutable_result()->mutable_started_at());
  set_time(0s, answer.mutable_result()->mutable_completed_at());
  return answer;
}

spearlet::InvokeFunctionResponse failed() {
  spearlet::InvokeFunctionResponse answer = completed();
  answer.set_success(false);
  answer.mutable_result()->set_status(kFailed);
  answer.mutable_result()->set_error_code("BROKEN");
  answer.mutable_result()->clear_result();
  return answer;
}

spearlet::InvokeFunctionResponse pending() {
  spearlet::InvokeFunctionResponse answer;
  answer.set_success(true);
  answer.set_execution_id("e1");
  answer.set_status_endpoint("/status/e1");
  answer.set_estimated_completion_ms(5);
  answer.mutable_result()->set_status(kPending);
  return answer;
}

// ---- every-call-answered-once -------------------------------------------------------------------

TEST(EveryCallAnsweredOnce, HoldsForAnswersAndRefusals) {
  CallScene scene;
  const auto first = scene.invoke_sync();
  const auto second = scene.invoke_sync();
  scene.refuse(second);
  scene.answer(first, completed());
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(EveryCallAnsweredOnce, ACallWhoseCallerWentAwayMustBeAnsweredToo) {
  CallScene scene;
  const auto call = scene.invoke_sync();
  scene.world.call_abandoned(0, call);
  scene.finish();
  EXPECT_THAT(scene.violated(), ElementsAre(kOnce));
}

TEST(EveryCallAnsweredOnce, FailsForTwoAnswers) {
  CallScene scene;
  const auto call = scene.invoke_sync();
  scene.answer(call, completed());
  scene.refuse(call);
  EXPECT_THAT(scene.violated(), ElementsAre(kOnce));
  EXPECT_THAT(scene.violations_of(kOnce), ElementsAre("call 1 is answered without being open"));
  EXPECT_THAT(scene.evidence(kOnce), ElementsAre("call 1 is refused"));
}

TEST(EveryCallAnsweredOnce, FailsForNoAnswer) {
  CallScene scene;
  scene.refuse(scene.invoke_sync());
  scene.invoke_async();
  scene.finish(/*settled=*/true);
  EXPECT_THAT(scene.violated(), ElementsAre(kOnce));
  EXPECT_THAT(scene.violations_of(kOnce), ElementsAre("call 2 was never answered"));
  EXPECT_THAT(scene.evidence(kOnce), ElementsAre("call 2 is sent"));
}

TEST(EveryCallAnsweredOnce, HoldsForAnOpenCallWhenTheTimeIsOver) {
  CallScene scene;
  scene.invoke_sync();
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

// ---- answers-in-shape ---------------------------------------------------------------------------

TEST(AnswersInShape, HoldsForCorrectAnswers) {
  CallScene scene;
  scene.answer(scene.invoke_sync(), completed());
  scene.answer(scene.invoke_sync(), failed());
  scene.answer(scene.invoke_async(), pending());
  scene.refuse(scene.invoke_async());
  EXPECT_THAT(scene.violated(), IsEmpty());
}

struct WrongAnswerCase {
  std::string name;
  spearlet::ExecutionMode mode;
  spearlet::InvokeFunctionResponse answer;
  std::string violation;

  friend void PrintTo(const WrongAnswerCase& wrong, std::ostream* out) { *out << wrong.name; }
};

std::vector<WrongAnswerCase> wrong_answers() {
  constexpr auto kSync = spearlet::EXECUTION_MODE_SYNC;
  constexpr auto kAsync = spearlet::EXECUTION_MODE_ASYNC;
  std::vector<WrongAnswerCase> all;
  const auto add = [&](std::string name, spearlet::ExecutionMode mode,
                       spearlet::InvokeFunctionResponse answer, std::string violation,
                       const auto& change) {
    change(answer);
    all.push_back({std::move(name), mode, std::move(answer), std::move(violation)});
  };
  using Answer = spearlet::InvokeFunctionResponse;
  add("SyncWithEndpoint", kSync, completed(), "a SYNC answer has the endpoint '/status/e1'",
      [](Answer& answer) { answer.set_status_endpoint("/status/e1"); });
  add("SyncWithEstimate", kSync, completed(), "a SYNC answer estimates 7 ms",
      [](Answer& answer) { answer.set_estimated_completion_ms(7); });
  add("SyncWithoutSuccess", kSync, completed(), "a SYNC answer says success=false and COMPLETED",
      [](Answer& answer) { answer.set_success(false); });
  add("SyncFailureWithSuccess", kSync, failed(), "a SYNC answer says success=true and FAILED",
      [](Answer& answer) { answer.set_success(true); });
  add("SyncCompletedWithError", kSync, completed(),
      "a SYNC answer says COMPLETED with error_code 'ODD'",
      [](Answer& answer) { answer.mutable_result()->set_error_code("ODD"); });
  add("SyncFailureWithoutError", kSync, failed(), "a SYNC answer says FAILED with error_code ''",
      [](Answer& answer) { answer.mutable_result()->clear_error_code(); });
  add("SyncFailureWithResult", kSync, failed(), "a SYNC answer says FAILED and has a result",
      [](Answer& answer) { answer.mutable_result()->mutable_result()->set_value("out"); });
  add("SyncWithoutId", kSync, completed(), "a SYNC answer has no execution_id",
      [](Answer& answer) { answer.clear_execution_id(); });
  add("AsyncWithoutSuccess", kAsync, pending(), "an ASYNC answer says success=false",
      [](Answer& answer) { answer.set_success(false); });
  add("AsyncWithoutId", kAsync, pending(), "an ASYNC answer has no execution_id",
      [](Answer& answer) { answer.clear_execution_id(); });
  add("AsyncWithAnotherEndpoint", kAsync, pending(), "an ASYNC answer's endpoint is '/status/e2'",
      [](Answer& answer) { answer.set_status_endpoint("/status/e2"); });
  add("AsyncWithoutEstimate", kAsync, pending(), "an ASYNC answer estimates 0 ms",
      [](Answer& answer) { answer.clear_estimated_completion_ms(); });
  add("AsyncThatRuns", kAsync, pending(), "the first ASYNC answer says RUNNING",
      [](Answer& answer) {
        answer.mutable_result()->set_status(kRunning);
        set_time(0s, answer.mutable_result()->mutable_started_at());
      });
  add("AsyncWithResult", kAsync, pending(), "the first ASYNC answer has a result",
      [](Answer& answer) { answer.mutable_result()->mutable_result()->set_value("out"); });
  return all;
}

class WrongAnswer : public ::testing::TestWithParam<WrongAnswerCase> {};

TEST_P(WrongAnswer, IsNotInShape) {
  CallScene scene;
  scene.answer(scene.invoke(GetParam().mode), GetParam().answer);
  EXPECT_THAT(scene.violated(), ElementsAre(kShape));
  EXPECT_THAT(scene.violations_of(kShape), ElementsAre(GetParam().violation));
  EXPECT_THAT(scene.evidence(kShape), ElementsAre("call 1 is answered"));
}

INSTANTIATE_TEST_SUITE_P(AnswersInShape, WrongAnswer, ::testing::ValuesIn(wrong_answers()),
                         [](const auto& tested) { return tested.param.name; });

TEST(AnswersInShape, FailsForASyncAnswerThatIsNotFinal) {
  CallScene scene;
  spearlet::InvokeFunctionResponse answer = failed();
  answer.mutable_result()->set_status(kRunning);
  answer.mutable_result()->clear_completed_at();
  scene.answer(scene.invoke_sync(), answer);
  EXPECT_THAT(scene.violations_of(kShape), ElementsAre("a SYNC answer says RUNNING"));
}

TEST(AnswersInShape, ARepeatedAsyncCallMayGetAnyStatus) {
  CallScene scene;
  scene.answer(scene.invoke_async("e1"), pending());
  spearlet::InvokeFunctionResponse answer = pending();
  *answer.mutable_result() = completed().result();
  scene.answer(scene.invoke_async("e1"), answer);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(AnswersInShape, AnAsyncCallWithoutAnIdIsNeverARepetition) {
  CallScene scene;
  scene.answer(scene.invoke_async(), pending());
  spearlet::InvokeFunctionResponse answer = pending();
  *answer.mutable_result() = failed().result();
  scene.answer(scene.invoke_async(), answer);
  EXPECT_THAT(scene.violations_of(kShape),
              ElementsAre("the first ASYNC answer says FAILED",
                          "the first ASYNC answer has a completed_at"));
}

TEST(AnswersInShape, TheFirstCallWithAnIdIsNoRepetition) {
  CallScene scene;
  spearlet::InvokeFunctionResponse answer = pending();
  *answer.mutable_result() = completed().result();
  scene.answer(scene.invoke_async("e1"), answer);
  EXPECT_THAT(scene.violations_of(kShape), ElementsAre("the first ASYNC answer says COMPLETED",
                                                       "the first ASYNC answer has a result"));
}

TEST(AnswersInShape, ACallThatACrashCutOffMayHaveBeenTheFirst) {
  CallScene scene;
  scene.refuse(scene.invoke_async("e1"), absl::StatusCode::kUnavailable);
  spearlet::InvokeFunctionResponse answer = pending();
  *answer.mutable_result() = failed().result();
  scene.answer(scene.invoke_async("e1"), answer);
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(AnswersInShape, ACallThatWasRefusedWasNotTheFirst) {
  CallScene scene;
  scene.refuse(scene.invoke_async("e1"), absl::StatusCode::kResourceExhausted);
  spearlet::InvokeFunctionResponse answer = pending();
  answer.mutable_result()->set_status(kRunning);
  scene.answer(scene.invoke_async("e1"), answer);
  EXPECT_THAT(scene.violated(), ::testing::Contains(kShape));
}

// ---- timestamps-ordered -------------------------------------------------------------------------

// A result of a run from 1 s to 2.5 s; it is returned at 3 s.
spearlet::ExecutionResult ran() {
  spearlet::ExecutionResult result;
  result.set_status(kCompleted);
  result.set_execution_time_ms(1500);
  set_time(1s, result.mutable_started_at());
  set_time(2500ms, result.mutable_completed_at());
  return result;
}

std::vector<std::string> violations_by(const spearlet::ExecutionResult& result) {
  CallScene scene;
  scene.at(3s);
  spearlet::GetExecutionStatusResponse answer;
  answer.set_found(true);
  *answer.mutable_result() = result;
  scene.answer(scene.call(spearlet::GetExecutionStatusRequest()), answer);
  if (!scene.violated().empty()) {
    EXPECT_THAT(scene.violated(), ElementsAre(kOrdered));
    EXPECT_THAT(scene.evidence(kOrdered), ElementsAre("call 1 is answered"));
  }
  return scene.violations_of(kOrdered);
}

TEST(TimestampsOrdered, HoldsForEveryStatus) {
  EXPECT_THAT(violations_by(ran()), IsEmpty());
  spearlet::ExecutionResult result;
  result.set_status(kPending);
  EXPECT_THAT(violations_by(result), IsEmpty());
  result.set_status(kRunning);
  set_time(3s, result.mutable_started_at());
  EXPECT_THAT(violations_by(result), IsEmpty());
  result.set_status(kCancelled);
  result.clear_started_at();
  set_time(3s, result.mutable_completed_at());
  EXPECT_THAT(violations_by(result), IsEmpty());
}

TEST(TimestampsOrdered, CompletedAtIsSetOnlyAtTheEnd) {
  spearlet::ExecutionResult result = ran();
  result.clear_completed_at();
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status COMPLETED: completed_at is not set"));
  result = ran();
  result.set_status(kRunning);
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status RUNNING: completed_at is set"));
}

TEST(TimestampsOrdered, StartedAtIsSetOnceTheExecutionHasStarted) {
  spearlet::ExecutionResult result = ran();
  result.clear_started_at();
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status COMPLETED: started_at is not set"));
  result = ran();
  result.set_status(kPending);
  result.clear_completed_at();
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status PENDING: started_at is set"));
}

TEST(TimestampsOrdered, FailsForTimesInTheFuture) {
  spearlet::ExecutionResult result = ran();
  set_time(3s + 1ns, result.mutable_completed_at());
  result.set_execution_time_ms(2000);
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status COMPLETED: completed_at is in the future"));
  result.set_status(kRunning);
  result.clear_completed_at();
  set_time(4s, result.mutable_started_at());
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status RUNNING: started_at is in the future"));
}

TEST(TimestampsOrdered, TheExecutionTimeIsTheTimeBetweenThem) {
  spearlet::ExecutionResult result = ran();
  result.set_execution_time_ms(1499);
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status COMPLETED: execution_time_ms is 1499"));
  result = ran();
  set_time(2501ms, result.mutable_started_at());
  result.set_execution_time_ms(-1);
  EXPECT_THAT(violations_by(result),
              ElementsAre("a result with status COMPLETED: started_at is after completed_at"));
}

TEST(TimestampsOrdered, ChecksAnswersToInvocations) {
  CallScene scene;
  spearlet::InvokeFunctionResponse answer = completed();
  answer.mutable_result()->set_execution_time_ms(1);
  scene.answer(scene.invoke_sync(), answer);
  EXPECT_THAT(scene.violations_of(kOrdered),
              ElementsAre("a result with status COMPLETED: execution_time_ms is 1"));
}

TEST(TimestampsOrdered, IgnoresAnExecutionThatWasNotFound) {
  CallScene scene;
  scene.answer(scene.call(spearlet::GetExecutionStatusRequest()),
               spearlet::GetExecutionStatusResponse());
  EXPECT_THAT(scene.violated(), IsEmpty());
}

// ---- streams-end-once ---------------------------------------------------------------------------

// A stream with these messages, final or not, that ends well.
std::vector<std::string> stream_problems(const std::vector<bool>& messages, bool answered = true) {
  CallScene scene;
  const std::uint64_t call =
      scene.world.open_call(0, spearlet::InvokeFunctionRequest(), core::Instant::never(),
                            spearlet::EXECUTION_MODE_STREAM);
  spearlet::StreamExecutionResult message;
  for (const bool is_final : messages) {
    message.set_is_final(is_final);
    scene.world.call_received(0, call, message);
  }
  if (answered) {
    scene.world.call_answered(0, call, &message);
  } else {
    scene.world.call_answered(0, call, nullptr, absl::StatusCode::kUnavailable);
  }
  return scene.violations_of("streams-end-once");
}

TEST(StreamsEndOnce, AStreamEndsWithItsOnlyFinalMessage) {
  EXPECT_THAT(stream_problems({false, false, true}), IsEmpty());
  EXPECT_THAT(stream_problems({false}, /*answered=*/false), IsEmpty()) << "it ends with an error";
  EXPECT_THAT(stream_problems({false}),
              ElementsAre("call 1: the stream ends without a final message"));
  EXPECT_THAT(stream_problems({true, false}),
              ElementsAre("call 1: a message comes after the final one"));
  EXPECT_THAT(stream_problems({true, true}),
              ElementsAre("call 1: a message comes after the final one"));
}

}  // namespace
}  // namespace quintain::sim::testing
