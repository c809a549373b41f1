// Cancels, and callers that leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/execution_manager.h"
#include "core/testing/test_node.h"

namespace quintain::core::testing {
namespace {

using ::testing::ElementsAre;

NodeConfig one_slot() {
  NodeConfig config;
  config.slots = 1;
  return config;
}

// A node with "a" running in its only slot.
class CancelClause : public ::testing::Test {
 protected:
  CancelClause() : a(node.sync({.id = "a"})) { node.settle(); }

  void obeys_after(Duration d) {
    node.runtime.plan = [d](const AttemptSpec&) { return Plan{.obey = d}; };
  }

  TestNode node{one_slot()};
  TestNode::InvokeCall& a;
};

TEST_F(CancelClause, Cancel1AnUnknownIdIsNoSuccess) {
  auto& cancel = node.cancel("unknown");
  EXPECT_FALSE(cancel->success());
  EXPECT_EQ(cancel->final_status(), spearlet::EXECUTION_STATUS_UNSPECIFIED);
}

TEST_F(CancelClause, Cancel2HasNoEffectAfterTheEnd) {
  node.runtime.finish("a");
  const std::string before = node.look_up("a").SerializeAsString();
  for (const bool force : {false, true}) {
    auto& cancel = node.cancel("a", force);
    EXPECT_FALSE(cancel->success());
    EXPECT_EQ(cancel->final_status(), kCompleted);
  }
  EXPECT_EQ(node.look_up("a").SerializeAsString(), before);
}

TEST_F(CancelClause, Cancel3IsAnsweredTruthfullyAtTheEnd) {
  auto& cancel = node.cancel("a");
  node.run_for(4s);
  EXPECT_FALSE(cancel.answered());
  EXPECT_EQ(node.status("a"), kRunning);
  node.runtime.finish("a", completed("in time"));
  EXPECT_FALSE(cancel->success());
  EXPECT_EQ(cancel->final_status(), kCompleted);
  EXPECT_EQ(a->result().result().value(), "in time");
}

TEST_F(CancelClause, Cancel3AFailureDuringTheGraceIsFinal) {
  node.runtime.finish("a");
  node.async({.id = "b", .retries = 5});
  node.settle();
  auto& cancel = node.cancel("b");
  node.runtime.finish("b", failed());
  EXPECT_FALSE(cancel->success());
  EXPECT_EQ(cancel->final_status(), kFailed);
  node.run_for(1min);
  EXPECT_EQ(node.runtime.count("start b"), 1);
}

TEST_F(CancelClause, Cancel4ASecondCancelChangesNothing) {
  auto& first = node.cancel("a", false, "the first reason");
  node.run_for(3s);
  auto& second = node.cancel("a", false, "another");
  node.run_for(2s - 1ns);
  EXPECT_FALSE(first.answered()) << "the second does not shorten the grace";
  node.run_for(1ns);
  EXPECT_TRUE(first->success()) << "the second does not extend the grace";
  EXPECT_TRUE(second->success());
  EXPECT_EQ(node.runtime.count("stop a"), 1);
  EXPECT_EQ(node.look_up("a").result().error_message(), "the first reason");
}

TEST_F(CancelClause, Cancel5TheRecordKeepsTheReason) {
  node.cancel("a", true, "changed my mind");
  const auto result = node.look_up("a").result();
  EXPECT_EQ(result.status(), kCancelled);
  EXPECT_EQ(result.error_code(), "CANCELLED");
  EXPECT_EQ(result.error_message(), "changed my mind");
}

TEST_F(CancelClause, Cancel6AQueuedExecutionNeverStarts) {
  node.async({.id = "b"});
  auto& cancel = node.cancel("b");
  EXPECT_TRUE(cancel->success());
  EXPECT_EQ(cancel->final_status(), kCancelled);
  node.runtime.finish("a");
  node.run_for(1s);
  EXPECT_FALSE(node.runtime.knows("b"));
  EXPECT_FALSE(node.look_up("b").result().has_started_at());
  EXPECT_EQ(node.queued(), 0);
}

TEST_F(CancelClause, Cancel7AFunctionThatStopsFreesItsSlotAtOnce) {
  node.runtime.finish("a");
  obeys_after(1s);
  auto& b = node.sync({.id = "b"});
  node.settle();
  node.async({.id = "c"});
  auto& cancel = node.cancel("b");
  node.run_for(1s);
  EXPECT_TRUE(cancel->success());
  EXPECT_EQ(b->result().status(), kCancelled);
  EXPECT_FALSE(b->success());
  EXPECT_EQ(node.status("c"), kRunning);
  EXPECT_EQ(node.runtime.instance("c"), node.runtime.instance("b")) << "the instance is reused";
  EXPECT_EQ(node.counters().kills, 0);
}

TEST_F(CancelClause, Cancel7AFunctionThatDoesNotStopIsKilledAfterTheGrace) {
  node.async({.id = "b"});
  auto& cancel = node.cancel("a");
  node.run_for(5s - 1ns);
  EXPECT_EQ(node.status("a"), kRunning);
  EXPECT_EQ(node.busy(), 1);
  node.run_for(1ns);
  EXPECT_TRUE(cancel->success());
  EXPECT_EQ(node.status("b"), kRunning);
  EXPECT_THAT(node.runtime.calls,
              ElementsAre("start a#1 cold", "stop a", "kill a", "start b#1 cold"));
  EXPECT_NE(node.runtime.instance("b"), node.runtime.instance("a")) << "it was killed with a";
}

TEST_F(CancelClause, ForceSkipsTheGrace) {
  auto& cancel = node.cancel("a", true);
  EXPECT_TRUE(cancel->success());
  EXPECT_EQ(node.status("a"), kCancelled);
  EXPECT_THAT(node.runtime.calls, ElementsAre("start a#1 cold", "kill a"));
}

TEST_F(CancelClause, ForceEndsTheGrace) {
  auto& polite = node.cancel("a", false, "please");
  node.run_for(1s);
  auto& forced = node.cancel("a", true, "now");
  EXPECT_TRUE(polite->success());
  EXPECT_TRUE(forced->success());
  EXPECT_EQ(node.runtime.count("kill a"), 1);
  EXPECT_EQ(node.look_up("a").result().error_message(), "please");
  node.run_for(10s);
  EXPECT_EQ(node.status("a"), kCancelled);
}

TEST_F(CancelClause, Cancel8DuringAColdStartEndsAtOnce) {
  node.runtime.finish("a");
  node.runtime.plan = [](const AttemptSpec&) { return Plan{.cold_start = 2s}; };
  node.async({.id = "b", .fresh = true});
  node.run_for(1s);
  auto& cancel = node.cancel("b");
  EXPECT_TRUE(cancel->success());
  EXPECT_EQ(node.runtime.calls.back(), "kill b");
  EXPECT_EQ(node.busy(), 0);
  node.runtime.listener().on_started(node.runtime.id("b"));
  EXPECT_EQ(node.status("b"), kCancelled);
  EXPECT_EQ(node.counters().reports_ignored, 1);
}

TEST_F(CancelClause, Cancel8BeforeTheFunctionStartsIsNotLost) {
  node.async({.id = "b"});
  node.runtime.finish("a");  // b's attempt exists, its function has not started
  EXPECT_EQ(node.status("b"), kPending);
  EXPECT_TRUE(node.cancel("b")->success());
  node.settle();
  EXPECT_EQ(node.status("b"), kCancelled);
  EXPECT_EQ(node.busy(), 0);
}

TEST_F(CancelClause, Cancel9ASyncCallerLearnsOfAnotherCallersCancel) {
  node.cancel("a", true, "by another");
  EXPECT_FALSE(a->success());
  EXPECT_EQ(a->result().status(), kCancelled);
  EXPECT_EQ(a->result().error_message(), "by another");
  EXPECT_FALSE(a->result().has_result());
}

TEST_F(CancelClause, AGraceOfZeroStillCallsStop) {
  NodeConfig config;
  config.cancel_grace = 0s;
  TestNode impatient(config);
  impatient.async({.id = "b"});
  impatient.settle();
  auto& cancel = impatient.cancel("b");
  impatient.settle();
  EXPECT_TRUE(cancel->success());
  EXPECT_THAT(impatient.runtime.calls, ElementsAre("start b#1 cold", "stop b", "kill b"));
}

TEST_F(CancelClause, AStopWithoutACancelIsAFailure) {
  node.runtime.finish("a", stopped());
  EXPECT_EQ(a->result().status(), kFailed);
  EXPECT_NE(a->result().error_code(), "");
}

// ---- Callers that leave -----------------------------------------------------------------------

TEST_F(CancelClause, CancelsWhenTheSyncCallerLeaves) {
  a.leave();
  EXPECT_EQ(node.runtime.calls.back(), "stop a");
  EXPECT_EQ(node.status("a"), kRunning) << "it has its grace";
  node.run_for(5s);
  EXPECT_EQ(node.status("a"), kCancelled);
}

TEST_F(CancelClause, LeavesTheQueueWhenTheSyncCallerLeaves) {
  auto& b = node.sync({.id = "b"});
  b.leave();
  EXPECT_EQ(node.status("b"), kCancelled);
  EXPECT_EQ(node.queued(), 0);
}

TEST_F(CancelClause, CancelsWhenTheLastOfTwoSyncCallersLeaves) {
  auto& second = node.sync({.id = "a"});
  a.leave();
  EXPECT_EQ(node.runtime.count("stop a"), 0);
  second.leave();
  EXPECT_EQ(node.runtime.count("stop a"), 1);
}

TEST_F(CancelClause, LeavingAfterTheAnswerHasNoEffect) {
  node.runtime.finish("a");
  a.leave();
  node.run_for(10s);
  EXPECT_EQ(node.status("a"), kCompleted);
}

TEST_F(CancelClause, ACallThatWasLeftBeforeItsHandlingStartsNothing) {
  TestNode::InvokeCall early;
  early.leave();
  node.service().InvokeFunction(sync_request({.id = "b"}), {}, early.answer());
  EXPECT_EQ(early.answers(), 1);
  EXPECT_FALSE(node.found("b"));
  TestNode::StreamCall early_stream;
  early_stream.leave();
  node.service().StreamFunction(stream_request({.id = "c"}), {}, early_stream.answer());
  EXPECT_EQ(early_stream.answers(), 1);
  EXPECT_FALSE(node.found("c"));
}

TEST_F(CancelClause, TheCallerOfACancelMayLeave) {
  auto& cancel = node.cancel("a");
  cancel.leave();
  node.run_for(5s);
  EXPECT_EQ(node.status("a"), kCancelled);
}

}  // namespace
}  // namespace quintain::core::testing
