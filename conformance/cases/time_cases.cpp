// TIME cases: timeouts, deadlines and retries. In virtual time they are exact; for a live target a
// measured time may be off by CaseRun::slack().
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

spearlet::InvokeFunctionRequest limited(spearlet::InvokeFunctionRequest request,
                                        std::int64_t timeout_ms) {
  request.mutable_context()->set_timeout_ms(timeout_ms);
  return request;
}

void async_timeout(CaseRun& run) {
  const auto request = limited(run.async("sleep", {{"ms", kLongMs}}), 300);
  const core::Instant sent = run.now();
  const std::string id = run.start_async(request);
  const core::Instant accepted = run.now();
  if (run.exact()) {
    run.sleep_until(sent + (300ms - 1ns));
    const StatusCall before = run.read(id);
    run.check("TIME-1", before, !is_terminal(status_of(before)),
              "a nanosecond before its timeout the execution has not ended");
    run.sleep_until(sent + 300ms);
  } else {
    run.await_end(id);
  }
  const StatusCall status = run.read(id);
  run.check("TIME-1", status, status_of(status) == kTimeout,
            "the execution is TIMEOUT when its timeout has passed");
  run.check("TIME-1", status, run.now() >= sent + 300ms, "it is not TIMEOUT earlier");
  run.check("TIME-1", status, run.now() <= accepted + 300ms + run.slack(),
            "it is not TIMEOUT later");
}

void sync_timeout(CaseRun& run) {
  const InvokeCall call = run.call(limited(run.sync("sleep", {{"ms", kLongMs}}), 250));
  run.check("TIME-1", call, status_of(call) == kTimeout,
            "a SYNC call whose timeout passes is answered with TIMEOUT");
  run.check("TIME-1", call, duration_of(call) >= 250ms && duration_of(call) <= 250ms + run.slack(),
            "it is answered when the timeout has passed");
}

void expired_deadline(CaseRun& run) {
  const auto request = run.async("sleep", {{"ms", kLongMs}});
  // Well before now: on the wire a deadline is the remaining time, rounded up.
  const InvokeCall call = run.wait(run.send(request, -1s));
  run.check("TIME-2", call, call.code() == absl::StatusCode::kDeadlineExceeded,
            "a call whose deadline has passed is refused");
  run.sleep_for(50ms);
  const StatusCall status = run.read(request.execution_id());
  run.check("TIME-2", status, !status.answer().found(), "it starts nothing");
}

void rpc_deadline_bounds_sync(CaseRun& run) {
  const auto request = run.sync("sleep", {{"ms", kLongMs}});
  const InvokeCall call = run.wait(run.send(request, 300ms));
  run.sleep_until(call.recorded().sent + 300ms);
  // A real deadline passes on both sides at once, so the target may notice first that the client
  // has gone.
  const auto end = run.await_end(request.execution_id(), run.slack());
  run.check("TIME-3", end == kTimeout || (!run.exact() && end == kCancelled),
            "the deadline of a SYNC call bounds its execution",
            "its final status is " + status_name(end));
}

void maximum(CaseRun& run) {
  const core::Duration maximum = *run.node().maximum_timeout;
  const std::int64_t wanted_ms = 3 * core::floor_milliseconds(maximum);
  const core::Instant sent = run.now();
  const std::string id =
      run.start_async(limited(run.async("sleep", {{"ms", wanted_ms}}), wanted_ms));
  run.sleep_until(sent + maximum);
  const StatusCall status = run.read(id);
  run.check("TIME-3", status, status_of(status) == kTimeout,
            "no execution runs longer than the node's maximum");
}

void zero_is_unlimited(CaseRun& run) {
  // Longer than the default that the target has for other requests, if that is not too long.
  constexpr std::int64_t kMost = 9000;
  const auto standard = run.node().default_sync_timeout.value_or(0ms);
  const std::int64_t ms =
      std::clamp(core::floor_milliseconds(standard) + 1000, std::int64_t{1500}, kMost);
  auto request = run.sync("sleep", {{"ms", at_least(ms)}});
  request.mutable_context()->set_timeout_ms(0);
  const InvokeCall call = run.call(request);
  run.check("TIME-3", call, status_of(call) == kCompleted,
            "timeout_ms = 0 is no timeout, as declared: the function runs to its end");
}

void zero_is_the_default(CaseRun& run) {
  if (run.policies().timeout_zero == Policies::TimeoutZero::kUnlimited) {
    return zero_is_unlimited(run);
  }
  const core::Duration expected = *run.node().default_sync_timeout;
  auto request =
      run.sync("sleep", {{"ms", at_least(2 * core::floor_milliseconds(expected), kLongMs.wanted)}});
  // The manifest may declare one for requests without a timeout.
  request.mutable_context()->clear_timeout_ms();
  const InvokeCall call = run.send(request);
  run.wait_until([&] { return call.ended(); }, expected + run.slack() + CaseRun::patience());
  run.check("TIME-3", call,
            status_of(call) == kTimeout && duration_of(call) >= expected &&
                duration_of(call) <= expected + run.slack(),
            fmt::format("without a timeout a SYNC call has the default of {} ms",
                        core::floor_milliseconds(expected)));
}

void negative(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    const InvokeCall call = run.call(limited(run.request("echo", mode, {{"value", 1}}), -1));
    run.check("TIME-3", call, refused(run, call, absl::StatusCode::kInvalidArgument),
              "a negative timeout is refused with INVALID_ARGUMENT");
  }
}

void late_completion(CaseRun& run) {
  // The function ignores signals and returns long after its timeout.
  const std::string id =
      run.start_async(limited(run.async("stubborn", {{"ms", at_least(500)}}), 150));
  // Whether it is TIMEOUT at all is judged by time/async-timeout.
  const auto end = run.await_end(id);
  if (end != kTimeout) {
    CaseRun::abort(fmt::format("the execution did not end TIMEOUT but is {}", status_name(end)));
  }
  const core::Duration takes = std::chrono::milliseconds(run.takes_ms("stubborn", 500));
  for (int i = 0; i < 5; ++i) {
    const StatusCall status = run.read(id);
    run.check("TIME-4", status, status_of(status) == kTimeout,
              "a completion after TIMEOUT changes nothing");
    run.sleep_for(takes / 4);
  }
}

void timeout_frees_the_slot(CaseRun& run) {
  const int slots = *run.node().slots;
  std::vector<std::string> ids;
  for (int i = 0; i < slots; ++i) {
    ids.push_back(run.start_async(limited(run.async("stubborn", {{"ms", kEndlessMs}}), 150)));
  }
  for (const std::string& id : ids) {
    check_end(run, "TIME-4", id, kTimeout, "each of the executions is TIMEOUT");
  }
  // Every slot is needed, so a node that leaks even one is caught.
  std::vector<std::string> again;
  for (int i = 0; i < slots; ++i) {
    again.push_back(run.start_async(run.async("sleep", {{"ms", kEndlessMs}})));
  }
  for (const std::string& id : again) {
    run.check("TIME-4", run.await(id, kRunning, 5s + run.slack()),
              fmt::format("after {} timeouts {} executions can run at once", slots, slots),
              "execution " + id + " waits for a slot");
  }
  release(run, again);
}

void same_instant(CaseRun& run) {
  if (run.policies().same_instant == Policies::SameInstant::kUnspecified) {
    run.check("TIME-5", true, "the target declares no order of events at the same instant", "");
    return;
  }
  const InvokeCall call = run.call(limited(run.sync("sleep", {{"ms", 200}}), 200));
  run.check("TIME-5", call, status_of(call) == kCompleted,
            "an execution whose function ends at the instant of its timeout is COMPLETED");
}

void timeout_in_the_queue(CaseRun& run) {
  const std::vector<std::string> blockers = fill_slots(run);
  const std::string id = run.start_async(limited(run.async("sleep", {{"ms", 50}}), 200));
  if (run.policies().timeout_from == Policies::TimeoutFrom::kAcceptance) {
    check_end(run, "TIME-6", id, kTimeout, "the time in the queue counts", 5s + run.slack());
    release(run, blockers);
    run.sleep_for(200ms);
    const StatusCall status = run.read(id);
    run.check("TIME-6", status,
              !status.answer().result().has_started_at() && attempts_logged(status.answer()) == 0,
              "an execution that times out in the queue never starts its function");
  } else {
    run.sleep_for(300ms);
    const StatusCall status = run.read(id);
    run.check("TIME-6", status, status_of(status) == kPending,
              "the time in the queue does not count, as the target declares");
    release(run, blockers);
  }
}

void retries(CaseRun& run) {
  auto request = limited(run.async("fail"), 10'000);
  request.mutable_context()->set_max_retries(2);
  const std::string id = run.start_async(request);
  run.await_end(id);
  const StatusCall status = run.read(id);
  run.check("TIME-7", status, status_of(status) == kFailed,
            "the execution is FAILED when no attempt is left");
  const int attempts = attempts_logged(status.answer());
  run.check("TIME-7", status, attempts >= 1 && attempts <= 3,
            "with max_retries = 2 there are at most 3 attempts");
}

void retries_within_the_timeout(CaseRun& run) {
  auto request = limited(run.async("fail", {{"ms", at_least(0, 100)}}), 450);
  request.mutable_context()->set_max_retries(1000);
  const core::Instant sent = run.now();
  const std::string id = run.start_async(request);
  const core::Instant accepted = run.now();
  run.await_end(id);
  run.check("TIME-7", run.now() <= accepted + 450ms + run.slack() + (run.exact() ? 5ms : 0ms),
            "all attempts are within the one timeout",
            fmt::format("the execution ended {} ms after it was sent",
                        core::floor_milliseconds(run.now() - sent)));
}

std::vector<Case> time_cases() {
  return {
      {.name = "time/async-timeout",
       .about = "an ASYNC execution ends TIMEOUT at acceptance + timeout",
       .clauses = {"TIME-1"},
       .fixtures = {"sleep"},
       .run = async_timeout},
      {.name = "time/sync-timeout",
       .about = "a SYNC call is answered with TIMEOUT when its timeout has passed",
       .clauses = {"TIME-1"},
       .fixtures = {"sleep"},
       .run = sync_timeout},
      {.name = "time/expired-deadline",
       .about = "a call whose deadline has passed starts nothing",
       .clauses = {"TIME-2"},
       .fixtures = {"sleep"},
       .run = expired_deadline},
      {.name = "time/rpc-deadline-bounds-sync",
       .about = "the RPC's deadline bounds the execution of a SYNC call",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .run = rpc_deadline_bounds_sync},
      {.name = "time/maximum",
       .about = "a timeout above the node's maximum is reduced to the maximum",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kMaximumTimeout},
       .virtual_time_only = "a node's maximum is minutes or hours",
       .run = maximum},
      {.name = "time/zero-is-the-default",
       .about = "a request without a timeout has the default of its mode",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kDefaultTimeout},
       .run = zero_is_the_default},
      {.name = "time/negative-is-refused",
       .about = "a negative timeout is refused in both modes",
       .clauses = {"TIME-3"},
       .fixtures = {"echo"},
       .run = negative},
      {.name = "time/late-completion",
       .about = "a function returns after its timeout: the execution stays TIMEOUT",
       .clauses = {"TIME-4"},
       .fixtures = {"stubborn"},
       .run = late_completion},
      {.name = "time/frees-the-slot",
       .about = "the slots of executions that timed out can all be used again",
       .clauses = {"TIME-4"},
       .fixtures = {"stubborn", "sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = timeout_frees_the_slot},
      {.name = "time/same-instant",
       .about = "a function ends at the instant of its timeout: the execution is COMPLETED",
       .clauses = {"TIME-5"},
       .fixtures = {"sleep"},
       .virtual_time_only = "with a real clock no two events are at the same instant",
       .run = same_instant},
      {.name = "time/timeout-in-the-queue",
       .about = "an execution that times out while it waits for a slot never starts",
       .clauses = {"TIME-6"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = timeout_in_the_queue},
      {.name = "time/retries",
       .about = "there are no more attempts than the request allows",
       .clauses = {"TIME-7"},
       .fixtures = {"fail"},
       .run = retries},
      {.name = "time/retries-within-the-timeout",
       .about = "there are no retries after the timeout",
       .clauses = {"TIME-7"},
       .fixtures = {"fail"},
       .run = retries_within_the_timeout},
  };
}

const RegisterCases kTimeCases(6, time_cases);

}  // namespace
}  // namespace quintain::conformance
