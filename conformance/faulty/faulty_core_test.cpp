#include "conformance/faulty/faulty_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "conformance/faulty/testing/faulty_node.h"
#include "conformance/judgement/clauses/clause.h"

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

constexpr auto kPending = spearlet::EXECUTION_STATUS_PENDING;
constexpr auto kRunning = spearlet::EXECUTION_STATUS_RUNNING;
constexpr auto kCompleted = spearlet::EXECUTION_STATUS_COMPLETED;
constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;
constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

core::NodeConfig one_slot() {
  core::NodeConfig node;
  node.slots = 1;
  return node;
}

// ---- The catalogue ------------------------------------------------------------------------------

TEST(FaultyCores, AreToldApartByName) {
  std::set<std::string_view> names;
  for (const FaultyCore& core : faulty_cores()) {
    EXPECT_TRUE(names.insert(core.name).second) << core.name;
    EXPECT_THAT(std::string(core.name), ::testing::MatchesRegex("[a-z]+(-[a-z]+)*"));
    EXPECT_EQ(find_faulty_core(core.name), &core);
  }
  EXPECT_EQ(find_faulty_core("no-such-core"), nullptr);
}

TEST(FaultyCores, HaveAFault) {
  for (const FaultyCore& core : faulty_cores()) {
    EXPECT_TRUE(core.configure != nullptr || core.wrap_runtime || core.decorate ||
                core.wire != WireFault::kNone || core.describe != nullptr)
        << core.name;
    EXPECT_THAT(core.about, ::testing::EndsWith("."));
    EXPECT_FALSE(core.origin.empty()) << core.name;
    EXPECT_FALSE(core.caught_by.empty()) << core.name;
  }
}

TEST(FaultyCores, AreThereForEveryClause) {
  std::set<std::string_view> named;
  for (const FaultyCore& core : faulty_cores()) {
    for (const std::string_view clause : core.caught_by) {
      EXPECT_NE(find_clause(clause), nullptr) << core.name << " names " << clause;
      named.insert(clause);
    }
  }
  for (const Clause& clause : all_clauses()) EXPECT_TRUE(named.contains(clause.id)) << clause.id;
}

TEST(FaultyCores, AreThereForEveryFaultOfTheAnalysis) {
  for (const std::string_view origin : {"M1", "M2", "M3", "M4", "M5", "M6", "M7"}) {
    EXPECT_EQ(std::ranges::count(faulty_cores(), origin, &FaultyCore::origin), 1) << origin;
  }
}

TEST(FaultyCores, SpoilTheDescriptor) {
  google::protobuf::FileDescriptorSet good;
  spearlet::InvokeFunctionRequest::descriptor()->file()->CopyTo(good.add_file());
  for (const FaultyCore& core : faulty_cores()) {
    if (core.describe == nullptr) continue;
    google::protobuf::FileDescriptorSet spoilt = good;
    core.describe(spoilt);
    EXPECT_NE(spoilt.SerializeAsString(), good.SerializeAsString()) << core.name;
  }
}

// Every core serves all calls, and answers each exactly once, also when it goes away with calls
// open; FaultyNode's destructor counts.
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
  node.invoke(async_request({.task = "nobody"}));
  node.run_for(100ms);
  // A failed invocation may be tried again, and a stream whose caller left ends by itself.
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
  for (const std::string id : {"s-short", "a-short", "a-fail", "l-0", "nobody"}) {
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

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryFaultyCore, ::testing::ValuesIn([] {
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

TEST(FaultyCore, QuickWorkIsAnsweredFinished) {
  FaultyNode node("async-answers-finished");
  node.runtime.plan = [](const core::AttemptSpec&) { return takes(0ms); };
  auto& quick = node.invoke(async_request());
  node.runtime.plan = [](const core::AttemptSpec&) { return takes(1s); };
  auto& slow = node.invoke(async_request());
  node.run_for(5ms);
  EXPECT_EQ(quick->result().status(), kCompleted);
  EXPECT_EQ(slow->result().status(), kPending);
}

TEST(FaultyCore, RecordComesLate) {
  FaultyNode node("record-comes-late");
  node.invoke(async_request({.id = "e"}));
  EXPECT_FALSE(node.query("e").found());
  node.run_for(50ms);
  EXPECT_TRUE(node.query("e").found());
}

TEST(FaultyCore, UnknownTaskIsAcceptedThenFails) {
  FaultyNode node("unknown-task-accepted");
  auto& call = node.invoke(async_request({.task = "nobody"}));
  EXPECT_EQ(call->result().status(), kPending);
  EXPECT_EQ(node.query(call->execution_id()).result().status(), spearlet::EXECUTION_STATUS_FAILED);
}

TEST(FaultyCore, AsyncEndsWithItsCallsDeadline) {
  FaultyNode node("async-bound-to-its-call");
  node.invoke(async_request({.id = "bound"}), {.deadline = node.now() + 10ms});
  node.invoke(async_request({.id = "free"}));
  node.run_for(9ms);
  EXPECT_EQ(node.query("bound").result().status(), kRunning);
  node.run_for(1ms);
  EXPECT_EQ(node.query("bound").result().status(), kCancelled);
  EXPECT_EQ(node.query("free").result().status(), kRunning);
}

TEST(FaultyCore, StaleReadsShowAnEarlierStage) {
  FaultyNode node("stale-reads");
  node.invoke(async_request({.id = "e"}));
  node.settle();
  EXPECT_EQ(node.query("e").result().status(), kRunning);
  EXPECT_EQ(node.query("e").result().status(), kPending);
  EXPECT_EQ(node.query("e").result().status(), kRunning);
  node.runtime.finish("e");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(node.query("e").result().status(), kCompleted);
}

TEST(FaultyCore, EndDependsOnWhoTells) {
  FaultyNode node("end-depends-on-who-tells");
  node.invoke(async_request({.id = "e"}));
  node.settle();
  auto& cancel = node.cancel("e");
  node.runtime.finish("e");
  EXPECT_EQ(cancel->final_status(), kCompleted);
  EXPECT_EQ(node.query("e").result().status(), kCancelled);
}

TEST(FaultyCore, QueryMakesARecord) {
  FaultyNode node("query-makes-a-record");
  EXPECT_FALSE(node.query("nobody").found());
  EXPECT_TRUE(node.query("nobody").found());
}

TEST(FaultyCore, CancelledWhileItWaitedRunsWhenItsTurnComes) {
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

TEST(FaultyCore, TimedOutWhileItWaitedRunsWhenItsTurnComes) {
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

TEST(FaultyCore, CancelIsLostAtTheStartOnly) {
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

TEST(FaultyCore, LeakedSlotsAreMissing) {
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

TEST(FaultyCore, SlotsThatAreCancelledAreNotLeakedByTimeouts) {
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

TEST(FaultyCore, SlotsOfCancelledFunctionsAreHeldForAWhile) {
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

TEST(FaultyCore, TimeoutComesBeforeACompletionOfTheSameInstant) {
  FaultyNode node("timeout-before-completion");
  node.runtime.plan = [](const core::AttemptSpec&) { return takes(10ms); };
  auto& same = node.invoke(sync_request({.timeout_ms = 10}));
  auto& sooner = node.invoke(sync_request({.timeout_ms = 11}));
  node.run_for(10ms);
  EXPECT_EQ(same->result().status(), kTimeout);
  EXPECT_EQ(sooner->result().status(), kCompleted);
}

TEST(FaultyCore, ExpiredCallRuns) {
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

TEST(FaultyCore, RepeatRunsAgainAndTakesTheRecordOver) {
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

TEST(FaultyCore, OtherRequestIsTakenForTheFirst) {
  FaultyNode node("other-request-taken-for-the-first");
  node.invoke(async_request({.id = "e", .function = "one"}));
  EXPECT_TRUE(node.invoke(async_request({.id = "e", .function = "another"}))->success());
  node.settle();
  EXPECT_EQ(node.runtime.started(), 1U);
}

TEST(FaultyCore, PagesByOffsetRepeatWhatIsShifted) {
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

TEST(FaultyCore, StreamErrorIsToldTwice) {
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

// ---- What decorators share ----------------------------------------------------------------------

TEST(Relays, PassTheCallersLeavingOn) {
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

TEST(Relays, KeepTheLeavingOfAReaderThatIsOutlived) {
  FaultyNode node("stream-outlives-its-reader");
  node.runtime.plan = [](const core::AttemptSpec&) { return Plan{.obey = 0ms}; };
  node.stream(stream_request({.id = "s"}));
  node.settle();
  node.leave_all();
  node.settle();
  EXPECT_EQ(node.query("s").result().status(), kRunning);
}

TEST(Relays, KnowACallerThatHasLeftBefore) {
  FaultyNode node("task-id-invented");
  auto& call = node.invoke_and_leave(sync_request({.id = "e"}));
  EXPECT_EQ(call.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(node.query("e").found());
}

TEST(Held, IsRefusedWhenItsKeeperGoes) {
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
