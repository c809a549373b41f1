// Faults of timeouts and retries.
#include <chrono>
#include <map>
#include <string>

#include "conformance/faulty/agenda.h"
#include "conformance/faulty/edits.h"
#include "conformance/faulty/families.h"
#include "conformance/faulty/forwarding_runtime.h"
#include "conformance/faulty/forwarding_service.h"
#include "conformance/faulty/rerun.h"

namespace quintain::conformance::faulty {
namespace {

using namespace std::chrono_literals;
using core::Answer;
using core::CallContext;
using spearlet::ExecutionResult;
using spearlet::GetExecutionStatusRequest;
using spearlet::GetExecutionStatusResponse;
using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;

constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

/// A call whose deadline has passed is run as if it had none, and as if its caller were there.
class ExpiredCallRuns final : public ForwardingService {
 public:
  ExpiredCallRuns(core::FunctionService& inner, core::Environment& environment)
      : ForwardingService(inner), environment_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (call.deadline > environment_.now()) {
      return inner().InvokeFunction(std::move(request), call, std::move(answer));
    }
    inner().InvokeFunction(
        std::move(request), {},
        edited(std::move(answer), [](const InvokeFunctionResponse&) {}, Leaving::kKept));
  }

 private:
  core::Environment& environment_;
};

/// The deadline of a SYNC call does not bound its execution; the end of the call does not either.
class DeadlineDoesNotBound final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (call.deadline.is_never() || is_async(request)) {
      return inner().InvokeFunction(std::move(request), call, std::move(answer));
    }
    inner().InvokeFunction(
        std::move(request), {},
        edited(std::move(answer), [](const InvokeFunctionResponse&) {}, Leaving::kKept));
  }
};

/// Some time after its TIMEOUT an execution's record says COMPLETED.
class LateCompletionOverwrites final : public ForwardingService {
 public:
  LateCompletionOverwrites(core::FunctionService& inner, core::Environment& environment)
      : ForwardingService(inner), environment_(environment) {}

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    inner().GetExecutionStatus(
        request, edited(std::move(answer), [this](GetExecutionStatusResponse& response) {
          ExecutionResult& result = *response.mutable_result();
          if (result.status() != kTimeout || !result.has_started_at()) return;
          const auto& end = result.completed_at();
          const core::Duration ended =
              std::chrono::seconds(end.seconds()) + std::chrono::nanoseconds(end.nanos());
          if (environment_.wall_now().since_epoch < ended + kRest) return;
          result.set_status(spearlet::EXECUTION_STATUS_COMPLETED);
          result.clear_error_code();
          result.clear_error_message();
        }));
  }

 private:
  // What the function would have needed.
  static constexpr core::Duration kRest = 200ms;

  core::Environment& environment_;
};

/// What ran out of time while PENDING runs when its turn comes.
class QueueTimeoutRuns final : public RerunService {
 public:
  QueueTimeoutRuns(core::FunctionService& inner, core::Environment& environment)
      : RerunService(inner), agenda_(environment) {}

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    const std::string id = given_id(request);
    const std::int64_t timeout_ms = request.context().timeout_ms();
    RerunService::InvokeFunction(std::move(request), call, std::move(answer));
    if (id.empty() || timeout_ms <= 0) return;
    agenda_.after(core::saturating_milliseconds(timeout_ms) + 1ms, [this, id] {
      const GetExecutionStatusResponse now = look_up(id);
      if (now.result().status() == kTimeout && !now.result().has_started_at()) rerun(id);
    });
  }

 private:
  Agenda agenda_;
};

/// Reports of the end come after whatever else is due at the same instant.
class EndsReportedLast final : public ForwardingRuntime {
 public:
  EndsReportedLast(core::Runtime& inner, core::Environment& environment)
      : ForwardingRuntime(inner), agenda_(environment) {}

  void stop(core::AttemptId attempt) override {
    if (!ended_.contains(attempt)) inner().stop(attempt);
  }
  void kill(core::AttemptId attempt) override {
    if (ended_.erase(attempt) == 0) inner().kill(attempt);
  }

 protected:
  void on_finished(core::AttemptId attempt, core::Outcome&& outcome) override {
    ended_.emplace(attempt, std::move(outcome));
    agenda_.after(core::Duration::zero(), [this, attempt] {
      auto ended = ended_.extract(attempt);
      if (!ended.empty()) listener().on_finished(attempt, std::move(ended.mapped()));
    });
  }

 private:
  Agenda agenda_;
  std::map<core::AttemptId, core::Outcome> ended_;
};

}  // namespace

std::vector<FaultyCore> time_faults() {
  return {
      {.name = "timeout-a-millisecond-late",
       .about = "An execution gets a millisecond more than it asked for.",
       .origin = "for TIME-1",
       .caught_by = {"TIME-1"},
       .virtual_time_only = "a millisecond is less than any live measurement's slack",
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  if (request.context().timeout_ms() <= 0) return;
                                  request.mutable_context()->set_timeout_ms(
                                      request.context().timeout_ms() + 1);
                                }})},
      {.name = "expired-call-runs",
       .about = "A call whose deadline has passed starts its function all the same.",
       .origin = "for TIME-2",
       .caught_by = {"TIME-2"},
       .virtual_time_only = "a live client does not send a call whose deadline has passed",
       .decorate = decorated_in_time_by<ExpiredCallRuns>()},
      {.name = "timeout-ignored",
       .about = "The timeout of the request is ignored in favour of a constant.",
       .origin = "seen in Spear",
       .caught_by = {"TIME-1", "TIME-3"},
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  constexpr std::int64_t kConstantMs = 30'000;
                                  request.mutable_context()->set_timeout_ms(kConstantMs);
                                }})},
      {.name = "deadline-does-not-bound",
       .about = "A SYNC execution goes on after the deadline of its call.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = decorated_by<DeadlineDoesNotBound>()},
      {.name = "negative-timeout-accepted",
       .about = "A negative timeout is taken for none.",
       .origin = "for TIME-3",
       .caught_by = {"TIME-3"},
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  if (request.context().timeout_ms() >= 0) return;
                                  request.mutable_context()->clear_timeout_ms();
                                }})},
      {.name = "late-completion-overwrites-timeout",
       .about = "A function that ends after its TIMEOUT makes the record COMPLETED.",
       .origin = "seen in Spear",
       .caught_by = {"TIME-4", "STATE-2"},
       .decorate = decorated_in_time_by<LateCompletionOverwrites>()},
      {.name = "slot-leaked-after-timeout",
       .about = "The slot of what ran out of time is never free again.",
       .origin = "seen in Spear",
       .caught_by = {"TIME-4"},
       .wrap_runtime = leaking_slots(LeakAfter::kTimeout, core::kForever)},
      {.name = "timeout-before-completion",
       .about = "What completes at the very instant of its timeout is a TIMEOUT.",
       .origin = "for TIME-5",
       .caught_by = {"TIME-5"},
       .virtual_time_only = "only virtual time puts two events on one instant",
       .wrap_runtime =
           [](core::Runtime& inner, core::Environment& environment, const core::NodeConfig&) {
             return std::make_unique<EndsReportedLast>(inner, environment);
           }},
      {.name = "queue-timeout-runs",
       .about = "What ran out of time while it waited runs when its turn comes.",
       .origin = "for TIME-6",
       .caught_by = {"TIME-6"},
       .decorate = decorated_in_time_by<QueueTimeoutRuns>()},
      {.name = "one-attempt-too-many",
       .about = "A function that fails is tried once more than it may be.",
       .origin = "for TIME-7",
       .caught_by = {"TIME-7"},
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  if (request.context().max_retries() < 0) return;
                                  request.mutable_context()->set_max_retries(
                                      request.context().max_retries() + 1);
                                }})},
  };
}

}  // namespace quintain::conformance::faulty
