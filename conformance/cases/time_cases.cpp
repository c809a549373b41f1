// TIME cases: timeouts, deadlines and retries. In virtual time they are exact; for a live target a
// measured time may be off by CaseRun::slack().
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using spearlet::InvokeFunctionRequest;

spearlet::InvokeFunctionRequest limited(spearlet::InvokeFunctionRequest request,
                                        std::int64_t timeout_ms) {
  request.mutable_context()->set_timeout_ms(timeout_ms);
  return request;
}

// On a live target a part of it that is missing must be longer than a reaction on a busy machine.
core::Duration judged_timeout(const CaseRun& run) { return run.exact() ? 300ms : 1200ms; }

// The record has no error of the client's clock.
void check_not_late_by_the_record(CaseRun& run, const StatusCall& status, core::Duration timeout) {
  const auto& result = status.answer().result();
  if (!result.has_started_at() || !result.has_completed_at()) return;
  run.check(
      "TIME-1", status,
      time_of(result.completed_at()) - time_of(result.started_at()) <= timeout + run.slack() / 2,
      "by its record it did not run longer than its timeout");
}

void async_timeout(CaseRun& run) {
  const core::Duration timeout = judged_timeout(run);
  const auto request = limited(run.async("sleep", {{"ms", kLongMs}}), timeout / 1ms);
  const core::Instant sent = run.now();
  const std::string id = run.start_async(request);
  const core::Instant accepted = run.now();
  if (run.exact()) {
    run.sleep_until(sent + (timeout - 1ns));
    const StatusCall before = run.read(id);
    run.check("TIME-1", before, !is_terminal(status_of(before)),
              "a nanosecond before its timeout the execution has not ended");
    run.sleep_until(sent + timeout);
  } else {
    run.await_end(id);
  }
  const StatusCall status = run.read(id);
  run.check("TIME-1", status, status_of(status) == kTimeout,
            "the execution is TIMEOUT when its timeout has passed");
  run.check("TIME-1", status, run.now() >= sent + timeout, "it is not TIMEOUT earlier");
  run.check("TIME-1", status, run.now() <= accepted + timeout + run.slack(),
            "it is not TIMEOUT later");
  check_not_late_by_the_record(run, status, timeout);
}

// Whether `sleep` with kLongMs certainly runs longer than that.
bool outlasts(const CaseRun& run, core::Duration limit) {
  return std::chrono::milliseconds(run.takes_ms("sleep", kLongMs.wanted)) > limit + 500ms;
}

void sync_timeout(CaseRun& run) {
  // A target may keep short timeouts and not long ones, or the other way round.
  std::vector<core::Duration> timeouts = {judged_timeout(run), 80ms};
  if (outlasts(run, 3100ms)) timeouts.push_back(3100ms);
  std::vector<InvokeCall> calls;
  for (const core::Duration timeout : timeouts) {
    calls.push_back(run.send(limited(run.sync("sleep", {{"ms", kLongMs}}), timeout / 1ms)));
    if (executions_at_once(run, 3) < 3) run.wait(calls.back());
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    InvokeCall call = run.wait(calls[i]);
    // Other cases may have filled the queue.
    if (absl::IsResourceExhausted(call.recorded().status)) {
      call = run.call(call.recorded().request_as<InvokeFunctionRequest>());
    }
    run.check("TIME-1", call, status_of(call) == kTimeout,
              "a SYNC call whose timeout passes is answered with TIMEOUT");
    // From the start on, the time that the execution had to wait for others does not count.
    const bool waits = run.policies().timeout_from == Policies::TimeoutFrom::kStart;
    run.check("TIME-1", call,
              duration_of(call) >= timeouts[i] &&
                  (waits || duration_of(call) <= timeouts[i] + run.slack()),
              "it is answered when the timeout has passed");
    if (call.answered()) {
      check_not_late_by_the_record(run, run.read(call.answer().execution_id()), timeouts[i]);
    }
  }
}

void check_nothing_started(CaseRun& run, const std::string& id) {
  const StatusCall status = run.read(id);
  run.check("TIME-2", status,
            status.answered() && attempts_logged(status.answer()) == 0 &&
                !status.answer().result().has_started_at(),
            "a call whose deadline has passed starts nothing");
}

void expired_deadline(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_ASYNC, spearlet::EXECUTION_MODE_SYNC}) {
    const auto request = run.request("sleep", mode, {{"ms", at_least(100)}});
    const InvokeCall call = run.wait(run.send(request, -1s));
    run.check("TIME-2", call, call.code() == absl::StatusCode::kDeadlineExceeded,
              "a call whose deadline has passed is refused");
    run.sleep_for(50ms);
    check_nothing_started(run, request.execution_id());
    const InvokeCall twin =
        run.wait(run.send(run.request("sleep", mode, {{"ms", at_least(100)}}), 1s));
    if (!twin.answered()) {
      CaseRun::abort("a call before its deadline was refused: " + describe(twin.recorded()));
    }
  }
}

// A connection with one call, as bytes: HTTP/2 (RFC 9113) with headers in plain text (RFC 7541,
// 6.2.2). The time of the call starts with the headers; the message comes later.
struct RawCall {
  std::string headers;
  std::string message;
};

// `timeout` in gRPC's notation: "10S", "1n".
RawCall raw_call(std::string_view path, std::string_view timeout, std::string_view message) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
    return text;
  };
  const auto frame = [&](char type, char flags, std::uint64_t stream, std::string_view payload) {
    return (number(payload.size(), 3) + type + flags + number(stream, 4)).append(payload);
  };
  const auto header = [](std::string_view name, std::string_view value) {
    std::string bytes(1, '\0');
    for (const std::string_view text : {name, value}) {
      bytes += static_cast<char>(text.size());  // less than 127, so it is one byte
      bytes.append(text);
    }
    return bytes;
  };
  constexpr char kEndHeaders = 4;
  constexpr char kEndStream = 1;
  return {
      std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame(4, 0, 0, "") +
          frame(1, kEndHeaders, 1,
                header(":method", "POST") + header(":scheme", "http") + header(":path", path) +
                    header(":authority", "target") + header("te", "trailers") +
                    header("content-type", "application/grpc") + header("grpc-timeout", timeout)),
      frame(0, kEndStream, 1, (number(0, 1) + number(message.size(), 4)).append(message))};
}

// A client does not send a call whose deadline has passed, so this one is put together here. The
// deadline passes between its headers and its message.
void expired_on_arrival(CaseRun& run) {
  const auto send = [&](std::string_view timeout) {
    const auto request = run.async("sleep", {{"ms", at_least(100)}});
    const RawCall call = raw_call(run.profile().path(Method::kInvokeFunction), timeout,
                                  run.profile().encode(Method::kInvokeFunction, request));
    const absl::Status sent = run.transport().send_raw(call.headers, call.message);
    if (!sent.ok()) CaseRun::not_judged(sent.ToString());
    return request.execution_id();
  };
  // The twin shows that the target accepts a call in this form.
  const StatusCall twin = run.read(send("10S"));
  if (!twin.answer().found()) {
    CaseRun::not_judged("the target does not accept a call over a plain HTTP/2 connection");
  }
  check_nothing_started(run, send("1n"));
}

void check_rpc_deadline(CaseRun& run, core::Duration deadline) {
  const auto request = run.sync("sleep", {{"ms", kLongMs}});
  const InvokeCall call = run.wait(run.send(request, deadline));
  run.sleep_until(call.recorded().sent + deadline);
  // A real deadline passes on both sides at once, so the target may notice first that the client
  // has gone.
  const auto end = run.await_end(request.execution_id(), run.slack());
  run.check("TIME-3", end == kTimeout || (!run.exact() && end == kCancelled),
            "the deadline of a SYNC call bounds its execution",
            "its final status is " + status_name(end));
}

// The deadline passes while the client stays. A client that ends its call at the deadline looks
// like one that has gone away, so a target that ignores the deadline would cancel its execution.
void check_deadline_while_the_client_stays(CaseRun& run, const InvokeFunctionRequest& request) {
  const RawCall call = raw_call(run.profile().path(Method::kInvokeFunction), "700m",
                                run.profile().encode(Method::kInvokeFunction, request));
  const absl::Status sent = run.transport().send_raw(call.headers, call.message);
  if (!sent.ok()) CaseRun::not_judged(sent.ToString());
  if (!run.read(request.execution_id()).answer().found()) {
    CaseRun::not_judged("the target does not accept a call over a plain HTTP/2 connection");
  }
  const auto end = run.await_end(request.execution_id(), run.slack());
  run.check("TIME-3", end == kTimeout,
            "the deadline of a SYNC call ends its execution as TIMEOUT, also if the client stays",
            "its final status is " + status_name(end));
}

void deadline_of_a_client_that_stays(CaseRun& run) {
  const auto request = run.sync("sleep", {{"ms", kLongMs}});
  check_deadline_while_the_client_stays(run, request);
  // The deadline is the shorter of the two.
  check_deadline_while_the_client_stays(run, limited(run.sync("sleep", {{"ms", kLongMs}}), 30'000));
}

void rpc_deadline_bounds_sync(CaseRun& run) {
  // The calls arrive well before their deadlines.
  const core::Duration lag = 2 * round_trip(run);
  for (const core::Duration deadline : {300ms + lag, 1300ms + lag}) {
    if (outlasts(run, deadline)) check_rpc_deadline(run, deadline);
  }
}

// An explicit timeout may be longer than the default, and so may a function.
void beyond_the_default(CaseRun& run) {
  const std::int64_t standard_ms = core::floor_milliseconds(*run.node().default_sync_timeout);
  if (standard_ms > 6000) {
    CaseRun::not_judged("the default timeout of SYNC is longer than a case should last");
  }
  if (run.node().maximum_timeout && *run.node().maximum_timeout < (standard_ms + 4000) * 1ms) {
    CaseRun::not_judged("the node's maximum is near the default timeout of SYNC");
  }
  const auto request =
      limited(run.sync("sleep", {{"ms", at_least(standard_ms + 1000)}}), standard_ms + 4000);
  const InvokeCall call = call_accepted(run, request);
  run.check("TIME-3", call, status_of(call) == kCompleted,
            fmt::format("a SYNC call with a timeout of {} ms is not ended after the default of {} "
                        "ms",
                        standard_ms + 4000, standard_ms));
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

void short_maximum(CaseRun& run) {
  const core::Duration maximum = *run.node().maximum_timeout;
  if (maximum > 8s) CaseRun::not_judged("the node's maximum is longer than a case lasts");
  const std::int64_t wanted_ms = 3 * core::floor_milliseconds(maximum);
  const std::string id =
      run.start_async(limited(run.async("sleep", {{"ms", at_least(wanted_ms)}}), wanted_ms));
  check_end(run, "TIME-3", id, kTimeout, "no execution runs longer than the node's maximum",
            maximum + run.slack());
}

// Without a timeout: no context, a context without one, and a context with other contents.
std::vector<spearlet::InvokeFunctionRequest> without_timeout(CaseRun& run, Amount ms) {
  std::vector<spearlet::InvokeFunctionRequest> requests(3, run.sync("sleep", {{"ms", ms}}));
  for (auto& request : requests) {
    request.set_execution_id(run.fresh_id());
    // The manifest may declare one for requests without a timeout.
    if (request.has_context()) request.mutable_context()->clear_timeout_ms();
  }
  requests[1].mutable_context()->set_timeout_ms(0);
  requests[2].mutable_context()->set_session_id("a session");
  return requests;
}

void zero_is_the_default(CaseRun& run) {
  if (run.policies().timeout_zero == Policies::TimeoutZero::kUnlimited) {
    // Longer than the default that the target has for other requests, if that is not too long.
    const auto standard = run.node().default_sync_timeout.value_or(0ms);
    const std::int64_t ms =
        std::clamp<std::int64_t>(core::floor_milliseconds(standard) + 1000, 1500, 9000);
    const InvokeCall call = call_accepted(run, run.sync("sleep", {{"ms", at_least(ms)}}));
    run.check("TIME-3", call, status_of(call) == kCompleted,
              "without a timeout an execution is not ended, as the target declares");
    return;
  }
  const core::Duration expected = *run.node().default_sync_timeout;
  // All at once, as far as the target takes them; the time in the queue counts. One after the other
  // would take too long.
  const bool at_once = run.policies().timeout_from == Policies::TimeoutFrom::kAcceptance;
  auto requests =
      without_timeout(run, at_least(2 * core::floor_milliseconds(expected),
                                    kLongMs.wanted + core::floor_milliseconds(expected)));
  requests.resize(std::min<std::size_t>(
      requests.size(), at_once ? static_cast<std::size_t>(executions_at_once(run, 2)) : 1U));
  std::vector<InvokeCall> calls;
  for (const auto& request : requests) calls.push_back(run.send(request));
  run.wait_until(
      [&] { return std::ranges::all_of(calls, [](const auto& call) { return call.ended(); }); },
      expected + run.slack() + 2s);
  for (const InvokeCall& call : calls) {
    run.check("TIME-3", call,
              call.ended() && status_of(call) == kTimeout && duration_of(call) >= expected &&
                  duration_of(call) <= expected + run.slack(),
              fmt::format("without a timeout a SYNC call has the default of {} ms",
                          core::floor_milliseconds(expected)));
  }
}

void zero_does_not_expire(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    for (auto request : without_timeout(run, at_least(600))) {
      request.set_execution_mode(mode);
      const InvokeCall call = call_accepted(run, request);
      check_end(run, "TIME-3", call.answer().execution_id(), kCompleted,
                "timeout_ms = 0 is not a timeout of zero");
    }
  }
}

void async_default(CaseRun& run) {
  // The default of ASYNC is longer than that of SYNC.
  const core::Duration longer = *run.node().default_sync_timeout + 1s;
  if (!run.exact() && longer > 7s) {
    CaseRun::not_judged("the default timeout of SYNC is longer than a case should last");
  }
  const std::string id =
      run.start_async(run.async("sleep", {{"ms", at_least(core::floor_milliseconds(longer))}}));
  check_end(run, "TIME-3", id, kCompleted,
            "an ASYNC execution without a timeout runs longer than the default of SYNC",
            longer + 2s + run.slack());
}

void limits_of_timeouts(CaseRun& run) {
  using Limits = std::numeric_limits<std::int64_t>;
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    for (const std::int64_t timeout_ms : {Limits::min(), -(std::int64_t{1} << 32)}) {
      const InvokeCall call =
          run.call(limited(run.request("echo", mode, {{"value", 1}}), timeout_ms));
      run.check("TIME-3", call, refused(run, call, absl::StatusCode::kInvalidArgument),
                fmt::format("the timeout {} ms is refused with INVALID_ARGUMENT", timeout_ms));
    }
    call_accepted(run, limited(run.request("echo", mode, {{"value", 1}}), 5000));
  }
  // In 32 bits the second would be a millisecond. In nanoseconds the third does not fit into 64
  // bits and would be less than 100 ms, and the last is negative.
  for (const std::int64_t timeout_ms :
       {(std::int64_t{1} << 31) + 5000, (std::int64_t{1} << 32) + 1,
        std::int64_t{18'446'744'073'720}, Limits::max() / 1'000'000 + 1, Limits::max()}) {
    const auto request = limited(run.sync("sleep", {{"ms", at_least(250)}}), timeout_ms);
    const InvokeCall call = run.call(request);
    run.check("TIME-3", call, status_of(call) == kCompleted,
              fmt::format("a timeout of {} ms does not end an execution of 250 ms", timeout_ms));
  }
  const InvokeCall shortest = run.call(limited(run.sync("sleep", {{"ms", kLongMs}}), 1));
  run.check("TIME-3", shortest, status_of(shortest) == kTimeout,
            "a timeout of 1 ms ends an execution");
}

void negative(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    const InvokeCall call = run.call(limited(run.request("echo", mode, {{"value", 1}}), -1));
    run.check("TIME-3", call, refused(run, call, absl::StatusCode::kInvalidArgument),
              "a negative timeout is refused with INVALID_ARGUMENT");
    call_accepted(run, limited(run.request("echo", mode, {{"value", 1}}), 5000));
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
       .virtual_time_only = "a live client does not send such a call",
       .run = expired_deadline},
      {.name = "time/expired-on-arrival",
       .about = "calls with deadlines of nanoseconds, in hand-made HTTP/2, start nothing",
       .clauses = {"TIME-2"},
       .fixtures = {"sleep"},
       .live_only = "in virtual time a call arrives at the time at which it is sent",
       .run = expired_on_arrival},
      {.name = "time/rpc-deadline-bounds-sync",
       .about = "the RPC's deadline bounds the execution of a SYNC call",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .run = rpc_deadline_bounds_sync},
      {.name = "time/deadline-while-the-client-stays",
       .about = "a deadline passes, and the client, in hand-made HTTP/2, stays connected",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .live_only = "in virtual time a client leaves only if a case says so",
       .run = deadline_of_a_client_that_stays},
      {.name = "time/maximum",
       .about = "a timeout above the node's maximum is reduced to the maximum",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kMaximumTimeout},
       .virtual_time_only = "a node's maximum is minutes or hours",
       .run = maximum},
      {.name = "time/short-maximum",
       .about = "a timeout above a maximum of seconds is reduced to the maximum",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kMaximumTimeout},
       .live_only = "in virtual time every maximum can be judged",
       .run = short_maximum},
      {.name = "time/zero-is-the-default",
       .about = "a request without a timeout has the default of its mode",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kDefaultTimeout},
       .run = zero_is_the_default},
      {.name = "time/beyond-the-default",
       .about = "a SYNC call with a timeout that is longer than the default runs that long",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kDefaultTimeout},
       .run = beyond_the_default},
      {.name = "time/zero-does-not-expire",
       .about = "a context without a timeout does not end an execution at once",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .run = zero_does_not_expire},
      {.name = "time/async-default",
       .about = "an ASYNC request without a timeout does not have the default of SYNC",
       .clauses = {"TIME-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kDefaultTimeout},
       .run = async_default},
      {.name = "time/limits",
       .about = "the least timeouts are refused and the greatest are not cut",
       .clauses = {"TIME-3"},
       .fixtures = {"echo", "sleep"},
       .run = limits_of_timeouts},
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

const RegisterCases kTimeCases(7, time_cases);

}  // namespace
}  // namespace quintain::conformance
