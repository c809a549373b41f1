// Lists, counts, and the deletion of tasks.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

std::string fixture_task(CaseRun& run) { return run.async("echo").task_id(); }

void pages(CaseRun& run) {
  constexpr int kPage = 5;
  std::set<std::string> wanted;
  for (int i = 0; i < 12; ++i) {
    wanted.insert(run.start_async(run.async("echo", {{"value", i}})));
  }
  for (const std::string& id : wanted) run.await_end(id);
  std::map<std::string, int> seen;
  spearlet::ListExecutionsRequest request;
  request.set_task_id(fixture_task(run));
  request.set_limit(kPage);
  // While pages are turned, executions are added.
  for (int page = 0; page < 2000; ++page) {
    const auto call = run.call(request);
    run.check("LIST-1", call, call.answered() && call.answer().executions_size() <= kPage,
              "a page has no more entries than were asked for");
    for (const auto& entry : call.answer().executions()) ++seen[entry.execution_id()];
    if (!call.answer().has_more()) {
      // has_more is exact: nothing that was there before the list was begun is missing. Asked on
      // one more time, the list may only have what has been added meanwhile.
      break;
    }
    run.check("LIST-1", call, call.answer().executions_size() > 0,
              "a page with more behind it is not empty");
    if (page < 3) run.start_async(run.async("echo", {{"value", page}}));
    request.set_start_after(call.answer().next_start_after());
  }
  const auto missing = std::count_if(wanted.begin(), wanted.end(),
                                     [&](const std::string& id) { return !seen.contains(id); });
  run.check("LIST-1", missing == 0, "no execution is left out of the pages",
            fmt::format("{} of {} are missing", missing, wanted.size()));
  const auto doubled =
      std::count_if(seen.begin(), seen.end(), [](const auto& entry) { return entry.second > 1; });
  run.check("LIST-1", doubled == 0, "no execution is on two pages", fmt::format("{} are", doubled));
}

void more_is_exact(CaseRun& run) {
  const std::string id = run.start_async(run.async("echo", {{"value", 1}}));
  run.await_end(id);
  spearlet::ListExecutionsRequest request;
  request.set_task_id(fixture_task(run));
  // Records may expire while we look; then we look again.
  for (int i = 0; i < 5; ++i) {
    const auto all = list_all(run, fixture_task(run), 100);
    run.require("LIST-1", !all.empty(), "what was run is listed", "the list is empty");
    const int total = static_cast<int>(std::min<std::size_t>(all.size(), 100));
    request.set_limit(total);
    const auto exact = run.call(request);
    request.set_limit(std::max(total - 1, 1));
    const auto shorter = run.call(request);
    if (list_all(run, fixture_task(run), 100).size() != all.size()) continue;
    run.check(
        "LIST-1", exact,
        exact.answer().executions_size() == total &&
            exact.answer().has_more() == (all.size() > 100),
        fmt::format("a page of {} of a list of {} says whether there is more", total, all.size()));
    run.check("LIST-1", shorter, total == 1 || shorter.answer().has_more(),
              "a page that is one too short has more behind it");
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
  const std::string id = run.start_async(run.async("echo", {{"value", 1}}));
  run.await_end(id);
  executions.set_limit(0);
  const auto standard = run.call(executions);
  run.check("LIST-2", standard, standard.answered() && standard.answer().executions_size() > 0,
            "limit 0 is the default, not none");
  if (!run.profile().serves(Method::kListTasks)) return;
  spearlet::ListTasksRequest tasks;
  tasks.set_limit(-5);
  const auto refused_tasks = run.call(tasks);
  run.check("LIST-2", refused_tasks, refused_tasks.code() == absl::StatusCode::kInvalidArgument,
            "a negative limit of tasks is refused with INVALID_ARGUMENT");
}

void status_filter(CaseRun& run) {
  const std::string done = run.start_async(run.async("echo", {{"value", 1}}));
  const std::string failed = run.start_async(run.async("fail"));
  run.await_end(done);
  run.await_end(failed);
  spearlet::ListExecutionsRequest request;
  request.set_task_id(fixture_task(run));
  request.set_status_filter(spearlet::EXECUTION_STATUS_FAILED);
  bool found = false;
  for (int page = 0; page < 2000; ++page) {
    const auto call = run.call(request);
    for (const auto& entry : call.answer().executions()) {
      found |= entry.execution_id() == failed;
      run.check("LIST-3", call, entry.status() == spearlet::EXECUTION_STATUS_FAILED,
                "a list of the FAILED has nothing else");
    }
    if (!call.answer().has_more()) break;
    request.set_start_after(call.answer().next_start_after());
  }
  run.check("LIST-3", found, "what has FAILED is in the list of the FAILED",
            fmt::format("execution {} is not", failed));
}

// What the list counts, and what GetStats and GetHealth say.
void tally(CaseRun& run) {
  const std::string running = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  run.await_end(run.start_async(run.async("echo", {{"value", 1}})));
  run.await_end(run.start_async(run.async("fail")));
  spearlet::GetStatsRequest stats_request;
  stats_request.set_include_execution_stats(true);
  spearlet::GetHealthRequest health_request;
  health_request.set_include_details(true);
  // Records may expire between two calls; then the counts are taken again.
  for (int i = 0; i < 5; ++i) {
    const auto before = run.call(stats_request);
    const auto entries = list_all(run, "", 100);
    const auto stats = run.call(stats_request);
    const auto health = run.call(health_request);
    if (before.answer().execution_stats().completed_executions() !=
            stats.answer().execution_stats().completed_executions() ||
        before.answer().execution_stats().failed_executions() !=
            stats.answer().execution_stats().failed_executions()) {
      continue;
    }
    const auto count = [&](spearlet::ExecutionStatus status) {
      return static_cast<int>(std::count_if(entries.begin(), entries.end(),
                                            [&](const auto& e) { return e.status() == status; }));
    };
    const auto& told = stats.answer().execution_stats();
    run.check("LIST-4", stats,
              told.running_executions() == count(spearlet::EXECUTION_STATUS_RUNNING) &&
                  told.pending_executions() == count(spearlet::EXECUTION_STATUS_PENDING) &&
                  told.completed_executions() == count(spearlet::EXECUTION_STATUS_COMPLETED),
              fmt::format("GetStats counts as the list does: {} running, {} pending, {} completed",
                          count(spearlet::EXECUTION_STATUS_RUNNING),
                          count(spearlet::EXECUTION_STATUS_PENDING),
                          count(spearlet::EXECUTION_STATUS_COMPLETED)));
    run.check("LIST-4", told.running_executions() >= 1, "what runs is counted",
              describe(stats.recorded()));
    const auto& details = health.answer().details();
    run.check("LIST-4", health,
              details.running_executions() == count(spearlet::EXECUTION_STATUS_RUNNING) &&
                  details.pending_executions() == count(spearlet::EXECUTION_STATUS_PENDING),
              "GetHealth counts as the list does");
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
            "a task with work is not deleted without force");
  const StatusCall status = run.read(id);
  run.check("LIST-5", status,
            status.answer().result().status() == spearlet::EXECUTION_STATUS_RUNNING,
            "its work goes on");
  release(run, {id});
}

}  // namespace

std::vector<Case> list_cases() {
  return {
      {.name = "list/pages",
       .about = "pages have no gap and no duplicate while executions are added",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = pages},
      {.name = "list/more-is-exact",
       .about = "has_more says whether there is more",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = more_is_exact},
      {.name = "list/limits",
       .about = "a negative limit is refused, 0 is the default",
       .clauses = {"LIST-2"},
       .fixtures = {"echo"},
       .run = limits},
      {.name = "list/status-filter",
       .about = "status_filter filters",
       .clauses = {"LIST-3"},
       .fixtures = {"echo", "fail"},
       .run = status_filter},
      {.name = "list/tally",
       .about = "GetStats and GetHealth count what the list shows",
       .clauses = {"LIST-4"},
       .fixtures = {"sleep", "echo", "fail"},
       .exclusive = true,
       .run = tally},
      {.name = "list/busy-task",
       .about = "a task with work is not deleted without force",
       .clauses = {"LIST-5"},
       .fixtures = {"sleep"},
       .exclusive = true,
       .run = busy_task},
  };
}

}  // namespace quintain::conformance
