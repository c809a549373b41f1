// Timeouts, deadlines and retries.
#include <fmt/format.h>

#include <chrono>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

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
    run.check("TIME-1", before, !is_terminal(before.answer().result().status()),
              "a nanosecond before its time is over the execution is at work");
    run.sleep_until(sent + 300ms);
  } else {
    run.await_end(id);
  }
  const StatusCall status = run.read(id);
  run.check("TIME-1", status, status.answer().result().status() == kTimeout,
            "when its time is over the execution is TIMEOUT");
  run.check("TIME-1", status, run.now() >= sent + 300ms, "no sooner than that");
  run.check("TIME-1", status, run.now() <= accepted + 300ms + run.slack(),
            "and no later than that");
}

void sync_timeout(CaseRun& run) {
  const InvokeCall call = run.call(limited(run.sync("sleep", {{"ms", kLongMs}}), 250));
  const core::Duration took = call.recorded().returned - call.recorded().sent;
  run.check("TIME-1", call, call.answer().result().status() == kTimeout,
            "a SYNC call whose time is over is answered with TIMEOUT");
  run.check("TIME-1", call, took >= 250ms && took <= 250ms + run.slack(),
            "it is answered when its time is over");
}

void expired_deadline(CaseRun& run) {
  const auto request = run.async("sleep", {{"ms", kLongMs}});
  // Well before now: on the wire a deadline is a time that is left, rounded up.
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
  const core::Instant over = call.recorded().sent + 300ms;
  run.sleep_until(over);
  // A real deadline passes on both sides at once, and the client's leaving may be noticed first.
  const auto end = run.await_end(request.execution_id(), run.slack());
  run.check("TIME-3",
            end == kTimeout || (!run.exact() && end == spearlet::EXECUTION_STATUS_CANCELLED),
            "the deadline of a SYNC call bounds its execution", "it was " + status_name(end));
}

void maximum(CaseRun& run) {
  const core::Duration most = *run.node().maximum_timeout;
  const auto wanted = std::chrono::duration_cast<std::chrono::milliseconds>(most).count() * 3;
  const core::Instant sent = run.now();
  const std::string id = run.start_async(limited(run.async("sleep", {{"ms", wanted}}), wanted));
  run.sleep_until(sent + most);
  const StatusCall status = run.read(id);
  run.check("TIME-3", status, status.answer().result().status() == kTimeout,
            "nothing gets more time than the node's maximum");
}

void zero_is_the_default(CaseRun& run) {
  const core::Duration expected = *run.node().default_sync_timeout;
  const InvokeCall call = run.call(run.sync("sleep", {{"ms", kLongMs}}));
  const core::Duration took = call.recorded().returned - call.recorded().sent;
  run.check("TIME-3", call,
            call.answer().result().status() == kTimeout && took >= expected &&
                took <= expected + run.slack(),
            fmt::format("without a timeout a SYNC call has the default of {} ms",
                        std::chrono::duration_cast<std::chrono::milliseconds>(expected).count()));
}

void negative(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    const auto request = limited(run.request("echo", mode, {{"value", 1}}), -1);
    const InvokeCall call = run.call(request);
    run.check("TIME-3", call, refused(run, call, absl::StatusCode::kInvalidArgument),
              "a negative timeout is refused with INVALID_ARGUMENT");
  }
}

void late_completion(CaseRun& run) {
  // Nobody can stop it, and it ends by itself long after its time was over.
  const std::string id = run.start_async(limited(run.async("stubborn", {{"ms", 500}}), 150));
  run.await_end(id);
  for (int i = 0; i < 5; ++i) {
    const StatusCall status = run.read(id);
    run.check("TIME-4", status, status.answer().result().status() == kTimeout,
              "a completion after TIMEOUT changes nothing");
    run.sleep_for(120ms);
  }
}

void frees_the_slot(CaseRun& run) {
  const int slots = *run.node().slots;
  std::vector<std::string> ids;
  for (int i = 0; i < slots; ++i) {
    ids.push_back(run.start_async(limited(run.async("stubborn", {{"ms", kLongMs}}), 150)));
  }
  for (const std::string& id : ids) {
    const auto end = run.await_end(id);
    run.check("TIME-4", end == kTimeout, "each of them is TIMEOUT", "it was " + status_name(end));
  }
  // All slots, not just one: a node that leaks some has fewer left.
  std::vector<std::string> again;
  for (int i = 0; i < slots; ++i) {
    again.push_back(run.start_async(run.async("sleep", {{"ms", kLongMs}})));
  }
  for (const std::string& id : again) {
    run.check("TIME-4", run.await(id, spearlet::EXECUTION_STATUS_RUNNING, 5s + run.slack()),
              fmt::format("after {} timeouts {} executions can run at once", slots, slots),
              "execution " + id + " waits for a slot");
  }
  release(run, again);
}

void same_instant(CaseRun& run) {
  if (run.policies().same_instant == Policies::SameInstant::kUnspecified) {
    run.check("TIME-5", true, "nothing is promised of one instant", "");
    return;
  }
  const InvokeCall call = run.call(limited(run.sync("sleep", {{"ms", 200}}), 200));
  run.check("TIME-5", call, call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
            "a function that ends at the very instant of its timeout has COMPLETED");
}

void timeout_in_the_queue(CaseRun& run) {
  const std::vector<std::string> blockers = fill_slots(run);
  const std::string id = run.start_async(limited(run.async("sleep", {{"ms", 50}}), 200));
  if (run.policies().timeout_from == Policies::TimeoutFrom::kAcceptance) {
    const auto end = run.await_end(id, 5s + run.slack());
    run.check("TIME-6", end == kTimeout, "the time in the queue counts",
              "it was " + status_name(end));
    release(run, blockers);
    run.sleep_for(200ms);
    const StatusCall status = run.read(id);
    run.check("TIME-6", status,
              !status.answer().result().has_started_at() && attempts_logged(status.answer()) == 0,
              "a timeout in the queue never starts the function");
  } else {
    run.sleep_for(300ms);
    const StatusCall status = run.read(id);
    run.check("TIME-6", status,
              status.answer().result().status() == spearlet::EXECUTION_STATUS_PENDING,
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
  run.check("TIME-7", status,
            status.answer().result().status() == spearlet::EXECUTION_STATUS_FAILED,
            "when no attempt is left the execution is FAILED");
  const int attempts = attempts_logged(status.answer());
  run.check("TIME-7", status, attempts >= 1 && attempts <= 3,
            "with max_retries = 2 there are at most 3 attempts");
}

void retries_within_the_timeout(CaseRun& run) {
  auto request = limited(run.async("fail", {{"ms", 100}}), 450);
  request.mutable_context()->set_max_retries(1000);
  const core::Instant sent = run.now();
  const std::string id = run.start_async(request);
  const core::Instant accepted = run.now();
  run.await_end(id);
  run.check(
      "TIME-7", run.now() <= accepted + 450ms + run.slack() + (run.exact() ? 5ms : 0ms),
      "all attempts are inside the one timeout",
      fmt::format("the execution ended {} ms after it was sent",
                  std::chrono::duration_cast<std::chrono::milliseconds>(run.now() - sent).count()));
}

}  // namespace

std::vector<Case> time_cases() {
  return {
      {.name = "time/async-timeout",
       .about = "an ASYNC execution ends TIMEOUT at acceptance + timeout",
       .clauses = {"TIME-1"},
       .fixtures = {"sleep"},
       .run = async_timeout},
      {.name = "time/sync-timeout",
       .about = "a SYNC call is answered with TIMEOUT when its time is over",
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
       .about = "a timeout above the node's maximum is cut",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kMaximumTimeout},
       .virtual_time_only = "a node's maximum is minutes or hours",
       .run = maximum},
      {.name = "time/zero-is-the-default",
       .about = "without a timeout the mode's default holds",
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
       .about = "a function that ends after its time was over",
       .clauses = {"TIME-4"},
       .fixtures = {"stubborn"},
       .run = late_completion},
      {.name = "time/frees-the-slot",
       .about = "the slots of executions whose time was over can all be used again",
       .clauses = {"TIME-4"},
       .fixtures = {"stubborn", "sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = frees_the_slot},
      {.name = "time/same-instant",
       .about = "a function that ends at the instant of its timeout",
       .clauses = {"TIME-5"},
       .fixtures = {"sleep"},
       .virtual_time_only = "a real clock has no two events at one instant",
       .run = same_instant},
      {.name = "time/timeout-in-the-queue",
       .about = "an execution whose time runs out while it waits",
       .clauses = {"TIME-6"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = timeout_in_the_queue},
      {.name = "time/retries",
       .about = "no more attempts than were asked for",
       .clauses = {"TIME-7"},
       .fixtures = {"fail"},
       .run = retries},
      {.name = "time/retries-within-the-timeout",
       .about = "retries end when the time is over",
       .clauses = {"TIME-7"},
       .fixtures = {"fail"},
       .run = retries_within_the_timeout},
  };
}

}  // namespace quintain::conformance
