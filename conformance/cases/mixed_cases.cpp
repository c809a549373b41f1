// Cases that mix functions, modes, outcomes and executions, so that a value that belongs to another
// call differs from the right one. The rules and the checks of histories judge every answer.
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using Chunk = spearlet::StreamExecutionResult;

// Reads the record in every way that a query allows.
void read_fully(CaseRun& run, const std::string& id) {
  run.read(id);
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id(id);
  run.call(request);
  request.set_include_result(true);
  run.call(request);
  request.set_include_result(false);
  request.set_include_logs(true);
  run.call(request);
}

void read_all(CaseRun& run, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) read_fully(run, id);
  run.read(run.fresh_id());  // unknown
}

// Calls for what counts and lists executions, as far as the profile has it.
void read_lists(CaseRun& run, const std::string& task_id) {
  if (run.profile().serves(Method::kListExecutions)) list_all(run, task_id, 100);
  if (run.profile().serves(Method::kGetTask)) {
    spearlet::GetTaskRequest task;
    task.set_task_id(task_id);
    run.call(task);
    task.set_include_executions(true);
    run.call(task);
  }
  if (run.profile().serves(Method::kListTasks)) run.call(spearlet::ListTasksRequest());
  if (run.profile().serves(Method::kGetStats)) {
    spearlet::GetStatsRequest stats;
    run.call(stats);
    stats.set_include_task_stats(true);
    stats.set_include_execution_stats(true);
    run.call(stats);
  }
  if (run.profile().serves(Method::kGetHealth)) {
    spearlet::GetHealthRequest health;
    run.call(health);
    health.set_include_details(true);
    run.call(health);
  }
}

void outcomes(CaseRun& run) {
  std::vector<std::string> ids;
  const auto call_sync = [&](spearlet::InvokeFunctionRequest request,
                             spearlet::ExecutionStatus expected) {
    ids.push_back(request.execution_id());
    const InvokeCall call = run.call(request);
    run.check("SYNC-2", call, status_of(call) == expected,
              "the final status is " + status_name(expected));
    read_fully(run, ids.back());
  };
  // Twice, so that every answer comes after one of each other kind.
  for (int round = 0; round < 2; ++round) {
    call_sync(run.sync("echo", {{"value", 100 + round}}), kCompleted);
    call_sync(run.sync("fail"), kFailed);
    call_sync(run.sync("sleep", {{"ms", 30 + 20 * round}}), kCompleted);
    auto too_short = run.sync("sleep", {{"ms", kEndlessMs}});
    too_short.mutable_context()->set_timeout_ms(200 + 100 * round);
    call_sync(too_short, kTimeout);

    ids.push_back(run.start_async(run.async("echo", {{"value", 200 + round}})));
    read_fully(run, ids.back());
    const std::string running = start_running(run, run.async("sleep", {{"ms", kEndlessMs}}));
    ids.push_back(running);
    read_all(run, ids);
    read_lists(run, run.async("echo").task_id());
    run.cancel(run.fresh_id());
    run.cancel(running, false, round == 0 ? "first reason" : "another");
    check_end(run, "CANCEL-5", running, kCancelled, "the cancelled execution ends as CANCELLED");
    run.cancel(ids.front());
    read_all(run, ids);
    // Each call without an id is an execution of its own.
    auto nameless = run.sync("echo", {{"value", 300 + round}});
    nameless.clear_execution_id();
    const InvokeCall made = run.call(nameless);
    run.check("SYNC-3", made,
              !made.answer().execution_id().empty() &&
                  std::ranges::find(ids, made.answer().execution_id()) == ids.end(),
              "a call without an id gets an id of its own");
    ids.push_back(made.answer().execution_id());
    read_lists(run, run.async("echo").task_id());
  }
}

// ---- Streams ------------------------------------------------------------------------------------

const Chunk& final_message(const StreamCall& call) {
  const auto& received = call.recorded().received;
  return received.empty() ? Chunk::default_instance()
                          : static_cast<const Chunk&>(*received.back().message);
}

// Runs a stream to its end, checks the final status, and reads its record.
StreamCall run_stream(CaseRun& run, const spearlet::InvokeFunctionRequest& request,
                      spearlet::ExecutionStatus expected) {
  const StreamCall call = run.wait(run.send_stream(request));
  run.check("STREAM-2", call, final_message(call).status() == expected,
            "the final status is " + status_name(expected));
  read_fully(run, std::string(given_id(request)));
  return call;
}

void streams(CaseRun& run) {
  const auto streaming = [&](std::string_view fixture, Parameters parameters) {
    return run.request(fixture, spearlet::EXECUTION_MODE_STREAM, parameters);
  };
  auto unknown = streaming("stream", {});
  unknown.set_task_id("no-such-task-" + unknown.execution_id());
  for (const int chunks : {2, 5}) {
    const StreamCall refused = run.wait(run.send_stream(unknown));
    run.check("STREAM-2", refused, refused.code() == absl::StatusCode::kNotFound,
              "a stream of an unknown task is refused with NOT_FOUND");
    const StreamCall call =
        run_stream(run, streaming("stream", {{"chunks", chunks}, {"ms", 20}}), kCompleted);
    run.check("STREAM-1", call, duration_of(call) >= std::chrono::milliseconds(20 * (chunks - 1)),
              "the stream lasts as long as its function");
    const auto fails = streaming("fail", {{"ms", 20}});
    const StreamCall failed = run_stream(run, fails, kFailed);
    const StatusCall record = run.read(fails.execution_id());
    run.check("STREAM-4", failed,
              final_message(failed).error_message() == record.answer().result().error_message(),
              "the error is that of the record");
    auto times_out = streaming("sleep", {{"ms", kEndlessMs}});
    times_out.mutable_context()->set_timeout_ms(200 * chunks);
    const StreamCall late = run_stream(run, times_out, kTimeout);
    run.check("TIME-1", late,
              duration_of(late) >= std::chrono::milliseconds(200 * chunks) &&
                  duration_of(late) <= std::chrono::milliseconds(200 * chunks) + run.slack(),
              "the stream ends at its timeout");
    auto retried = streaming("fail", {});
    retried.mutable_context()->set_max_retries(chunks / 2);
    retried.mutable_context()->set_execution_id(retried.execution_id());
    retried.clear_execution_id();
    run_stream(run, retried, kFailed);
    const StatusCall attempts = run.read(retried.context().execution_id());
    run.check("TIME-7", attempts, attempts_logged(attempts.answer()) == 1 + chunks / 2,
              "a stream is attempted once more for each retry");
  }
}

// The task of an execution, by the list of all; empty if it is not listed.
std::string task_of(CaseRun& run, const std::string& execution_id) {
  for (const auto& entry : list_all(run, "", 100)) {
    if (entry.execution_id() == execution_id) return entry.task_id();
  }
  return {};
}

void check_task(CaseRun& run, std::string_view clause,
                const spearlet::InvokeFunctionRequest& request, const std::string& id) {
  const auto task = get_task(run, id);
  const auto& info = task.answer().task();
  run.check(clause, task,
            task.answer().found() && google::protobuf::util::MessageDifferencer::Equals(
                                         info.artifact_spec(), request.artifact_spec()),
            "the stream makes a task with the artifact_spec of its request");
  run.check(clause, task, request.task_name().empty() || info.task_name() == request.task_name(),
            "its name is that of the request");
  run.check(clause, task, info.execution_count() == 1, "it has the one execution of the stream");
  delete_task(run, id, /*force=*/true, /*cleanup=*/true);
}

void streams_of_tasks(CaseRun& run) {
  require_functions_run(run, make_task(run));
  const auto streaming = [&] {
    auto request = run.request("stream", spearlet::EXECUTION_MODE_STREAM, {{"chunks", 1}});
    *request.mutable_artifact_spec() = artifact(request.execution_id());
    return request;
  };
  // Twice, so that the values of the first request differ from those of the second one.
  for (int round = 0; round < 2; ++round) {
    auto fresh = streaming();
    fresh.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
    fresh.clear_task_id();
    fresh.set_task_name("name of " + fresh.execution_id());
    run_stream(run, fresh, kCompleted);
    check_task(run, "TASK-2", fresh, task_of(run, fresh.execution_id()));

    auto missing = streaming();
    missing.set_task_id("task-" + missing.execution_id());
    const StreamCall refused = run.wait(run.send_stream(missing));
    run.check("TASK-3", refused, refused.code() == absl::StatusCode::kNotFound,
              "a stream of an unknown task is refused without create_if_not_exists");
    missing.set_create_if_not_exists(true);
    run_stream(run, missing, kCompleted);
    check_task(run, "TASK-3", missing, missing.task_id());

    auto untyped = streaming();
    untyped.set_invocation_type(spearlet::INVOCATION_TYPE_UNSPECIFIED);
    run_stream(run, untyped, kCompleted);
    untyped.set_execution_id(run.fresh_id());
    untyped.clear_task_id();
    run_stream(run, untyped, kCompleted);
    check_task(run, "TASK-1", untyped, task_of(run, untyped.execution_id()));
    untyped.set_execution_id(run.fresh_id());
    untyped.clear_artifact_spec();
    const StreamCall nothing = run.wait(run.send_stream(untyped));
    run.check("TASK-1", nothing, nothing.code() == absl::StatusCode::kInvalidArgument,
              "a stream without invocation_type, task_id and artifact_spec is refused");
  }
}

std::vector<Case> mixed_cases() {
  return {
      {.name = "mixed/outcomes",
       .about = "calls of all kinds, one after the other, each with its own answer",
       .clauses = {"SYNC-2", "SYNC-3", "CANCEL-5", "STATE-2", "STATE-9", "WIRE-5"},
       .fixtures = {"echo", "sleep", "fail"},
       .run = outcomes},
      {.name = "mixed/streams",
       .about = "streams of different lengths and outcomes, each with its own messages",
       .clauses = {"STREAM-1", "STREAM-2", "STREAM-4", "TIME-1", "TIME-7"},
       .fixtures = {"stream", "sleep", "fail"},
       .run = streams},
      {.name = "mixed/streams-of-tasks",
       .about = "streams that make tasks and name them in all ways",
       .clauses = {"STREAM-2", "TASK-1", "TASK-2", "TASK-3"},
       .fixtures = {"stream", "echo"},
       .run = streams_of_tasks},
  };
}

const RegisterCases kMixedCases(18, mixed_cases);

}  // namespace
}  // namespace quintain::conformance
