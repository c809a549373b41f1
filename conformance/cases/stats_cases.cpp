// STATS cases: the numbers of GetStats and GetHealth against what the case itself did. They are
// differences, because a live target has other records too (look_until_quiet()).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

template <class Count>
void expect_growth(Look& look, std::string_view clause, std::string_view name, Count before,
                   Count after, std::int64_t growth) {
  look.expect(clause, std::int64_t{after} - std::int64_t{before} == growth,
              fmt::format("{} changes by {}", name, growth),
              fmt::format("it was {} and is {}", before, after));
}

void expect_same_total(Look& look, const Counts& before, const Counts& after, std::int64_t growth) {
  expect_growth(look, "STATS-5", "total_executions of GetStats",
                before.service().total_executions(), after.service().total_executions(), growth);
  expect_growth(look, "STATS-5", "total_executions of GetHealth",
                before.details().total_executions(), after.details().total_executions(), growth);
}

std::int32_t count_of(const google::protobuf::Map<std::string, std::int32_t>& counts,
                      const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

double execution_time_of(CaseRun& run, const std::string& id) {
  return static_cast<double>(run.read(id).answer().result().execution_time_ms());
}

// SYNC calls of every function, and many of one: a count may be right for a few only. As many at
// once as the target takes.
std::vector<InvokeCall> complete_many(CaseRun& run) {
  constexpr int kMany = 10;
  std::vector<spearlet::InvokeFunctionRequest> requests;
  for (int i = 0; i < kMany; ++i) requests.push_back(run.sync("echo", {{"value", i}}));
  const auto also = [&](std::string_view fixture, Parameters parameters) {
    if (run.has_fixture(fixture)) requests.push_back(run.sync(fixture, parameters));
  };
  also("stubborn", {{"ms", at_least(0, 10)}});
  also("flood", {{"bytes", 10}});
  also("stream", {{"chunks", 1}, {"ms", at_least(0, 10)}});
  const auto at_once = static_cast<std::size_t>(executions_at_once(run, kMany));
  std::vector<InvokeCall> calls;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (i >= at_once) run.wait(calls[i - at_once]);
    calls.push_back(run.send(requests[i]));
  }
  for (const InvokeCall& call : calls) {
    run.wait(call);
    if (status_of(call) != kCompleted) {
      CaseRun::abort("a SYNC call did not complete: " + describe(call.recorded()));
    }
  }
  return calls;
}

void look_at_ended(CaseRun& run, Look& look) {
  const Counts before = count(run);
  std::map<std::string, int> by_function;
  const auto start = [&](const spearlet::InvokeFunctionRequest& request) {
    ++by_function[request.function_name()];
    return run.start_async(request);
  };
  const std::vector<InvokeCall> many = complete_many(run);
  for (const InvokeCall& call : many) {
    ++by_function[call.recorded().request_as<spearlet::InvokeFunctionRequest>().function_name()];
  }
  const std::vector<std::string> completed = {start(run.async("echo", {{"value", 1}})),
                                              start(run.async("sleep", {{"ms", 200}}))};
  const int count_completed = static_cast<int>(many.size() + completed.size());
  auto limited = run.async("sleep", {{"ms", kLongMs}});
  limited.mutable_context()->set_timeout_ms(50);
  const std::string timed_out = start(limited);
  const std::string cancelled = start(run.async("sleep", {{"ms", kLongMs}}));
  const std::string failed = start(run.async("fail", {{"ms", 400}}));
  release(run, {cancelled});
  double time = 0;
  for (const InvokeCall& call : many) {
    time += static_cast<double>(call.answer().result().execution_time_ms());
  }
  for (const std::string& id : completed) {
    if (run.await_end(id) != kCompleted) CaseRun::abort(id + " did not complete");
    time += execution_time_of(run, id);
  }
  for (const std::string& id : {timed_out, cancelled, failed}) run.await_end(id);
  const Counts after = count(run);

  const auto& old = before.executions();
  const auto& now = after.executions();
  expect_growth(look, "STATS-1",
                fmt::format("completed_executions after {} executions COMPLETED", count_completed),
                old.completed_executions(), now.completed_executions(), count_completed);
  expect_growth(look, "STATS-1",
                "failed_executions after 1 execution FAILED, 1 TIMEOUT and 1 "
                "CANCELLED",
                old.failed_executions(), now.failed_executions(), 1);
  expect_growth(look, "STATS-1", "running_executions after all have ended",
                old.running_executions(), now.running_executions(), 0);
  expect_growth(look, "STATS-1", "pending_executions after all have ended",
                old.pending_executions(), now.pending_executions(), 0);
  for (const auto& [function, executions] : by_function) {
    expect_growth(look, "STATS-1", fmt::format("the count of function '{}'", function),
                  count_of(old.executions_by_function(), function),
                  count_of(now.executions_by_function(), function), executions);
  }
  expect_same_total(look, before, after, count_completed + 3);
  const double mean = (old.average_execution_time_ms() * old.completed_executions() + time) /
                      (old.completed_executions() + count_completed);
  // Each of the times may be cut to whole milliseconds.
  look.expect("STATS-2",
              std::abs(now.average_execution_time_ms() - mean) <= (run.exact() ? 0.01 : 1.0),
              fmt::format("average_execution_time_ms is {:.1f}, the mean over the COMPLETED "
                          "executions, within 1 ms",
                          mean),
              fmt::format("it is {}", now.average_execution_time_ms()));
}

void ended(CaseRun& run) {
  look_until_quiet(run, [&](Look& look) { look_at_ended(run, look); });
}

void unfinished(CaseRun& run) {
  look_until_quiet(run, [&](Look& look) {
    const Counts idle = count(run);
    std::vector<std::string> ids = fill_slots(run);
    const int slots = static_cast<int>(ids.size());
    const int waiting = std::max(1, std::min(run.node().queue_limit.value_or(1), 10));
    for (int i = 0; i < waiting; ++i) {
      ids.push_back(run.start_async(run.async("sleep", {{"ms", kLongMs}})));
    }
    const Counts busy = count(run);
    release(run, ids);
    for (const std::string& id : ids) run.await_end(id);
    const Counts again = count(run);
    const auto expect = [&](std::string_view name, auto member, int growth) {
      const auto value = [&](const Counts& counts) { return (counts.executions().*member)(); };
      expect_growth(look, "STATS-1", name, value(idle), value(busy), growth);
      expect_growth(look, "STATS-1", name, value(idle), value(again), 0);
    };
    expect("running_executions while all slots are taken",
           &spearlet::ExecutionStats::running_executions, slots);
    expect(fmt::format("pending_executions while {} wait", waiting),
           &spearlet::ExecutionStats::pending_executions, waiting);
    for (const Counts* counts : {&idle, &busy, &again}) {
      const auto& executions = counts->executions();
      const auto& details = counts->details();
      look.expect("STATS-5", counts->health,
                  details.running_executions() == executions.running_executions() &&
                      details.pending_executions() == executions.pending_executions() &&
                      details.active_tasks() == counts->tasks().active_tasks(),
                  "GetHealth has the counts of GetStats");
    }
    expect_growth(look, "STATS-3", "active_tasks while executions of one task run",
                  idle.tasks().active_tasks(), busy.tasks().active_tasks(), 1);
    expect_growth(look, "STATS-3", "active_tasks after they have ended",
                  idle.tasks().active_tasks(), again.tasks().active_tasks(), 0);
  });
}

void tasks(CaseRun& run) {
  look_until_quiet(run, [&](Look& look) {
    const Counts before = count(run);
    spearlet::InvokeFunctionRequest request = run.async("echo", {{"value", 1}});
    const std::string type = "type-" + request.execution_id();
    request.set_task_id("task-" + request.execution_id());
    request.set_create_if_not_exists(true);
    *request.mutable_artifact_spec() = artifact(request.task_id());
    request.mutable_artifact_spec()->set_artifact_type(type);
    run_to_end(run, request);
    const Counts with = count(run);
    delete_task(run, request.task_id(), /*force=*/true, /*cleanup=*/true);
    const Counts without = count(run);
    const auto total = [](const Counts& counts) { return counts.service().total_tasks(); };
    expect_growth(look, "STATS-3", "total_tasks after a task was made", total(before), total(with),
                  1);
    expect_growth(look, "STATS-3", "total_tasks after it was deleted", total(before),
                  total(without), 0);
    look.expect("STATS-3", with.stats, count_of(with.tasks().tasks_by_type(), type) == 1,
                fmt::format("tasks_by_type has 1 of the type '{}'", type));
    look.expect("STATS-3", without.stats, count_of(without.tasks().tasks_by_type(), type) == 0,
                "after the deletion it has none");
    expect_same_total(look, before, with, 1);
    expect_same_total(look, before, without, 0);
  });
}

void time_range(CaseRun& run) {
  spearlet::GetStatsRequest request;
  request.set_include_execution_stats(true);
  const auto all_of = [](const Call<spearlet::GetStatsResponse>& call) {
    std::int64_t sum = 0;
    for (const auto& [name, executions] : call.answer().execution_stats().executions_by_function())
      sum += executions;
    return sum;
  };
  run_to_end(run, run.async("echo", {{"value", 1}}));
  request.set_time_range_hours(-1);
  const auto negative = run.call(request);
  run.check("STATS-4", negative, negative.code() == absl::StatusCode::kInvalidArgument,
            "a negative time_range_hours is refused with INVALID_ARGUMENT");
  // Makes records old if the target keeps them.
  if (run.exact()) run.sleep_for(61min);
  look_until_quiet(run, [&](Look& look) {
    spearlet::ListExecutionsRequest oldest;
    const auto first_page = run.call(oldest);
    std::int64_t old = 0;
    for (const auto& info : first_page.answer().executions()) {
      const core::Duration age =
          run.transport().wall_now().since_epoch - time_of(info.completed_at());
      old += info.has_completed_at() && age > 1h + run.slack() ? 1 : 0;
    }
    request.set_time_range_hours(0);
    const auto before = run.call(request);
    request.set_time_range_hours(1);
    const auto before_in_range = run.call(request);
    run_to_end(run, run.async("echo", {{"value", 2}}));
    const auto after_in_range = run.call(request);
    request.set_time_range_hours(0);
    const auto after = run.call(request);
    for (const auto& call : {before, before_in_range, after_in_range, after}) {
      look.expect("STATS-4", call, call.answered(), "no other range is refused");
    }
    expect_growth(look, "STATS-4", "the number of executions of any time", all_of(before),
                  all_of(after), 1);
    expect_growth(look, "STATS-4", "the number of executions of the last hour",
                  all_of(before_in_range), all_of(after_in_range), 1);
    look.expect("STATS-4", after_in_range, all_of(after) - all_of(after_in_range) >= old,
                fmt::format("the statistics of the last hour leave out {} executions that ended "
                            "before",
                            old));
  });
}

void parts(CaseRun& run) {
  for (const bool tasks : {false, true}) {
    for (const bool executions : {false, true}) {
      spearlet::GetStatsRequest request;
      request.set_include_task_stats(tasks);
      request.set_include_execution_stats(executions);
      const auto call = run.call(request);
      run.check("STATS-5", call,
                call.answered() && call.answer().has_task_stats() == tasks &&
                    call.answer().has_execution_stats() == executions &&
                    call.answer().has_service_stats(),
                "GetStats has the service statistics, and the parts that were asked for");
    }
  }
  for (const bool details : {false, true}) {
    spearlet::GetHealthRequest request;
    request.set_include_details(details);
    const auto call = run.call(request);
    run.check("STATS-5", call, call.answered() && call.answer().has_details() == details,
              "GetHealth has details if they were asked for");
  }
}

void uptime(CaseRun& run) {
  const core::Instant start = run.now();
  const Counts before = count(run);
  run.sleep_for(2500ms);
  const core::Instant again = run.now();
  const Counts after = count(run);
  // Whole seconds at both ends.
  const double least = std::chrono::duration<double>(again - start - run.slack()).count() - 1;
  const double most = std::chrono::duration<double>(run.now() - start + run.slack()).count() + 1;
  const auto check = [&](const auto& call, std::int64_t first, std::int64_t second) {
    const auto grown = static_cast<double>(second - first);
    run.check("STATS-6", call, first >= 0 && grown >= least && grown <= most && grown > 0,
              fmt::format("uptime_seconds grows with time: {} and then about 2.5 more", first));
  };
  check(after.health, before.health.answer().uptime_seconds(),
        after.health.answer().uptime_seconds());
  check(after.stats, before.service().uptime_seconds(), after.service().uptime_seconds());
  run.check("STATS-6", after.health,
            std::abs(after.health.answer().uptime_seconds() - after.service().uptime_seconds()) <=
                1 + std::chrono::ceil<std::chrono::seconds>(run.slack()).count(),
            "GetHealth and GetStats have the same uptime_seconds");
  run.check("STATS-6", after.health, after.health.answer().status() == "SERVING",
            "the health status is SERVING");
}

std::vector<Case> stats_cases() {
  return {
      {.name = "stats/ended",
       .about = "executions that end in each way change the counts, the mean and the rate",
       .clauses = {"STATS-1", "STATS-2", "STATS-5"},
       .fixtures = {"echo", "sleep", "fail"},
       .exclusive = true,
       .run = ended},
      {.name = "stats/unfinished",
       .about = "executions that run and wait are counted by GetStats and GetHealth",
       .clauses = {"STATS-1", "STATS-3", "STATS-5"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = unfinished},
      {.name = "stats/tasks",
       .about = "a task that is made and deleted changes the counts of tasks",
       .clauses = {"STATS-3", "STATS-5"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = tasks},
      {.name = "stats/time-range",
       .about = "time_range_hours selects executions by the time of their acceptance",
       .clauses = {"STATS-4"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = time_range},
      {.name = "stats/parts",
       .about = "GetStats and GetHealth have the parts that were asked for, with sound numbers",
       .clauses = {"STATS-5", "FIELD-3"},
       .run = parts},
      {.name = "stats/uptime",
       .about = "uptime_seconds grows by the seconds that pass, and the node is SERVING",
       .clauses = {"STATS-6"},
       .run = uptime},
  };
}

const RegisterCases kStatsCases(13, stats_cases);

}  // namespace
}  // namespace quintain::conformance
