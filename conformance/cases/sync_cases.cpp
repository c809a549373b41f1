// SYNC cases: a SYNC call waits for the end and returns the whole result.
#include <chrono>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

void completes(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("echo", {{"value", 42}}));
  run.check("SYNC-2", call, status_of(call) == kCompleted, "the execution is COMPLETED");
  run.check("SYNC-2", call, echoes(run, call.answer().result(), 42),
            "the answer has the function's whole result");
  run.check("SYNC-5", call, call.answer().success(), "success is true");
}

void waits(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("sleep", {{"ms", at_least(200)}}));
  const std::chrono::milliseconds takes(run.takes_ms("sleep", 200));
  run.check("SYNC-2", call, duration_of(call) >= takes,
            "the answer comes when the function has ended");
  run.check("SYNC-2", call, is_terminal(status_of(call)), "the status is terminal");
}

void fails(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("fail"));
  run.check("SYNC-4", call, call.answered() && status_of(call) == kFailed,
            "the answer to a function that fails is OK with status FAILED");
  run.check("SYNC-4", call, !call.answer().result().error_code().empty(),
            "FAILED has an error_code");
  run.check(
      "SYNC-5", call,
      run.policies().success_sync == Policies::SuccessSync::kServed || !call.answer().success(),
      "success is not true for a failure");
}

void id_is_made(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 1}});
  request.clear_execution_id();
  const InvokeCall call = run.call(request);
  run.check("SYNC-3", call, !call.answer().execution_id().empty(), "execution_id is not empty");
  const StatusCall status = run.read(call.answer().execution_id());
  run.check("SYNC-3", status, status.answer().found(), "the execution is found by that id");
}

void names_are_honoured(CaseRun& run) {
  const auto request = run.sync("echo", {{"value", 1}});
  const InvokeCall call = run.call(request);
  run.check("SYNC-6", call, call.answer().task_id() == request.task_id(),
            "the answer has the request's task_id");
  if (!run.profile().serves(Method::kListExecutions)) return;
  for (const auto& entry : list_all(run, request.task_id(), 100)) {
    if (entry.execution_id() != call.answer().execution_id()) continue;
    run.check("SYNC-6", entry.function_name() == request.function_name(),
              "the record has the request's function_name", brief_json(entry));
  }
}

std::vector<Case> sync_cases() {
  return {
      {.name = "sync/completes",
       .about = "a function returns: the answer has the full result, no endpoint and no estimate",
       .clauses = {"SYNC-1", "SYNC-2", "SYNC-3", "SYNC-4", "SYNC-5"},
       .fixtures = {"echo"},
       .run = completes},
      {.name = "sync/waits",
       .about = "the answer comes when the function has ended",
       .clauses = {"SYNC-2"},
       .fixtures = {"sleep"},
       .run = waits},
      {.name = "sync/fails",
       .about = "a function fails: the answer is OK and has FAILED and the error",
       .clauses = {"SYNC-1", "SYNC-4", "SYNC-5"},
       .fixtures = {"fail"},
       .run = fails},
      {.name = "sync/id-is-made",
       .about = "a request without an id: the target makes one, which finds the execution",
       .clauses = {"SYNC-3"},
       .fixtures = {"echo"},
       .run = id_is_made},
      {.name = "sync/names-are-honoured",
       .about = "the record has the task and the function of the request",
       .clauses = {"SYNC-6"},
       .fixtures = {"echo"},
       .run = names_are_honoured},
  };
}

const RegisterCases kSyncCases(1, sync_cases);

}  // namespace
}  // namespace quintain::conformance
