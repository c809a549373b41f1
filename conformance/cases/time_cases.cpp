// Timeouts, deadlines and retries.
#include <fmt/format.h>

#include <chrono>

#include "conformance/cases/families.h"
#include "conformance/cases/scenes.h"
#include "conformance/trial.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

spearlet::InvokeFunctionRequest limited(spearlet::InvokeFunctionRequest request,
                                        std::int64_t timeout_ms) {
  request.mutable_context()->set_timeout_ms(timeout_ms);
  return request;
}

void async_timeout(Trial& trial) {
  const auto request = limited(trial.async("sleep", {{"ms", kLongMs}}), 300);
  const core::Instant sent = trial.now();
  const std::string id = trial.start_async(request);
  const core::Instant accepted = trial.now();
  if (trial.exact()) {
    trial.sleep_until(sent + (300ms - 1ns));
    const StatusCall before = trial.read(id);
    trial.check("TIME-1", before, !is_terminal(before.answer().result().status()),
                "a nanosecond before its time is over the execution is at work");
    trial.sleep_until(sent + 300ms);
  } else {
    trial.await_end(id);
  }
  const StatusCall status = trial.read(id);
  trial.check("TIME-1", status, status.answer().result().status() == kTimeout,
              "when its time is over the execution is TIMEOUT");
  trial.check("TIME-1", status, trial.now() >= sent + 300ms, "no sooner than that");
  trial.check("TIME-1", status, trial.now() <= accepted + 300ms + trial.slack(),
              "and no later than that");
}

void sync_timeout(Trial& trial) {
  const InvokeCall call = trial.call(limited(trial.sync("sleep", {{"ms", kLongMs}}), 250));
  const core::Duration took = call.exchange().returned - call.exchange().sent;
  trial.check("TIME-1", call, call.answer().result().status() == kTimeout,
              "a SYNC call whose time is over is answered with TIMEOUT");
  trial.check("TIME-1", call, took >= 250ms && took <= 250ms + trial.slack(),
              "it is answered when its time is over");
}

void expired_deadline(Trial& trial) {
  const auto request = trial.async("sleep", {{"ms", kLongMs}});
  // Well before now: on the wire a deadline is a time that is left, rounded up.
  const InvokeCall call = trial.wait(trial.send(request, -1s));
  trial.check("TIME-2", call, call.code() == absl::StatusCode::kDeadlineExceeded,
              "a call whose deadline has passed is refused");
  trial.sleep_for(50ms);
  const StatusCall status = trial.read(request.execution_id());
  trial.check("TIME-2", status, !status.answer().found(), "it starts nothing");
}

void rpc_deadline_bounds_sync(Trial& trial) {
  const auto request = trial.sync("sleep", {{"ms", kLongMs}});
  const InvokeCall call = trial.wait(trial.send(request, 300ms));
  const core::Instant over = call.exchange().sent + 300ms;
  trial.sleep_until(over);
  // A real deadline passes on both sides at once, and the client's leaving may be noticed first.
  const auto end = trial.await_end(request.execution_id(), trial.slack());
  trial.check("TIME-3",
              end == kTimeout || (!trial.exact() && end == spearlet::EXECUTION_STATUS_CANCELLED),
              "the deadline of a SYNC call bounds its execution", "it was " + status_name(end));
}

void maximum(Trial& trial) {
  const core::Duration most = *trial.node().maximum_timeout;
  const auto wanted = std::chrono::duration_cast<std::chrono::milliseconds>(most).count() * 3;
  const core::Instant sent = trial.now();
  const std::string id = trial.start_async(limited(trial.async("sleep", {{"ms", wanted}}), wanted));
  trial.sleep_until(sent + most);
  const StatusCall status = trial.read(id);
  trial.check("TIME-3", status, status.answer().result().status() == kTimeout,
              "nothing gets more time than the node's maximum");
}

void zero_is_the_default(Trial& trial) {
  const core::Duration expected = *trial.node().default_sync_timeout;
  const InvokeCall call = trial.call(trial.sync("sleep", {{"ms", kLongMs}}));
  const core::Duration took = call.exchange().returned - call.exchange().sent;
  trial.check("TIME-3", call,
              call.answer().result().status() == kTimeout && took >= expected &&
                  took <= expected + trial.slack(),
              fmt::format("without a timeout a SYNC call has the default of {} ms",
                          std::chrono::duration_cast<std::chrono::milliseconds>(expected).count()));
}

void negative(Trial& trial) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    const auto request = limited(trial.request("echo", mode, {{"value", 1}}), -1);
    const InvokeCall call = trial.call(request);
    trial.check("TIME-3", call, refused(trial, call, absl::StatusCode::kInvalidArgument),
                "a negative timeout is refused with INVALID_ARGUMENT");
  }
}

void late_completion(Trial& trial) {
  // Nobody can stop it, and it ends by itself long after its time was over.
  const std::string id = trial.start_async(limited(trial.async("stubborn", {{"ms", 500}}), 150));
  trial.await_end(id);
  for (int i = 0; i < 5; ++i) {
    const StatusCall status = trial.read(id);
    trial.check("TIME-4", status, status.answer().result().status() == kTimeout,
                "a completion after TIMEOUT changes nothing");
    trial.sleep_for(120ms);
  }
}

void frees_the_slot(Trial& trial) {
  const int slots = *trial.node().slots;
  std::vector<std::string> ids;
  for (int i = 0; i < slots; ++i) {
    ids.push_back(trial.start_async(limited(trial.async("stubborn", {{"ms", kLongMs}}), 150)));
  }
  for (const std::string& id : ids) {
    const auto end = trial.await_end(id);
    trial.check("TIME-4", end == kTimeout, "each of them is TIMEOUT", "it was " + status_name(end));
  }
  // All slots, not just one: a node that leaks some has fewer left.
  std::vector<std::string> again;
  for (int i = 0; i < slots; ++i) {
    again.push_back(trial.start_async(trial.async("sleep", {{"ms", kLongMs}})));
  }
  for (const std::string& id : again) {
    trial.check("TIME-4", trial.await(id, spearlet::EXECUTION_STATUS_RUNNING, 5s + trial.slack()),
                fmt::format("after {} timeouts {} executions can run at once", slots, slots),
                "execution " + id + " waits for a slot");
  }
  release(trial, again);
}

void same_instant(Trial& trial) {
  if (trial.policies().same_instant == Policies::SameInstant::kUnspecified) {
    trial.check("TIME-5", true, "nothing is promised of one instant", "");
    return;
  }
  const InvokeCall call = trial.call(limited(trial.sync("sleep", {{"ms", 200}}), 200));
  trial.check("TIME-5", call,
              call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
              "a function that ends at the very instant of its timeout has COMPLETED");
}

void timeout_in_the_queue(Trial& trial) {
  const std::vector<std::string> blockers = fill_slots(trial);
  const std::string id = trial.start_async(limited(trial.async("sleep", {{"ms", 50}}), 200));
  if (trial.policies().timeout_from == Policies::TimeoutFrom::kAcceptance) {
    const auto end = trial.await_end(id, 5s + trial.slack());
    trial.check("TIME-6", end == kTimeout, "the time in the queue counts",
                "it was " + status_name(end));
    release(trial, blockers);
    trial.sleep_for(200ms);
    const StatusCall status = trial.read(id);
    trial.check("TIME-6", status,
                !status.answer().result().has_started_at() && attempts_logged(status.answer()) == 0,
                "a timeout in the queue never starts the function");
  } else {
    trial.sleep_for(300ms);
    const StatusCall status = trial.read(id);
    trial.check("TIME-6", status,
                status.answer().result().status() == spearlet::EXECUTION_STATUS_PENDING,
                "the time in the queue does not count, as the target declares");
    release(trial, blockers);
  }
}

void retries(Trial& trial) {
  auto request = limited(trial.async("fail"), 10'000);
  request.mutable_context()->set_max_retries(2);
  const std::string id = trial.start_async(request);
  trial.await_end(id);
  const StatusCall status = trial.read(id);
  trial.check("TIME-7", status,
              status.answer().result().status() == spearlet::EXECUTION_STATUS_FAILED,
              "when no attempt is left the execution is FAILED");
  const int attempts = attempts_logged(status.answer());
  trial.check("TIME-7", status, attempts >= 1 && attempts <= 3,
              "with max_retries = 2 there are at most 3 attempts");
}

void retries_within_the_timeout(Trial& trial) {
  auto request = limited(trial.async("fail", {{"ms", 100}}), 450);
  request.mutable_context()->set_max_retries(1000);
  const core::Instant sent = trial.now();
  const std::string id = trial.start_async(request);
  const core::Instant accepted = trial.now();
  trial.await_end(id);
  trial.check(
      "TIME-7", trial.now() <= accepted + 450ms + trial.slack() + (trial.exact() ? 5ms : 0ms),
      "all attempts are inside the one timeout",
      fmt::format(
          "the execution ended {} ms after it was sent",
          std::chrono::duration_cast<std::chrono::milliseconds>(trial.now() - sent).count()));
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
