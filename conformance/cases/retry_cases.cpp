// RETRY cases: when a function is attempted again, and when not. Attempts are counted by the line
// that each fixture logs first.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

// Time enough for some attempts with pauses of seconds between them.
constexpr std::int64_t kAmpleMs = 30'000;

spearlet::InvokeFunctionRequest with_retries(spearlet::InvokeFunctionRequest request, int retries,
                                             std::int64_t timeout_ms = kAmpleMs) {
  request.mutable_context()->set_max_retries(retries);
  request.mutable_context()->set_timeout_ms(timeout_ms);
  return request;
}

int attempts_of(CaseRun& run, const std::string& id) {
  return attempts_logged(run.read(id).answer());
}

std::string counted(int attempts) { return fmt::format("there were {} attempts", attempts); }

void fails_again(CaseRun& run) {
  for (const int retries : {0, 1, 3}) {
    const std::string id = run.start_async(with_retries(run.async("fail"), retries));
    const auto end = run.await_end(id, std::chrono::milliseconds(kAmpleMs));
    const int attempts = attempts_of(run, id);
    run.check("RETRY-1", end == kFailed && attempts == 1 + retries,
              fmt::format("a function that always fails is attempted {} times with max_retries = "
                          "{}, and ends FAILED",
                          1 + retries, retries),
              fmt::format("{}, and it is {}", counted(attempts), status_name(end)));
  }
  // A SYNC caller waits for the last attempt.
  const InvokeCall call = call_accepted(run, with_retries(run.sync("fail"), 1));
  const int attempts = attempts_of(run, call.answer().execution_id());
  run.check("RETRY-1", attempts == 2 && status_of(call) == kFailed,
            "a SYNC call with max_retries = 1 is answered after the second attempt",
            counted(attempts));
}

void only_after_failed(CaseRun& run) {
  const auto check_one_attempt = [&](const std::string& id, spearlet::ExecutionStatus expected) {
    check_end(run, "RETRY-2", id, expected,
              fmt::format("the execution ends {}", status_name(expected)));
    // Longer than the first pause of a usual backoff.
    run.sleep_for(400ms);
    const StatusCall status = run.read(id);
    run.check("RETRY-2", status,
              status_of(status) == expected && attempts_logged(status.answer()) == 1,
              fmt::format("after {} there is no further attempt", status_name(expected)));
  };
  check_one_attempt(run.start_async(with_retries(run.async("echo", {{"value", 1}}), 3)),
                    kCompleted);
  const std::string cancelled =
      start_running(run, with_retries(run.async("sleep", {{"ms", kLongMs}}), 3));
  run.cancel(cancelled);
  check_one_attempt(cancelled, kCancelled);
  const core::Duration lag = round_trip(run);
  const std::int64_t timeout_ms = 400 + core::floor_milliseconds(2 * lag);
  check_one_attempt(
      run.start_async(with_retries(run.async("sleep", {{"ms", kLongMs}}), 3, timeout_ms)),
      kTimeout);
}

// The times at which the attempts of an execution were first seen.
std::vector<core::Instant> times_of_attempts(CaseRun& run, const std::string& id) {
  std::vector<core::Instant> times;
  run.poll(
      id,
      [&](const auto& status) {
        const auto attempts = static_cast<std::size_t>(attempts_logged(status));
        while (times.size() < attempts) times.push_back(run.now());
        return is_terminal(status.result().status());
      },
      std::chrono::milliseconds(kAmpleMs));
  return times;
}

void backs_off(CaseRun& run) {
  constexpr int kRetries = 4;
  // Shorter pauses are none: a failing function would be started hundreds of times in a second.
  constexpr core::Duration kShortest = 10ms;
  const core::Instant sent = run.now();
  const std::string id = run.start_async(with_retries(run.async("fail"), kRetries));
  const std::vector<core::Instant> times = times_of_attempts(run, id);
  const core::Duration took = run.now() - sent;
  if (times.size() != 1 + kRetries) {
    CaseRun::abort(fmt::format("the log shows {} attempts, not {}", times.size(), 1 + kRetries));
  }
  run.check("RETRY-3", took >= kRetries * kShortest,
            fmt::format("{} attempts with pauses between them take more than {} ms", 1 + kRetries,
                        kRetries * core::floor_milliseconds(kShortest)),
            fmt::format("they took {} ms", core::floor_milliseconds(took)));
  const core::Duration first = times[1] - times[0];
  const core::Duration last = times[kRetries] - times[kRetries - 1];
  // Reads that take long, and a random part of the pauses, blur what is seen of them.
  const core::Duration blur = 2 * round_trip(run) + (run.exact() ? 0ms : 50ms);
  run.check("RETRY-3", last + blur >= first / 2, "the pauses do not get shorter",
            fmt::format("the first was {} ms and the last {} ms", core::floor_milliseconds(first),
                        core::floor_milliseconds(last)));
  // As many attempts as there is time for. With pauses of one length there would be three times as
  // many in three seconds as in the first of them, and hardly more than once more if they double.
  constexpr int kMaxPerSecond = 50;
  constexpr std::int64_t kWindowMs = 3000;
  const std::string busy = run.start_async(with_retries(run.async("fail"), 1000, kWindowMs));
  const std::vector<core::Instant> all = times_of_attempts(run, busy);
  if (all.empty()) CaseRun::abort("the log of an execution that failed shows no attempt");
  const core::Instant second_ends = all.front() + 1s + 2 * round_trip(run);
  const auto early = std::ranges::count_if(all, [&](auto time) { return time <= second_ends; });
  run.check("RETRY-3", early <= kMaxPerSecond,
            fmt::format("an execution whose function fails at once is attempted less than {} times "
                        "in a second",
                        kMaxPerSecond),
            counted(static_cast<int>(early)));
  run.check("RETRY-3", std::ssize(all) <= 2 * early + 3, "the pauses between the attempts grow",
            fmt::format("there were {} attempts in the first second and {} in {} ms", early,
                        all.size(), kWindowMs));
}

// Starts an execution that fails at once, again and again, and returns its id in a pause, nearly
// always: half of the pause before the latest attempt has passed since that.
std::string start_pausing(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  constexpr std::size_t kAttempts = 4;
  std::string id = run.start_async(request);
  std::vector<core::Instant> times;
  const auto seen = run.poll(
      id,
      [&](const auto& status) {
        const auto attempts = static_cast<std::size_t>(attempts_logged(status));
        while (times.size() < attempts) times.push_back(run.now());
        return attempts >= kAttempts || is_terminal(status.result().status());
      },
      std::chrono::milliseconds(kAmpleMs));
  if (!seen || times.size() < kAttempts || is_terminal(seen->result().status())) {
    CaseRun::abort("an execution whose function fails was not attempted again: " + id);
  }
  run.sleep_for((times[kAttempts - 1] - times[kAttempts - 2]) / 2);
  return id;
}

void cancel_in_the_pause(CaseRun& run) {
  const core::Duration lag = round_trip(run);
  // An attempt may run when the cancel comes, and fail by itself.
  constexpr int kTries = 3;
  for (int i = 1; i <= kTries; ++i) {
    const std::string id = start_pausing(run, with_retries(run.async("fail"), 1000, 60'000));
    const int before = attempts_of(run, id);
    const CancelCall call = run.cancel(id, /*force=*/false, "in the pause");
    if (i < kTries && call.answer().final_status() == kFailed) continue;
    run.check("RETRY-4", call,
              call.answer().success() && call.answer().final_status() == kCancelled,
              "a cancel in the pause before a retry ends the execution");
    run.check("RETRY-4", call, duration_of(call) <= run.slack() / 2 + 2 * lag,
              "it does not wait for the end of the pause");
    run.sleep_for(700ms);
    const StatusCall status = run.read(id);
    run.check("RETRY-4", status,
              status_of(status) == kCancelled && attempts_logged(status.answer()) <= before + 1,
              "there is no attempt after the cancel");
    return;
  }
}

void timeout_in_the_pause(CaseRun& run) {
  // With a usual backoff (100 ms, doubled each time) this is early in a long pause.
  constexpr std::int64_t kTimeoutMs = 1600;
  const std::string id = run.start_async(with_retries(run.async("fail"), 1000, kTimeoutMs));
  const core::Instant accepted = run.now();
  const auto end = run.await_end(id, std::chrono::milliseconds(kTimeoutMs) + 5s + run.slack());
  const core::Duration took = run.now() - accepted;
  run.check("RETRY-4",
            (end == kTimeout || end == kFailed) &&
                took <= std::chrono::milliseconds(kTimeoutMs) + run.slack(),
            "an execution that is in a pause ends by its timeout, not at the end of the pause",
            fmt::format("it was {} {} ms after its acceptance; its timeout was {} ms",
                        status_name(end), core::floor_milliseconds(took), kTimeoutMs));
}

void retry_limits(CaseRun& run) {
  using Limits = std::numeric_limits<std::int32_t>;
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    for (const std::int32_t retries : {-1, Limits::min()}) {
      const auto request = with_retries(run.request("echo", mode, {{"value", 1}}), retries);
      const InvokeCall call = run.call(request);
      run.check("RETRY-5", call, refused(run, call, absl::StatusCode::kInvalidArgument),
                fmt::format("max_retries = {} is refused with INVALID_ARGUMENT", retries));
    }
    call_accepted(run, with_retries(run.request("echo", mode, {{"value", 1}}), 0));
    const InvokeCall most =
        run.call(with_retries(run.request("echo", mode, {{"value", 1}}), Limits::max()));
    run.check("RETRY-5", most, most.answered() && most.answer().success(),
              "the greatest max_retries is accepted");
  }
  const std::string id = run.start_async(with_retries(run.async("fail"), Limits::max(), 2000));
  run.await_end(id);
  const int attempts = attempts_of(run, id);
  run.check("RETRY-5", attempts > 1,
            "with the greatest max_retries a function that fails is attempted again",
            counted(attempts));
}

std::vector<Case> retry_cases() {
  return {
      {.name = "retry/fails-again",
       .about = "a function that always fails is attempted as often as the request allows",
       .clauses = {"RETRY-1"},
       .fixtures = {"fail"},
       .run = fails_again},
      {.name = "retry/only-after-failed",
       .about = "COMPLETED, CANCELLED and TIMEOUT are not followed by another attempt",
       .clauses = {"RETRY-2"},
       .fixtures = {"echo", "sleep"},
       .run = only_after_failed},
      {.name = "retry/backs-off",
       .about = "there are pauses between the attempts, and they grow",
       .clauses = {"RETRY-3"},
       .fixtures = {"fail"},
       .run = backs_off},
      {.name = "retry/cancel-in-the-pause",
       .about = "a cancel in the pause before a retry acts at once",
       .clauses = {"RETRY-4"},
       .fixtures = {"fail"},
       .run = cancel_in_the_pause},
      {.name = "retry/timeout-in-the-pause",
       .about = "a timeout in the pause before a retry acts at once",
       .clauses = {"RETRY-4"},
       .fixtures = {"fail"},
       .run = timeout_in_the_pause},
      {.name = "retry/limits",
       .about = "negative max_retries are refused, and the greatest is accepted",
       .clauses = {"RETRY-5"},
       .fixtures = {"echo", "fail"},
       .run = retry_limits},
  };
}

const RegisterCases kRetryCases(19, retry_cases);

}  // namespace
}  // namespace quintain::conformance
