#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "core/testing/calls.h"
#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using core::testing::async_request;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Records that a call was sent and accepted.
void accepted(Scene& scene, std::int64_t timeout_ms, core::Duration deadline,
              spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_ASYNC) {
  auto request = async_request();
  request.mutable_context()->set_timeout_ms(timeout_ms);
  const std::uint64_t call = scene.world.open_call(0, request);
  scene.world.record({.kind = EventKind::kAccepted,
                      .to = kPending,
                      .execution = Scene::ref(1),
                      .call = call,
                      .deadline = scene.world.now() + deadline,
                      .mode = mode});
}

// ---- deadlines-as-requested ---------------------------------------------------------------------

std::vector<std::string> deadline_problems(std::int64_t timeout_ms, core::Duration deadline,
                                           spearlet::ExecutionMode mode) {
  Scene scene;
  accepted(scene, timeout_ms, deadline, mode);
  return scene.violations_of("deadlines-as-requested");
}

TEST(DeadlinesAsRequested, IsComputedFromTheRequest) {
  constexpr auto kAsync = spearlet::EXECUTION_MODE_ASYNC;
  constexpr auto kSync = spearlet::EXECUTION_MODE_SYNC;
  EXPECT_THAT(deadline_problems(500, 500ms, kAsync), IsEmpty());
  EXPECT_THAT(deadline_problems(500, 501ms, kAsync),
              ElementsAre("its deadline is 501ms, the request asks for 500ms"));
  EXPECT_THAT(deadline_problems(500, 499ms, kAsync), ::testing::SizeIs(1));
  EXPECT_THAT(deadline_problems(500, 499ms, kSync), IsEmpty()) << "the call may end sooner";
  EXPECT_THAT(deadline_problems(500, 501ms, kSync), ::testing::SizeIs(1));
  EXPECT_THAT(deadline_problems(0, 1h, kAsync), IsEmpty()) << "the default";
  EXPECT_THAT(deadline_problems(0, 30s, kSync), IsEmpty()) << "the default";
  EXPECT_THAT(deadline_problems(100'000'000, 24h, kAsync), IsEmpty()) << "the maximum";
  EXPECT_THAT(deadline_problems(100'000'000, 100'000s, kAsync), ::testing::SizeIs(1));
}

// ---- estimates-in-order -------------------------------------------------------------------------

std::vector<std::string> estimate_problems(core::Duration p50, core::Duration p90) {
  Scene scene;
  scene.world.record({.kind = EventKind::kAccepted,
                      .to = kPending,
                      .execution = Scene::ref(1),
                      .deadline = core::Instant(10s),
                      .eta_p50 = p50,
                      .eta_p90 = p90});
  return scene.violations_of("estimates-in-order");
}

TEST(EstimatesInOrder, QuantilesDoNotCross) {
  EXPECT_THAT(estimate_problems(1s, 2s), IsEmpty());
  EXPECT_THAT(estimate_problems(10s, 10s), IsEmpty());
  EXPECT_THAT(estimate_problems(2s, 1s), ElementsAre("p50 2s, p90 1s, deadline in 10s"));
  EXPECT_THAT(estimate_problems(1s, 11s), ::testing::SizeIs(1));
}

// ---- queue-within-limit -------------------------------------------------------------------------

TEST(QueueWithinLimit, CountsWhatWaitsAtTheEndOfAnInstant) {
  NodeSpec spec = Scene::default_spec();
  spec.config.queue_limit = 1;
  Scene scene(spec);
  scene.running(1);
  scene.running(2);
  scene.accepted(3);
  scene.at(1s);
  scene.ends(1);
  scene.accepted(4);
  scene.starts(3);
  scene.at(2s);
  EXPECT_THAT(scene.violated(), IsEmpty());
  scene.accepted(5);
  scene.finish(/*settled=*/false);
  EXPECT_THAT(scene.violations_of("queue-within-limit"),
              ElementsAre("2 wait, the queue may hold 1"));
}

// ---- stops-follow-cancels -----------------------------------------------------------------------

TEST(StopsFollowCancels, AFunctionIsAskedAtTheInstantOfTheCancel) {
  Scene scene;
  scene.running(1);
  scene.at(1s);
  scene.cancel(1);
  scene.at(2s);
  scene.cancel(1);  // a second one changes nothing
  scene.ends(1, kCancelled);
  scene.finish();
  EXPECT_THAT(scene.violated(), IsEmpty());
}

TEST(StopsFollowCancels, FailsIfTheFunctionIsNotAsked) {
  Scene scene;
  scene.running(1);
  scene.world.record({.kind = EventKind::kCancelRequested, .execution = Scene::ref(1)});
  scene.at(1s);
  scene.ends(1, kCancelled);
  EXPECT_THAT(scene.violations_of("stops-follow-cancels"),
              ElementsAre("it was cancelled, and its function has not been asked to stop"));
}

TEST(StopsFollowCancels, FailsIfTheFunctionIsAskedTwiceOrForNothing) {
  Scene scene;
  scene.running(1);
  scene.running(2);
  scene.cancel(1);
  scene.stop_requested(1);
  scene.stop_requested(2);
  EXPECT_THAT(scene.violations_of("stops-follow-cancels"),
              ElementsAre("its function is asked to stop twice",
                          "its function is asked to stop without a cancel"));
}

// ---- answers-belong-to-their-calls --------------------------------------------------------------

TEST(AnswersBelongToTheirCalls, AnAnswerHasTheIdThatTheCallerChose) {
  Scene scene;
  const std::uint64_t call = scene.world.open_call(0, async_request({.id = "mine"}));
  spearlet::InvokeFunctionResponse answer;
  answer.set_execution_id("other");
  scene.world.call_answered(0, call, &answer);
  EXPECT_THAT(scene.violations_of("answers-belong-to-their-calls"),
              ElementsAre("the call named 'mine', its answer is about 'other'"));
}

TEST(AnswersBelongToTheirCalls, AnAnswerIsAboutTheExecutionThatTheCallCreated) {
  Scene scene;
  accepted(scene, 500, 500ms);
  spearlet::InvokeFunctionResponse answer;
  answer.set_execution_id("of no execution");
  scene.world.call_answered(0, 1, &answer);
  EXPECT_THAT(scene.violations_of("answers-belong-to-their-calls"),
              ElementsAre("the answer of its call is about 'of no execution'"));
}

// ---- results-as-returned ------------------------------------------------------------------------

// The answer to a read of an execution whose function has returned "mine" has this result.
std::vector<std::string> result_problems(const std::string& answered) {
  NodeSpec spec = Scene::default_spec();
  FunctionModel& model = spec.functions.emplace_back();
  model.task = "task";
  model.result = "mine";
  Scene scene(spec);
  core::testing::RecordingCaller<spearlet::InvokeFunctionResponse> caller;
  auto request = async_request({.id = "a"});
  request.set_task_id("task");
  scene.world.node(0).service().InvokeFunction(std::move(request), {}, caller.answer());
  scene.world.kernel().run_until(core::Instant(1s));
  spearlet::GetExecutionStatusRequest read;
  read.set_execution_id("a");
  read.set_include_result(true);
  const std::uint64_t call = scene.world.open_call(0, read);
  spearlet::GetExecutionStatusResponse answer;
  answer.set_found(true);
  answer.mutable_result()->set_status(kCompleted);
  google::protobuf::StringValue value;
  value.set_value(answered);
  answer.mutable_result()->mutable_result()->PackFrom(value);
  scene.world.call_answered(0, call, &answer);
  std::vector<std::string> problems = scene.violations_of("results-as-returned");
  scene.world.close();
  return problems;
}

TEST(ResultsAsReturned, AnAnswerHasTheResultOfItsFunction) {
  EXPECT_THAT(result_problems("mine"), IsEmpty());
  EXPECT_THAT(result_problems("yours"),
              ElementsAre("the answer about 'a' has a result of 7 bytes, which its function has "
                          "not returned"));
  EXPECT_THAT(result_problems(""), ::testing::SizeIs(1)) << "it was lost";
}

}  // namespace
}  // namespace quintain::sim::testing
