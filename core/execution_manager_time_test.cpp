// Timeouts, events at one instant, and retries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

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

TEST(TimeClause, Time1TimeoutAtExactlyAcceptancePlusTimeout) {
  TestNode node;
  node.run_for(7ms);
  auto& call = node.sync({.id = "a", .timeout_ms = 100});
  node.run_for(100ms - 1ns);
  EXPECT_EQ(node.status("a"), kRunning);
  node.run_for(1ns);
  EXPECT_EQ(call->result().status(), kTimeout);
  EXPECT_EQ(call->result().error_code(), "TIMEOUT");
  EXPECT_EQ(call->result().execution_time_ms(), 100);
  EXPECT_FALSE(call->success());
  EXPECT_EQ(node.runtime.calls.back(), "kill a");
  EXPECT_EQ(node.busy(), 0);
}

TEST(TimeClause, Time1TheTimeoutIncludesQueueingAndColdStart) {
  TestNode node(one_slot());
  node.runtime.plan = [](const AttemptSpec& attempt) {
    return attempt.execution_id == "a" ? takes(40ms) : Plan{.cold_start = 1h};
  };
  node.async({.id = "a"});
  node.async({.id = "b", .timeout_ms = 100, .fresh = true});
  node.run_for(100ms - 1ns);
  EXPECT_EQ(node.status("b"), kPending);
  node.run_for(1ns);
  EXPECT_EQ(node.status("b"), kTimeout);
  EXPECT_FALSE(node.look_up("b").result().has_started_at());
}

TEST(TimeClause, Time2AnExpiredDeadlineStartsNothing) {
  TestNode node;
  node.run_for(1s);
  for (const Instant deadline : {Instant(1s), Instant(500ms)}) {
    const CallContext late = {.deadline = deadline};
    EXPECT_EQ(node.sync({.id = "a"}, late).code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(node.async({.id = "a"}, late).code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(node.stream({.id = "a"}, late).code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_FALSE(node.found("a"));
  EXPECT_EQ(node.runtime.started(), 0U);
}

TEST(TimeClause, Time3TheSmallestLimitHoldsAndAsyncIgnoresTheCallsDeadline) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  NodeConfig config;
  config.timeout = {.sync_default = 30ms, .async_default = 60ms, .maximum = 100ms};
  struct Case {
    spearlet::ExecutionMode mode;
    std::int64_t timeout_ms;
    Instant call_deadline;
    Duration effective;
  };
  const auto kSync = spearlet::EXECUTION_MODE_SYNC;
  const auto kAsync = spearlet::EXECUTION_MODE_ASYNC;
  const auto kStream = spearlet::EXECUTION_MODE_STREAM;
  const Instant kNone = Instant::never();
  for (const Case& c : std::vector<Case>{{kSync, 0, kNone, 30ms},
                                         {kSync, 20, kNone, 20ms},
                                         {kSync, 500, kNone, 100ms},
                                         {kSync, kMax, kNone, 100ms},
                                         {kSync, 0, Instant(10ms), 10ms},
                                         {kSync, 20, Instant(25ms), 20ms},
                                         {kAsync, 0, kNone, 60ms},
                                         {kAsync, kMax, kNone, 100ms},
                                         {kAsync, 50, Instant(10ms), 50ms},
                                         {kStream, 0, kNone, 30ms},
                                         {kStream, 20, Instant(10ms), 10ms}}) {
    TestNode node(config);
    const auto asked = request(c.mode, {.id = "a", .timeout_ms = c.timeout_ms});
    const CallContext context = {.deadline = c.call_deadline};
    c.mode == kStream ? void(node.stream(asked, context)) : void(node.invoke(asked, context));
    node.run_for(c.effective - 1ns);
    EXPECT_EQ(node.status("a"), kRunning) << asked.ShortDebugString();
    node.run_for(1ns);
    EXPECT_EQ(node.status("a"), kTimeout) << asked.ShortDebugString();
  }
}

TEST(TimeClause, Time3RejectsANegativeTimeout) {
  TestNode node;
  EXPECT_EQ(node.async({.timeout_ms = -1}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(TimeClause, Time4IgnoresACompletionAfterTheTimeoutAndFreesTheSlot) {
  TestNode node(one_slot());
  node.async({.id = "a", .timeout_ms = 10});
  node.async({.id = "b"});
  node.run_for(10ms);
  node.runtime.listener().on_finished(node.runtime.id("a"), completed());
  EXPECT_EQ(node.status("a"), kTimeout);
  EXPECT_FALSE(node.look_up("a").result().has_result());
  EXPECT_EQ(node.counters().reports_ignored, 1);
  EXPECT_EQ(node.status("b"), kRunning);
}

TEST(TimeClause, Time5ACompletionAtTheDeadlineCompletes) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec&) { return takes(100ms); };
  auto& call = node.sync({.timeout_ms = 100});
  node.run_for(100ms);
  EXPECT_EQ(call->result().status(), kCompleted);
}

TEST(TimeClause, Time5TheGraceEndsAfterACompletionAndBeforeTheTimeout) {
  TestNode node;
  node.runtime.plan = [](const AttemptSpec& attempt) {
    return attempt.execution_id == "a" ? takes(6s) : Plan{};
  };
  node.async({.id = "a", .timeout_ms = 6000});
  node.async({.id = "b", .timeout_ms = 6000});
  node.run_for(1s);
  auto& completes = node.cancel("a");
  auto& cancels = node.cancel("b");
  node.run_for(5s);
  EXPECT_EQ(completes->final_status(), kCompleted);
  EXPECT_EQ(cancels->final_status(), kCancelled);
}

TEST(TimeClause, Time5ACancelAtTheDeadlineCancels) {
  TestNode node(one_slot());
  node.async({.id = "a"});
  node.async({.id = "b", .timeout_ms = 10});
  Timer canceller(
      node.environment, [](void* self) { static_cast<TestNode*>(self)->cancel("b"); }, &node);
  canceller.arm(Instant(10ms), Precedence::kCancel);
  node.run_for(10ms);
  EXPECT_EQ(node.status("b"), kCancelled);
}

TEST(TimeClause, TheTimeoutEndsTheCancelGrace) {
  TestNode node;
  node.async({.id = "a", .timeout_ms = 1000});
  node.settle();
  auto& cancel = node.cancel("a");
  node.run_for(1s);
  EXPECT_FALSE(cancel->success());
  EXPECT_EQ(cancel->final_status(), kTimeout);
  node.run_for(10s);
  EXPECT_EQ(node.status("a"), kTimeout);
}

TEST(TimeClause, Time6ATimeoutInTheQueueNeverStarts) {
  TestNode node(one_slot());
  node.async({.id = "a"});
  auto& b = node.sync({.id = "b", .timeout_ms = 10});
  node.run_for(10ms);
  EXPECT_EQ(b->result().status(), kTimeout);
  node.runtime.finish("a");
  node.run_for(1s);
  EXPECT_FALSE(node.runtime.knows("b"));
}

TEST(TimeClause, Time6ASlotThatIsFreedAtTheDeadlineIsTooLate) {
  TestNode node(one_slot());
  node.runtime.plan = [](const AttemptSpec&) { return takes(10ms); };
  node.async({.id = "a"});
  node.async({.id = "b", .timeout_ms = 10});
  node.async({.id = "c", .timeout_ms = 11});
  node.run_for(10ms);
  EXPECT_EQ(node.status("a"), kCompleted);
  EXPECT_EQ(node.status("b"), kTimeout);
  EXPECT_EQ(node.status("c"), kRunning);
  EXPECT_FALSE(node.runtime.knows("b"));
}

// ---- Retries ------------------------------------------------------------------------------------

// A node whose first `fails` attempts fail. Records the start of each attempt in ms.
struct Failing {
  explicit Failing(const NodeConfig& config = {}) : node(config) {
    node.runtime.plan = [this](const AttemptSpec& attempt) {
      starts.push_back(floor_milliseconds(node.now().since_start()));
      Plan plan = takes(run_time);
      plan.start_fails = start_fails;
      plan.outcome = attempt.number > fails ? completed() : failed();
      return plan;
    };
  }

  Duration run_time = 0ms;
  bool start_fails = false;
  int fails = 1000;
  std::vector<std::int64_t> starts;
  TestNode node;
};

TEST(TimeClause, Time7RetriesMaxRetriesTimesWithBackoff) {
  NodeConfig config;
  config.retry = {.initial = 100ms, .multiplier = 3, .maximum = 1s, .jitter = 0};
  Failing failing(config);
  auto& call = failing.node.sync({.timeout_ms = 20'000, .retries = 4});
  failing.node.run_for(20s);
  EXPECT_THAT(failing.starts, ElementsAre(0, 100, 400, 1300, 2300));
  EXPECT_EQ(call->result().status(), kFailed);
  EXPECT_EQ(call->result().error_code(), "BROKEN");
  EXPECT_EQ(failing.node.counters().attempts, 5);
  EXPECT_EQ(failing.node.counters().retries, 4);
  EXPECT_EQ(failing.node.counters().cold_starts, 1) << "the instance is kept";
  EXPECT_EQ(failing.node.busy(), 0);
}

TEST(TimeClause, Time7NoRetryStartsAtOrAfterTheDeadline) {
  Failing failing;
  auto& call = failing.node.sync({.timeout_ms = 300, .retries = 9});
  failing.node.run_for(100ms);
  EXPECT_TRUE(call.answered()) << "the pause of 200 ms would end at the deadline";
  EXPECT_EQ(call->result().status(), kFailed);
  EXPECT_THAT(failing.starts, ElementsAre(0, 100));
}

TEST(TimeClause, Time7AllAttemptsShareOneTimeout) {
  Failing failing;
  failing.run_time = 150ms;
  auto& call = failing.node.sync({.timeout_ms = 300, .retries = 9});
  failing.node.run_for(300ms);
  EXPECT_THAT(failing.starts, ElementsAre(0, 250));
  EXPECT_EQ(call->result().status(), kTimeout);
  EXPECT_EQ(call->result().execution_time_ms(), 300) << "from the first start";
}

TEST(Retry, CompletesIfALaterAttemptSucceeds) {
  Failing failing;
  failing.fails = 2;
  auto& call = failing.node.sync({.id = "a", .retries = 2});
  failing.node.run_for(50ms);
  EXPECT_EQ(failing.node.status("a"), kRunning) << "it does not return to PENDING between attempts";
  EXPECT_EQ(failing.node.busy(), 1) << "the pause keeps the slot";
  failing.node.run_for(1s);
  EXPECT_EQ(call->result().status(), kCompleted);
  EXPECT_EQ(call->result().error_code(), "");
}

TEST(Retry, NoneWithoutMaxRetries) {
  Failing failing;
  auto& call = failing.node.sync();
  failing.node.settle();
  EXPECT_EQ(call->result().status(), kFailed);
  EXPECT_EQ(failing.starts.size(), 1U);
}

TEST(Retry, AFailedStartIsRetriedAndStaysPending) {
  Failing failing;
  failing.start_fails = true;
  auto& call = failing.node.sync({.id = "a", .retries = 1});
  failing.node.run_for(50ms);
  EXPECT_EQ(failing.node.status("a"), kPending);
  failing.node.run_for(50ms);
  EXPECT_EQ(call->result().status(), kFailed);
  EXPECT_FALSE(call->result().has_started_at());
  EXPECT_THAT(failing.node.runtime.calls,
              ElementsAre("start a#1 cold", "start a#2 cold", "retire task-i1"));
}

TEST(Retry, ACancelEndsThePause) {
  Failing failing;
  failing.node.async({.id = "a", .retries = 1});
  failing.node.run_for(50ms);
  EXPECT_TRUE(failing.node.cancel("a")->success());
  failing.node.run_for(1s);
  EXPECT_EQ(failing.starts.size(), 1U);
  EXPECT_EQ(failing.node.busy(), 0);
}

TEST(Retry, ATimeoutEndsThePause) {
  Failing failing;
  failing.run_time = 50ms;
  failing.node.async({.id = "a", .timeout_ms = 151, .retries = 1});
  failing.node.run_for(149ms);
  EXPECT_EQ(failing.node.status("a"), kRunning);
  failing.node.run_for(2ms);
  EXPECT_EQ(failing.node.status("a"), kTimeout);
  EXPECT_EQ(failing.starts.size(), 2U);
}

TEST(Retry, JitterOnlyShortensThePauseAndDependsOnTheSeed) {
  NodeConfig config;
  config.slots = 20;
  config.retry.jitter = 0.5;
  const auto pauses = [&] {
    Failing failing(config);
    for (int i = 0; i < 20; ++i) failing.node.async({.retries = 1});
    failing.node.run_for(1s);
    return std::vector<std::int64_t>(failing.starts.begin() + 20, failing.starts.end());
  };
  const auto first = pauses();
  EXPECT_EQ(first.size(), 20U);
  EXPECT_GE(first.front(), 50);
  EXPECT_LT(first.back(), 100);
  EXPECT_LT(first.front(), first.back());
  EXPECT_EQ(first, pauses());
}

TEST(Retry, ThePauseMayBeZeroForAnyNumberOfRetries) {
  NodeConfig config;
  config.retry = {.initial = 0ms, .multiplier = 1000, .maximum = 10s, .jitter = 0};
  Failing failing(config);
  auto& call = failing.node.sync({.retries = 200});
  failing.node.settle();
  EXPECT_TRUE(call.answered());
  EXPECT_EQ(failing.starts.size(), 201U);
}

TEST(Retry, AStreamThatEmittedAChunkIsNotRetried) {
  TestNode node;
  auto& silent = node.stream({.id = "a", .retries = 1});
  auto& loud = node.stream({.id = "b", .retries = 1});
  node.settle();
  node.runtime.chunk("b", "x");
  node.runtime.finish("a", failed());
  node.runtime.finish("b", failed());
  EXPECT_FALSE(silent.answered());
  EXPECT_TRUE(loud.answered());
  EXPECT_EQ(loud.messages.back().status(), kFailed);
  node.run_for(1s);
  EXPECT_EQ(node.runtime.count("start a"), 2);
}

}  // namespace
}  // namespace quintain::core::testing
