// The service of a node: lists, tasks, health and statistics.
#include "core/node.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "core/finish_scans.h"
#include "core/testing/test_node.h"

namespace quintain::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

spearlet::ListExecutionsRequest page(int limit, std::string start_after = "") {
  spearlet::ListExecutionsRequest request;
  request.set_limit(limit);
  request.set_start_after(std::move(start_after));
  return request;
}

std::vector<std::string> ids(const spearlet::ListExecutionsResponse& response) {
  std::vector<std::string> ids;
  for (const auto& execution : response.executions()) ids.push_back(execution.execution_id());
  return ids;
}

std::vector<std::string> ids(const spearlet::ListTasksResponse& response) {
  std::vector<std::string> ids;
  for (const auto& task : response.tasks()) ids.push_back(task.task_id());
  return ids;
}

// ---- ListExecutions -----------------------------------------------------------------------------

TEST(ListClause, List1PagesHaveNoGapAndHasMoreIsExact) {
  TestNode node;
  for (const char* id : {"a", "b", "c", "d"}) node.async({.id = id});
  const auto first = node.list(page(2));
  EXPECT_THAT(ids(first), ElementsAre("a", "b"));
  EXPECT_TRUE(first.has_more());
  const auto second = node.list(page(2, first.next_start_after()));
  EXPECT_THAT(ids(second), ElementsAre("c", "d"));
  EXPECT_FALSE(second.has_more());
  EXPECT_EQ(second.next_start_after(), "");
  EXPECT_FALSE(node.list(page(4)).has_more());
}

TEST(ListClause, List1PagesStayConsistentWhileExecutionsAreAdded) {
  TestNode node;
  int added = 0;
  const auto add = [&](int count) {
    while (count-- > 0) node.async({.id = std::to_string(++added)});
  };
  add(5);
  std::vector<std::string> seen;
  spearlet::ListExecutionsResponse response;
  do {
    response = node.list(page(3, response.next_start_after()));
    for (const std::string& id : ids(response)) seen.push_back(id);
    if (added < 20) add(3);
  } while (response.has_more());
  std::vector<std::string> expected;
  for (std::size_t i = 1; i <= seen.size(); ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(seen, expected);
  EXPECT_GE(seen.size(), 20U);
}

TEST(ListClause, List1PagesStayConsistentWhileRecordsExpire) {
  NodeConfig config;
  config.retention.age = 10s;
  TestNode node(config);
  for (const char* id : {"a", "b", "c", "d"}) node.async({.id = id});
  node.settle();
  const auto first = node.list(page(2));
  node.runtime.finish("a");
  node.runtime.finish("b");
  node.runtime.finish("c");
  node.run_for(10s);
  EXPECT_THAT(ids(node.list(page(2, first.next_start_after()))), ElementsAre("d"));
  EXPECT_THAT(ids(node.list()), ElementsAre("d"));
}

TEST(ListClause, APageStartsAfterAnExecutionOrAToken) {
  TestNode node;
  for (const char* id : {"a", "b", "c"}) node.async({.id = id});
  EXPECT_THAT(ids(node.list(page(0, "b"))), ElementsAre("c"));
  EXPECT_THAT(ids(node.list(page(0, "#1"))), ElementsAre("b", "c"));
  EXPECT_THAT(ids(node.list(page(0, "#18446744073709551615"))), IsEmpty());
  for (const char* bad : {"unknown", "#", "#x", "#1x", "#-1", "#18446744073709551616"}) {
    EXPECT_EQ(node.ask(&FunctionService::ListExecutions, page(0, bad)).code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(ListClause, List2LimitsAreDefaultedCappedAndRejected) {
  NodeConfig config;
  config.default_page = 2;
  config.largest_page = 3;
  TestNode node(config);
  for (int i = 0; i < 5; ++i) node.async();
  EXPECT_EQ(node.list(page(0)).executions_size(), 2);
  EXPECT_EQ(node.list(page(1)).executions_size(), 1);
  EXPECT_EQ(node.list(page(1000)).executions_size(), 3);
  EXPECT_TRUE(node.list(page(1000)).has_more());
  EXPECT_EQ(node.ask(&FunctionService::ListExecutions, page(-1)).code(),
            absl::StatusCode::kInvalidArgument);
  spearlet::ListTasksRequest tasks;
  tasks.set_limit(-1);
  EXPECT_EQ(node.ask(&FunctionService::ListTasks, tasks).code(),
            absl::StatusCode::kInvalidArgument);
  spearlet::GetTaskRequest task;
  task.set_task_id("task");
  task.set_execution_limit(-1);
  EXPECT_EQ(node.ask(&FunctionService::GetTask, task).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ListClause, List3FiltersByStatusAndTask) {
  TestNode node;
  node.add_task(task_spec("other"));
  for (const char* id : {"a", "b", "c", "d"}) node.async({.id = id});
  node.async({.id = "x", .task = "other"});
  node.settle();
  node.runtime.finish("b");
  node.runtime.finish("d");
  node.runtime.finish("x");
  auto request = page(1);
  request.set_status_filter(kCompleted);
  request.set_task_id("task");
  const auto first = node.list(request);
  EXPECT_THAT(ids(first), ElementsAre("b"));
  EXPECT_TRUE(first.has_more());
  request.set_start_after(first.next_start_after());
  const auto second = node.list(request);
  EXPECT_THAT(ids(second), ElementsAre("d"));
  EXPECT_FALSE(second.has_more()) << "x matches the status but not the task";
  request.set_status_filter(static_cast<spearlet::ExecutionStatus>(9));
  EXPECT_EQ(node.ask(&FunctionService::ListExecutions, request).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ListClause, AnEntryDescribesItsExecution) {
  TestNode node;
  node.run_for(1s);
  node.async({.id = "a", .function = "g"});
  node.run_for(2s);
  node.runtime.finish("a", failed("E", "it broke"));
  const auto info = node.list().executions(0);
  EXPECT_EQ(info.execution_id(), "a");
  EXPECT_EQ(info.task_id(), "task");
  EXPECT_EQ(info.function_name(), "g");
  EXPECT_EQ(info.execution_mode(), spearlet::EXECUTION_MODE_ASYNC);
  EXPECT_EQ(info.status(), kFailed);
  EXPECT_EQ(info.started_at().seconds(), 1'700'000'001);
  EXPECT_EQ(info.completed_at().seconds(), 1'700'000'003);
  EXPECT_EQ(info.execution_time_ms(), 2000);
  EXPECT_EQ(info.error_message(), "it broke");
}

// ---- Health and statistics ----------------------------------------------------------------------

// Two completed (10 and 30 ms), one failed, one timed out, one cancelled, one running, one pending.
struct Mixed {
  Mixed() {
    node.runtime.plan = [](const AttemptSpec& attempt) {
      if (attempt.execution_id == "1") return takes(10ms);
      if (attempt.execution_id == "2") return takes(30ms);
      return Plan{};
    };
    for (const char* id : {"1", "2", "failed", "cancelled"}) node.async({.id = id});
    node.async({.id = "late", .function = "g", .timeout_ms = 20});
    node.run_for(30ms);
    node.runtime.finish("failed", failed());
    node.cancel("cancelled", true);
    node.runtime.plan = [](const AttemptSpec& attempt) {
      return Plan{.cold_start = attempt.execution_id == "pending" ? 1h : 0s};
    };
    node.async({.id = "running"});
    node.async({.id = "pending", .function = "g", .fresh = true});
    node.settle();
  }
  TestNode node;
};

TEST(ListClause, List4StatisticsEqualTheTallyOfTheList) {
  Mixed mixed;
  spearlet::GetStatsRequest request;
  request.set_include_execution_stats(true);
  const auto stats = mixed.node.ask(&FunctionService::GetStats, request).response();
  const auto& executions = stats.execution_stats();
  EXPECT_EQ(executions.running_executions(), 1);
  EXPECT_EQ(executions.pending_executions(), 1);
  EXPECT_EQ(executions.completed_executions(), 2);
  EXPECT_EQ(executions.failed_executions(), 1);
  EXPECT_DOUBLE_EQ(executions.average_execution_time_ms(), 20);
  EXPECT_DOUBLE_EQ(executions.success_rate_percent(), 40) << "2 of the 5 that have ended";
  EXPECT_EQ(executions.executions_by_function().at("f"), 5);
  EXPECT_EQ(executions.executions_by_function().at("g"), 2);
  EXPECT_EQ(stats.service_stats().total_executions(), mixed.node.list().executions_size());
  EXPECT_FALSE(stats.has_task_stats());
}

TEST(ListClause, List4HealthEqualsTheTallyOfTheList) {
  Mixed mixed;
  mixed.node.runtime.reported_usage = {.cpu_percent = 12, .memory_percent = 34, .memory_bytes = 56};
  spearlet::GetHealthRequest request;
  request.set_include_details(true);
  const auto health = mixed.node.ask(&FunctionService::GetHealth, request).response();
  EXPECT_EQ(health.status(), "SERVING");
  EXPECT_EQ(health.details().running_executions(), 1);
  EXPECT_EQ(health.details().pending_executions(), 1);
  EXPECT_EQ(health.details().total_executions(), 7);
  EXPECT_EQ(health.details().active_tasks(), 1);
  EXPECT_EQ(health.details().total_memory_used(), 56);
  EXPECT_EQ(health.details().system_info().at("busy_slots"), "2");
}

TEST(Health, ReportsDrainingAndUptimeAndDetailsOnRequest) {
  TestNode node;
  node.run_for(90'999ms);
  node.node->drain();
  const auto health =
      node.ask(&FunctionService::GetHealth, spearlet::GetHealthRequest{}).response();
  EXPECT_EQ(health.status(), "DRAINING");
  EXPECT_EQ(health.uptime_seconds(), 90);
  EXPECT_FALSE(health.has_details());
}

TEST(Stats, ATimeRangeCountsExecutionsAcceptedWithinIt) {
  TestNode node;
  node.async({.id = "old"});
  node.run_for(1h);
  node.async({.id = "edge"});
  node.run_for(1h);
  const auto counted = [&](std::int32_t hours) {
    spearlet::GetStatsRequest request;
    request.set_include_execution_stats(true);
    request.set_time_range_hours(hours);
    const auto stats = node.ask(&FunctionService::GetStats, request).response();
    const auto& by_function = stats.execution_stats().executions_by_function();
    return by_function.empty() ? 0 : by_function.at("f");
  };
  EXPECT_EQ(counted(1), 1);
  EXPECT_EQ(counted(2), 2);
  EXPECT_EQ(counted(0), 2);
  // More hours than nanoseconds can express.
  EXPECT_EQ(counted(2'600'000), 2);
  EXPECT_EQ(counted(std::numeric_limits<std::int32_t>::max()), 2);
  spearlet::GetStatsRequest negative;
  negative.set_time_range_hours(-1);
  EXPECT_EQ(node.ask(&FunctionService::GetStats, negative).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Stats, TasksAreCountedByActivityAndType) {
  TestNode node;
  for (const char* id : {"idle", "once", "twice"}) {
    TaskSpec spec = task_spec(id);
    spec.artifact.set_artifact_type("wasm");
    node.add_task(std::move(spec));
  }
  node.async({.task = "once"});
  node.async({.task = "twice"});
  node.async({.task = "twice"});
  spearlet::GetStatsRequest request;
  request.set_include_task_stats(true);
  const auto stats = node.ask(&FunctionService::GetStats, request).response();
  EXPECT_EQ(stats.service_stats().total_tasks(), 4);
  EXPECT_EQ(stats.task_stats().active_tasks(), 2);
  EXPECT_EQ(stats.task_stats().idle_tasks(), 2);
  EXPECT_EQ(stats.task_stats().tasks_by_type().at("wasm"), 3);
  ASSERT_EQ(stats.task_stats().most_active_tasks_size(), 2);
  EXPECT_EQ(stats.task_stats().most_active_tasks(0).task_id(), "twice");
  EXPECT_EQ(stats.task_stats().most_active_tasks(1).task_id(), "once");
}

// ---- Calls that look at many records ------------------------------------------------------------

// A node with 10,000 finished executions of the functions f0 to f9, of which one has failed.
struct Full {
  static constexpr int kRecords = 10'000;

  static NodeConfig config() {
    NodeConfig config;
    config.retention.age = 24h;
    return config;
  }

  Full() : node(config()) {
    node.runtime.plan = [](const AttemptSpec&) { return takes(1ms); };
    for (int i = 0; i < kRecords; ++i) {
      node.async({.id = std::to_string(i), .function = "f" + std::to_string(i % 10)});
    }
    node.run_for(2h);
    node.runtime.plan = [](const AttemptSpec&) { return Plan{}; };
    node.async({.id = "failed"});
    node.settle();
    node.runtime.finish("failed", failed());
  }

  template <class Request, class Response>
  RecordingCaller<Response>& call(void (FunctionService::*method)(const Request&, Answer<Response>),
                                  const Request& request) {
    auto& caller = node.keep<RecordingCaller<Response>>();
    (node.service().*method)(request, caller.answer());
    return caller;
  }

  // Counts the turns until the call is answered. A status query is answered in each.
  template <class Call>
  int turns(Call& caller) {
    struct Watch {
      TestNode& node;
      Call& caller;
      int turns = 0;
      Timer timer{node.environment, [](void* self) { static_cast<Watch*>(self)->look(); }, this};
      void look() {
        if (caller.answered()) return;
        ++turns;
        EXPECT_TRUE(node.found("failed"));
        timer.arm(node.now(), Precedence::kOther);
      }
    } watch{node, caller};
    watch.look();
    node.settle();
    return watch.turns;
  }

  TestNode node;
};

spearlet::ListExecutionsRequest failed_ones() {
  spearlet::ListExecutionsRequest request;
  request.set_status_filter(kFailed);
  return request;
}

spearlet::GetStatsRequest all_statistics(int hours = 0) {
  spearlet::GetStatsRequest request;
  request.set_include_execution_stats(true);
  request.set_time_range_hours(hours);
  return request;
}

TEST(ManyRecords, AreListedAndCountedInSeveralTurns) {
  Full full;
  auto& first = full.call(&FunctionService::ListExecutions, failed_ones());
  auto& second = full.call(&FunctionService::GetStats, all_statistics());
  auto& third = full.call(&FunctionService::ListExecutions, failed_ones());
  auto& fourth = full.call(&FunctionService::GetStats, all_statistics(/*hours=*/1));
  const int least = 4 * Full::kRecords / 2048 - 1;
  EXPECT_GE(full.turns(fourth), least);
  for (auto* list : {&first, &third}) {
    EXPECT_THAT(ids(list->response()), ElementsAre("failed"));
    EXPECT_FALSE(list->response().has_more());
  }
  const auto& all = second.response().execution_stats();
  EXPECT_EQ(all.completed_executions(), Full::kRecords);
  EXPECT_EQ(all.failed_executions(), 1);
  EXPECT_EQ(all.executions_by_function().at("f3"), Full::kRecords / 10);
  EXPECT_EQ(all.executions_by_function().at("f"), 1);
  EXPECT_EQ(fourth.response().execution_stats().completed_executions(), 0) << "they are older";
  EXPECT_EQ(fourth.response().execution_stats().failed_executions(), 1);
}

TEST(ManyRecords, CanBeCountedWithoutWaiting) {
  Full full;
  auto& list = full.call(&FunctionService::ListExecutions, failed_ones());
  auto& stats = full.call(&FunctionService::GetStats, all_statistics());
  finish_scans(*full.node.node);
  EXPECT_THAT(ids(list.response()), ElementsAre("failed"));
  EXPECT_EQ(stats.response().execution_stats().completed_executions(), Full::kRecords);
}

TEST(ManyRecords, APageThatIsSoonFullDoesNotWaitForLongOnes) {
  Full full;
  auto& slow = full.call(&FunctionService::ListExecutions, failed_ones());
  EXPECT_EQ(ids(full.node.list(page(2))), (std::vector<std::string>{"0", "1"}));
  EXPECT_FALSE(slow.answered());
  full.node.settle();
  EXPECT_THAT(ids(slow.response()), ElementsAre("failed"));
}

TEST(ManyRecords, MayBeDroppedWhileTheyAreListed) {
  Full full;
  auto& list = full.call(&FunctionService::ListExecutions, failed_ones());
  auto& stats = full.call(&FunctionService::GetStats, all_statistics());
  spearlet::DeleteTaskRequest request;
  request.set_task_id("task");
  request.set_cleanup_executions(true);
  auto& deletion = full.call(&FunctionService::DeleteTask, request);
  full.node.settle();
  EXPECT_TRUE(deletion.answered());
  EXPECT_TRUE(list.answered());
  EXPECT_LE(stats.response().execution_stats().completed_executions(), Full::kRecords);
}

TEST(ManyRecords, ACallerThatLeavesAndANodeThatEndsAreNotForgotten) {
  Full full;
  auto& left = full.call(&FunctionService::ListExecutions, failed_ones());
  auto& stays = full.call(&FunctionService::GetStats, all_statistics());
  left.leave();
  full.node.settle();
  EXPECT_EQ(left.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(stays.answered());
  auto& last = full.call(&FunctionService::GetStats, all_statistics());
  full.node.node.reset();
  EXPECT_EQ(last.code(), absl::StatusCode::kUnavailable);
}

TEST(ManyRecords, StatisticsOfManyTasksKeepTheMostFrequentNames) {
  NodeConfig config;
  config.task_limit = 5000;
  TestNode node(config);
  for (int i = 0; i < 4000; ++i) {
    TaskSpec spec = task_spec(fmt::format("t{:04}", i));
    // Every third task has the type "often", every other one a type of its own.
    spec.artifact.set_artifact_type(i % 3 == 0 ? "often" : fmt::format("type{:04}", i));
    node.add_task(std::move(spec));
  }
  for (int i = 0; i < 15; ++i) {
    for (int calls = 0; calls <= i; ++calls) node.async({.task = fmt::format("t{:04}", 200 * i)});
  }
  spearlet::GetStatsRequest request;
  request.set_include_task_stats(true);
  RecordingCaller<spearlet::GetStatsResponse> caller;
  node.service().GetStats(request, caller.answer());
  EXPECT_FALSE(caller.answered());
  node.settle();
  const auto& stats = caller.response().task_stats();
  EXPECT_EQ(stats.active_tasks(), 15);
  EXPECT_EQ(stats.idle_tasks(), 4001 - 15);
  EXPECT_EQ(stats.tasks_by_type_size(), 1000);
  EXPECT_EQ(stats.tasks_by_type().at("often"), 1334);
  EXPECT_TRUE(stats.tasks_by_type().contains("type0001"));
  EXPECT_FALSE(stats.tasks_by_type().contains("type3998"));
  ASSERT_EQ(stats.most_active_tasks_size(), 10);
  EXPECT_EQ(stats.most_active_tasks(0).task_id(), "t2800");
  EXPECT_EQ(stats.most_active_tasks(9).task_id(), "t1000");
}

TEST(ManyCallers, OfOneExecutionAreAnsweredInSeveralTurns) {
  TestNode node;
  std::vector<TestNode::InvokeCall*> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(&node.sync({.id = "one"}));
  node.settle();
  bool drained = false;
  node.node->manager().drain([&drained] { drained = true; });
  node.runtime.finish("one", completed("result"));
  const auto answered = [&] {
    return std::ranges::count_if(calls, [](auto* call) { return call->answered(); });
  };
  EXPECT_GT(answered(), 0);
  EXPECT_LT(answered(), 100);
  EXPECT_FALSE(drained) << "callers still wait";
  node.settle();
  EXPECT_EQ(answered(), 200);
  EXPECT_TRUE(drained);
  for (const auto* call : calls) {
    EXPECT_EQ(call->response().execution_id(), "one");
    EXPECT_EQ(call->response().result().result().value(), "result");
  }
}

TEST(ManyCallers, AreRefusedByANodeThatEnds) {
  TestNode node;
  auto& first = node.sync({.id = "one"});
  for (int i = 0; i < 198; ++i) node.sync({.id = "one"});
  auto& last = node.sync({.id = "one"});
  node.settle();
  node.runtime.finish("one", completed("result"));
  node.node.reset();
  EXPECT_EQ(first.code(), absl::StatusCode::kOk);
  EXPECT_EQ(last.code(), absl::StatusCode::kUnavailable);
}

// ---- Tasks --------------------------------------------------------------------------------------

TEST(Tasks, AreListedByPrefixInPages) {
  TestNode node;
  for (const char* id : {"b1", "b3", "b2", "a1", "c1"}) node.add_task(task_spec(id));
  spearlet::ListTasksRequest request;
  request.set_prefix("b");
  request.set_limit(2);
  const auto first = node.ask(&FunctionService::ListTasks, request).response();
  EXPECT_THAT(ids(first), ElementsAre("b1", "b2"));
  EXPECT_TRUE(first.has_more());
  node.add_task(task_spec("b0"));
  node.add_task(task_spec("b25"));
  request.set_start_after(first.next_start_after());
  const auto second = node.ask(&FunctionService::ListTasks, request).response();
  EXPECT_THAT(ids(second), ElementsAre("b25", "b3"));
  EXPECT_FALSE(second.has_more());
  request.set_start_after("a9");
  EXPECT_THAT(ids(node.ask(&FunctionService::ListTasks, request).response()),
              ElementsAre("b0", "b1"));
  request.set_start_after("c");
  EXPECT_THAT(ids(node.ask(&FunctionService::ListTasks, request).response()), IsEmpty());
}

TEST(Tasks, GetTaskReturnsTheNewestExecutions) {
  TestNode node;
  TaskSpec spec = task_spec("described");
  spec.description = "what it is";
  spec.artifact.set_location("somewhere");
  node.run_for(1s);
  node.add_task(std::move(spec));
  for (const char* id : {"a", "b", "c"}) node.async({.id = id, .task = "described"});
  node.async({.id = "x"});
  spearlet::GetTaskRequest request;
  request.set_task_id("described");
  request.set_include_executions(true);
  request.set_execution_limit(2);
  const auto answer = node.ask(&FunctionService::GetTask, request).response();
  EXPECT_TRUE(answer.found());
  EXPECT_EQ(answer.task().task_name(), "described");
  EXPECT_EQ(answer.task().created_at(), 1'700'000'001'000);
  EXPECT_EQ(answer.task().execution_count(), 3);
  EXPECT_EQ(answer.task().last_status(), kPending);
  EXPECT_EQ(answer.task().artifact_spec().location(), "somewhere");
  EXPECT_EQ(answer.task().metadata().at("description"), "what it is");
  ASSERT_EQ(answer.executions_size(), 2);
  EXPECT_EQ(answer.executions(0).execution_id(), "c");
  EXPECT_EQ(answer.executions(1).execution_id(), "b");
  request.set_include_executions(false);
  EXPECT_EQ(node.ask(&FunctionService::GetTask, request)->executions_size(), 0);
  request.set_task_id("unknown");
  EXPECT_FALSE(node.ask(&FunctionService::GetTask, request)->found());
}

TEST(Tasks, GetTaskSkipsDroppedRecords) {
  NodeConfig config;
  config.retention.age = 1s;
  TestNode node(config);
  for (const char* id : {"a", "b", "c"}) node.async({.id = id});
  node.settle();
  node.runtime.finish("a");
  node.runtime.finish("c");
  node.run_for(1s);
  spearlet::GetTaskRequest request;
  request.set_task_id("task");
  request.set_include_executions(true);
  EXPECT_EQ(node.ask(&FunctionService::GetTask, request)->executions_size(), 1);
  node.runtime.finish("b");
  node.run_for(1s);
  EXPECT_EQ(node.ask(&FunctionService::GetTask, request)->executions_size(), 0);
}

TEST(Tasks, RegisteringReportsErrors) {
  TestNode node;
  EXPECT_EQ(node.node->register_task(task_spec("")).size(), 1U);
  EXPECT_EQ(node.node->register_task(task_spec("task")).size(), 1U);
}

// ---- DeleteTask ---------------------------------------------------------------------------------

spearlet::DeleteTaskResponse remove(TestNode& node, bool force, bool cleanup = false) {
  spearlet::DeleteTaskRequest request;
  request.set_task_id("task");
  request.set_force(force);
  request.set_cleanup_executions(cleanup);
  return node.ask(&FunctionService::DeleteTask, request).response();
}

TEST(ListClause, List5ABusyTaskIsNotDeletedWithoutForce) {
  TestNode node;
  node.async({.id = "a"});
  node.settle();
  const auto refused = remove(node, false);
  EXPECT_FALSE(refused.success());
  EXPECT_FALSE(refused.deleted());
  EXPECT_EQ(node.status("a"), kRunning);
  node.runtime.finish("a");
  EXPECT_TRUE(remove(node, false).deleted());
  EXPECT_EQ(node.runtime.calls.back(), "retire task-i1");
  EXPECT_TRUE(node.found("a")) << "its records stay";
  EXPECT_EQ(node.async().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(remove(node, true).success()) << "it is gone";
}

TEST(DeleteTask, ForceCancelsAllExecutionsAndStartsNoneOfThem) {
  NodeConfig config;
  config.slots = 2;
  TestNode node(config);
  node.add_task(task_spec("other"));
  auto& running = node.sync({.id = "a"});
  node.settle();
  node.runtime.plan = [](const AttemptSpec&) { return Plan{.cold_start = 1s}; };
  auto& cold = node.sync({.id = "b"});
  auto& waiting = node.sync({.id = "c"});
  node.async({.id = "x", .task = "other"});
  node.async({.id = "d"});
  EXPECT_TRUE(remove(node, true).deleted());
  for (const auto* call : {&running, &cold, &waiting}) {
    EXPECT_EQ((*call)->result().status(), kCancelled);
    EXPECT_EQ((*call)->result().error_message(), "the task was deleted");
  }
  node.run_for(1s);
  EXPECT_FALSE(node.runtime.knows("c"));
  EXPECT_FALSE(node.runtime.knows("d"));
  EXPECT_EQ(node.status("x"), kRunning);
  EXPECT_EQ(node.busy(), 1);
}

TEST(DeleteTask, CleanupDropsOnlyTheRecordsOfTheTask) {
  TestNode node;
  node.add_task(task_spec("other"));
  for (const char* id : {"a", "b"}) node.async({.id = id});
  node.async({.id = "x", .task = "other"});
  node.settle();
  node.runtime.finish("a");
  const auto answer = remove(node, true, true);
  EXPECT_EQ(answer.cleaned_executions(), 2);
  EXPECT_FALSE(node.found("a"));
  EXPECT_FALSE(node.found("b"));
  EXPECT_TRUE(node.found("x"));
  EXPECT_EQ(node.node->manager().tracker().tally().total(), 1);
}

TEST(DeleteTask, ATaskWithTheSameIdIsANewTask) {
  TestNode node;
  node.async({.id = "a"});
  node.settle();
  node.runtime.finish("a");
  remove(node, false);
  node.add_task(task_spec("task"));
  node.async({.id = "b"});
  node.settle();
  EXPECT_EQ(node.runtime.calls.back(), "start b#1 cold");
  spearlet::GetTaskRequest request;
  request.set_task_id("task");
  EXPECT_EQ(node.ask(&FunctionService::GetTask, request)->task().execution_count(), 1);
}

}  // namespace
}  // namespace quintain::core::testing
