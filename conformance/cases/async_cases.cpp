// ASYNC cases: an ASYNC call is answered at once, and the execution goes on.
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

void first_answer(CaseRun& run) {
  const InvokeCall call = run.call(run.async("echo", {{"value", 1}}));
  const auto& answer = call.answer();
  run.check("ASYNC-1", call, status_of(call) == kPending,
            "the first answer's status is PENDING, even if the function ends at once");
  run.check("ASYNC-1", call, !has_payload(answer.result()) && !answer.result().has_completed_at(),
            "the first answer has no result payload and no completed_at");
  run.check("ASYNC-2", call, conformance::contains(answer.status_endpoint(), answer.execution_id()),
            "status_endpoint contains the execution_id");
  run.check("ASYNC-11", call, call.answered() && answer.success(), "success is true");
  run.check("ASYNC-5", call, answer.estimated_completion_ms() > 0,
            "estimated_completion_ms is positive");
}

void endpoint_resolves(CaseRun& run) {
  // Two executions with different results, so that the endpoint must lead to the right one.
  std::vector<InvokeCall> calls;
  for (const int value : {4711, 815}) {
    calls.push_back(call_accepted(run, run.async("echo", {{"value", value}})));
    run.await_end(calls.back().answer().execution_id());
  }
  const InvokeCall& call = calls.front();
  const std::string& endpoint = call.answer().status_endpoint();
  run.require("ASYNC-2", absl::StrContains(endpoint, call.answer().execution_id()),
              "status_endpoint contains the execution_id", describe(call.recorded()));
  const StatusCall status = run.read(call.answer().execution_id());
  run.check("ASYNC-2", status, echoes(run, status.answer().result(), 4711),
            "the id in status_endpoint finds the execution");
  const auto answer = run.transport().get(endpoint);
  if (!answer.ok()) {
    run.check("ASYNC-2", run.policies().status_endpoint_http.empty(),
              "status_endpoint is served over HTTP, as the target declares",
              answer.status().ToString());
    return;
  }
  spearlet::GetExecutionStatusResponse served;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const bool parsed =
      google::protobuf::util::JsonStringToMessage(answer->body, &served, options).ok();
  run.check("ASYNC-2",
            answer->code == 200 && parsed && served.found() &&
                served.result().status() == kCompleted && echoes(run, served.result(), 4711),
            fmt::format("GET {} returns 200 and the GetExecutionStatusResponse of that execution, "
                        "in protobuf's JSON",
                        endpoint),
            fmt::format("{}: {}", answer->code, answer->body));
}

void does_not_wait(CaseRun& run) {
  const InvokeCall call = call_accepted(run, run.async("sleep", {{"ms", at_least(1000, 3000)}}));
  const std::chrono::milliseconds takes(run.takes_ms("sleep", 3000));
  run.check("ASYNC-3", call, duration_of(call) < takes * 2 / 3,
            "the answer does not wait for the function");
  const StatusCall status = run.read(call.answer().execution_id());
  run.check("ASYNC-3", status, status.answer().found() && !is_terminal(status_of(status)),
            "the function is still running after the answer");
}

void found_at_once(CaseRun& run) {
  for (int i = 0; i < 10; ++i) {
    const std::string id = run.start_async(run.async("echo", {{"value", i}}));
    const StatusCall status = run.read(id);
    run.check("ASYNC-4", status, status.answer().found(),
              "a status query sent after the answer finds the execution");
    run.await_end(id);
  }
}

// A call that names something unknown is refused and leaves no record; without the defect it is
// accepted.
void check_unknown(CaseRun& run, std::string_view clause, std::string_view what,
                   std::initializer_list<absl::StatusCode> codes,
                   void (*spoil)(spearlet::InvokeFunctionRequest&)) {
  for (const auto mode : {spearlet::EXECUTION_MODE_ASYNC, spearlet::EXECUTION_MODE_SYNC}) {
    auto request = run.request("echo", mode, {{"value", 1}});
    spoil(request);
    const InvokeCall call = run.call(request);
    const auto has_code = [&](absl::StatusCode code) { return refused(run, call, code); };
    run.check(clause, call, std::ranges::any_of(codes, has_code),
              fmt::format("an unknown {} is refused with {}", what,
                          absl::StatusCodeToString(*codes.begin())));
    if (run.policies().start_errors == Policies::StartErrors::kFailedBody && what == "task") {
      run.check(clause, call, call.answered(),
                "an error that prevents the start is an OK answer, as the target declares");
    }
    const StatusCall status = run.read(request.execution_id());
    run.check(clause, status,
              !status.answer().found() ||
                  run.policies().start_errors == Policies::StartErrors::kFailedBody,
              "a refused invocation has no record");
    call_accepted(run, run.request("echo", mode, {{"value", 1}}));
  }
}

// Names that are compared exactly are unknown if they are only similar to a known one.
void check_similar(CaseRun& run, std::string_view clause, std::string_view what,
                   void (*rename)(spearlet::InvokeFunctionRequest&, const std::string&),
                   const std::string& known) {
  for (const std::string& name : similar_names(known)) {
    auto request = run.async("echo", {{"value", 1}});
    rename(request, name);
    const InvokeCall call = run.call(request);
    run.check(clause, call,
              refused(run, call, absl::StatusCode::kNotFound) ||
                  refused(run, call, absl::StatusCode::kInvalidArgument),
              fmt::format("a {} whose name is only similar to a known one is refused", what));
  }
}

void unknown_task(CaseRun& run) {
  check_unknown(run, "ASYNC-6", "task", {absl::StatusCode::kNotFound}, [](auto& request) {
    request.set_task_id("no-such-task-" + request.execution_id());
  });
  check_similar(
      run, "ASYNC-6", "task",
      [](auto& request, const std::string& name) { request.set_task_id(name); },
      run.fixture("echo").task_id);
}

void unknown_function(CaseRun& run) {
  check_unknown(run, "ASYNC-10", "function",
                {absl::StatusCode::kNotFound, absl::StatusCode::kInvalidArgument},
                [](auto& request) { request.set_function_name("no-such-function"); });
  check_similar(
      run, "ASYNC-10", "function",
      [](auto& request, const std::string& name) { request.set_function_name(name); },
      run.fixture("echo").function_name);
}

void outlives_its_call(CaseRun& run) {
  const core::Duration lag = round_trip(run);
  const auto request =
      run.async("sleep", {{"ms", at_least(800 + core::floor_milliseconds(8 * lag))}});
  const InvokeCall call = run.wait(run.send(request, 400ms + run.slack() / 4 + 4 * lag));
  run.check("ASYNC-7", call, call.answered(), "the call is accepted before its deadline");
  check_end(run, "ASYNC-7", request.execution_id(), kCompleted,
            "the execution goes on after its call's deadline and is COMPLETED");
}

void outlives_its_connection(CaseRun& run) {
  const core::Duration lag = round_trip(run);
  const auto request =
      run.async("sleep", {{"ms", at_least(500 + core::floor_milliseconds(6 * lag))}});
  const std::string id = start_running(run, request);
  run.transport().reconnect();
  check_end(run, "ASYNC-7", id, kCompleted,
            "the execution goes on after its caller's connection is closed, and is COMPLETED");
}

void fails_later(CaseRun& run) {
  const std::string id = run.start_async(run.async("fail", {{"ms", at_least(0, 50)}}));
  run.await_end(id);
  const StatusCall status = run.read(id);
  run.check("ASYNC-8", status,
            status_of(status) == kFailed && !status.answer().result().error_code().empty(),
            "a later failure shows as FAILED with an error_code");
}

void queue_full(CaseRun& run) {
  std::vector<std::string> ids = fill_slots(run);
  const int limit = *run.node().queue_limit;
  for (int i = 0; i < limit; ++i) {
    const InvokeCall queued = run.call(run.async("sleep", {{"ms", kLongMs}}));
    run.check("ASYNC-9", queued, queued.answered(),
              fmt::format("an execution is accepted while {} wait and {} may", i, limit));
    ids.push_back(queued.answer().execution_id());
  }
  const auto one_more = run.async("sleep", {{"ms", kLongMs}});
  const InvokeCall call = run.call(one_more);
  run.check("ASYNC-9", call, refused(run, call, absl::StatusCode::kResourceExhausted),
            "a full queue refuses with RESOURCE_EXHAUSTED");
  const StatusCall status = run.read(one_more.execution_id());
  run.check("ASYNC-9", status, !status.answer().found(),
            "an invocation that a full queue refused has no record");
  release(run, ids);
}

std::vector<Case> async_cases() {
  return {
      {.name = "async/first-answer",
       .about = "the first answer is PENDING, with an endpoint and an estimate",
       .clauses = {"ASYNC-1", "ASYNC-2", "ASYNC-5", "ASYNC-11"},
       .fixtures = {"echo"},
       .run = first_answer},
      {.name = "async/endpoint-resolves",
       .about = "status_endpoint leads to the execution",
       .clauses = {"ASYNC-2"},
       .fixtures = {"echo"},
       .run = endpoint_resolves},
      {.name = "async/does-not-wait",
       .about = "the answer comes while the function is running",
       .clauses = {"ASYNC-3"},
       .fixtures = {"sleep"},
       .run = does_not_wait},
      {.name = "async/found-at-once",
       .about = "a status query right after the answer finds the execution",
       .clauses = {"ASYNC-4"},
       .fixtures = {"echo"},
       .run = found_at_once},
      {.name = "async/unknown-task",
       .about = "an unknown task is refused in both modes and leaves no record",
       .clauses = {"ASYNC-6"},
       .fixtures = {"echo"},
       .run = unknown_task},
      {.name = "async/outlives-its-call",
       .about = "the execution goes on after the deadline of the call that started it",
       .clauses = {"ASYNC-7"},
       .fixtures = {"sleep"},
       .run = outlives_its_call},
      {.name = "async/unknown-function",
       .about = "an unknown function is refused in both modes and leaves no record",
       .clauses = {"ASYNC-10"},
       .fixtures = {"echo"},
       .run = unknown_function},
      {.name = "async/outlives-its-connection",
       .about = "the execution goes on after the connection of its caller has been closed",
       .clauses = {"ASYNC-7"},
       .fixtures = {"sleep"},
       .run = outlives_its_connection},
      {.name = "async/fails-later",
       .about = "a failure after the answer shows in the status",
       .clauses = {"ASYNC-8"},
       .fixtures = {"fail"},
       .run = fails_later},
      {.name = "async/queue-full",
       .about = "the queue accepts executions up to its declared limit and refuses the next",
       .clauses = {"ASYNC-9"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = queue_full},
  };
}

const RegisterCases kAsyncCases(2, async_cases);

}  // namespace
}  // namespace quintain::conformance
