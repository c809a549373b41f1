// SYNC cases: a SYNC call waits for the end and returns the whole result.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

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

void id_is_kept(CaseRun& run) {
  // Every kind of character that a segment of a URL's path may have, and the greatest length.
  const std::string prefix = run.fresh_id();
  for (const std::string& id : {prefix + "-UPPER-lower_~.0", prefix + "!$&'()*+,;=:@",
                                prefix + std::string(128 - prefix.size(), 'L')}) {
    for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
      auto request = run.request("echo", mode, {{"value", 1}});
      request.set_execution_id(mode == spearlet::EXECUTION_MODE_SYNC ? id : "a" + id.substr(1));
      const InvokeCall call = run.call(request);
      run.check("SYNC-3", call,
                call.answered() && call.answer().execution_id() == request.execution_id(),
                fmt::format("the id {} is returned unchanged", request.execution_id()));
      const StatusCall status = run.read(request.execution_id());
      run.check("SYNC-3", status, status.answer().found(), "the execution is found by that id");
      run.await_end(request.execution_id());
    }
  }
}

void names_are_honoured(CaseRun& run) {
  const auto first = run.sync("echo", {{"value", 1}});
  call_accepted(run, first);
  const auto request = run.sync("echo", {{"value", 1}});
  const InvokeCall call = run.call(request);
  run.check("SYNC-6", call, call.answer().task_id() == request.task_id(),
            "the answer has the request's task_id");
  if (!run.profile().serves(Method::kListExecutions)) return;
  bool listed = false;
  for (const auto& entry : list_after(run, request.task_id(), first.execution_id())) {
    if (entry.execution_id() != request.execution_id()) continue;
    listed = true;
    run.check("SYNC-6", entry.function_name() == request.function_name(),
              "the record has the request's function_name", brief_json(entry));
  }
  run.check("SYNC-6", listed, "the task's list has the execution", "it does not");
}

void cause_of_a_failure(CaseRun& run) {
  const InvokeCall call = call_accepted(run, run.sync("fail"));
  run.check("SYNC-7", call, call.answer().result().error_code() == "FIXTURE_FAILURE",
            "the SYNC caller gets the error_code of the function, FIXTURE_FAILURE");
  run.check("SYNC-7", call, !call.answer().result().error_message().empty(),
            "the SYNC caller gets the error_message of the function");
  const std::string later = run.start_async(run.async("fail", {{"ms", at_least(0, 20)}}));
  run.await_end(later);
  for (const std::string& id : {call.answer().execution_id(), later}) {
    const StatusCall status = run.read(id);
    run.check("SYNC-7", status, status.answer().result().error_code() == "FIXTURE_FAILURE",
              "the record has the error_code of the function, FIXTURE_FAILURE");
    run.check("SYNC-7", status, !status.answer().result().error_message().empty(),
              "the record has the error_message of the function");
  }
}

void caller_leaves(CaseRun& run) {
  const bool continues = run.policies().sync_caller_gone == Policies::SyncCallerGone::kContinues;
  const core::Duration lag = round_trip(run);
  const auto request =
      continues ? run.sync("sleep", {{"ms", at_least(600 + core::floor_milliseconds(4 * lag))}})
                : run.sync("sleep", {{"ms", kLongMs}});
  const InvokeCall call = run.send(request);
  await_start(run, request.execution_id());
  run.abandon(call);
  if (continues) {
    check_end(run, "SYNC-8", request.execution_id(), kCompleted,
              "the execution of a SYNC caller that went away goes on, as the target declares");
  } else {
    check_end(run, "SYNC-8", request.execution_id(), kCancelled,
              "the execution of a SYNC caller that went away is CANCELLED",
              1s + run.slack() + 2 * lag);
  }
}

void takes_a_slot(CaseRun& run) {
  const int slots = *run.node().slots;
  std::vector<std::string> blockers;
  std::vector<InvokeCall> calls;
  for (int i = 0; i < slots; ++i) {
    const auto request = run.sync("sleep", {{"ms", kLongMs}});
    calls.push_back(run.send(request));
    blockers.push_back(request.execution_id());
    if (!run.await(blockers.back(), kRunning)) {
      CaseRun::abort(
          fmt::format("the target has {} slots, but not that many SYNC calls run at once", slots));
    }
  }
  const auto waiting = run.sync("echo", {{"value", 1}});
  const InvokeCall call = run.send(waiting);
  const auto found = run.poll(waiting.execution_id(), [](const auto& a) { return a.found(); });
  run.require("SYNC-9", found.has_value(), "a SYNC call that waits for a slot has a record",
              "it has none");
  for (int i = 0; i < 5; ++i) {
    const StatusCall status = run.read(waiting.execution_id());
    run.check("SYNC-9", status, status_of(status) == kPending,
              fmt::format("while {} SYNC calls take all slots, another one is PENDING", slots));
    run.sleep_for(30ms);
  }
  release(run, blockers);
  run.wait(call);
  run.check("SYNC-9", call, status_of(call) == kCompleted,
            "the SYNC call that waited is served once a slot is free");
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
      {.name = "sync/id-is-kept",
       .about = "ids with capitals, marks and the greatest length are returned unchanged",
       .clauses = {"SYNC-3"},
       .fixtures = {"echo"},
       .run = id_is_kept},
      {.name = "sync/cause-of-a-failure",
       .about = "the error of the function reaches the SYNC caller and the record",
       .clauses = {"SYNC-7"},
       .fixtures = {"fail"},
       .run = cause_of_a_failure},
      {.name = "sync/caller-leaves",
       .about = "the caller of a SYNC call goes away: its execution follows the declared policy",
       .clauses = {"SYNC-8"},
       .fixtures = {"sleep"},
       .run = caller_leaves},
      {.name = "sync/takes-a-slot",
       .about = "SYNC calls take slots: the next one waits as PENDING",
       .clauses = {"SYNC-9"},
       .fixtures = {"sleep", "echo"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = takes_a_slot},
  };
}

const RegisterCases kSyncCases(1, sync_cases);

}  // namespace
}  // namespace quintain::conformance
