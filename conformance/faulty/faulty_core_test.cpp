#include "conformance/faulty/faulty_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "conformance/faulty/testing/faulty_node.h"
#include "conformance/judgement/clauses/clause.h"
#include "core/statuses.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using core::CallContext;
using core::Instant;
using core::Outcome;
using core::testing::Ask;
using core::testing::async_request;
using core::testing::Plan;
using core::testing::stream_request;
using core::testing::sync_request;
using core::testing::takes;
using ::testing::ElementsAre;
using testing::FaultyNode;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using namespace core::statuses;

core::NodeConfig one_slot() {
  core::NodeConfig node;
  node.slots = 1;
  return node;
}

// ---- The list -----------------------------------------------------------------------------------

TEST(FaultyCores, HaveUniqueNames) {
  std::set<std::string_view> names;
  for (const FaultyCore& core : faulty_cores()) {
    EXPECT_TRUE(names.insert(core.name).second) << core.name;
    EXPECT_THAT(std::string(core.name), ::testing::MatchesRegex("[a-z]+(-[a-z]+)*"));
    EXPECT_EQ(find_faulty_core(core.name), &core);
  }
  EXPECT_EQ(find_faulty_core("no-such-core"), nullptr);
}

TEST(FaultyCores, HaveAFaultAndItsDescription) {
  for (const FaultyCore& core : faulty_cores()) {
    EXPECT_TRUE(core.configure != nullptr || core.wrap_runtime || core.decorate ||
                core.wire != WireFault::kNone || core.describe != nullptr)
        << core.name;
    EXPECT_THAT(core.about, ::testing::EndsWith("."));
    EXPECT_FALSE(core.origin.empty()) << core.name;
    EXPECT_FALSE(core.caught_by.empty()) << core.name;
  }
}

// That every clause catches a fault, one of these or a generated one, is a check of the self-test.
TEST(FaultyCores, NameExistingClauses) {
  for (const FaultyCore& core : faulty_cores()) {
    for (const std::string_view clause : core.caught_by) {
      EXPECT_NE(find_clause(clause), nullptr) << core.name << " names " << clause;
    }
  }
}

TEST(FaultyCores, CoverEveryFaultOfTheAnalysis) {
  for (const std::string_view origin : {"M1", "M2", "M3", "M4", "M5", "M6", "M7"}) {
    EXPECT_EQ(std::ranges::count(faulty_cores(), origin, &FaultyCore::origin), 1) << origin;
  }
}

TEST(FaultyCores, ChangeTheDescriptor) {
  google::protobuf::FileDescriptorSet good;
  spearlet::InvokeFunctionRequest::descriptor()->file()->CopyTo(good.add_file());
  for (const FaultyCore& core : faulty_cores()) {
    if (core.describe == nullptr) continue;
    google::protobuf::FileDescriptorSet changed = good;
    core.describe(changed);
    EXPECT_NE(changed.SerializeAsString(), good.SerializeAsString()) << core.name;
  }
}

// Every core serves all calls and answers each exactly once, open calls at its destruction
// included. FaultyNode's destructor counts the answers.
class EveryFaultyCore : public ::testing::TestWithParam<const FaultyCore*> {};

TEST_P(EveryFaultyCore, AnswersEveryCallOnce) {
  FaultyNode node(*GetParam());
  node.runtime.plan = [](const core::AttemptSpec& spec) {
    Plan plan = takes(10ms);
    if (spec.function_name == "fail") plan.outcome = core::testing::failed();
    if (spec.function_name == "long") plan = Plan{.obey = 1ms};
    return plan;
  };
  for (const std::string function : {"short", "fail"}) {
    node.invoke(sync_request({.id = "s-" + function, .function = function}));
    node.invoke(async_request({.id = "a-" + function, .function = function}));
    node.invoke(async_request({.id = "a-" + function, .function = function}));
    node.stream(stream_request({.function = function}));
  }
  node.invoke(async_request({.task = "no-such-task"}));
  node.run_for(100ms);
  for (int i = 0; i < 3; ++i) {
    node.invoke(sync_request({.id = "l-" + std::to_string(i), .function = "long"}));
    node.invoke(async_request({.function = "long", .timeout_ms = 50}),
                {.deadline = node.now() + 30ms});
  }
  node.stream(stream_request({.function = "long"}));
  node.list();
  node.list(1);
  node.list(1, "#1");
  node.run_for(100ms);
  for (const std::string id : {"s-short", "a-short", "a-fail", "l-0", "no-such-id"}) {
    node.query(id);
    node.cancel(id);
    node.query(id);
  }
  node.leave_all();
  node.invoke(sync_request({.function = "long"}));
  node.invoke(async_request({.function = "long"}));
  node.stream(stream_request({.function = "long"}));
  node.cancel("l-1");
}

INSTANTIATE_TEST_SUITE_P(All, EveryFaultyCore, ::testing::ValuesIn([] {
                           std::vector<const FaultyCore*> cores;
                           for (const FaultyCore& core : faulty_cores()) cores.push_back(&core);
                           return cores;
                         }()),
                         [](const auto& faulty) {
                           std::string name(faulty.param->name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// ---- Faults that are more than an edit ----------------------------------------------------------

TEST(FaultyCore, AsyncBlocksUntilTheEnd) {
  FaultyNode node("async-blocks");
  auto& call = node.invoke(async_request({.id = "e"}));
  node.run_for(1s);
  EXPECT_FALSE(call.answered());
  node.runtime.finish("e");
  EXPECT_EQ(call->result().status(), kPending);
  EXPECT_EQ(call->status_endpoint(), "/status/e");
}

TEST(FaultyCore, AsyncAnswerOfAQuickFunctionIsFinished) {
  FaultyNode node("async-answers-finished");
  node.runtime.plan = [](const core::AttemptSpec&) { return takes(0ms); };
  auto& quick = node.invoke(async_request());
  node.runtime.plan = [](const core::AttemptSpec&) { return takes(1s); };
  auto& slow = node.invoke(async_request());
  node.run_for(5ms);
  EXPECT_EQ(quick->result().status(), kCompleted);
  EXPECT_EQ(slow->result().status(), kPending);
}

TEST(FaultyCore, RecordIsFoundAfterADelay) {
  FaultyNode node("record-comes-late");
  node.invoke(async_request({.id = "e"}));
  EXPECT_FALSE(node.query("e").found());
  node.run_for(50ms);
  EXPECT_TRUE(node.query("e").found());
}

TEST(FaultyCore, UnknownTaskIsAcceptedThenFails) {
  FaultyNode node("unknown-task-accepted");
  auto& call = node.invoke(async_request({.task = "no-such-task"}));
  EXPECT_EQ(call->result().status(), kPending);
  EXPECT_EQ(node.query(call->execution_id()).result().status(), spearlet::EXECUTION_STATUS_FAILED);
}

TEST(FaultyCore, AsyncExecutionEndsAtItsCallsDeadline) {
  FaultyNode node("async-bound-to-its-call");
  node.invoke(async_request({.id = "bound"}), {.deadline = node.now() + 10ms});
  node.invoke(async_request({.id = "free"}));
  node.run_for(9ms);
  EXPECT_EQ(node.query("bound").result().status(), kRunning);
  node.run_for(1ms);
  EXPECT_EQ(node.query("bound").result().status(), kCancelled);
  EXPECT_EQ(node.query("free").result().status(), kRunning);
}

TEST(FaultyCore, StaleReadsShowAnEarlierStatus) {
  FaultyNode node("stale-reads");
  node.invoke(async_request({.id = "e"}));
  node.settle();
  EXPECT_EQ(node.query("e").result().status(), kRunning);
  EXPECT_EQ(node.query("e").result().status(), kPending);
  EXPECT_EQ(node.query("e").result().status(), kRunning);
  node.runtime.finish("e");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(node.query("e").result().status(), kCompleted);
}

TEST(FaultyCore, CancelAndStatusQueryReportDifferentEnds) {
  FaultyNode node("end-depends-on-who-tells");
  node.invoke(async_request({.id = "e"}));
  node.settle();
  auto& cancel = node.cancel("e");
  node.runtime.finish("e");
  EXPECT_EQ(cancel->final_status(), kCompleted);
  EXPECT_EQ(node.query("e").result().status(), kCancelled);
}

TEST(FaultyCore, QueryOfAnUnknownIdMakesARecord) {
  FaultyNode node("query-makes-a-record");
  EXPECT_FALSE(node.query("no-such-id").found());
  EXPECT_TRUE(node.query("no-such-id").found());
}

TEST(FaultyCore, ExecutionCancelledInTheQueueRunsLater) {
  FaultyNode node("cancelled-pending-runs", one_slot());
  node.invoke(async_request({.id = "first"}));
  node.invoke(async_request({.id = "second"}));
  node.settle();
  EXPECT_TRUE(node.cancel("second")->success());
  EXPECT_FALSE(node.runtime.knows("second-again"));
  node.runtime.finish("first");
  node.settle();
  node.runtime.log("second-again", "at work");
  const auto seen = node.query("second");
  EXPECT_EQ(seen.result().status(), kCancelled);
  EXPECT_TRUE(seen.result().has_started_at());
  EXPECT_THAT(seen.logs(), ElementsAre("at work"));
}

TEST(FaultyCore, ExecutionTimedOutInTheQueueRunsLater) {
  FaultyNode node("queue-timeout-runs", one_slot());
  node.invoke(async_request({.id = "first"}));
  node.invoke(async_request({.id = "second", .timeout_ms = 20}));
  node.run_for(30ms);
  EXPECT_EQ(node.query("second").result().status(), kTimeout);
  EXPECT_FALSE(node.query("second").result().has_started_at());
  node.runtime.finish("first");
  node.settle();
  EXPECT_TRUE(node.runtime.knows("second-again"));
  EXPECT_TRUE(node.query("second").result().has_started_at());
}

TEST(FaultyCore, CancelIsLostOnlyNearTheStart) {
  FaultyNode node("cancel-lost-at-the-start");
  node.runtime.plan = [](const core::AttemptSpec&) { return Plan{.obey = 0ms}; };
  node.invoke(async_request({.id = "e"}));
  node.settle();
  EXPECT_TRUE(node.cancel("e")->success());
  node.settle();
  EXPECT_EQ(node.query("e").result().status(), kRunning);
  node.run_for(20ms);
  auto& later = node.cancel("e");
  node.settle();
  EXPECT_TRUE(later->success());
  EXPECT_EQ(node.query("e").result().status(), kCancelled);
}

TEST(FaultyCore, LeakedSlotReducesCapacity) {
  core::NodeConfig two;
  two.slots = 2;
  FaultyNode node("slot-leaked-after-timeout", two);
  node.invoke(async_request({.id = "late", .timeout_ms = 10}));
  node.run_for(10ms);
  ASSERT_EQ(node.query("late").result().status(), kTimeout);
  for (const std::string id : {"a", "b"}) node.invoke(async_request({.id = id}));
  node.settle();
  EXPECT_EQ(node.query("a").result().status(), kRunning);
  EXPECT_EQ(node.query("b").result().status(), kPending);
  node.runtime.finish("a");
  node.settle();
  EXPECT_EQ(node.query("b").result().status(), kRunning);
}

TEST(FaultyCore, SlotLeakedAfterTimeoutIsNotLeakedAfterCancel) {
  FaultyNode node("slot-leaked-after-timeout", one_slot());
  node.runtime.plan = [](const core::AttemptSpec&) { return Plan{.obey = 0ms}; };
  node.invoke(async_request({.id = "a"}));
  node.settle();
  node.cancel("a");
  node.settle();
  node.invoke(async_request({.id = "b"}));
  node.settle();
  EXPECT_EQ(node.query("b").result().status(), kRunning);
}

TEST(FaultyCore, SlotOfACancelledFunctionIsHeldForADelay) {
  FaultyNode node("slot-held-after-cancel", one_slot());
  node.runtime.plan = [](const core::AttemptSpec&) { return Plan{.obey = 0ms}; };
  node.invoke(async_request({.id = "a"}));
  node.settle();
  node.cancel("a");
  node.settle();
  node.invoke(async_request({.id = "b"}));
  node.run_for(9s);
  EXPECT_EQ(node.query("a").result().status(), kCancelled);
  EXPECT_EQ(node.query("b").result().status(), kPending);
  node.run_for(1s);
  EXPECT_EQ(node.query("b").result().status(), kRunning);
}

TEST(FaultyCore, TimeoutWinsOverACompletionAtTheSameInstant) {
  FaultyNode node("timeout-before-completion");
  node.runtime.plan = [](const core::AttemptSpec&) { return takes(10ms); };
  auto& same = node.invoke(sync_request({.timeout_ms = 10}));
  auto& sooner = node.invoke(sync_request({.timeout_ms = 11}));
  node.run_for(10ms);
  EXPECT_EQ(same->result().status(), kTimeout);
  EXPECT_EQ(sooner->result().status(), kCompleted);
}

TEST(FaultyCore, CallWithAnExpiredDeadlineRuns) {
  FaultyNode node("expired-call-runs");
  node.run_for(10ms);
  node.invoke(async_request({.id = "e"}), {.deadline = Instant(10ms)});
  node.settle();
  EXPECT_EQ(node.query("e").result().status(), kRunning);
}

TEST(FaultyCore, LateCompletionOverwritesTheTimeout) {
  FaultyNode node("late-completion-overwrites-timeout");
  node.invoke(async_request({.id = "e", .timeout_ms = 10}));
  node.run_for(10ms);
  EXPECT_EQ(node.query("e").result().status(), kTimeout);
  node.run_for(200ms);
  EXPECT_EQ(node.query("e").result().status(), kCompleted);
}

TEST(FaultyCore, RepetitionRunsAgainAndTakesOverTheRecord) {
  FaultyNode node("repeat-runs-again");
  node.invoke(async_request({.id = "e"}));
  node.settle();
  node.runtime.finish("e");
  EXPECT_EQ(node.invoke(async_request({.id = "e"}))->execution_id(), "e");
  node.settle();
  EXPECT_EQ(node.runtime.started(), 2U);
  EXPECT_EQ(node.query("e").result().status(), kRunning);
  ASSERT_THAT(node.list().executions(), SizeIs(2));
  EXPECT_EQ(node.list().executions(0).execution_id(), "e");
  EXPECT_EQ(node.list().executions(1).execution_id(), "e");
}

TEST(FaultyCore, OtherRequestIsTreatedAsTheFirst) {
  FaultyNode node("other-request-taken-for-the-first");
  node.invoke(async_request({.id = "e", .function = "one"}));
  EXPECT_TRUE(node.invoke(async_request({.id = "e", .function = "another"}))->success());
  node.settle();
  EXPECT_EQ(node.runtime.started(), 1U);
}

TEST(FaultyCore, PagesByOffsetRepeatShiftedEntries) {
  FaultyNode node("pages-by-offset");
  for (const std::string id : {"a", "b", "c"}) node.invoke(async_request({.id = id}));
  const auto first = node.list(2);
  ASSERT_THAT(first.executions(), SizeIs(2));
  EXPECT_EQ(first.executions(1).execution_id(), "b");
  node.invoke(async_request({.id = "d"}));
  const auto second = node.list(2, first.next_start_after());
  ASSERT_THAT(second.executions(), SizeIs(2));
  EXPECT_EQ(second.executions(0).execution_id(), "b");
  EXPECT_FALSE(second.has_more());
}

TEST(FaultyCore, StreamErrorIsReportedTwice) {
  FaultyNode node("stream-error-told-twice");
  node.runtime.plan = [](const core::AttemptSpec&) {
    Plan plan = takes(0ms);
    plan.outcome = core::testing::failed();
    return plan;
  };
  auto& call = node.stream(stream_request());
  node.settle();
  EXPECT_EQ(call.messages.back().error_message(), "it broke");
  EXPECT_EQ(call.code(), absl::StatusCode::kInternal);
}

// ---- Relays -------------------------------------------------------------------------------------

TEST(Relay, PassesTheCallersLeavingOn) {
  FaultyNode node("task-id-invented");
  node.runtime.plan = [](const core::AttemptSpec&) { return Plan{.obey = 0ms}; };
  node.invoke(sync_request({.id = "e"}));
  node.stream(stream_request({.id = "s"}));
  node.settle();
  node.leave_all();
  node.settle();
  EXPECT_EQ(node.query("e").result().status(), kCancelled);
  EXPECT_EQ(node.query("s").result().status(), kCancelled);
}

TEST(Relay, WithholdsTheReadersLeaving) {
  FaultyNode node("stream-outlives-its-reader");
  node.runtime.plan = [](const core::AttemptSpec&) { return Plan{.obey = 0ms}; };
  node.stream(stream_request({.id = "s"}));
  node.settle();
  node.leave_all();
  node.settle();
  EXPECT_EQ(node.query("s").result().status(), kRunning);
}

TEST(Relay, LeavesAtOnceForACallerThatHasLeft) {
  FaultyNode node("task-id-invented");
  auto& call = node.invoke_and_leave(sync_request({.id = "e"}));
  EXPECT_EQ(call.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(node.query("e").found());
}

TEST(PostponedAnswer, IsRefusedWhenItIsDestroyedUnsent) {
  core::testing::RecordingCaller<spearlet::InvokeFunctionResponse> kept;
  {
    FaultyNode node("async-answers-finished");
    node.service().InvokeFunction(async_request(), {}, kept.answer());
    EXPECT_FALSE(kept.answered());
  }
  EXPECT_EQ(kept.answers(), 1);
  EXPECT_EQ(kept.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace quintain::conformance
