// Rules for the answers about tasks: GetTask, ListTasks, DeleteTask, and every TaskInfo.
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "conformance/judgement/rules/rules.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::TaskInfo;

// All descriptions of tasks in the answer.
std::vector<const TaskInfo*> tasks_in(const RecordedCall& recorded) {
  std::vector<const TaskInfo*> tasks;
  if (!recorded.answered()) return tasks;
  if (recorded.method == Method::kGetTask) {
    const auto& answer = recorded.answer_as<spearlet::GetTaskResponse>();
    if (answer.has_task()) tasks.push_back(&answer.task());
  } else if (recorded.method == Method::kListTasks) {
    const auto& answer = recorded.answer_as<spearlet::ListTasksResponse>();
    for (const TaskInfo& task : answer.tasks()) tasks.push_back(&task);
  } else if (recorded.method == Method::kGetStats) {
    const auto& answer = recorded.answer_as<spearlet::GetStatsResponse>();
    for (const TaskInfo& task : answer.task_stats().most_active_tasks()) tasks.push_back(&task);
  }
  return tasks;
}

void task_info_is_sound(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  const auto now = wall_clock_limit(recorded, recorded.returned);
  for (const TaskInfo* task : tasks_in(recorded)) {
    const auto whose = [&](std::string_view field, std::int64_t value) {
      return fmt::format("{} of '{}' is {}", field, task->task_id(), value);
    };
    opinion.require(task->execution_count() >= 0, "execution_count is not negative",
                    [&] { return whose("execution_count", task->execution_count()); });
    opinion.require(task->execution_count() <= 0 || is_live(task->last_status()) ||
                        core::is_terminal(task->last_status()),
                    "a task with executions has the last_status of one of them", [&] {
                      return fmt::format("last_status of '{}' is {}", task->task_id(),
                                         status_name(task->last_status()));
                    });
    opinion.require(0 < task->created_at() && task->created_at() <= task->updated_at(),
                    "created_at is set and not after updated_at", [&] {
                      return whose("created_at", task->created_at()) + ", " +
                             whose("updated_at", task->updated_at());
                    });
    if (!now) continue;
    opinion.require(task->updated_at() <= core::floor_milliseconds(*now) + 1,
                    "updated_at is a time in milliseconds since the Unix epoch, not in the future",
                    [&] { return whose("updated_at", task->updated_at()); });
  }
}

void task_answer_fits_the_request(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetTask || !recorded.ended()) return;
  const auto& request = recorded.request_as<spearlet::GetTaskRequest>();
  const std::string& id = request.task_id();
  if (recorded.status.code() == absl::StatusCode::kNotFound) {
    return opinion.require(false, "an unknown task is answered with found = false and no error",
                           [&] { return fmt::format("NOT_FOUND for '{}'", id); });
  }
  if (request.execution_limit() < 0 && !recorded.ambiguous() &&
      recorded.status.code() != absl::StatusCode::kUnimplemented) {
    opinion.require(!recorded.answered(), "a negative execution_limit is refused", [&] {
      return fmt::format("execution_limit {} was answered", request.execution_limit());
    });
  }
  if (!recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetTaskResponse>();
  opinion.require(answer.found() == answer.has_task(), "found says whether the answer has a task",
                  [&] { return fmt::format("found is {}", answer.found()); });
  if (answer.found()) {
    opinion.require(answer.task().task_id() == id, fmt::format("the task is '{}', as asked", id),
                    [&] { return fmt::format("it is '{}'", answer.task().task_id()); });
  }
  const int executions = answer.executions_size();
  opinion.require(executions == 0 || (answer.found() && request.include_executions()),
                  "only a task that was found has executions, and only with include_executions",
                  [&] { return fmt::format("the answer has {}", executions); });
  if (request.execution_limit() > 0) {
    opinion.require(
        executions <= request.execution_limit(),
        fmt::format("the answer has at most {} executions, as asked", request.execution_limit()),
        [&] { return fmt::format("it has {}", executions); });
  }
  absl::flat_hash_set<std::string_view> seen;
  for (const spearlet::ExecutionInfo& info : answer.executions()) {
    opinion.require(info.task_id() == id, fmt::format("every execution is of task '{}'", id), [&] {
      return fmt::format("'{}' is of task '{}'", info.execution_id(), info.task_id());
    });
    opinion.require(seen.insert(info.execution_id()).second, "no execution is in it twice",
                    [&] { return fmt::format("'{}' is", info.execution_id()); });
  }
}

void task_counts_its_executions(const RecordedCall& recorded, const Policies& policies,
                                Opinion& opinion) {
  if (recorded.method != Method::kGetTask || !recorded.answered()) return;
  const auto& request = recorded.request_as<spearlet::GetTaskRequest>();
  const auto& answer = recorded.answer_as<spearlet::GetTaskResponse>();
  if (!answer.found() || !request.include_executions()) return;
  const TaskInfo& task = answer.task();
  opinion.require(task.execution_count() >= answer.executions_size(),
                  "execution_count is at least the number of executions in the answer", [&] {
                    return fmt::format("it is {}, and the answer has {}", task.execution_count(),
                                       answer.executions_size());
                  });
  if (answer.executions_size() == 0 || task.execution_count() != answer.executions_size()) return;
  // The last execution may have ended and expired.
  if (core::is_terminal(task.last_status()) && policies.retention != core::kForever) return;
  opinion.require(
      std::ranges::any_of(answer.executions(),
                          [&](const auto& info) { return info.status() == task.last_status(); }),
      "last_status is the status of one of the task's executions",
      [&] { return "it is " + status_name(task.last_status()); });
}

void list_of_tasks_fits_the_request(const RecordedCall& recorded, const Policies&,
                                    Opinion& opinion) {
  if (recorded.method != Method::kListTasks || !recorded.answered()) return;
  const auto& request = recorded.request_as<spearlet::ListTasksRequest>();
  const auto& answer = recorded.answer_as<spearlet::ListTasksResponse>();
  absl::flat_hash_set<std::string_view> seen;
  for (const TaskInfo& task : answer.tasks()) {
    const std::string& id = task.task_id();
    opinion.require(id.starts_with(request.prefix()),
                    fmt::format("every task's id starts with '{}'", request.prefix()),
                    [&] { return fmt::format("'{}' is listed", id); });
    opinion.require(seen.insert(id).second, "a page has no duplicates",
                    [&] { return fmt::format("'{}' is in it twice", id); });
    opinion.require(request.include_details() || !task.has_artifact_spec(),
                    "without include_details a task has no artifact_spec",
                    [&] { return fmt::format("'{}' has one", id); });
  }
  opinion.require(
      !answer.has_more() || (answer.tasks_size() > 0 && !answer.next_start_after().empty()),
      "a page with has_more has entries and a next_start_after", [&] {
        return fmt::format("it has {} and '{}'", answer.tasks_size(), answer.next_start_after());
      });
}

void deletion_is_consistent(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kDeleteTask || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::DeleteTaskResponse>();
  opinion.require(
      answer.success() == answer.deleted(), "success and deleted of DeleteTask are equal", [&] {
        return fmt::format("success is {}, deleted is {}", answer.success(), answer.deleted());
      });
}

void only_a_cleanup_removes_records(const RecordedCall& recorded, const Policies&,
                                    Opinion& opinion) {
  if (recorded.method != Method::kDeleteTask || !recorded.answered()) return;
  const auto& request = recorded.request_as<spearlet::DeleteTaskRequest>();
  const auto& answer = recorded.answer_as<spearlet::DeleteTaskResponse>();
  const bool may_clean = request.cleanup_executions() && answer.deleted();
  opinion.require(
      answer.cleaned_executions() == 0 || (may_clean && answer.cleaned_executions() > 0),
      "cleaned_executions is 0 unless the task was deleted with cleanup_executions",
      [&] { return fmt::format("it is {}", answer.cleaned_executions()); });
}

constexpr auto kTaskRules = std::to_array<Rule>({
    {"TASK-5", task_answer_fits_the_request},
    {"TASK-6", list_of_tasks_fits_the_request},
    {"TASK-7", task_info_is_sound},
    {"TASK-7", task_counts_its_executions},
    {"TASK-8", deletion_is_consistent},
    {"TASK-9", only_a_cleanup_removes_records},
});

}  // namespace

std::span<const Rule> task_rules() { return kTaskRules; }

}  // namespace quintain::conformance
