// DRAIN cases: a node that is told to take no new work.
#include <algorithm>
#include <chrono>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

void check_new_work_is_refused(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_ASYNC, spearlet::EXECUTION_MODE_SYNC}) {
    const auto request = run.request("echo", mode, {{"value", 1}});
    const InvokeCall call = run.call(request);
    run.check("DRAIN-1", call, refused(run, call, absl::StatusCode::kUnavailable),
              "a draining node refuses new invocations with UNAVAILABLE");
    const StatusCall status = run.read(request.execution_id());
    run.check("DRAIN-1", status, !status.answer().found(), "a refused invocation has no record");
  }
  const StreamCall call =
      run.wait(run.send_stream(run.request("stream", spearlet::EXECUTION_MODE_STREAM)));
  run.check("DRAIN-1", call, call.code() == absl::StatusCode::kUnavailable,
            "a draining node refuses new streams with UNAVAILABLE");
}

// The first answer to GetHealth with the status DRAINING, or the last one.
Call<spearlet::GetHealthResponse> await_draining(CaseRun& run) {
  const core::Instant until = run.now() + 1s;
  while (true) {
    const auto health = run.call(spearlet::GetHealthRequest());
    if (health.answer().status() == "DRAINING" || run.now() >= until) return health;
    run.sleep_for(20ms);
  }
}

void drains(CaseRun& run) {
  const auto serving = run.call(spearlet::GetHealthRequest());
  run.check("DRAIN-1", serving, serving.answer().status() == "SERVING",
            "before it drains a node is SERVING");
  // The executions must not end before all refusals were seen, because then a live target ends: on
  // a busy machine every call may take as long as the slowest of some. And a target may end what
  // still runs after a few seconds.
  core::Duration slowest = duration_of(serving);
  for (int i = 0; i < 3; ++i) {
    slowest = std::max(slowest, duration_of(call_accepted(run, run.sync("echo", {{"value", i}}))));
  }
  const std::int64_t ms =
      std::min<std::int64_t>(1500 + 15 * core::floor_milliseconds(slowest), 2200);
  // As many as there are slots run, and a SYNC call waits.
  std::vector<InvokeCall> calls;
  for (int i = 0; i < run.node().slots.value_or(1); ++i) {
    calls.push_back(run.send(run.async("sleep", {{"ms", ms}})));
  }
  std::vector<std::string> ids;
  for (const InvokeCall& call : calls) {
    run.wait(call);
    if (!call.answered()) CaseRun::abort("a call was refused: " + describe(call.recorded()));
    ids.push_back(call.answer().execution_id());
  }
  for (const std::string& id : ids) {
    if (!run.await(id, kRunning)) CaseRun::abort("the target has fewer slots than declared");
  }
  auto request = run.sync("sleep", {{"ms", 500}});
  request.mutable_context()->set_timeout_ms(30'000);
  const InvokeCall open = run.send(request);
  if (!run.await(request.execution_id(), kPending)) CaseRun::abort("a SYNC call is not accepted");
  const absl::Status told = run.transport().drain();
  if (!told.ok()) {
    release(run, ids);
    release(run, {request.execution_id()});
    throw CaseRun::NotApplicable{std::string(told.message())};
  }

  const auto draining = run.exact() ? run.call(spearlet::GetHealthRequest()) : await_draining(run);
  run.check("DRAIN-1", draining, draining.answer().status() == "DRAINING",
            "a draining node has the health status DRAINING");
  check_new_work_is_refused(run);
  const auto check_open = [&] {
    run.check("DRAIN-2", open, status_of(open) == kCompleted,
              "a SYNC call that was accepted before is answered as usual");
  };
  if (open.ended()) check_open();
  for (const std::string& id : ids) {
    check_end(run, "DRAIN-2", id, kCompleted,
              "executions that were accepted before run and complete");
  }
  run.wait(open);
  check_open();
  if (!run.exact()) return;
  const auto still = run.call(spearlet::GetHealthRequest());
  run.check("DRAIN-1", still, still.answer().status() == "DRAINING",
            "a node that has no more work still drains");
}

std::vector<Case> drain_cases() {
  return {
      {.name = "drain/drains",
       .about = "a node drains while executions run and wait: these end, new ones are refused",
       .clauses = {"DRAIN-1", "DRAIN-2"},
       .fixtures = {"echo", "sleep", "stream"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .ends_the_target = true,
       .run = drains},
  };
}

const RegisterCases kDrainCases(17, drain_cases);

}  // namespace
}  // namespace quintain::conformance
