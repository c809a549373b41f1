// A SYNC call waits and brings the whole result.
#include <chrono>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

void completes(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("echo", {{"value", 42}}));
  run.check("SYNC-2", call, call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
            "the execution has COMPLETED");
  run.check("SYNC-2", call, text_of(call.answer().result().result()) == "42",
            "the function's whole result is in the answer");
  run.check("SYNC-5", call, call.answer().success(), "success is true");
}

void waits(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("sleep", {{"ms", 200}}));
  const core::Duration took = call.recorded().returned - call.recorded().sent;
  run.check("SYNC-2", call, took >= 200ms, "the answer comes when the function has ended");
  run.check("SYNC-2", call, is_terminal(call.answer().result().status()), "the status is terminal");
}

void fails(CaseRun& run) {
  const InvokeCall call = run.call(run.sync("fail"));
  run.check("SYNC-4", call,
            call.answered() && call.answer().result().status() == spearlet::EXECUTION_STATUS_FAILED,
            "a function that fails is an OK answer with status FAILED");
  run.check("SYNC-4", call, !call.answer().result().error_code().empty(),
            "FAILED has an error_code");
  run.check(
      "SYNC-5", call,
      run.policies().success_sync == Policies::SuccessSync::kServed || !call.answer().success(),
      "success is not true of a failure");
}

void id_is_made(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 1}});
  request.clear_execution_id();
  const InvokeCall call = run.call(request);
  run.check("SYNC-3", call, !call.answer().execution_id().empty(), "execution_id is not empty");
  const StatusCall status = run.read(call.answer().execution_id());
  run.check("SYNC-3", status, status.answer().found(), "the id names the execution");
}

void names_are_honoured(CaseRun& run) {
  const auto request = run.sync("echo", {{"value", 1}});
  const InvokeCall call = run.call(request);
  run.check("SYNC-6", call, call.answer().task_id() == request.task_id(),
            "the answer names the task of the request");
  if (!run.profile().serves(Method::kListExecutions)) return;
  for (const auto& entry : list_all(run, request.task_id(), 100)) {
    if (entry.execution_id() != call.answer().execution_id()) continue;
    run.check("SYNC-6", entry.function_name() == request.function_name(),
              "the record names the function of the request", brief_json(entry));
  }
}

}  // namespace

std::vector<Case> sync_cases() {
  return {
      {.name = "sync/completes",
       .about = "a function that returns: the full result, no endpoint, no estimate",
       .clauses = {"SYNC-1", "SYNC-2", "SYNC-3", "SYNC-4", "SYNC-5"},
       .fixtures = {"echo"},
       .run = completes},
      {.name = "sync/waits",
       .about = "the answer comes when the function has ended",
       .clauses = {"SYNC-2"},
       .fixtures = {"sleep"},
       .run = waits},
      {.name = "sync/fails",
       .about = "a function that fails: an OK answer that says FAILED and why",
       .clauses = {"SYNC-1", "SYNC-4", "SYNC-5"},
       .fixtures = {"fail"},
       .run = fails},
      {.name = "sync/id-is-made",
       .about = "without an id in the request the target makes one, and it names the execution",
       .clauses = {"SYNC-3"},
       .fixtures = {"echo"},
       .run = id_is_made},
      {.name = "sync/names-are-honoured",
       .about = "task and function of the request are those of the record",
       .clauses = {"SYNC-6"},
       .fixtures = {"echo"},
       .run = names_are_honoured},
  };
}

}  // namespace quintain::conformance
