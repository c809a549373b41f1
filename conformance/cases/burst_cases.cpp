// BURST cases: many calls of one task. One call shows neither a completion that is lost now and
// then, nor something of which each call uses up a piece.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

// Sends ASYNC invocations of echo, a few at once, and returns the ids of the executions.
std::vector<std::string> start_some(CaseRun& run, int count) {
  std::vector<spearlet::InvokeFunctionRequest> requests;
  std::vector<InvokeCall> calls;
  for (int i = 0; i < count; ++i) {
    requests.push_back(run.async("echo", {{"value", i}}));
    calls.push_back(run.send(requests.back()));
  }
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    run.wait(calls[i]);
    // Other cases may fill the queue temporarily, and then the call is repeated.
    ids.push_back(calls[i].answered() ? calls[i].answer().execution_id()
                                      : run.start_async(requests[i]));
  }
  return ids;
}

void instant_calls_end(CaseRun& run) {
  constexpr int kCalls = 50;
  constexpr int kAtOnce = 5;
  // After two ends that never came, the others need not be waited for as long.
  constexpr core::Duration kShortPatience = 1s;
  std::vector<std::string> without_end;
  for (int started = 0; started < kCalls; started += kAtOnce) {
    // Each is read soon after it was started, before its record can expire.
    for (const std::string& id : start_some(run, kAtOnce)) {
      const auto end = run.await_end(
          id, without_end.size() < 2 ? CaseRun::patience() : kShortPatience + run.slack());
      if (!is_terminal(end)) without_end.push_back(id);
    }
  }
  if (without_end.empty()) {
    run.check("STATE-1", true, "", "");
    return;
  }
  run.check("STATE-1", run.read(without_end.front()), false,
            fmt::format("each of {} ASYNC executions whose function ends at once comes to an end; "
                        "{} have not, and this is the first of them",
                        kCalls, without_end.size()));
}

void many_calls_of_a_task(CaseRun& run) {
  constexpr int kCalls = 60;
  const core::Instant start = run.now();
  for (int i = 1; i <= kCalls; ++i) {
    const InvokeCall call = submit(run, run.sync("echo", {{"value", i}}));
    const bool good = status_of(call) == kCompleted && echoes(run, call.answer().result(), i);
    // Before the first call worked nothing has been used up; other cases judge that.
    if (!good && i == 1) CaseRun::abort("echo does not work: " + describe(call.recorded()));
    run.check(
        "SYNC-2", call, good,
        fmt::format("{} calls of one task in a row are all COMPLETED; echo stopped working at "
                    "call {}, {} ms after the first",
                    kCalls, i, core::floor_milliseconds(run.now() - start)));
    if (!good) return;
  }
}

std::vector<Case> burst_cases() {
  return {
      {.name = "async/instant-calls-end",
       .about = "50 ASYNC calls of a function that ends at once: each of them ends",
       .clauses = {"STATE-1"},
       .fixtures = {"echo"},
       .run = instant_calls_end},
      {.name = "sync/many-calls-of-a-task",
       .about = "60 SYNC calls of one task in a row: none is refused because of those before it",
       .clauses = {"SYNC-2"},
       .fixtures = {"echo"},
       .run = many_calls_of_a_task},
  };
}

// After all others, because a node on which something is used up serves no other case either.
const RegisterCases kBurstCases(21, burst_cases);

}  // namespace
}  // namespace quintain::conformance
