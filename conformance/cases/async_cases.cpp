// An ASYNC call is answered at once; the work goes on.
#include <fmt/format.h>

#include <chrono>

#include "conformance/cases/families.h"
#include "conformance/cases/scenes.h"
#include "conformance/trial.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

void first_answer(Trial& trial) {
  const InvokeCall call = trial.call(trial.async("echo", {{"value", 1}}));
  const auto& result = call.answer().result();
  trial.check("ASYNC-1", call, result.status() == spearlet::EXECUTION_STATUS_PENDING,
              "the first answer says PENDING, even if the work ends at once");
  trial.check("ASYNC-1", call, !result.has_result() && !result.has_completed_at(),
              "the first answer has no result payload and no completed_at");
  trial.check(
      "ASYNC-2", call,
      call.answer().status_endpoint().find(call.answer().execution_id()) != std::string::npos,
      "status_endpoint contains the execution_id");
  trial.check("ASYNC-5", call, call.answer().estimated_completion_ms() > 0,
              "estimated_completion_ms is positive");
}

void endpoint_resolves(Trial& trial) {
  const InvokeCall call = trial.call(trial.async("echo", {{"value", 1}}));
  const std::string endpoint = call.answer().status_endpoint();
  trial.require("ASYNC-2", !endpoint.empty(), "status_endpoint is not empty",
                describe(call.exchange()));
  const auto answer = trial.arm().get(endpoint);
  if (!answer.ok()) {
    // Nothing is served over HTTP; the id in it is what it is good for.
    trial.check("ASYNC-2", trial.read(call.answer().execution_id()),
                endpoint.find(call.answer().execution_id()) != std::string::npos,
                "the execution that status_endpoint names is found");
    return;
  }
  trial.check("ASYNC-2", answer->code == 200 && answer->body.find("found") != std::string::npos,
              fmt::format("GET {} answers 200 with the execution's status", endpoint),
              fmt::format("{}: {}", answer->code, answer->body));
}

void does_not_wait(Trial& trial) {
  const InvokeCall call = trial.call(trial.async("sleep", {{"ms", 3000}}));
  const core::Duration took = call.exchange().returned - call.exchange().sent;
  trial.check("ASYNC-3", call, took < 2s, "the answer does not wait for the function");
  const StatusCall status = trial.read(call.answer().execution_id());
  trial.check("ASYNC-3", status,
              status.answered() && !is_terminal(status.answer().result().status()),
              "the function is still at work when the answer has come");
}

void found_at_once(Trial& trial) {
  for (int i = 0; i < 10; ++i) {
    const std::string id = trial.start_async(trial.async("echo", {{"value", i}}));
    const StatusCall status = trial.read(id);
    trial.check("ASYNC-4", status, status.answer().found(),
                "a status query sent after the answer finds the execution");
    trial.await_end(id);
  }
}

void unknown_task(Trial& trial) {
  for (const auto mode : {spearlet::EXECUTION_MODE_ASYNC, spearlet::EXECUTION_MODE_SYNC}) {
    auto request = trial.request("echo", mode);
    request.set_task_id("no-such-task-" + request.execution_id());
    const InvokeCall call = trial.call(request);
    trial.check("ASYNC-6", call, refused(trial, call, absl::StatusCode::kNotFound),
                "an unknown task is refused with NOT_FOUND");
    const StatusCall status = trial.read(request.execution_id());
    trial.check("ASYNC-6", status,
                !status.answer().found() ||
                    trial.policies().start_errors == Policies::StartErrors::kFailedBody,
                "what was refused has no record");
  }
}

void outlives_its_call(Trial& trial) {
  const auto request = trial.async("sleep", {{"ms", 800}});
  const InvokeCall call = trial.wait(trial.send(request, 400ms + trial.slack() / 4));
  trial.check("ASYNC-7", call, call.answered(), "the call is accepted before its deadline");
  const auto status = trial.await_end(request.execution_id());
  trial.check("ASYNC-7", status == spearlet::EXECUTION_STATUS_COMPLETED,
              "the execution goes on after its call's deadline, and COMPLETES",
              "it ended " + status_name(status));
}

void fails_later(Trial& trial) {
  const std::string id = trial.start_async(trial.async("fail", {{"ms", 50}}));
  trial.await_end(id);
  const StatusCall status = trial.read(id);
  const auto& result = status.answer().result();
  trial.check("ASYNC-8", status,
              result.status() == spearlet::EXECUTION_STATUS_FAILED && !result.error_code().empty(),
              "a later failure shows as FAILED with an error_code");
}

void queue_full(Trial& trial) {
  std::vector<std::string> ids = fill_slots(trial);
  for (int i = 0; i < *trial.node().queue_limit; ++i) {
    const InvokeCall queued = trial.call(trial.async("sleep", {{"ms", kLongMs}}));
    trial.check("ASYNC-9", queued, queued.answered(),
                fmt::format("an execution that finds {} waiting, of {} that may, is accepted", i,
                            *trial.node().queue_limit));
    ids.push_back(queued.answer().execution_id());
  }
  const auto one_more = trial.async("sleep", {{"ms", kLongMs}});
  const InvokeCall call = trial.call(one_more);
  trial.check("ASYNC-9", call, refused(trial, call, absl::StatusCode::kResourceExhausted),
              "a full queue refuses with RESOURCE_EXHAUSTED");
  const StatusCall status = trial.read(one_more.execution_id());
  trial.check("ASYNC-9", status, !status.answer().found(),
              "what a full queue refused has no record");
  release(trial, ids);
}

}  // namespace

std::vector<Case> async_cases() {
  return {
      {.name = "async/first-answer",
       .about = "the first answer is PENDING, with an endpoint and an estimate",
       .clauses = {"ASYNC-1", "ASYNC-2", "ASYNC-5"},
       .fixtures = {"echo"},
       .run = first_answer},
      {.name = "async/endpoint-resolves",
       .about = "status_endpoint leads to the execution",
       .clauses = {"ASYNC-2"},
       .fixtures = {"echo"},
       .run = endpoint_resolves},
      {.name = "async/does-not-wait",
       .about = "the answer comes while the function is at work",
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
       .about = "the execution goes on when the call that began it is long over",
       .clauses = {"ASYNC-7"},
       .fixtures = {"sleep"},
       .run = outlives_its_call},
      {.name = "async/fails-later",
       .about = "a failure after the answer shows in the status",
       .clauses = {"ASYNC-8"},
       .fixtures = {"fail"},
       .run = fails_later},
      {.name = "async/queue-full",
       .about = "the queue takes as many as it says and refuses the next",
       .clauses = {"ASYNC-9"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = queue_full},
  };
}

}  // namespace quintain::conformance
