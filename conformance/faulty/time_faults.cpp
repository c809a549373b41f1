// Faults of timeouts and retries.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "conformance/faulty/decorators.h"
#include "conformance/faulty/forwarding_runtime.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;

// Runs a call whose deadline has passed as if it had none and its caller were still there.
class ExpiredCallRuns final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (call.deadline > now()) {
      return inner().InvokeFunction(std::move(request), call, std::move(answer));
    }
    inner().InvokeFunction(
        std::move(request), {},
        edited(std::move(answer), [](const InvokeFunctionResponse&) {}, Leaving::kWithheld));
  }
};

// Runs a SYNC execution without its call's deadline, and on after the end of the call, if the
// deadline is at least that far away.
template <int kFromMs>
class DeadlineDoesNotBound final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (call.deadline.is_never() || is_async(request) ||
        call.deadline - now() < std::chrono::milliseconds(kFromMs)) {
      return inner().InvokeFunction(std::move(request), call, std::move(answer));
    }
    inner().InvokeFunction(
        std::move(request), {},
        edited(std::move(answer), [](const InvokeFunctionResponse&) {}, Leaving::kWithheld));
  }
};

// Shows an execution as COMPLETED some time after its TIMEOUT.
class LateCompletionOverwrites final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [this](GetExecutionStatusResponse& response) {
          ExecutionResult& result = *response.mutable_result();
          if (result.status() != kTimeout || !result.has_started_at()) return;
          const auto& end = result.completed_at();
          const core::Duration ended =
              std::chrono::seconds(end.seconds()) + std::chrono::nanoseconds(end.nanos());
          if (environment().wall_now().since_epoch < ended + kRest) return;
          result.set_status(kCompleted);
          result.clear_error_code();
          result.clear_error_message();
        }));
  }

 private:
  // The further time that the function would have needed.
  static constexpr core::Duration kRest = 200ms;
};

// Runs an execution that timed out while PENDING when a slot is free.
class QueueTimeoutRuns final : public RerunService {
 public:
  using RerunService::RerunService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = given_id(request);
    const std::int64_t timeout_ms = request.context().timeout_ms();
    RerunService::InvokeFunction(std::move(request), call, std::move(answer));
    if (id.empty() || timeout_ms <= 0) return;
    timers().after(core::saturating_add(core::saturating_milliseconds(timeout_ms), 1ms),
                   [this, id] {
                     const GetExecutionStatusResponse now = look_up(id);
                     if (now.result().status() == kTimeout && !now.result().has_started_at())
                       rerun(id);
                   });
  }
};

// Reports the end of an attempt after everything else that is due at the same instant.
class EndsReportedLast final : public ForwardingRuntime {
 public:
  using ForwardingRuntime::ForwardingRuntime;

  void stop(core::AttemptId attempt) override {
    if (!ended_.contains(attempt)) inner().stop(attempt);
  }
  void kill(core::AttemptId attempt) override {
    if (ended_.erase(attempt) == 0) inner().kill(attempt);
  }

 protected:
  void on_finished(core::AttemptId attempt, core::Outcome&& outcome) override {
    ended_.emplace(attempt, std::move(outcome));
    timers().after(core::Duration::zero(), [this, attempt] {
      auto ended = ended_.extract(attempt);
      if (!ended.empty()) listener().on_finished(attempt, std::move(ended.mapped()));
    });
  }

 private:
  std::map<core::AttemptId, core::Outcome> ended_;
};

std::vector<FaultyCore> time_faults() {
  return {
      {.name = "timeout-a-millisecond-late",
       .about = "An execution gets a millisecond more than its timeout.",
       .origin = "for TIME-1",
       .caught_by = {"TIME-1"},
       .virtual_time_only = "a millisecond is less than the error of any live measurement",
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  const std::int64_t timeout_ms = request.context().timeout_ms();
                                  if (timeout_ms <= 0 ||
                                      timeout_ms == std::numeric_limits<std::int64_t>::max()) {
                                    return;
                                  }
                                  request.mutable_context()->set_timeout_ms(timeout_ms + 1);
                                }})},
      {.name = "expired-call-runs",
       .about = "A call whose deadline has passed starts its function.",
       .origin = "for TIME-2",
       .caught_by = {"TIME-2"},
       .virtual_time_only = "gRPC itself ends a call whose deadline passes before its message",
       .decorate = decorated_by<ExpiredCallRuns>()},
      {.name = "timeout-ignored",
       .about = "Every execution has a constant timeout instead of the requested one.",
       .origin = "seen in Spear",
       .caught_by = {"TIME-1", "TIME-3"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  constexpr std::int64_t kConstantMs = 30'000;
                                  request.mutable_context()->set_timeout_ms(kConstantMs);
                                }})},
      {.name = "long-deadline-does-not-bound",
       .about = "A SYNC execution goes on after the deadline of its call if that is long.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = decorated_by<DeadlineDoesNotBound<900>>()},
      {.name = "timeouts-up-to-the-default",
       .about = "No SYNC execution runs longer than the default timeout, whatever its own.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  constexpr std::int64_t kDefaultMs = 5000;
                                  if (is_async(request)) return;
                                  if (request.context().timeout_ms() <= kDefaultMs) return;
                                  request.mutable_context()->set_timeout_ms(kDefaultMs);
                                }})},
      {.name = "deadline-does-not-bound",
       .about = "A SYNC execution goes on after the deadline of its call.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = decorated_by<DeadlineDoesNotBound<0>>()},
      {.name = "timeout-cut-to-an-int",
       .about = "The timeout is read as a number of 32 bits.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.context().timeout_ms() == 0) return;
                                  request.mutable_context()->set_timeout_ms(
                                      static_cast<std::int32_t>(request.context().timeout_ms()));
                                }})},
      {.name = "timeout-in-nanoseconds-overflows",
       .about = "The timeout is converted to nanoseconds without a check.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  const auto ms = request.context().timeout_ms();
                                  if (ms <= 0) return;
                                  const auto ns = static_cast<std::uint64_t>(ms) * 1'000'000;
                                  request.mutable_context()->set_timeout_ms(std::max<std::int64_t>(
                                      static_cast<std::int64_t>(ns) / 1'000'000, 1));
                                }})},
      {.name = "zero-timeout-expires",
       .about = "A context without a timeout has a timeout of a millisecond.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (!request.has_context()) return;
                                  if (request.context().timeout_ms() != 0) return;
                                  request.mutable_context()->set_timeout_ms(1);
                                }})},
      {.name = "async-has-the-default-of-sync",
       .about = "An ASYNC execution without a timeout has the default of SYNC.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .virtual_time_only = "the default of SYNC takes longer than a case should",
       .configure =
           [](core::NodeConfig& node) { node.timeout.async_default = node.timeout.sync_default; }},
      {.name = "timeout-too-early",
       .about = "An execution gets nine tenths of its timeout.",
       .origin = "for TIME-1",
       .caught_by = {"TIME-1"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.context().timeout_ms() <= 1) return;
                                  request.mutable_context()->set_timeout_ms(
                                      request.context().timeout_ms() / 10 * 9);
                                }})},
      {.name = "negative-timeout-accepted",
       .about = "A negative timeout acts as none.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.context().timeout_ms() >= 0) return;
                                  request.mutable_context()->clear_timeout_ms();
                                }})},
      {.name = "late-completion-overwrites-timeout",
       .about = "A function that ends after its TIMEOUT makes the record COMPLETED.",
       .origin = "seen in Spear",
       .caught_by = {"TIME-4", "STATE-2"},
       .decorate = decorated_by<LateCompletionOverwrites>()},
      {.name = "slot-leaked-after-timeout",
       .about = "The slot of an execution that timed out is never free again.",
       .origin = "seen in Spear",
       .caught_by = {"TIME-4"},
       .wrap_runtime = leaking_slots(LeakAfter::kKill, core::kForever)},
      {.name = "timeout-before-completion",
       .about = "An execution that completes at the instant of its timeout is a TIMEOUT.",
       .origin = "for TIME-5",
       .caught_by = {"TIME-5"},
       .virtual_time_only = "only in virtual time are two events at the same instant",
       .wrap_runtime = wrapped_by<EndsReportedLast>()},
      {.name = "queue-timeout-runs",
       .about = "An execution that timed out in the queue runs when a slot is free.",
       .origin = "for TIME-6",
       .caught_by = {"TIME-6"},
       .decorate = decorated_by<QueueTimeoutRuns>()},
      {.name = "one-attempt-too-many",
       .about = "A function that fails has one attempt more than the request allows.",
       .origin = "for TIME-7",
       .caught_by = {"TIME-7"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  const std::int32_t retries = request.context().max_retries();
                                  if (retries < 0 ||
                                      retries == std::numeric_limits<std::int32_t>::max()) {
                                    return;
                                  }
                                  request.mutable_context()->set_max_retries(retries + 1);
                                }})},
  };
}

const RegisterFaults kTimeFaults(6, time_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
