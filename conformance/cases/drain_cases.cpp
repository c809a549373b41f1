// DRAIN cases: a node that is told to take no new work.
#include <chrono>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kNotLive =
    "a live target that drains ends, and could serve no other case";

void check_new_work_is_refused(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_ASYNC, spearlet::EXECUTION_MODE_SYNC}) {
    const auto request = run.request("echo", mode, {{"value", 1}});
    const InvokeCall call = run.call(request);
    run.check("DRAIN-1", call, call.ended() && call.code() == absl::StatusCode::kUnavailable,
              "a draining node refuses new invocations with UNAVAILABLE");
    const StatusCall status = run.read(request.execution_id());
    run.check("DRAIN-1", status, status.answered() && !status.answer().found(),
              "a refused invocation has no record");
  }
  auto stream = run.request("stream", spearlet::EXECUTION_MODE_STREAM);
  const StreamCall call = run.wait(run.send_stream(stream));
  run.check("DRAIN-1", call, call.code() == absl::StatusCode::kUnavailable,
            "a draining node refuses new streams with UNAVAILABLE");
}

void drains(CaseRun& run) {
  const auto health = [&] { return run.call(spearlet::GetHealthRequest()); };
  const auto serving = health();
  run.check("DRAIN-1", serving, serving.answer().status() == "SERVING",
            "before it drains a node is SERVING");
  // As many as there are slots run, one waits, one SYNC call is open.
  std::vector<std::string> ids;
  for (int i = 0; i < run.node().slots.value_or(1); ++i) {
    ids.push_back(start_running(run, run.async("sleep", {{"ms", 500}})));
  }
  // The open call waits as well.
  if (run.node().queue_limit.value_or(2) >= 2) {
    ids.push_back(run.start_async(run.async("sleep", {{"ms", 100}})));
  }
  const InvokeCall open = run.send(run.sync("sleep", {{"ms", 150}}));
  const absl::Status told = run.transport().drain();
  if (!told.ok()) CaseRun::not_judged(std::string(told.message()));

  const auto draining = health();
  run.check("DRAIN-1", draining, draining.answer().status() == "DRAINING",
            "a draining node has the health status DRAINING");
  check_new_work_is_refused(run);
  run.wait(open);
  run.check("DRAIN-2", open, status_of(open) == kCompleted,
            "a SYNC call that was accepted before is answered as usual");
  for (const std::string& id : ids) {
    check_end(run, "DRAIN-2", id, kCompleted,
              "executions that were accepted before run and complete");
  }
  const auto still = health();
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
       .virtual_time_only = kNotLive,
       .run = drains},
  };
}

const RegisterCases kDrainCases(12, drain_cases);

}  // namespace
}  // namespace quintain::conformance
