// Faults of tasks: how invocations make them, how they are described, listed and deleted.
#include <absl/strings/ascii.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

constexpr auto kNewTask = spearlet::INVOCATION_TYPE_NEW_TASK;
constexpr auto kExistingTask = spearlet::INVOCATION_TYPE_EXISTING_TASK;

// Makes the task of a request before it is checked, so that a refused call leaves one.
class RefusalMakesATask final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    GetTaskRequest query;
    query.set_task_id(request.task_id());
    const bool is_missing = !ask(inner(), &core::FunctionService::GetTask, query).found();
    if (request.create_if_not_exists() && is_missing && request.context().timeout_ms() < 0) {
      InvokeFunctionRequest sound = request;
      sound.mutable_context()->clear_timeout_ms();
      sound.set_execution_id(given_id(request) + "-sound");
      inner().InvokeFunction(std::move(sound), {}, discarded_answer<InvokeFunctionResponse>());
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

// Answers DeleteTask, and hides the task from GetTask only.
class DeletedTaskStaysListed final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void DeleteTask(const DeleteTaskRequest& request, Answer<DeleteTaskResponse> answer) override {
    ListTasksRequest query;
    query.set_prefix(request.task_id());
    const ListTasksResponse listed = ask(inner(), &core::FunctionService::ListTasks, query);
    for (const auto& task : listed.tasks()) {
      if (task.task_id() == request.task_id()) deleted_[task.task_id()] = task;
    }
    inner().DeleteTask(request, std::move(answer));
  }

  void ListTasks(const ListTasksRequest& request, Answer<ListTasksResponse> answer) override {
    inner().ListTasks(request, edited(std::move(answer), [this, request](auto& response) {
                        for (const auto& [id, task] : deleted_) {
                          if (id.starts_with(request.prefix())) *response.add_tasks() = task;
                        }
                      }));
  }

 private:
  std::map<std::string, spearlet::TaskInfo> deleted_;
};

// Forced deletion waits for the executions that run: they stay RUNNING until they end.
class ForceSparesTheRunning final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [](GetExecutionStatusResponse& response) {
          ExecutionResult& result = *response.mutable_result();
          if (result.error_message() != "the task was deleted" || !result.has_started_at()) return;
          result.set_status(kRunning);
          result.clear_error_code();
          result.clear_error_message();
          result.clear_execution_time_ms();
          result.clear_completed_at();
        }));
  }
};

std::vector<FaultyCore> task_faults() {
  return {
      {.name = "functions-without-capitals",
       .about = "The name of a function is found whatever its capitals.",
       .origin = "for ASYNC-10",
       .caught_by = {"ASYNC-10"},
       .decorate = editing(
           {.invocation =
                [](auto& request) { absl::AsciiStrToLower(request.mutable_function_name()); }})},
      {.name = "task-ids-trimmed",
       .about = "White space around the id of a task does not count.",
       .origin = "for ASYNC-6",
       .caught_by = {"ASYNC-6", "TASK-5"},
       .decorate = editing(
           {.invocation =
                [](auto& request) { absl::StripAsciiWhitespace(request.mutable_task_id()); },
            .task_query =
                [](auto& query) { absl::StripAsciiWhitespace(query.mutable_task_id()); }})},
      {.name = "unspecified-type-refused",
       .about = "A call without invocation_type is refused even if it names a task.",
       .origin = "for TASK-1",
       .caught_by = {"TASK-1"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.invocation_type() != 0) return;
                                  request.set_invocation_type(kNewTask);
                                  request.clear_artifact_spec();
                                }})},
      {.name = "unspecified-type-prefers-the-artifact",
       .about = "A call without invocation_type makes a task if it has an artifact_spec, whatever "
                "its task_id.",
       .origin = "for TASK-1",
       .caught_by = {"TASK-1"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.invocation_type() != 0) return;
                                  if (request.has_artifact_spec())
                                    request.set_invocation_type(kNewTask);
                                }})},
      {.name = "type-not-checked",
       .about = "A call that lacks what its invocation_type needs runs in some task.",
       .origin = "for TASK-1",
       .caught_by = {"TASK-1"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (!request.task_id().empty() || request.has_artifact_spec())
                                    return;
                                  request.set_invocation_type(kExistingTask);
                                  request.set_task_id("fixtures");
                                }})},
      {.name = "new-task-without-artifact",
       .about = "A new task does not keep its artifact_spec.",
       .origin = "for TASK-2",
       .caught_by = {"TASK-2"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.has_artifact_spec())
                                    request.mutable_artifact_spec()->Clear();
                                }})},
      {.name = "new-task-reuses-an-existing-one",
       .about = "NEW_TASK with the id of an existing task runs in that task.",
       .origin = "for TASK-2",
       .caught_by = {"TASK-2"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.invocation_type() == kNewTask &&
                                      !request.task_id().empty()) {
                                    request.set_create_if_not_exists(true);
                                  }
                                }})},
      {.name = "create-if-not-exists-ignored",
       .about = "The flag create_if_not_exists is not read.",
       .origin = "for TASK-3",
       .caught_by = {"TASK-3"},
       .decorate =
           editing({.invocation = [](auto& request) { request.set_create_if_not_exists(false); }})},
      {.name = "tasks-made-on-demand",
       .about = "Every call makes the task that it names if there is none.",
       .origin = "for TASK-3",
       .caught_by = {"TASK-3", "ASYNC-6"},
       .decorate =
           editing({.invocation = [](auto& request) { request.set_create_if_not_exists(true); }})},
      {.name = "refusal-makes-a-task",
       .about = "A refused call with create_if_not_exists leaves the task that it named.",
       .origin = "for TASK-4",
       .caught_by = {"TASK-4"},
       .decorate = decorated_by<RefusalMakesATask>()},
      {.name = "task-executions-oldest-first",
       .about = "GetTask returns a task's executions oldest first.",
       .origin = "for TASK-5",
       .caught_by = {"TASK-5"},
       .decorate = editing({.task =
                                [](auto&, auto& response) {
                                  auto& executions = *response.mutable_executions();
                                  std::reverse(executions.begin(), executions.end());
                                }})},
      {.name = "execution-limit-ignored",
       .about = "GetTask ignores execution_limit.",
       .origin = "for TASK-5",
       .caught_by = {"TASK-5"},
       .decorate = editing({.task_query = [](auto& query) { query.clear_execution_limit(); }})},
      {.name = "include-executions-ignored",
       .about = "GetTask never returns executions.",
       .origin = "for TASK-5",
       .caught_by = {"TASK-5"},
       .decorate = editing({.task_query = [](auto& query) { query.clear_include_executions(); }})},
      {.name = "any-task-is-found",
       .about = "GetTask answers found = true for an unknown task.",
       .origin = "for TASK-5",
       .caught_by = {"TASK-5", "TASK-8"},
       .decorate = editing({.task =
                                [](auto& request, auto& response) {
                                  if (response.found()) return;
                                  response.set_found(true);
                                  response.mutable_task()->set_task_id(request.task_id());
                                  response.mutable_task()->set_created_at(1);
                                  response.mutable_task()->set_updated_at(1);
                                }})},
      {.name = "task-prefix-ignored",
       .about = "ListTasks ignores the prefix.",
       .origin = "for TASK-6",
       .caught_by = {"TASK-6"},
       .decorate = editing({.tasks_query = [](auto& query) { query.clear_prefix(); }})},
      {.name = "task-page-cut-short",
       .about = "ListTasks returns one page and has_more = false.",
       .origin = "for TASK-6",
       .caught_by = {"TASK-6"},
       .decorate = editing({.tasks =
                                [](auto& response) {
                                  response.clear_has_more();
                                  response.clear_next_start_after();
                                }})},
      {.name = "task-details-omitted",
       .about = "ListTasks ignores include_details.",
       .origin = "for TASK-6",
       .caught_by = {"TASK-6"},
       .decorate = editing({.tasks_query = [](auto& query) { query.clear_include_details(); }})},
      {.name = "task-details-always",
       .about = "ListTasks returns details that were not asked for.",
       .origin = "for TASK-6",
       .caught_by = {"TASK-6"},
       .decorate = editing({.tasks_query = [](auto& query) { query.set_include_details(true); }})},
      {.name = "task-count-constant",
       .about = "The execution_count of a task is always 1.",
       .origin = "for TASK-7",
       .caught_by = {"TASK-7"},
       .decorate = editing({.task_info = [](auto& task) { task.set_execution_count(1); }})},
      {.name = "task-always-completed",
       .about = "The last_status of a task is always COMPLETED.",
       .origin = "for TASK-7",
       .caught_by = {"TASK-7"},
       .decorate = editing({.task_info = [](auto& task) { task.set_last_status(kCompleted); }})},
      {.name = "task-never-updated",
       .about = "The updated_at of a task is always its created_at.",
       .origin = "for TASK-7",
       .caught_by = {"TASK-7"},
       // A live client's tolerance is longer than the case.
       .virtual_time_only = "updated_at is off by less than grace_ms",
       .decorate =
           editing({.task_info = [](auto& task) { task.set_updated_at(task.created_at()); }})},
      {.name = "task-times-in-seconds",
       .about = "The times of a task are in seconds.",
       .origin = "for TASK-7",
       .caught_by = {"TASK-7"},
       .decorate = editing({.task_info =
                                [](auto& task) {
                                  task.set_created_at(task.created_at() / 1000);
                                  task.set_updated_at(task.updated_at() / 1000);
                                }})},
      {.name = "deleted-task-stays-listed",
       .about = "A deleted task stays in ListTasks.",
       .origin = "for TASK-8",
       .caught_by = {"TASK-8"},
       .decorate = decorated_by<DeletedTaskStaysListed>()},
      {.name = "unknown-task-deleted",
       .about = "DeleteTask of an unknown task succeeds.",
       .origin = "for TASK-8",
       .caught_by = {"TASK-8"},
       .decorate = editing({.deleted =
                                [](auto& request, auto& response) {
                                  if (!request.force()) return;
                                  response.set_success(true);
                                  response.set_deleted(true);
                                }})},
      {.name = "cleanup-ignored",
       .about = "DeleteTask keeps the records of the task in spite of cleanup_executions.",
       .origin = "for TASK-9",
       .caught_by = {"TASK-9"},
       .decorate = editing({.deletion = [](auto& query) { query.clear_cleanup_executions(); }})},
      {.name = "cleanup-unasked",
       .about = "DeleteTask always removes the records of the task.",
       .origin = "for TASK-9",
       .caught_by = {"TASK-9"},
       .decorate = editing({.deletion = [](auto& query) { query.set_cleanup_executions(true); }})},
      {.name = "cleanup-not-counted",
       .about = "DeleteTask answers cleaned_executions = 0.",
       .origin = "for TASK-9",
       .caught_by = {"TASK-9"},
       .decorate = editing(
           {.deleted = [](auto&, auto& response) { response.clear_cleaned_executions(); }})},
      {.name = "force-spares-the-running",
       .about = "Forced deletion leaves executions that run RUNNING.",
       .origin = "for TASK-10",
       .caught_by = {"TASK-10"},
       .decorate = decorated_by<ForceSparesTheRunning>()},
  };
}

const RegisterFaults kTaskFaults(10, task_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
