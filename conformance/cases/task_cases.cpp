// TASK cases: how invocations name and make tasks, and GetTask, ListTasks and DeleteTask. Each case
// makes tasks of its own, so that other clients of the target do not matter.
#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using google::protobuf::util::MessageDifferencer;
using spearlet::InvokeFunctionRequest;

constexpr int kMaxTaskPages = 1000;

bool is_found(CaseRun& run, const std::string& task_id) {
  return get_task(run, task_id).answer().found();
}

// The invocation is refused with this code and leaves no record; without its defect, it would be
// accepted.
void check_refused(CaseRun& run, std::string_view clause, InvokeFunctionRequest request,
                   std::initializer_list<absl::StatusCode> codes, std::string_view expected) {
  request.set_execution_id(run.fresh_id());
  const InvokeCall call = submit(run, request);
  run.check(clause, call,
            std::ranges::any_of(codes, [&](auto code) { return refused(run, call, code); }),
            expected);
  if (run.policies().start_errors == Policies::StartErrors::kFailedBody) return;
  const StatusCall status = run.read(request.execution_id());
  run.check(clause, status, status.answered() && !status.answer().found(),
            "a refused invocation has no record");
}

InvokeCall check_accepted(CaseRun& run, std::string_view clause, InvokeFunctionRequest request,
                          std::string_view expected) {
  request.set_execution_id(run.fresh_id());
  const InvokeCall call = submit(run, request);
  run.check(clause, call, call.answered() && status_of(call) == kPending, expected);
  if (!call.answered()) CaseRun::abort("an invocation was refused: " + describe(call.recorded()));
  run.await_end(call.answer().execution_id());
  return call;
}

// ---- Invocations that name or make tasks --------------------------------------------------------

void unspecified_type(CaseRun& run) {
  InvokeFunctionRequest known = run.async("echo", {{"value", 1}});
  known.set_invocation_type(spearlet::INVOCATION_TYPE_UNSPECIFIED);
  const InvokeCall existing =
      check_accepted(run, "TASK-1", known, "without invocation_type a task_id names the task");
  run.check("TASK-1", existing, existing.answer().task_id() == known.task_id(),
            "the execution is of the task that task_id names");

  InvokeFunctionRequest unknown = known;
  unknown.set_task_id("no-such-task-" + run.fresh_id());
  *unknown.mutable_artifact_spec() = artifact(unknown.task_id());
  check_refused(run, "TASK-1", unknown, {absl::StatusCode::kNotFound},
                "without invocation_type a task_id must be that of an existing task, even if there "
                "is an artifact_spec");
  run.check("TASK-1", get_task(run, unknown.task_id()), !is_found(run, unknown.task_id()),
            "the refused invocation makes no task");

  InvokeFunctionRequest fresh = known;
  fresh.clear_task_id();
  *fresh.mutable_artifact_spec() = artifact(run.fresh_id());
  const InvokeCall made = check_accepted(
      run, "TASK-1", fresh, "without invocation_type and task_id an artifact_spec makes a task");
  const std::string id = made.answer().task_id();
  run.check("TASK-1", made, !id.empty() && id != known.task_id() && is_found(run, id),
            "the answer has the id of the new task");
  delete_task(run, id, /*force=*/true, /*cleanup=*/true);

  InvokeFunctionRequest neither = known;
  neither.clear_task_id();
  check_refused(run, "TASK-1", neither, {absl::StatusCode::kInvalidArgument},
                "without invocation_type, task_id and artifact_spec a call is refused with "
                "INVALID_ARGUMENT");
  for (const auto type :
       {spearlet::INVOCATION_TYPE_EXISTING_TASK, spearlet::INVOCATION_TYPE_NEW_TASK}) {
    neither.set_invocation_type(type);
    check_refused(run, "TASK-1", neither, {absl::StatusCode::kInvalidArgument},
                  "EXISTING_TASK without a task_id, and NEW_TASK without an artifact_spec, are "
                  "refused with INVALID_ARGUMENT");
  }
}

// A task made from a description in which little is set. A target may want more to be set.
void sparse_artifact(CaseRun& run, const spearlet::ArtifactSpec& spec) {
  InvokeFunctionRequest request = run.async("echo", {{"value", 1}});
  request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  request.clear_task_id();
  *request.mutable_artifact_spec() = spec;
  const InvokeCall made = submit(run, request);
  if (absl::IsInvalidArgument(made.recorded().status) || !made.answered()) return;
  run.await_end(made.answer().execution_id());
  const auto task = get_task(run, made.answer().task_id());
  run.check("TASK-2", task, MessageDifferencer::Equals(task.answer().task().artifact_spec(), spec),
            "what the request does not set in artifact_spec is not set in that of the task");
  delete_task(run, made.answer().task_id(), /*force=*/true, /*cleanup=*/true);
}

void new_task(CaseRun& run) {
  check_accepted(run, "TASK-2", run.async("echo", {{"value", 1}}), "EXISTING_TASK is accepted");
  InvokeFunctionRequest request = run.async("echo", {{"value", 1}});
  request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  request.clear_task_id();
  request.set_task_name("name of " + request.execution_id());
  *request.mutable_artifact_spec() = artifact(request.execution_id());
  const InvokeCall made = check_accepted(run, "TASK-2", request, "NEW_TASK is accepted");
  const std::string id = made.answer().task_id();
  run.require("TASK-2", !id.empty(), "the answer has the id of the new task",
              describe(made.recorded()));
  const auto task = get_task(run, id);
  run.check("TASK-2", task, task.answer().found(), "the new task is found");
  run.check("TASK-2", task, task.answer().task().task_name() == request.task_name(),
            fmt::format("its name is '{}'", request.task_name()));
  run.check(
      "TASK-2", task,
      MessageDifferencer::Equals(task.answer().task().artifact_spec(), request.artifact_spec()),
      "its artifact_spec is that of the request");

  InvokeFunctionRequest different = request;
  different.set_task_name("another " + request.task_name());
  auto& spec = *different.mutable_artifact_spec();
  spec = artifact("other-" + request.execution_id());
  spec.set_artifact_type("other-fixture");
  spec.set_location("builtin:other-fixtures");
  spec.set_version("4.5.6");
  spec.set_checksum("sha256:1");
  (*spec.mutable_metadata())["made-by"] = "another";
  const InvokeCall second = check_accepted(run, "TASK-2", different, "NEW_TASK is accepted again");
  const std::string other = second.answer().task_id();
  run.check("TASK-2", second, !other.empty() && other != id, "it makes another task");
  const auto other_task = get_task(run, other);
  run.check("TASK-2", other_task,
            other_task.answer().task().task_name() == different.task_name() &&
                MessageDifferencer::Equals(other_task.answer().task().artifact_spec(), spec),
            "the other task has the name and the artifact_spec of its own request");

  const InvokeCall same = check_accepted(run, "TASK-2", request, "NEW_TASK is accepted again");
  run.check("TASK-2", same,
            same.answer().task_id() != id && same.answer().task_id() != other &&
                is_found(run, same.answer().task_id()),
            "the same request without a task_id makes another task each time");
  delete_task(run, same.answer().task_id(), /*force=*/true, /*cleanup=*/true);

  InvokeFunctionRequest taken = request;
  taken.set_task_id(id);
  check_refused(run, "TASK-2", taken, {absl::StatusCode::kAlreadyExists},
                "NEW_TASK with the id of an existing task is refused with ALREADY_EXISTS");
  delete_task(run, id, /*force=*/true, /*cleanup=*/true);
  delete_task(run, other, /*force=*/true, /*cleanup=*/true);
  spearlet::ArtifactSpec only_type;
  only_type.set_artifact_type("fixture");
  sparse_artifact(run, only_type);
  spearlet::ArtifactSpec only_id;
  only_id.set_artifact_id(request.artifact_spec().artifact_id());
  sparse_artifact(run, only_id);
}

void create_if_not_exists(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const std::string id = "task-" + run.fresh_id();
    InvokeFunctionRequest request = run.async("echo", {{"value", 1}});
    request.set_task_id(id);
    *request.mutable_artifact_spec() = artifact(id);
    check_refused(run, "TASK-3", request, {absl::StatusCode::kNotFound},
                  "an unknown task is refused with NOT_FOUND without create_if_not_exists");
    look.expect("TASK-3", get_task(run, id), !is_found(run, id), "the refused call makes no task");

    request.set_create_if_not_exists(true);
    const InvokeCall made = check_accepted(run, "TASK-3", request,
                                           "create_if_not_exists makes the task that is missing");
    look.expect("TASK-3", made, made.answer().task_id() == id,
                "the task has the id of the request");
    const auto task = get_task(run, id);
    look.expect("TASK-3", task, task.answer().found(), "the task is found");

    const InvokeCall again =
        check_accepted(run, "TASK-3", request, "create_if_not_exists uses a task that exists");
    look.expect("TASK-3", again, again.answer().task_id() == id, "it is the same task");
    const auto later = get_task(run, id);
    look.expect("TASK-3", later,
                later.answer().task().created_at() == task.answer().task().created_at() &&
                    later.answer().task().execution_count() == 2,
                "the task was made once, and has both executions");
    InvokeFunctionRequest other = request;
    other.set_task_name("another name of " + id);
    *other.mutable_artifact_spec() = artifact("another-" + id);
    check_accepted(run, "TASK-3", other, "create_if_not_exists uses a task that exists");
    const auto unchanged = get_task(run, id);
    look.expect("TASK-3", unchanged,
                unchanged.answer().task().task_name() == task.answer().task().task_name() &&
                    MessageDifferencer::Equals(unchanged.answer().task().artifact_spec(),
                                               task.answer().task().artifact_spec()),
                "a task that exists keeps its name and its artifact_spec");
    delete_task(run, id, /*force=*/true, /*cleanup=*/true);
  });
}

void refusals_make_nothing(CaseRun& run) {
  const std::string id = "task-" + run.fresh_id();
  InvokeFunctionRequest good = run.async("echo", {{"value", 1}});
  good.set_task_id(id);
  good.set_create_if_not_exists(true);
  *good.mutable_artifact_spec() = artifact(id);

  InvokeFunctionRequest malformed = good;
  malformed.mutable_context()->set_timeout_ms(-1);
  check_refused(run, "TASK-4", malformed, {absl::StatusCode::kInvalidArgument},
                "a negative timeout is refused with INVALID_ARGUMENT");
  InvokeFunctionRequest modeless = good;
  modeless.set_execution_mode(spearlet::EXECUTION_MODE_STREAM);
  check_refused(run, "TASK-4", modeless,
                {absl::StatusCode::kInvalidArgument, absl::StatusCode::kUnimplemented},
                "STREAM through InvokeFunction is refused");
  run.check("TASK-4", get_task(run, id), !is_found(run, id),
            "refused invocations make no task, in spite of create_if_not_exists");
  check_accepted(run, "TASK-4", good, "the same invocation without a defect is accepted");
  run.check("TASK-4", get_task(run, id), is_found(run, id), "it makes the task");
  delete_task(run, id, /*force=*/true, /*cleanup=*/true);

  InvokeFunctionRequest unknown = run.async("echo", {{"value", 1}});
  check_accepted(run, "TASK-4", unknown, "a function of the task is accepted");
  unknown.set_function_name("no-such-function-" + run.fresh_id());
  check_refused(run, "TASK-4", unknown,
                {absl::StatusCode::kNotFound, absl::StatusCode::kInvalidArgument},
                "a function that the task does not have is refused");
}

// ---- Queries ------------------------------------------------------------------------------------

std::vector<std::string> ids_of(const Call<spearlet::GetTaskResponse>& call) {
  std::vector<std::string> ids;
  for (const auto& info : call.answer().executions()) ids.push_back(info.execution_id());
  return ids;
}

void get(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    const OwnTask other = make_task(run);
    std::vector<std::string> newest_first = {task.first_execution()};
    std::map<std::string, spearlet::InvokeFunctionRequest> requests = {
        {task.first_execution(), task.request}, {other.first_execution(), other.request}};
    for (const auto& request :
         {run.async("echo", {{"value", 1}}), run.async("fail"), run.sync("echo", {{"value", 2}})}) {
      // The lists of two tasks by turns.
      for (const OwnTask& owner : {other, task}) {
        const auto call = get_task(run, owner.id, /*include_executions=*/true);
        for (const auto& entry : call.answer().executions()) {
          const auto& sent = requests[entry.execution_id()];
          look.expect("TASK-5", call,
                      entry.task_id() == owner.id &&
                          entry.function_name() == sent.function_name() &&
                          entry.execution_mode() == sent.execution_mode(),
                      "every execution has the task, the function and the mode of its request");
        }
      }
      const InvokeCall call = submit(run, in_task(request, task));
      if (!call.answered()) CaseRun::abort("a call was refused: " + describe(call.recorded()));
      newest_first.insert(newest_first.begin(), call.answer().execution_id());
      requests[newest_first.front()] = request;
      run.await_end(newest_first.front());
    }
    const auto bare = get_task(run, task.id);
    look.expect("TASK-5", bare, bare.answer().found() && bare.answer().executions().empty(),
                "without include_executions the answer has none");
    const auto full = get_task(run, task.id, /*include_executions=*/true);
    look.expect("TASK-5", full, ids_of(full) == newest_first,
                "with include_executions the answer has the task's executions, newest first");
    for (const int limit : {1, 3, 100}) {
      const auto page = get_task(run, task.id, /*include_executions=*/true, limit);
      const auto size = std::min<std::size_t>(static_cast<std::size_t>(limit), newest_first.size());
      look.expect("TASK-5", page,
                  ids_of(page) == std::vector(newest_first.begin(),
                                              newest_first.begin() + static_cast<long>(size)),
                  fmt::format("with execution_limit {} it has the {} newest", limit, size));
    }
    const auto negative = get_task(run, task.id, /*include_executions=*/true, -1);
    look.expect("TASK-5", negative, negative.code() == absl::StatusCode::kInvalidArgument,
                "a negative execution_limit is refused with INVALID_ARGUMENT");
    const auto unknown = get_task(run, "no-such-" + task.id, /*include_executions=*/true);
    look.expect(
        "TASK-5", unknown,
        unknown.answered() && !unknown.answer().found() && unknown.answer().executions().empty(),
        "an unknown task is answered with found = false and no error");
    drop(run, task);
    drop(run, other);
  });
}

// All pages of the list, each of at most `limit` tasks.
std::vector<spearlet::TaskInfo> list_tasks(CaseRun& run, const std::string& prefix, int limit,
                                           bool details) {
  std::vector<spearlet::TaskInfo> tasks;
  std::set<std::string> seen;
  spearlet::ListTasksRequest request;
  request.set_prefix(prefix);
  request.set_limit(limit);
  request.set_include_details(details);
  for (int page = 0; page < kMaxTaskPages; ++page) {
    const auto call = run.call(request);
    if (!call.answered()) CaseRun::abort("a list was refused: " + describe(call.recorded()));
    for (const auto& task : call.answer().tasks()) {
      // A target that ignores start_after would send the same page forever.
      const bool is_new = seen.insert(task.task_id()).second;
      run.check("TASK-6", call, is_new, "no task is on two pages");
      if (!is_new) return tasks;
      tasks.push_back(task);
    }
    if (!call.answer().has_more()) return tasks;
    run.check("TASK-6", call, call.answer().tasks_size() > 0, "a page with has_more is not empty");
    request.set_start_after(call.answer().next_start_after());
  }
  CaseRun::abort(fmt::format("a list of tasks does not end within {} pages", kMaxTaskPages));
}

std::multiset<std::string> ids_of(const std::vector<spearlet::TaskInfo>& tasks) {
  std::multiset<std::string> ids;
  for (const auto& task : tasks) ids.insert(task.task_id());
  return ids;
}

void list(CaseRun& run) {
  std::vector<OwnTask> tasks;
  std::multiset<std::string> wanted;
  for (int i = 0; i < 3; ++i) tasks.push_back(make_task(run));
  // Its id comes directly after that of the first task, which it extends.
  tasks.push_back(make_task(run, tasks[0].id + "-a"));
  for (const OwnTask& task : tasks) wanted.insert(task.id);
  // What the ids of this case have in common; other cases run at the same time.
  const std::string prefix = tasks[0].id.substr(0, tasks[0].id.rfind('-') + 1);
  for (const int limit : {0, 1, 2, 3, 4, 5}) {
    const auto listed = list_tasks(run, prefix, limit, /*details=*/false);
    run.check("TASK-6", ids_of(listed) == wanted,
              fmt::format("in pages of {} the list has each task with the prefix '{}' once", limit,
                          prefix),
              fmt::format("it has {} tasks", listed.size()));
  }
  const auto one = list_tasks(run, tasks[1].id, 0, /*details=*/true);
  run.check("TASK-6", ids_of(one) == std::multiset<std::string>{tasks[1].id},
            "the list with a task's id as prefix has that task",
            fmt::format("it has {} tasks", one.size()));
  run.check("TASK-6",
            !one.empty() && MessageDifferencer::Equals(one[0].artifact_spec(),
                                                       tasks[1].request.artifact_spec()),
            "with include_details a task has its artifact_spec",
            one.empty() ? "it is not listed" : brief_json(one[0]));
  const auto everything = list_tasks(run, "", 0, /*details=*/false);
  run.check(
      "TASK-6", ids_of(everything).contains(tasks[1].id),
      "the list without a prefix has tasks of every prefix",
      fmt::format("it has {} tasks, and '{}' is none of them", everything.size(), tasks[1].id));
  const auto none = list_tasks(run, "no-such-" + prefix, 0, /*details=*/false);
  run.check("TASK-6", none.empty(), "the list with a prefix of no task is empty",
            fmt::format("it has {} tasks", none.size()));
  const auto other_case = list_tasks(run, absl::AsciiStrToUpper(prefix), 0, /*details=*/false);
  run.check("TASK-6", other_case.empty(), "a prefix in capitals is another prefix",
            fmt::format("the list has {} tasks", other_case.size()));
  for (const OwnTask& task : tasks) drop(run, task);
}

// Nothing that is asked of a similar id concerns the task.
void similar_ids(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run, "task-" + run.fresh_id() + "-Similar");
    for (const std::string& other : similar_names(task.id)) {
      const auto found = get_task(run, other, /*include_executions=*/true);
      look.expect("TASK-5", found, !found.answer().found() && found.answer().executions().empty(),
                  "an id that is only similar to a task's does not find it");
      spearlet::ListExecutionsRequest query;
      query.set_task_id(other);
      const auto listed = run.call(query);
      look.expect("LIST-7", listed, listed.answer().executions().empty(),
                  "a task whose id is only similar to another's has none of its executions");
      const auto deleted = delete_task(run, other, /*force=*/true, /*cleanup=*/true);
      look.expect("TASK-8", deleted, !deleted.answer().success() && !deleted.answer().deleted(),
                  "a deletion by an id that is only similar to a task's deletes nothing");
    }
    const auto still = get_task(run, task.id, /*include_executions=*/true);
    look.expect("TASK-8", still, ids_of(still) == std::vector<std::string>{task.first_execution()},
                "the task and its execution are still there");
    // Two tasks whose ids differ in capitals only.
    const OwnTask small = make_task(run, absl::AsciiStrToLower(task.id));
    for (const OwnTask* one : {&task, &small}) {
      const auto own = get_task(run, one->id, /*include_executions=*/true);
      look.expect("TASK-5", own, ids_of(own) == std::vector<std::string>{one->first_execution()},
                  "each of two tasks with similar ids has its own executions");
      const auto listed = list_all(run, one->id, 100);
      look.expect("LIST-7",
                  listed.size() == 1 && listed[0].execution_id() == one->first_execution(),
                  "each of two tasks with similar ids lists its own executions",
                  fmt::format("the list has {} entries", listed.size()));
    }
    // One whose id starts with that of another.
    const OwnTask longer = make_task(run, small.id + "-x");
    drop(run, small);
    for (const OwnTask* one : {&task, &longer}) {
      const auto other = get_task(run, one->id, /*include_executions=*/true);
      look.expect("TASK-8", other,
                  ids_of(other) == std::vector<std::string>{one->first_execution()},
                  "the deletion of a task leaves those with similar ids, and their executions");
      drop(run, *one);
    }
  });
}

std::int64_t wall_ms(CaseRun& run) {
  return core::floor_milliseconds(run.transport().wall_now().since_epoch);
}

void info(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const std::int64_t slack = core::floor_milliseconds(run.slack()) + 1;
    const std::int64_t before = wall_ms(run);
    const OwnTask task = make_task(run);
    const auto first = get_task(run, task.id);
    const spearlet::TaskInfo made = first.answer().task();
    look.expect("TASK-7", first,
                made.created_at() >= before - slack && made.created_at() <= wall_ms(run) + slack,
                "created_at is the time of the call that made the task");
    look.expect("TASK-7", first,
                made.execution_count() == 1 && made.last_status() == task.first_status,
                "a new task has one execution, and its status");
    look.expect("TASK-7", first, made.task_name() == task.request.task_name(),
                "the task has the name of the request");
    run.sleep_for(20ms);
    std::set<std::int64_t> times = {made.created_at(), made.updated_at()};
    int count = 1;
    for (const std::string_view fixture : {"fail", "echo"}) {
      // The failure takes a while, so that the times of its start and its end differ.
      const auto next =
          fixture == "fail" ? run.async(fixture, {{"ms", at_least(0, 300)}}) : run.async(fixture);
      const std::string id = run_to_end(run, in_task(next, task));
      const StatusCall end = run.read(id);
      ++count;
      const auto call = get_task(run, task.id);
      const spearlet::TaskInfo& now = call.answer().task();
      look.expect("TASK-7", call, now.execution_count() == count,
                  fmt::format("after {} executions execution_count is {}", count, count));
      look.expect("TASK-7", call, now.last_status() == status_of(end),
                  "last_status is the status of the last execution");
      look.expect("TASK-7", call, now.created_at() == made.created_at(),
                  "created_at does not change");
      const std::int64_t ended =
          core::floor_milliseconds(time_of(end.answer().result().completed_at()));
      look.expect("TASK-7", call,
                  run.exact() ? now.updated_at() == ended
                              : now.updated_at() >= ended - 1 && now.updated_at() <= ended + slack,
                  "updated_at is the time of the last change of the task's executions");
      times.insert(now.updated_at());
    }
    // In virtual time a case starts at a whole second.
    look.expect("TASK-7", first,
                run.exact() || !std::ranges::all_of(times, [](auto ms) { return ms % 1000 == 0; }),
                "created_at and updated_at are milliseconds, not whole seconds");
    drop(run, task);
  });
}

void info_of_a_busy_task(CaseRun& run) {
  const OwnTask task = make_task(run);
  require_functions_run(run, task);
  const std::string id = start_running(run, in_task(run.async("sleep", {{"ms", kLongMs}}), task));
  const auto busy = get_task(run, task.id, /*include_executions=*/true);
  run.check("TASK-7", busy, busy.answer().task().last_status() == kRunning,
            "last_status of a task whose last execution runs is RUNNING");
  release(run, {id});
  run.await_end(id);
  const auto idle = get_task(run, task.id, /*include_executions=*/true);
  run.check("TASK-7", idle, idle.answer().task().last_status() == kCancelled,
            "last_status is CANCELLED once the execution was cancelled");
  drop(run, task);
}

// What two answers say of one task, without what the interface leaves open.
bool is_same(spearlet::TaskInfo one, spearlet::TaskInfo other) {
  one.clear_metadata();
  other.clear_metadata();
  if (!one.has_artifact_spec() || !other.has_artifact_spec()) {
    one.clear_artifact_spec();
    other.clear_artifact_spec();
  }
  return MessageDifferencer::Equals(one, other);
}

template <class Tasks>
const spearlet::TaskInfo* find_info(const Tasks& tasks, const std::string& id) {
  const auto found = std::ranges::find(tasks, id, &spearlet::TaskInfo::task_id);
  return found == tasks.end() ? nullptr : &*found;
}

// What `answer` says of each of its tasks is what GetTask says before and after it. A task that
// changes in between is not compared.
template <class Query>
void check_same_as_get(CaseRun& run, std::set<std::string> ids, const Query& query) {
  std::map<std::string, spearlet::GetTaskResponse> before;
  for (const std::string& id : ids) before[id] = get_task(run, id).answer();
  const auto [call, tasks] = query();
  for (const std::string& id : ids) {
    const spearlet::TaskInfo* const shown = find_info(tasks, id);
    if (shown == nullptr || !before[id].found()) continue;
    const auto after = get_task(run, id);
    if (!is_same(before[id].task(), after.answer().task())) continue;
    run.check("TASK-11", call, is_same(*shown, after.answer().task()),
              fmt::format("it describes the task '{}' as GetTask does: {}", id,
                          brief_json(after.answer().task())));
  }
}

std::vector<spearlet::TaskInfo> all_of(
    const google::protobuf::RepeatedPtrField<spearlet::TaskInfo>& tasks) {
  return {tasks.begin(), tasks.end()};
}

void check_lists(CaseRun& run, const std::set<std::string>& ids, const std::string& prefix) {
  check_same_as_get(run, ids, [&] {
    spearlet::ListTasksRequest request;
    request.set_prefix(prefix);
    request.set_include_details(true);
    const auto call = run.call(request);
    return std::pair(call, all_of(call.answer().tasks()));
  });
}

Call<spearlet::GetStatsResponse> task_stats(CaseRun& run) {
  spearlet::GetStatsRequest request;
  request.set_include_task_stats(true);
  return run.call(request);
}

void check_most_active(CaseRun& run, const std::set<std::string>& ids) {
  check_same_as_get(run, ids, [&] {
    const auto call = task_stats(run);
    return std::pair(call, all_of(call.answer().task_stats().most_active_tasks()));
  });
}

std::ptrdiff_t place_of(const Call<spearlet::GetStatsResponse>& call, const std::string& id) {
  const auto& tasks = call.answer().task_stats().most_active_tasks();
  return std::ranges::find(tasks, id, &spearlet::TaskInfo::task_id) - tasks.begin();
}

void same_everywhere(CaseRun& run) {
  const std::string fixtures = run.async("echo").task_id();
  check_lists(run, {fixtures}, fixtures);
  task_stats(run);
  const OwnTask quiet = make_task(run);
  const OwnTask busy = make_task(run);
  const std::set<std::string> ids = {fixtures, quiet.id, busy.id};
  const std::string prefix = quiet.id.substr(0, quiet.id.rfind('-') + 1);
  check_lists(run, ids, prefix);
  check_lists(run, ids, busy.id);
  check_most_active(run, ids);
  run_to_end(run, in_task(run.async("fail"), quiet));
  for (int i = 0; i < 4; ++i) {
    run_to_end(run, in_task(run.async("echo", {{"value", i}}), busy));
  }
  // The latest execution is one of the busy task, in which one runs now if functions run in it.
  std::string running;
  if (busy.first_status == kCompleted) {
    running = start_running(run, in_task(run.async("sleep", {{"ms", kLongMs}}), busy));
  }
  check_lists(run, ids, prefix);
  check_lists(run, ids, quiet.id);
  check_most_active(run, ids);
  const auto stats = task_stats(run);
  const auto& most_active = stats.answer().task_stats().most_active_tasks();
  run.check("STATS-7", stats, !most_active.empty(),
            "most_active_tasks has a task once tasks have had executions");
  for (const spearlet::TaskInfo& task : most_active) {
    if (is_found(run, task.task_id())) continue;
    // It may have been deleted in between.
    const auto again = task_stats(run);
    run.check(
        "STATS-7", again,
        place_of(again, task.task_id()) == again.answer().task_stats().most_active_tasks_size(),
        fmt::format("the task '{}', which GetTask does not find, is not listed", task.task_id()));
  }
  if (running.empty() || get_task(run, busy.id).answer().task().last_status() == kRunning) {
    const std::ptrdiff_t end = most_active.size();
    run.check(
        "STATS-7", stats,
        place_of(stats, quiet.id) == end || place_of(stats, busy.id) < place_of(stats, quiet.id),
        "a task comes first that has more executions, a later one and one that runs");
  }
  if (!running.empty()) {
    release(run, {running});
    run.await_end(running);
  }
  drop(run, quiet);
  drop(run, busy);
  const auto later = task_stats(run);
  for (const std::string& id : {quiet.id, busy.id}) {
    run.check("STATS-7", later,
              place_of(later, id) == later.answer().task_stats().most_active_tasks_size(),
              "a deleted task is not among the most active ones");
  }
}

// ---- Deletion -----------------------------------------------------------------------------------

void check_deleted(CaseRun& run, std::string_view clause,
                   const Call<spearlet::DeleteTaskResponse>& deletion) {
  run.check(clause, deletion,
            deletion.answered() && deletion.answer().success() && deletion.answer().deleted(),
            "the task is deleted");
}

void remove(CaseRun& run) {
  const OwnTask task = make_task(run);
  const OwnTask other = make_task(run);
  const auto present = list_tasks(run, task.id, 0, /*details=*/false);
  run.check("TASK-8", present.size() == 1, "before its deletion a task is listed",
            fmt::format("{} tasks are listed", present.size()));
  const auto before = get_task(run, task.id);
  check_deleted(run, "TASK-8", delete_task(run, task.id));
  const auto gone = get_task(run, task.id);
  run.check("TASK-8", gone, gone.answered() && !gone.answer().found(),
            "a deleted task is not found");
  const auto listed = list_tasks(run, task.id, 0, /*details=*/false);
  run.check("TASK-8", listed.empty(), "a deleted task is not listed",
            fmt::format("{} tasks are listed", listed.size()));
  InvokeFunctionRequest request = in_task(run.async("echo", {{"value", 1}}), task);
  check_refused(run, "TASK-8", request, {absl::StatusCode::kNotFound},
                "a deleted task takes no invocation");
  run.check("TASK-8", get_task(run, other.id), is_found(run, other.id),
            "another task is not deleted");
  for (const std::string& unknown : {task.id, "no-such-" + task.id}) {
    const auto again = delete_task(run, unknown, /*force=*/true);
    run.check("TASK-8", again,
              again.code() == absl::StatusCode::kNotFound ||
                  (again.answered() && !again.answer().success() && !again.answer().deleted()),
              "a task that does not exist is not deleted");
  }
  run.sleep_for(20ms);
  InvokeFunctionRequest revival = task.request;
  revival.set_task_name("another " + task.request.task_name());
  const InvokeCall made =
      check_accepted(run, "TASK-8", revival, "the id of a deleted task is free");
  run.check("TASK-8", made, made.answer().task_id() == task.id && is_found(run, task.id),
            "a new task can be made with it");
  const auto revived = get_task(run, task.id);
  run.check("TASK-8", revived,
            revived.answer().task().created_at() > before.answer().task().created_at() &&
                revived.answer().task().task_name() == revival.task_name(),
            "it has the name and the time of the call that made it, not those of the deleted task");
  drop(run, task);
  drop(run, other);
}

void clean_up(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask kept = make_task(run);
    const auto keeping = delete_task(run, kept.id);
    check_deleted(run, "TASK-9", keeping);
    look.expect("TASK-9", keeping, keeping.answer().cleaned_executions() == 0,
                "without cleanup_executions no record is removed");
    const StatusCall record = run.read(kept.first_execution());
    look.expect("TASK-9", record, record.answer().found() && status_of(record) == kept.first_status,
                "without cleanup_executions the records of a deleted task are kept");

    const OwnTask task = make_task(run);
    const OwnTask other = make_task(run);
    const std::vector<std::string> ids = {
        task.first_execution(), run_to_end(run, in_task(run.async("echo", {{"value", 2}}), task)),
        run_to_end(run, in_task(run.async("fail"), task))};
    const auto cleaning = delete_task(run, task.id, /*force=*/false, /*cleanup=*/true);
    check_deleted(run, "TASK-9", cleaning);
    look.expect("TASK-9", cleaning, cleaning.answer().cleaned_executions() == 3,
                "cleaned_executions is the number of the task's records, 3");
    for (const std::string& id : ids) {
      const StatusCall status = run.read(id);
      look.expect("TASK-9", status, status.answered() && !status.answer().found(),
                  "with cleanup_executions the records are removed");
    }
    const auto entries = list_all(run, task.id, 100);
    look.expect("TASK-9", entries.empty(), "removed records are not listed",
                fmt::format("{} are", entries.size()));
    const StatusCall unharmed = run.read(other.first_execution());
    look.expect("TASK-9", unharmed, unharmed.answer().found(), "records of other tasks are kept");
    // Another request with an id that was used.
    auto reuse = in_task(run.async("echo", {{"value", 77}}), other);
    reuse.set_execution_id(ids[0]);
    const InvokeCall call = submit(run, reuse);
    look.expect("TASK-9", call, call.answered(), "the id of a removed record is free");
    if (call.answered()) run.await_end(ids[0]);
    drop(run, other);
  });
}

void refused_without_force(CaseRun& run, Look& look, const OwnTask& task, const std::string& id,
                           spearlet::ExecutionStatus status) {
  for (const bool cleanup : {false, true}) {
    const auto call = delete_task(run, task.id, /*force=*/false, cleanup);
    look.expect("LIST-5", call,
                call.code() == absl::StatusCode::kFailedPrecondition ||
                    (call.answered() && !call.answer().success() && !call.answer().deleted() &&
                     call.answer().cleaned_executions() == 0),
                fmt::format("a task with a {} execution is not deleted without force",
                            status_name(status)));
  }
  look.expect("LIST-5", get_task(run, task.id), is_found(run, task.id), "the task is still found");
  for (const std::string& execution : {id, task.first_execution()}) {
    const StatusCall read = run.read(execution);
    look.expect("LIST-5", read, status_of(read) == (execution == id ? status : task.first_status),
                "the refused deletion changes no execution");
  }
}

void busy(CaseRun& run) {
  before_expiry(run, [&](Look& look) {
    const OwnTask task = make_task(run);
    require_functions_run(run, task);
    // A forced deletion of another task does not make the next ones forced.
    drop(run, make_task(run));
    const auto sleep = [&] { return in_task(run.async("sleep", {{"ms", kLongMs}}), task); };
    const std::string running = start_running(run, sleep());
    refused_without_force(run, look, task, running, kRunning);
    release(run, {running});
    run.await_end(running);

    const std::vector<std::string> blockers = fill_slots(run);
    const std::string waiting = run.start_async(sleep());
    refused_without_force(run, look, task, waiting, kPending);
    release(run, blockers);
    release(run, {waiting});
    run.await_end(waiting);
    const auto idle = delete_task(run, task.id);
    look.expect("LIST-5", idle, idle.answer().success() && idle.answer().deleted(),
                "once its executions have ended the task is deleted without force");
    drop(run, task);
  });
}

void by_force(CaseRun& run) {
  const OwnTask task = make_task(run);
  require_functions_run(run, task);
  // It ignores the request to stop, so it ends at once only if it is killed.
  const std::string running =
      start_running(run, in_task(run.async("stubborn", {{"ms", kLongMs}}), task));
  std::vector<std::string> blockers;
  for (int i = 1; i < run.node().slots.value_or(1); ++i) {
    blockers.push_back(run.start_async(run.async("sleep", {{"ms", kLongMs}})));
  }
  for (const std::string& id : blockers) {
    if (!run.await(id, kRunning)) CaseRun::abort("the target has fewer slots than declared");
  }
  const std::string waiting = run.start_async(in_task(run.async("echo", {{"value", 1}}), task));
  check_deleted(run, "TASK-10", delete_task(run, task.id, /*force=*/true));
  run.check("TASK-10", get_task(run, task.id), !is_found(run, task.id), "the task is gone");
  for (const std::string& id : {running, waiting}) {
    check_end(run, "TASK-10", id, kCancelled, "unfinished executions of the task are CANCELLED",
              run.slack() + 100ms);
  }
  const StatusCall status = run.read(waiting);
  run.check("TASK-10", status,
            !status.answer().result().has_started_at() && attempts_logged(status.answer()) == 0,
            "an execution that waited does not start");
  for (const std::string& id : blockers) {
    const StatusCall other = run.read(id);
    run.check("TASK-10", other, status_of(other) == kRunning, "executions of other tasks go on");
  }
  release(run, blockers);
  run.check("TASK-10", still_serves(run), "the slot of the cancelled execution is free",
            "a short call was not served");
}

std::vector<Case> task_cases() {
  return {
      {.name = "task/unspecified-type",
       .about = "invocation_type 0 is decided by task_id, then artifact_spec; else refused",
       .clauses = {"TASK-1"},
       .fixtures = {"echo"},
       .run = unspecified_type},
      {.name = "task/new-task",
       .about = "NEW_TASK makes a task from the artifact_spec, and not twice",
       .clauses = {"TASK-2"},
       .fixtures = {"echo"},
       .run = new_task},
      {.name = "task/create-if-not-exists",
       .about = "the task that task_id names is made once, and only if asked for",
       .clauses = {"TASK-3"},
       .fixtures = {"echo"},
       .run = create_if_not_exists},
      {.name = "task/refusals-make-nothing",
       .about = "a refused invocation makes neither a task nor a record",
       .clauses = {"TASK-4"},
       .fixtures = {"echo"},
       .run = refusals_make_nothing},
      {.name = "task/get",
       .about = "GetTask with and without executions, with limits, of an unknown task",
       .clauses = {"TASK-5"},
       .fixtures = {"echo"},
       .run = get},
      {.name = "task/list",
       .about = "ListTasks in pages of several sizes, with prefixes and details",
       .clauses = {"TASK-6"},
       .fixtures = {"echo"},
       .run = list},
      {.name = "task/similar-ids",
       .about = "ids that are similar to a task's are those of other tasks or of none",
       .clauses = {"TASK-5", "TASK-8", "LIST-7"},
       .fixtures = {"echo"},
       .run = similar_ids},
      {.name = "task/info",
       .about = "the count, the last status and the times of a task follow its executions",
       .clauses = {"TASK-7"},
       .fixtures = {"echo", "fail"},
       .run = info},
      {.name = "task/info-while-busy",
       .about = "the last status of a task is RUNNING while its last execution runs",
       .clauses = {"TASK-7"},
       .fixtures = {"echo", "sleep"},
       .exclusive = true,
       .run = info_of_a_busy_task},
      {.name = "task/same-everywhere",
       .about = "ListTasks and the most active tasks of GetStats show what GetTask shows",
       .clauses = {"TASK-11", "STATS-7"},
       .fixtures = {"echo", "fail", "sleep"},
       .run = same_everywhere},
      {.name = "task/delete",
       .about = "a deleted task is gone, others are not, and its id is free",
       .clauses = {"TASK-8"},
       .fixtures = {"echo"},
       .run = remove},
      {.name = "task/delete-with-records",
       .about = "DeleteTask removes the task's records exactly if asked to",
       .clauses = {"TASK-9"},
       .fixtures = {"echo", "fail"},
       .run = clean_up},
      {.name = "task/delete-busy",
       .about = "a task is not deleted while an execution runs or waits",
       .clauses = {"LIST-5"},
       .fixtures = {"echo", "sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = busy},
      {.name = "task/delete-by-force",
       .about = "forced deletion cancels executions that run or wait, and no others",
       .clauses = {"TASK-10"},
       .fixtures = {"echo", "sleep", "stubborn"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = by_force},
  };
}

const RegisterCases kTaskCases(11, task_cases);

}  // namespace
}  // namespace quintain::conformance
