#include "sim/script.h"
#include "core/statuses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/durability/memory_journal.h"
#include "core/testing/calls.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::testing::async_request;
using core::testing::stream_request;
using core::testing::sync_request;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using namespace core::statuses;

// A node of one slot whose task "task" takes 100 ms, and a script for it.
class Play {
 public:
  Play() {
    NodeSpec spec;
    spec.config.slots = 1;
    spec.config.cancel_grace = 1s;
    FunctionModel function;
    function.task = "task";
    function.service = distribution::Constant{100ms};
    function.result = "done";
    function.chunks = 1;
    spec.functions.push_back(function);
    function.task = "unstoppable";
    function.obeys_stop_after.reset();
    function.outcomes = {PlannedOutcome::kHangs};
    spec.functions.push_back(function);
    world.add_node(spec);
  }

  template <class Action>
  Step& add(std::string name, core::Duration at, Action action) {
    Step& step = steps_.emplace_back();
    step.name = std::move(name);
    step.at = Instant(at);
    step.action = std::move(action);
    return step;
  }

  void run(core::Duration until = 10s) {
    script_ = std::make_unique<Script>(world, steps_);
    EXPECT_EQ(script_->finished(), steps_.empty());
    world.kernel().run_until(Instant(until));
    EXPECT_TRUE(script_->finished());
  }

  const CallRecord& call(const std::string& name) const { return script_->calls().at(name); }
  bool was_call(const std::string& name) const { return script_->calls().contains(name); }

  // Requires: the call was answered with such a response.
  template <class Response>
  const Response& response(const std::string& name) const {
    const CallRecord& record = call(name);
    EXPECT_TRUE(record.status.ok()) << name << ": " << record.status;
    const auto* response = dynamic_cast<const Response*>(record.response.get());
    if (response == nullptr) {
      ADD_FAILURE() << name << " was answered with another type";
      static const Response kNone;
      return kNone;
    }
    return *response;
  }

  spearlet::ExecutionStatus result(const std::string& name) const {
    return response<spearlet::InvokeFunctionResponse>(name).result().status();
  }
  spearlet::ExecutionStatus status(const std::string& name) const {
    return response<spearlet::GetExecutionStatusResponse>(name).result().status();
  }

  World world{/*seed=*/1};

 private:
  std::vector<Step> steps_;
  std::unique_ptr<Script> script_;
};

// ---- Every kind of step -------------------------------------------------------------------------

TEST(Script, SyncCallsAreAnsweredAtTheEnd) {
  Play play;
  play.add("a", 1s, sync_request());
  play.run();
  const CallRecord& call = play.call("a");
  EXPECT_EQ(call.sent_at, Instant(1s));
  EXPECT_EQ(call.answered_at, Instant(1100ms));
  EXPECT_FALSE(call.gone_at);
  EXPECT_EQ(play.result("a"), kCompleted);
  EXPECT_EQ(call.execution, (ExecutionRef{.node = 0, .ordinal = 1}));
  EXPECT_EQ(call.execution_id, play.response<spearlet::InvokeFunctionResponse>("a").execution_id());
  EXPECT_EQ(play.world.history().name_of({.node = 0, .ordinal = 1}), "'a'");
}

TEST(Script, AsyncCallsAreAnsweredAtOnce) {
  Play play;
  play.add("a", 1s, async_request());
  play.run();
  EXPECT_EQ(play.call("a").answered_at, Instant(1s));
  EXPECT_EQ(play.result("a"), kPending);
}

TEST(Script, RefusalsCarryTheStatus) {
  Play play;
  play.add("a", 1s, async_request({.task = "missing"}));
  play.run();
  EXPECT_EQ(play.call("a").status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(play.call("a").answered_at, Instant(1s));
  EXPECT_EQ(play.call("a").response, nullptr);
  EXPECT_FALSE(play.call("a").execution);
}

TEST(Script, StreamMessagesHaveTheirTimes) {
  Play play;
  play.add("s", 1s, StreamStep{stream_request()});
  play.run();
  const CallRecord& call = play.call("s");
  ASSERT_THAT(call.stream, SizeIs(2));
  EXPECT_EQ(call.stream[0].at, Instant(1050ms));
  EXPECT_FALSE(call.stream[0].message.is_final());
  EXPECT_EQ(call.stream[1].at, Instant(1100ms));
  EXPECT_TRUE(call.stream[1].message.is_final());
  EXPECT_EQ(call.answered_at, Instant(1100ms));
  EXPECT_EQ(play.response<spearlet::StreamExecutionResult>("s").status(), kCompleted);
  EXPECT_EQ(call.execution_id, call.stream[0].message.execution_id());
}

TEST(Script, AStreamThatIsRefusedHasNoMessages) {
  Play play;
  play.add("s", 1s, StreamStep{stream_request({.task = "missing"})});
  play.run();
  EXPECT_THAT(play.call("s").stream, IsEmpty());
  EXPECT_EQ(play.call("s").status.code(), absl::StatusCode::kNotFound);
}

TEST(Script, QueriesAreAnsweredAtOnce) {
  Play play;
  play.add("a", 0s, async_request());
  play.add("tasks", 1s, spearlet::ListTasksRequest());
  spearlet::GetTaskRequest get_task;
  get_task.set_task_id("task");
  play.add("task", 1s, get_task);
  play.add("list", 1s, spearlet::ListExecutionsRequest());
  play.add("health", 1s, spearlet::GetHealthRequest());
  play.add("stats", 1s, spearlet::GetStatsRequest());
  spearlet::DeleteTaskRequest remove;
  remove.set_task_id("task");
  play.add("remove", 2s, remove);
  play.run();
  EXPECT_EQ(play.response<spearlet::ListTasksResponse>("tasks").tasks_size(), 2);
  EXPECT_TRUE(play.response<spearlet::GetTaskResponse>("task").found());
  EXPECT_EQ(play.response<spearlet::ListExecutionsResponse>("list").executions_size(), 1);
  EXPECT_EQ(play.response<spearlet::GetHealthResponse>("health").status(), "SERVING");
  EXPECT_EQ(play.response<spearlet::GetStatsResponse>("stats").service_stats().total_executions(),
            1);
  EXPECT_TRUE(play.response<spearlet::DeleteTaskResponse>("remove").deleted());
  for (const char* name : {"tasks", "task", "list", "health", "stats"}) {
    EXPECT_EQ(play.call(name).answered_at, Instant(1s)) << name;
  }
}

TEST(Script, ADrainingNodeAcceptsNoNewWork) {
  Play play;
  play.add("before", 1s, sync_request());
  play.add("drain", 1050ms, DrainStep());
  play.add("after", 1060ms, sync_request());
  play.run();
  EXPECT_EQ(play.result("before"), kCompleted);
  EXPECT_EQ(play.call("after").status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(play.was_call("drain"));
}

// ---- References ---------------------------------------------------------------------------------

TEST(Script, StatusAndCancelReferToCallsThatAreStillInFlight) {
  Play play;
  play.add("a", 1s, sync_request());
  play.add("b", 1s, sync_request());
  play.add("status-a", 1050ms, spearlet::GetExecutionStatusRequest()).execution = "a";
  play.add("cancel-b", 1060ms, spearlet::CancelExecutionRequest()).execution = "b";
  play.run();
  EXPECT_EQ(play.status("status-a"), kRunning);
  EXPECT_EQ(play.call("b").answered_at, Instant(1060ms));
  EXPECT_EQ(play.result("b"), kCancelled);
  EXPECT_TRUE(play.response<spearlet::CancelExecutionResponse>("cancel-b").success());
  const auto* request =
      dynamic_cast<const spearlet::GetExecutionStatusRequest*>(play.call("status-a").request.get());
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->execution_id(), play.call("a").execution_id);
}

TEST(Script, AnIdInTheRequestIsKept) {
  Play play;
  spearlet::GetExecutionStatusRequest status;
  status.set_execution_id("mine");
  play.add("none", 500ms, status);
  auto call = sync_request();
  call.set_execution_id("mine");
  play.add("a", 1s, call);
  play.add("some", 1500ms, status);
  play.run();
  EXPECT_FALSE(play.response<spearlet::GetExecutionStatusResponse>("none").found());
  EXPECT_TRUE(play.response<spearlet::GetExecutionStatusResponse>("some").found());
}

TEST(Script, ARepeatedCallNamesTheSameExecution) {
  Play play;
  auto call = async_request();
  call.set_execution_id("mine");
  play.add("first", 1s, call);
  play.add("other", 1010ms, async_request());
  play.add("again", 1020ms, call);
  play.run();
  EXPECT_EQ(play.call("again").execution, play.call("first").execution);
  EXPECT_EQ(play.world.history().name_of({.node = 0, .ordinal = 1}), "'first'");
}

TEST(Script, ListsContinueAfterThePreviousPage) {
  Play play;
  for (const char* name : {"a", "b", "c"}) play.add(name, 0s, async_request());
  spearlet::ListExecutionsRequest list;
  list.set_limit(2);
  play.add("page-1", 1s, list);
  play.add("page-2", 1s, list).page_after = "page-1";
  spearlet::ListTasksRequest tasks;
  tasks.set_limit(1);
  play.add("tasks-1", 1s, tasks);
  play.add("tasks-2", 1s, tasks).page_after = "tasks-1";
  play.run();
  const auto& second = play.response<spearlet::ListExecutionsResponse>("page-2");
  EXPECT_TRUE(play.response<spearlet::ListExecutionsResponse>("page-1").has_more());
  ASSERT_EQ(second.executions_size(), 1);
  EXPECT_EQ(second.executions(0).execution_id(), play.call("c").execution_id);
  EXPECT_FALSE(second.has_more());
  EXPECT_EQ(play.response<spearlet::ListTasksResponse>("tasks-1").tasks(0).task_id(), "task");
  EXPECT_EQ(play.response<spearlet::ListTasksResponse>("tasks-2").tasks(0).task_id(),
            "unstoppable");
}

TEST(Script, StepsCallTheirNode) {
  Play play;
  NodeSpec bare;
  play.world.add_node(bare);
  play.add("here", 1s, async_request()).node = 0;
  play.add("there", 1s, async_request()).node = 1;
  play.run();
  EXPECT_TRUE(play.call("here").status.ok());
  EXPECT_EQ(play.call("there").status.code(), absl::StatusCode::kNotFound);
}

// ---- Callers that go away
// ------------------------------------------------------------------------

TEST(Script, ACallerThatLeavesIsNotAnswered) {
  Play play;
  play.add("a", 1s, sync_request());
  play.add("leave", 1040ms, LeaveStep{"a"});
  play.add("status", 1050ms, spearlet::GetExecutionStatusRequest()).execution = "a";
  play.run();
  EXPECT_EQ(play.call("a").gone_at, Instant(1040ms));
  EXPECT_FALSE(play.call("a").answered_at);
  EXPECT_EQ(play.call("a").status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(play.status("status"), kCancelled);
  EXPECT_FALSE(play.was_call("leave"));
  EXPECT_EQ(play.world.open_calls(), 0);
}

TEST(Script, LeavingAnAnsweredCallHasNoEffect) {
  Play play;
  play.add("a", 1s, sync_request());
  play.add("leave", 2s, LeaveStep{"a"});
  play.run();
  EXPECT_FALSE(play.call("a").gone_at);
  EXPECT_EQ(play.result("a"), kCompleted);
}

TEST(Script, ACallerMayLeaveAStream) {
  Play play;
  play.add("s", 1s, StreamStep{stream_request()});
  play.add("leave", 1060ms, LeaveStep{"s"});
  play.run();
  EXPECT_THAT(play.call("s").stream, SizeIs(1));
  EXPECT_EQ(play.call("s").gone_at, Instant(1060ms));
}

TEST(Script, ADeadlineBoundsASyncExecution) {
  Play play;
  play.add("a", 1s, sync_request()).deadline = 70ms;
  play.run();
  EXPECT_EQ(play.call("a").answered_at, Instant(1070ms)) << "the answer comes before it goes away";
  EXPECT_EQ(play.result("a"), kTimeout);
  EXPECT_FALSE(play.call("a").gone_at);
}

TEST(Script, ACallerWhoseDeadlinePassesGoesAway) {
  Play play;
  play.add("a", 1s, async_request({.task = "unstoppable"}));
  Step& cancel = play.add("cancel", 2s, spearlet::CancelExecutionRequest());
  cancel.execution = "a";
  cancel.deadline = 300ms;  // the grace is a second
  play.run();
  EXPECT_EQ(play.call("cancel").gone_at, Instant(2300ms));
  EXPECT_EQ(play.call("cancel").response, nullptr);
  EXPECT_EQ(play.world.open_calls(), 0) << "the node answers although the caller is gone";
}

// ---- One instant --------------------------------------------------------------------------------

TEST(Script, CancelsAndDeparturesRunBeforeOtherStepsOfTheirInstant) {
  Play play;
  play.add("a", 1s, sync_request());
  play.add("b", 1s, sync_request());
  play.add("status-a", 1050ms, spearlet::GetExecutionStatusRequest()).execution = "a";
  play.add("status-b", 1050ms, spearlet::GetExecutionStatusRequest()).execution = "b";
  play.add("cancel-b", 1050ms, spearlet::CancelExecutionRequest()).execution = "b";
  play.add("leave-a", 1050ms, LeaveStep{"a"});
  play.run();
  EXPECT_EQ(play.status("status-b"), kCancelled);
  // The departure causes a stop, which is obeyed at this instant with the precedence of a cancel.
  EXPECT_EQ(play.status("status-a"), kCancelled);
}

TEST(Script, ACompletionRunsBeforeACancelOfItsInstant) {
  Play play;
  play.add("a", 1s, sync_request());
  play.add("cancel", 1100ms, spearlet::CancelExecutionRequest()).execution = "a";
  play.run();
  EXPECT_EQ(play.result("a"), kCompleted);
  EXPECT_EQ(play.response<spearlet::CancelExecutionResponse>("cancel").final_status(), kCompleted);
}

TEST(Script, StepsOfOneInstantRunInTheOrderGiven) {
  Play play;
  play.add("z", 1s, async_request());
  play.add("a", 1s, async_request());
  play.add("m", 1s, async_request());
  play.run();
  EXPECT_EQ(play.call("z").execution->ordinal, 1U);
  EXPECT_EQ(play.call("a").execution->ordinal, 2U);
  EXPECT_EQ(play.call("m").execution->ordinal, 3U);
}

TEST(Script, ItsDestructionClosesTheWorld) {
  World world(/*seed=*/1);
  NodeSpec spec;
  FunctionModel function;
  function.task = "task";
  function.outcomes = {PlannedOutcome::kHangs};
  spec.functions.push_back(function);
  world.add_node(spec);
  Step step;
  step.name = "a";
  step.action = sync_request();
  {
    const Script script(world, {step});
    world.kernel().run_until(Instant(1s));
    EXPECT_EQ(world.open_calls(), 1);
  }
  EXPECT_EQ(world.open_calls(), 0);
}

// ---- Crashes ------------------------------------------------------------------------------------

TEST(Script, ANodeThatIsDownRefusesCallsUntilItIsStartedAgain) {
  core::MemoryJournal::Records records;
  NodeSpec spec;
  spec.journal = [&](core::Environment&) { return std::make_unique<core::MemoryJournal>(records); };
  FunctionModel function;
  function.task = "task";
  function.service = distribution::Constant{100ms};
  spec.functions.push_back(function);
  World world(/*seed=*/1);
  world.add_node(spec);
  const auto step = [](std::string name, core::Duration at, auto action) {
    Step made;
    made.at = Instant(at);
    made.name = std::move(name);
    made.action = std::move(action);
    return made;
  };
  spearlet::GetExecutionStatusRequest read;
  read.set_execution_id("a");
  Script script(world,
                {step("a", 0ms, async_request({.id = "a"})), step("open", 50ms, sync_request()),
                 step("crash", 60ms, CrashStep{}), step("crash again", 65ms, CrashStep{}),
                 step("down", 70ms, read), step("start", 80ms, RestartStep{}),
                 step("start again", 85ms, RestartStep{}), step("up", 90ms, read),
                 step("drain", 95ms, DrainStep{})});
  world.kernel().run_until(Instant(10s));
  const auto& calls = script.calls();
  EXPECT_EQ(calls.at("open").answered_at, Instant(60ms));
  EXPECT_EQ(calls.at("open").status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(calls.at("down").status.message(), "the node is down");
  const auto* up =
      dynamic_cast<const spearlet::GetExecutionStatusResponse*>(calls.at("up").response.get());
  ASSERT_NE(up, nullptr);
  EXPECT_EQ(up->result().error_code(), "NODE_RESTARTED");
  EXPECT_EQ(world.active_executions(), 0);
}

// ---- Steps relative to events -------------------------------------------------------------------

spearlet::CancelExecutionRequest cancel_request() {
  spearlet::CancelExecutionRequest request;
  request.set_force(true);
  return request;
}

TEST(Script, AStepFollowsEachEventOfAnotherOne) {
  constexpr StepEvent kAll[] = {StepEvent::kSent,    StepEvent::kAccepted, StepEvent::kDispatched,
                                StepEvent::kStarted, StepEvent::kEnded,    StepEvent::kAnswered};
  Play play;
  play.add("first", 1s, async_request());
  play.add("b", 1s, sync_request());
  for (const StepEvent event : kAll) {
    play.add("after " + std::string(name_of(event)), 1s, spearlet::GetHealthRequest()).after =
        Anchor{.step = "b", .event = event, .plus = 1ns};
  }
  play.run();
  const auto at = [&](const std::string& event) { return play.call("after " + event).sent_at; };
  EXPECT_EQ(at("sent"), Instant(1s + 1ns));
  EXPECT_EQ(at("accepted"), Instant(1s + 1ns));
  EXPECT_EQ(at("dispatched"), Instant(1100ms + 1ns));
  EXPECT_EQ(at("started"), Instant(1100ms + 1ns));
  EXPECT_EQ(at("ended"), Instant(1200ms + 1ns));
  EXPECT_EQ(at("answered"), Instant(1200ms + 1ns));
}

TEST(Script, AStepCanFollowAStopRequestAndADeparture) {
  Play play;
  play.add("b", 1s, sync_request({.task = "unstoppable"}));
  play.add("leave", 2s, LeaveStep{"b"});
  play.add("left", 1s, spearlet::GetHealthRequest()).after =
      Anchor{.step = "b", .event = StepEvent::kLeft};
  Step& kill = play.add("kill", 1s, cancel_request());
  kill.after = Anchor{.step = "b", .event = StepEvent::kStopRequested, .plus = 5ms};
  kill.execution = "b";
  play.run();
  EXPECT_EQ(play.call("left").sent_at, Instant(2s));
  EXPECT_EQ(play.call("kill").sent_at, Instant(2005ms));
  EXPECT_EQ(play.response<spearlet::CancelExecutionResponse>("kill").final_status(), kCancelled);
}

// A repetition of an id sees the events of the execution that the first call has made.
TEST(Script, EventsBelongToTheExecution) {
  Play play;
  play.add("a", 1s, async_request({.id = "x"}));
  play.add("again", 1050ms, async_request({.id = "x"}));
  play.add("started", 1s, spearlet::GetHealthRequest()).after =
      Anchor{.step = "again", .event = StepEvent::kStarted};
  play.add("ended", 1s, spearlet::GetHealthRequest()).after =
      Anchor{.step = "again", .event = StepEvent::kEnded};
  play.run();
  EXPECT_EQ(play.call("started").sent_at, Instant(1050ms)) << "it had started before";
  EXPECT_EQ(play.call("ended").sent_at, Instant(1100ms));
}

TEST(Script, AStepWhoseEventDoesNotHappenIsNotMade) {
  World world{/*seed=*/1};
  NodeSpec spec;
  world.add_node(spec);
  Step first;
  first.name = "a";
  first.action = async_request({.task = "missing"});
  Step second;
  second.name = "b";
  second.after = Anchor{.step = "a", .event = StepEvent::kEnded};
  second.action = spearlet::GetHealthRequest();
  Script script(world, {first, second});
  world.kernel().run_until_idle();
  EXPECT_FALSE(script.finished());
  EXPECT_THAT(script.missing_events(),
              ::testing::ElementsAre("step 'b' waits for 'ended' of step 'a'"));
}

}  // namespace
}  // namespace quintain::sim
