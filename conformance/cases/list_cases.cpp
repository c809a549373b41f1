// LIST cases: the pages of ListExecutions, the counts of GetStats and GetHealth, and the deletion
// of tasks. Records of a live target may expire during a case; where that would matter, a case
// looks again.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxPages = 2000;

std::string fixture_task(CaseRun& run) { return run.async("echo").task_id(); }

// A task whose list is short: one of the run's own, or else that of the fixtures.
struct ListedTask {
  std::string id;
  std::optional<OwnTask> own;

  spearlet::InvokeFunctionRequest echo(CaseRun& run, int value) const {
    auto request = run.async("echo", {{"value", value}});
    request.set_task_id(id);
    return request;
  }
};

// Without a task of its own in which functions run, the case uses that of the fixtures. Whether the
// target makes tasks is judged by the cases about tasks.
ListedTask listed_task(CaseRun& run) {
  std::optional<OwnTask> own;
  try {
    own = try_make_task(run);
  } catch (const CaseRun::Aborted&) {
  }
  if (own && own->first_status != kCompleted) {
    drop(run, *own);
    own.reset();
  }
  return {own ? own->id : fixture_task(run), own};
}

void drop(CaseRun& run, const ListedTask& task) {
  if (task.own) drop(run, *task.own);
}

std::vector<std::string> ids_of(const std::vector<spearlet::ExecutionInfo>& entries) {
  std::vector<std::string> ids;
  for (const auto& entry : entries) ids.push_back(entry.execution_id());
  return ids;
}

void pages(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    constexpr int kPageSize = 5;
    const ListedTask task = listed_task(run);
    std::set<std::string> wanted;
    for (int i = 0; i < 12; ++i) wanted.insert(run.start_async(task.echo(run, i)));
    for (const std::string& id : wanted) run.await_end(id);
    std::map<std::string, int> pages_with;
    spearlet::ListExecutionsRequest request;
    request.set_task_id(task.id);
    request.set_limit(kPageSize);
    for (int page = 0; page < kMaxPages; ++page) {
      const auto call = run.call(request);
      look.expect("LIST-1", call, call.answered() && call.answer().executions_size() <= kPageSize,
                  "a page has no more entries than the limit");
      for (const auto& entry : call.answer().executions()) ++pages_with[entry.execution_id()];
      if (!call.answer().has_more()) break;
      look.expect("LIST-1", call, call.answer().executions_size() > 0,
                  "a page with has_more is not empty");
      // Executions are added between two pages.
      if (page < 3) run.start_async(task.echo(run, page));
      request.set_start_after(call.answer().next_start_after());
    }
    const auto missing = std::ranges::count_if(
        wanted, [&](const std::string& id) { return !pages_with.contains(id); });
    look.expect("LIST-1", missing == 0, "no execution is missing from the pages",
                fmt::format("{} of {} are missing", missing, wanted.size()));
    const auto repeated =
        std::ranges::count_if(pages_with, [](const auto& entry) { return entry.second > 1; });
    look.expect("LIST-1", repeated == 0, "no execution is on two pages",
                fmt::format("{} are", repeated));
    drop(run, task);
  });
}

void more_is_exact(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    std::vector<std::string> wanted = {task.first_execution()};
    for (int i = 0; i < 4; ++i) {
      wanted.push_back(run_to_end(run, in_task(run.async("echo", {{"value", i}}), task)));
    }
    for (const int limit : {1, 2, 4, 5, 6, 0}) {
      const auto entries = list_all(run, task.id, limit);
      look.expect("LIST-1", ids_of(entries) == wanted,
                  fmt::format("pages with limit {} have the 5 executions once, in the order of "
                              "acceptance",
                              limit),
                  fmt::format("they have {} entries", entries.size()));
    }
    // A page may be shorter than its limit, but then it has has_more.
    spearlet::ListExecutionsRequest request;
    request.set_task_id(task.id);
    for (const int limit : {4, 5}) {
      request.set_limit(limit);
      const auto page = run.call(request);
      look.expect("LIST-1", page, page.answer().has_more() == (page.answer().executions_size() < 5),
                  "has_more is true exactly if entries are left");
    }
    request.set_limit(0);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      request.set_start_after(wanted[i]);
      const auto page = run.call(request);
      const bool is_last = i + 1 == wanted.size();
      look.expect("LIST-1", page,
                  page.answered() &&
                      (is_last ? page.answer().executions().empty() && !page.answer().has_more()
                               : page.answer().executions_size() > 0 &&
                                     page.answer().executions(0).execution_id() == wanted[i + 1]),
                  "a page that starts after an execution starts with the next one");
    }
    drop(run, task);
  });
}

// More entries than a usual default page has.
void default_page(CaseRun& run) {
  constexpr int kEntries = 120;
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    const int at_once = executions_at_once(run, 8);
    std::set<std::string> wanted = {task.first_execution()};
    for (int i = 0; i < kEntries && wanted.size() < kEntries; ++i) {
      std::vector<InvokeCall> calls;
      for (int j = 0; j < at_once; ++j) {
        calls.push_back(run.send(in_task(run.sync("echo", {{"value", j}}), task)));
      }
      for (const InvokeCall& call : calls) {
        run.wait(call);
        if (call.answered()) wanted.insert(call.answer().execution_id());
      }
      if (!calls.back().answered()) run.sleep_for(50ms);
    }
    const auto ids = ids_of(list_all(run, task.id, 0));
    const std::set<std::string> listed(ids.begin(), ids.end());
    look.expect("LIST-1", listed == wanted && ids.size() == wanted.size(),
                fmt::format("the pages of the default size have the {} executions of the task once",
                            wanted.size()),
                fmt::format("they have {} entries", ids.size()));
    drop(run, task);
  });
}

// The place in a list is known even when the record at that place is gone.
void token_outlives_its_record(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask kept = make_task(run);
    const OwnTask dropped = make_task(run);
    run_to_end(run, in_task(run.async("echo", {{"value", 1}}), dropped));
    const std::string last = run_to_end(run, in_task(run.async("echo", {{"value", 2}}), kept));
    spearlet::ListExecutionsRequest request;
    request.set_start_after(kept.first_execution());
    request.set_limit(1);
    std::string token;
    // The page that ends with the record that is dropped; others may have added some before it.
    for (int page = 0; page < kMaxPages; ++page) {
      const auto call = run.call(request);
      if (!call.answered() || call.answer().executions().empty()) break;
      token = call.answer().next_start_after();
      if (call.answer().executions(0).execution_id() == dropped.first_execution()) break;
      request.set_start_after(token);
    }
    drop(run, dropped);
    request.set_start_after(token);
    request.set_limit(100);
    bool has_last = false;
    bool has_first = false;
    for (int page = 0; page < kMaxPages && !has_last; ++page) {
      const auto call = run.call(request);
      look.expect("LIST-1", call, call.answered(),
                  "a next_start_after stays valid when its record is gone");
      for (const auto& entry : call.answer().executions()) {
        has_last = has_last || entry.execution_id() == last;
        has_first = has_first || entry.execution_id() == kept.first_execution();
      }
      if (!call.answer().has_more()) break;
      request.set_start_after(call.answer().next_start_after());
    }
    look.expect("LIST-1", has_last && !has_first,
                "the list goes on after the place of a record that is gone",
                has_first ? "it starts again" : "it lacks an execution");
    drop(run, kept);
  });
}

void limits(CaseRun& run) {
  spearlet::ListExecutionsRequest executions;
  executions.set_task_id(fixture_task(run));
  executions.set_limit(-1);
  const auto negative = run.call(executions);
  run.check("LIST-2", negative, negative.code() == absl::StatusCode::kInvalidArgument,
            "a negative limit is refused with INVALID_ARGUMENT");
  run_to_end(run, run.async("echo", {{"value", 1}}));
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
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    const std::string failed = run_to_end(run, in_task(run.async("fail"), task));
    auto limited = in_task(run.async("sleep", {{"ms", kLongMs}}), task);
    limited.mutable_context()->set_timeout_ms(30);
    run_to_end(run, limited);
    std::map<spearlet::ExecutionStatus, std::vector<std::string>> by_status;
    for (const auto& entry : list_all(run, task.id, 100)) {
      by_status[entry.status()].push_back(entry.execution_id());
    }
    look.expect("LIST-3", !by_status[kFailed].empty() && by_status[kFailed].size() <= 3,
                fmt::format("execution {} is listed as FAILED", failed),
                fmt::format("{} executions are", by_status[kFailed].size()));
    for (const auto status : {kPending, kRunning, kCompleted, kFailed, kCancelled, kTimeout}) {
      spearlet::ListExecutionsRequest request;
      request.set_task_id(task.id);
      request.set_status_filter(status);
      std::vector<std::string> listed;
      for (int page = 0; page < kMaxPages; ++page) {
        const auto call = run.call(request);
        look.expect("LIST-3", call, call.answered(), "a list with a status_filter is answered");
        for (const auto& entry : call.answer().executions()) listed.push_back(entry.execution_id());
        if (!call.answer().has_more()) break;
        request.set_start_after(call.answer().next_start_after());
      }
      look.expect("LIST-3", listed == by_status[status],
                  fmt::format("the list with the filter {} has the {} executions of that status",
                              status_name(status), by_status[status].size()),
                  fmt::format("it has {}", listed.size()));
    }
    drop(run, task);
  });
}

int count_with_status(CaseRun& run, spearlet::ExecutionStatus status) {
  spearlet::ListExecutionsRequest request;
  request.set_status_filter(status);
  int count = 0;
  for (int page = 0; page < kMaxPages; ++page) {
    const auto call = run.call(request);
    count += call.answer().executions_size();
    if (!call.answer().has_more()) return count;
    request.set_start_after(call.answer().next_start_after());
  }
  CaseRun::abort(fmt::format("a list does not end within {} pages", kMaxPages));
}

void tally(CaseRun& run) {
  // A target with more records is not listed as a whole: only the unfinished ones are.
  constexpr int kMaxRecords = 1000;
  // In this order one slot is enough.
  // Whether they end is judged elsewhere; until they do, they are listed and counted as well.
  run.await_end(run.start_async(run.async("echo", {{"value", 1}})));
  run.await_end(run.start_async(run.async("fail")));
  const std::string running = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  look_until_quiet(run, [&](Look& look) {
    const Counts counts = count(run);
    const auto expect = [&](std::string_view what, spearlet::ExecutionStatus status, int counted) {
      const int listed = count_with_status(run, status);
      look.expect(
          "LIST-4", counts.stats, counted == listed,
          fmt::format("GetStats counts the {} {} executions that are listed", listed, what));
    };
    const auto& executions = counts.executions();
    expect("RUNNING", kRunning, executions.running_executions());
    expect("PENDING", kPending, executions.pending_executions());
    look.expect("LIST-4", counts.stats, executions.running_executions() >= 1,
                "a running execution is counted");
    look.expect("LIST-4", counts.health,
                counts.details().running_executions() == executions.running_executions() &&
                    counts.details().pending_executions() == executions.pending_executions(),
                "GetHealth counts what GetStats counts");
    if (counts.service().total_executions() > kMaxRecords) return;
    expect("COMPLETED", kCompleted, executions.completed_executions());
    expect("FAILED", kFailed, executions.failed_executions());
  });
  release(run, {running});
}

// ---- What entries contain -----------------------------------------------------------------------

void order(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    std::vector<std::string> accepted = {task.first_execution()};
    // The first ones end last.
    for (const int ms : {120, 60, 1}) {
      accepted.push_back(run.start_async(in_task(run.async("sleep", {{"ms", ms}}), task)));
    }
    for (const std::string& id : accepted) run.await_end(id);
    for (const int limit : {0, 1, 3}) {
      const auto entries = list_all(run, task.id, limit);
      look.expect("LIST-6", ids_of(entries) == accepted,
                  "executions are in the order of acceptance",
                  fmt::format("the order of {} entries is another", entries.size()));
    }
    drop(run, task);
  });
}

void by_task(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask first = make_task(run);
    const OwnTask second = make_task(run);
    const std::vector<std::string> of_first = {
        first.first_execution(),
        run_to_end(run, in_task(run.async("echo", {{"value", 1}}), first))};
    for (const auto& [task, ids] : {std::pair(first.id, of_first),
                                    std::pair(second.id, std::vector{second.first_execution()})}) {
      const auto entries = list_all(run, task, 100);
      look.expect("LIST-7", ids_of(entries) == ids,
                  fmt::format("the list of a task has its {} executions and no others", ids.size()),
                  fmt::format("it has {} entries", entries.size()));
    }
    // Pages of two tasks by turns.
    spearlet::ListExecutionsRequest pages;
    pages.set_limit(1);
    for (const std::string& id : of_first) {
      spearlet::ListExecutionsRequest other = pages;
      other.clear_start_after();
      other.set_task_id(second.id);
      const auto only = run.call(other);
      look.expect("LIST-7", only, only.answer().executions_size() == 1 && !only.answer().has_more(),
                  "the list of a task with one execution has one page");
      pages.set_task_id(first.id);
      const auto page = run.call(pages);
      look.expect("LIST-7", page,
                  page.answer().executions_size() == 1 &&
                      page.answer().executions(0).execution_id() == id &&
                      page.answer().has_more() == (id != of_first.back()),
                  "the pages of a task go on where they ended, whatever is listed in between");
      pages.set_start_after(page.answer().next_start_after());
    }
    spearlet::ListExecutionsRequest unknown;
    unknown.set_task_id("no-such-" + first.id);
    const auto call = run.call(unknown);
    look.expect(
        "LIST-7", call,
        call.code() == absl::StatusCode::kNotFound ||
            (call.answered() && call.answer().executions().empty() && !call.answer().has_more()),
        "the list of an unknown task has no entries");
    drop(run, first);
    drop(run, second);
  });
}

void entries(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    std::map<std::string, spearlet::InvokeFunctionRequest> requests = {
        {task.first_execution(), task.request}};
    auto sync = in_task(run.sync("echo", {{"value", 3}}), task);
    auto limited = in_task(run.async("sleep", {{"ms", kLongMs}}), task);
    limited.mutable_context()->set_timeout_ms(60);
    for (const auto& request : {sync, in_task(run.async("fail", {{"ms", 30}}), task), limited,
                                in_task(run.async("sleep", {{"ms", 70}}), task)}) {
      const InvokeCall call = submit(run, request);
      if (!call.answered()) CaseRun::abort("a call was refused: " + describe(call.recorded()));
      requests[call.answer().execution_id()] = request;
    }
    for (const auto& [id, request] : requests) run.await_end(id);
    const auto listed = list_all(run, task.id, 100);
    look.expect("LIST-8", listed.size() == requests.size(), "every execution is listed",
                fmt::format("{} of {} are", listed.size(), requests.size()));
    for (const spearlet::ExecutionInfo& info : listed) {
      const auto request = requests.find(info.execution_id());
      if (request == requests.end()) continue;
      const StatusCall status = run.read(info.execution_id());
      const auto& result = status.answer().result();
      const auto same = [](const auto& a, const auto& b) {
        const core::Duration apart = time_of(a) - time_of(b);
        return apart < 1ms && -apart < 1ms;
      };
      look.expect(
          "LIST-8",
          info.task_id() == task.id && info.function_name() == request->second.function_name() &&
              info.execution_mode() == request->second.execution_mode(),
          "an entry has the task, the function and the mode of the request", brief_json(info));
      look.expect(
          "LIST-8",
          info.status() == result.status() && info.error_message() == result.error_message() &&
              info.has_started_at() == result.has_started_at() &&
              same(info.started_at(), result.started_at()) && info.has_completed_at() &&
              same(info.completed_at(), result.completed_at()) &&
              std::abs(info.execution_time_ms() - result.execution_time_ms()) <= 1,
          fmt::format("an entry has the status, the times and the error of the status query: {}",
                      brief_json(result)),
          brief_json(info));
    }
    get_task(run, task.id, /*include_executions=*/true);  // judged by the history
    drop(run, task);
  });
}

void after_retention(CaseRun& run) {
  constexpr core::Duration kMaxWait = 60s;
  const core::Duration retention = run.policies().retention;
  if (!run.exact() && retention > kMaxWait) {
    CaseRun::not_judged("the target keeps records for longer than a minute");
  }
  const OwnTask task = make_task(run);
  const auto before = list_all(run, task.id, 100);
  run.check("LIST-9", before.size() == 1, "before the end of its retention an execution is listed",
            fmt::format("{} are", before.size()));
  run.sleep_for(retention + 10ms);
  const bool gone = [&] {
    const core::Instant until = run.now() + run.slack();
    while (!list_all(run, task.id, 100).empty()) {
      if (run.now() >= until) return false;
      run.sleep_for(100ms);
    }
    return true;
  }();
  run.check("LIST-9", gone, "after its retention an execution is not listed", "it still is");
  const auto counted = get_task(run, task.id, /*include_executions=*/true);
  run.check("LIST-9", counted,
            counted.answer().executions().empty() && counted.answer().task().execution_count() == 0,
            "after its retention an execution is no longer counted for its task");
  drop(run, task);
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
       .run = pages},
      {.name = "list/more-is-exact",
       .about = "has_more is true exactly if there are further entries",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .run = more_is_exact},
      {.name = "list/default-page",
       .about = "a task with more executions than fit on a usual page is listed with limit 0",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .run = default_page},
      {.name = "list/token-outlives-its-record",
       .about = "a list goes on at the place of a record that was dropped in the meantime",
       .clauses = {"LIST-1"},
       .fixtures = {"echo"},
       .run = token_outlives_its_record},
      {.name = "list/limits",
       .about = "a negative limit is refused, and 0 is the default",
       .clauses = {"LIST-2"},
       .fixtures = {"echo"},
       .run = limits},
      {.name = "list/status-filter",
       .about = "status_filter selects executions by status",
       .clauses = {"LIST-3"},
       .fixtures = {"echo", "fail", "sleep"},
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
      {.name = "list/order",
       .about = "executions are listed in the order of acceptance, not of their end",
       .clauses = {"LIST-6"},
       .fixtures = {"echo", "sleep"},
       .run = order},
      {.name = "list/by-task",
       .about = "the list of a task has its executions only",
       .clauses = {"LIST-7"},
       .fixtures = {"echo"},
       .run = by_task},
      {.name = "list/entries",
       .about = "entries agree with the requests and with status queries",
       .clauses = {"LIST-8"},
       .fixtures = {"echo", "sleep", "fail"},
       .run = entries},
      {.name = "list/after-retention",
       .about = "an execution is neither listed nor counted after its retention",
       .clauses = {"LIST-9"},
       .fixtures = {"echo"},
       .needs = {Need::kRetention},
       .run = after_retention},
  };
}

const RegisterCases kListCases(10, list_cases);

}  // namespace
}  // namespace quintain::conformance
