// LIST cases: the pages of ListExecutions, the counts of GetStats and GetHealth, and the deletion
// of tasks. Records of a live target may expire during a case; where that would matter, a case
// looks again.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

constexpr int kMaxPages = 2000;
constexpr int kMaxLooks = 5;

std::string fixture_task(CaseRun& run) { return run.async("echo").task_id(); }

// Runs a fixture to its end and returns the execution's id.
std::string finish(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  std::string id = run.start_async(request);
  run.await_end(id);
  return id;
}

void pages(CaseRun& run) {
  constexpr int kPageSize = 5;
  std::set<std::string> wanted;
  for (int i = 0; i < 12; ++i) {
    wanted.insert(run.start_async(run.async("echo", {{"value", i}})));
  }
  for (const std::string& id : wanted) run.await_end(id);
  std::map<std::string, int> pages_with;
  spearlet::ListExecutionsRequest request;
  request.set_task_id(fixture_task(run));
  request.set_limit(kPageSize);
  for (int page = 0; page < kMaxPages; ++page) {
    const auto call = run.call(request);
    run.check("LIST-1", call, call.answered() && call.answer().executions_size() <= kPageSize,
              "a page has no more entries than the limit");
    for (const auto& entry : call.answer().executions()) ++pages_with[entry.execution_id()];
    if (!call.answer().has_more()) break;
    run.check("LIST-1", call, call.answer().executions_size() > 0,
              "a page with has_more is not empty");
    // Executions are added between two pages.
    if (page < 3) run.start_async(run.async("echo", {{"value", page}}));
    request.set_start_after(call.answer().next_start_after());
  }
  const auto missing = std::ranges::count_if(
      wanted, [&](const std::string& id) { return !pages_with.contains(id); });
  run.check("LIST-1", missing == 0, "no execution is missing from the pages",
            fmt::format("{} of {} are missing", missing, wanted.size()));
  const auto repeated =
      std::ranges::count_if(pages_with, [](const auto& entry) { return entry.second > 1; });
  run.check("LIST-1", repeated == 0, "no execution is on two pages",
            fmt::format("{} are", repeated));
}

void more_is_exact(CaseRun& run) {
  constexpr int kPageSize = 100;
  finish(run, run.async("echo", {{"value", 1}}));
  spearlet::ListExecutionsRequest request;
  request.set_task_id(fixture_task(run));
  for (int i = 0; i < kMaxLooks; ++i) {
    const auto all = list_all(run, fixture_task(run), kPageSize);
    run.require("LIST-1", !all.empty(), "the execution is listed", "the list is empty");
    const int total = static_cast<int>(std::min<std::size_t>(all.size(), kPageSize));
    request.set_limit(total);
    const auto exact = run.call(request);
    request.set_limit(std::max(total - 1, 1));
    const auto shorter = run.call(request);
    if (list_all(run, fixture_task(run), kPageSize).size() != all.size()) continue;
    run.check("LIST-1", exact,
              exact.answer().executions_size() == total &&
                  exact.answer().has_more() == (all.size() > kPageSize),
              fmt::format("has_more of a page of {} is right for a list of {}", total, all.size()));
    run.check("LIST-1", shorter, total == 1 || shorter.answer().has_more(),
              "a page that is one entry short of the list has has_more");
    return;
  }
}

void limits(CaseRun& run) {
  spearlet::ListExecutionsRequest executions;
  executions.set_task_id(fixture_task(run));
  executions.set_limit(-1);
  const auto negative = run.call(executions);
  run.check("LIST-2", negative, negative.code() == absl::StatusCode::kInvalidArgument,
            "a negative limit is refused with INVALID_ARGUMENT");
  finish(run, run.async("echo", {{"value", 1}}));
  executions.set_limit(0);
  const auto zero = run.call(executions);
  run.check("LIST-2", zero, zero.answered() && zero.answer().executions_size() > 0,
            "limit 0 means the default limit, not an empty page");
  if (!run.profile().serves(Method::kListTasks)) return;
  spearlet::ListTasksRequest tasks;
  tasks.set_limit(-5);
  const auto negative_tasks = run.call(tasks);
  run.check("LIST-2", negative_tasks, negative_tasks.code() == absl::StatusCode::kInvalidArgument,
            "ListTasks refuses a negative limit with INVALID_ARGUMENT");
}

void status_filter(CaseRun& run) {
  finish(run, run.async("echo", {{"value", 1}}));
  const std::string failed = finish(run, run.async("fail"));
  spearlet::ListExecutionsRequest request;
  request.set_task_id(fixture_task(run));
  request.set_status_filter(kFailed);
  bool found = false;
  for (int page = 0; page < kMaxPages; ++page) {
    const auto call = run.call(request);
    for (const auto& entry : call.answer().executions()) {
      found |= entry.execution_id() == failed;
      run.check("LIST-3", call, entry.status() == kFailed,
                "a list with the filter FAILED has FAILED executions only");
    }
    if (!call.answer().has_more()) break;
    request.set_start_after(call.answer().next_start_after());
  }
  run.check("LIST-3", found, "a FAILED execution is in the list with the filter FAILED",
            fmt::format("execution {} is not", failed));
}

void tally(CaseRun& run) {
  const std::string running = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  finish(run, run.async("echo", {{"value", 1}}));
  finish(run, run.async("fail"));
  spearlet::GetStatsRequest stats_request;
  stats_request.set_include_execution_stats(true);
  spearlet::GetHealthRequest health_request;
  health_request.set_include_details(true);
  for (int i = 0; i < kMaxLooks; ++i) {
    const auto before = run.call(stats_request);
    const auto entries = list_all(run, "", 100);
    const auto stats = run.call(stats_request);
    const auto health = run.call(health_request);
    const auto& earlier = before.answer().execution_stats();
    const auto& counted = stats.answer().execution_stats();
    if (earlier.completed_executions() != counted.completed_executions() ||
        earlier.failed_executions() != counted.failed_executions()) {
      continue;
    }
    const auto listed = [&](spearlet::ExecutionStatus status) {
      return static_cast<int>(
          std::ranges::count(entries, status, &spearlet::ExecutionInfo::status));
    };
    run.check("LIST-4", stats,
              counted.running_executions() == listed(kRunning) &&
                  counted.pending_executions() == listed(kPending) &&
                  counted.completed_executions() == listed(kCompleted),
              fmt::format("GetStats counts what is listed: {} running, {} pending, {} completed",
                          listed(kRunning), listed(kPending), listed(kCompleted)));
    run.check("LIST-4", counted.running_executions() >= 1, "a running execution is counted",
              describe(stats.recorded()));
    const auto& details = health.answer().details();
    run.check("LIST-4", health,
              details.running_executions() == listed(kRunning) &&
                  details.pending_executions() == listed(kPending),
              "GetHealth counts what is listed");
    break;
  }
  release(run, {running});
}

void busy_task(CaseRun& run) {
  const std::string id = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  spearlet::DeleteTaskRequest request;
  request.set_task_id(fixture_task(run));
  const auto call = run.call(request);
  run.check("LIST-5", call,
            !call.answered() || (!call.answer().success() && !call.answer().deleted()),
            "a task with a running execution is not deleted without force");
  const StatusCall status = run.read(id);
  run.check("LIST-5", status, status_of(status) == kRunning, "its execution goes on");
  release(run, {id});
}

std::vector<Case> list_cases() {
  return {
      {.name = "list/pages",
       .about = "pages have no gap and no duplicate while executions are added",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = pages},
      {.name = "list/more-is-exact",
       .about = "has_more is true exactly if there are further entries",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = more_is_exact},
      {.name = "list/limits",
       .about = "a negative limit is refused, and 0 is the default",
       .clauses = {"LIST-2"},
       .fixtures = {"echo"},
       .run = limits},
      {.name = "list/status-filter",
       .about = "status_filter selects executions by status",
       .clauses = {"LIST-3"},
       .fixtures = {"echo", "fail"},
       .run = status_filter},
      {.name = "list/tally",
       .about = "GetStats and GetHealth count the executions that are listed",
       .clauses = {"LIST-4"},
       .fixtures = {"sleep", "echo", "fail"},
       .exclusive = true,
       .run = tally},
      {.name = "list/busy-task",
       .about = "a task with a running execution is not deleted without force",
       .clauses = {"LIST-5"},
       .fixtures = {"sleep"},
       .exclusive = true,
       .run = busy_task},
  };
}

const RegisterCases kListCases(9, list_cases);

}  // namespace
}  // namespace quintain::conformance
