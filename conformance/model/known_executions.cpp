// Two passes over the calls: what each of them may have created or ended and what answers have
// told, and then what follows from that for each execution.
#include "conformance/model/known_executions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/transitions.h"

namespace quintain::conformance::model {
namespace {

using core::is_terminal;
using Fate = FunctionBehaviour::Fate;

constexpr std::array kEnds = {kCompleted, kFailed, kCancelled, kTimeout};

std::string told_id(const RecordedCall& call) {
  if (call.received.empty()) return "";
  return call.method == Method::kStreamFunction
             ? call.answer_as<spearlet::StreamExecutionResult>().execution_id()
             : call.answer_as<spearlet::InvokeFunctionResponse>().execution_id();
}

// By the clock of the client that keeps its calls' times.
std::optional<Instant> instant_of(const google::protobuf::Timestamp& time,
                                  const RecordedCall& call) {
  if (!call.wall_sent) return std::nullopt;
  // A target may send any number; what is beyond the year 2096 stays so.
  constexpr std::int64_t kMost = 4'000'000'000;
  const auto wall = std::chrono::seconds(std::clamp(time.seconds(), -kMost, kMost)) +
                    std::chrono::nanoseconds(time.nanos());
  return call.sent + (wall - call.wall_sent->since_epoch);
}

template <class Message>
void read_times(const Message& message, Sighting& sighting) {
  sighting.shows_times = true;
  if (message.has_started_at()) {
    sighting.started = instant_of(message.started_at(), *sighting.call);
  }
  if (message.has_completed_at()) {
    sighting.completed = instant_of(message.completed_at(), *sighting.call);
  }
}

}  // namespace

std::string_view name_of(ExecutionStatus status) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "absent", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"};
  return ExecutionStatus_IsValid(status) ? kNames[status] : "a status that does not exist";
}

std::string States::text() const {
  std::vector<std::string_view> names;
  for (int state = kAbsent; state <= kTimeout; ++state) {
    if (contain(static_cast<ExecutionStatus>(state))) {
      names.push_back(name_of(static_cast<ExecutionStatus>(state)));
    }
  }
  return fmt::format("{}", fmt::join(names, " or "));
}

std::string requested_id(const Invoke& request) {
  return request.execution_id().empty() ? request.context().execution_id() : request.execution_id();
}

bool is_new_task(const Invoke& request) {
  return request.invocation_type() == spearlet::INVOCATION_TYPE_NEW_TASK ||
         (request.invocation_type() == spearlet::INVOCATION_TYPE_UNSPECIFIED &&
          request.task_id().empty());
}

bool returns_too_much(const FunctionBehaviour& behaviour) {
  constexpr std::size_t kLargestResult = (std::size_t{4} << 20) - (std::size_t{32} << 10);
  return behaviour.result &&
         behaviour.result->value().size() + behaviour.result->type_url().size() > kLargestResult;
}

bool before(const RecordedCall& call, const RecordedCall& later) {
  return call.returned < later.sent ||
         (call.returned == later.sent && call.followed_by != 0 && call.followed_by <= later.number);
}

std::string task_of(const RecordedCall& invocation) {
  const auto& request = invocation.request_as<Invoke>();
  if (!is_new_task(request) || invocation.method == Method::kStreamFunction) {
    return request.task_id();
  }
  if (!invocation.answered()) return request.task_id();
  return invocation.answer_as<spearlet::InvokeFunctionResponse>().task_id();
}

bool is_invocation(const RecordedCall& call) {
  return call.method == Method::kInvokeFunction || call.method == Method::kStreamFunction;
}

KnownExecutions::KnownExecutions(std::span<const RecordedCall> calls, const ModelledNode& node)
    : calls_(calls), node_(node), policies_(node.policies) {
  for (const RecordedCall& call : calls_) learn(call);
  for (auto& [id, execution] : executions_) settle(execution);
}

// ---- What the calls tell ---------------------------------------------------------------------

// An invocation that has certainly created an execution or met an existing one.
bool KnownExecutions::accepted(const RecordedCall& call) const {
  if (call.received.empty()) return false;
  if (call.method == Method::kStreamFunction) return true;
  const auto& result = call.answer_as<spearlet::InvokeFunctionResponse>().result();
  return call.answered() && !(policies_.start_errors == Policies::StartErrors::kFailedBody &&
                              result.status() == kFailed && !result.has_started_at());
}

void KnownExecutions::see(const std::string& id, const RecordedCall& call,
                          const spearlet::ExecutionResult& result, bool shows_payload) {
  Sighting sighting{.call = &call,
                    .told = call.returned,
                    .status = result.status(),
                    .time_ms = result.execution_time_ms(),
                    .error = &result.error_message(),
                    .code = &result.error_code(),
                    .payload = result.has_result() ? &result.result() : nullptr,
                    .shows_payload = shows_payload};
  read_times(result, sighting);
  executions_[id].sightings.push_back(sighting);
}

void KnownExecutions::see(const RecordedCall& call, const spearlet::ExecutionInfo& info) {
  Sighting sighting{.call = &call,
                    .told = call.returned,
                    .status = info.status(),
                    .time_ms = info.execution_time_ms(),
                    .error = &info.error_message()};
  read_times(info, sighting);
  executions_[info.execution_id()].sightings.push_back(sighting);
}

void KnownExecutions::learn(const RecordedCall& call) {
  last_ = std::max({last_, call.sent, call.ended() ? call.returned : call.sent});
  const bool answered = call.answered();
  switch (call.method) {
    case Method::kInvokeFunction:
    case Method::kStreamFunction:
      learn_invocation(call);
      break;
    case Method::kGetExecutionStatus: {
      const auto& request = call.request_as<spearlet::GetExecutionStatusRequest>();
      executions_[request.execution_id()];
      if (!answered) break;
      const auto& answer = call.answer_as<spearlet::GetExecutionStatusResponse>();
      if (answer.found()) {
        see(request.execution_id(), call, answer.result(), request.include_result());
      }
      break;
    }
    case Method::kCancelExecution: {
      const auto& request = call.request_as<spearlet::CancelExecutionRequest>();
      Execution& execution = executions_[request.execution_id()];
      execution.causes.push_back({&call, call.sent, request.reason(), request.force()});
      if (!answered) break;
      const auto status = call.answer_as<spearlet::CancelExecutionResponse>().final_status();
      if (status == kAbsent) break;
      execution.sightings.push_back({.call = &call, .told = call.returned, .status = status});
      break;
    }
    case Method::kDeleteTask:
      deletions_.push_back(&call);
      break;
    case Method::kListExecutions:
      if (!answered) break;
      for (const auto& entry : call.answer_as<spearlet::ListExecutionsResponse>().executions()) {
        see(call, entry);
      }
      break;
    case Method::kGetTask:
      if (!answered) break;
      for (const auto& entry : call.answer_as<spearlet::GetTaskResponse>().executions()) {
        see(call, entry);
      }
      break;
    default:
      break;
  }
}

void KnownExecutions::learn_invocation(const RecordedCall& call) {
  const auto& request = call.request_as<Invoke>();
  invocations_.push_back(&call);
  const bool refused = call.ended() && !call.status.ok() && !call.ambiguous();
  const bool is_accepted = accepted(call);
  if (!is_accepted && (refused || call.answered())) return;
  const std::string id = is_accepted ? told_id(call) : requested_id(request);
  if (id.empty()) return anonymous_.push_back(&call);
  Execution& execution = executions_[id];
  execution.creators.push_back(&call);
  const bool waits = call.method == Method::kStreamFunction ||
                     request.execution_mode() != spearlet::EXECUTION_MODE_ASYNC;
  if (waits && call.ended() && !call.status.ok() &&
      policies_.sync_caller_gone == Policies::SyncCallerGone::kCancelled) {
    execution.causes.push_back({&call, call.returned, std::nullopt});
  }
  if (call.method == Method::kInvokeFunction) {
    if (!call.answered()) return;
    see(id, call, call.answer_as<spearlet::InvokeFunctionResponse>().result(), true);
    return;
  }
  for (const RecordedCall::Received& received : call.received) {
    const auto& message = static_cast<const spearlet::StreamExecutionResult&>(*received.message);
    Sighting sighting{.call = &call, .told = received.at, .status = message.status()};
    if (message.is_final()) sighting.error = &message.error_message();
    execution.sightings.push_back(sighting);
  }
}

// ---- What follows for an execution -----------------------------------------------------------

// When a call was accepted at the latest; never(): perhaps not at all.
Instant KnownExecutions::accepted_by(const RecordedCall& call) const {
  if (!accepted(call)) return Instant::never();
  return std::min(call.received.front().at, call.sent + node_.delay);
}

// When an execution ends as TIMEOUT that this call created at `accepted` at the latest.
KnownExecutions::Timeout KnownExecutions::deadline_of(const RecordedCall& call,
                                                      Instant accepted) const {
  const auto& request = call.request_as<Invoke>();
  const bool async = call.method == Method::kInvokeFunction &&
                     request.execution_mode() == spearlet::EXECUTION_MODE_ASYNC;
  const std::int64_t asked = request.context().timeout_ms();
  const auto standard = async ? node_.async_timeout : node_.sync_timeout;
  const bool unlimited = asked == 0 && policies_.timeout_zero == Policies::TimeoutZero::kUnlimited;
  Duration least =
      asked > 0 ? core::saturating_milliseconds(asked) : standard.value_or(Duration(0));
  Duration most =
      asked > 0 ? core::saturating_milliseconds(asked) : standard.value_or(core::kForever);
  if (unlimited) least = most = core::kForever;
  least = std::min(least, node_.maximum_timeout.value_or(least));
  most = std::min(most, node_.maximum_timeout.value_or(most));
  Timeout timeout{call.sent + least, accepted.is_never() ? accepted : accepted + most};
  if (policies_.timeout_from == Policies::TimeoutFrom::kStart) timeout.latest = Instant::never();
  if (!async) {
    timeout.earliest = std::min(timeout.earliest, call.deadline);
    timeout.latest = std::min(timeout.latest, call.deadline);
  }
  return timeout;
}

// Whether the node may take a caller that has left for one whose deadline has passed, because the
// clocks of both differ. Then its execution goes on until the deadline.
bool KnownExecutions::leaves_at_its_deadline(const RecordedCall& call) const {
  if (call.deadline.is_never()) return false;
  const Duration margin = std::chrono::milliseconds(100) + (call.deadline - call.sent) / 64;
  return call.deadline - call.returned <= margin + node_.delay;
}

void KnownExecutions::settle(Execution& execution) {
  for (const Sighting& sighting : execution.sightings) {
    if (sighting.started && !execution.started) execution.started = sighting.started;
    if (!is_terminal(sighting.status)) continue;
    if (execution.end == nullptr) execution.end = &sighting;
    if (sighting.completed && !execution.completed) execution.completed = sighting.completed;
  }
  if (execution.creators.empty()) return;
  execution.born_earliest = execution.creators.front()->sent;
  execution.creator = execution.creators.front();
  for (const RecordedCall* creator : execution.creators) {
    const Instant accepted = accepted_by(*creator);
    if (accepted.is_never()) continue;
    execution.creator = creator;
    execution.born_latest = accepted;
    break;
  }
  // Any of the calls may have set the deadline; without a limit it is never().
  std::optional<Instant> latest;
  for (const RecordedCall* creator : execution.creators) {
    if (creator->sent > execution.born_latest) continue;
    const Timeout timeout = deadline_of(*creator, execution.born_latest);
    execution.deadline_earliest = std::min(execution.deadline_earliest, timeout.earliest);
    latest = latest ? std::max(*latest, timeout.latest) : timeout.latest;
  }
  execution.deadline_latest = latest.value_or(Instant::never());
  const Cause* gone = execution.causes.empty() ? nullptr : &execution.causes.front();
  if (gone != nullptr && !gone->reason && gone->call == execution.creator && node_.cancel_grace &&
      execution.creators.size() == 1 && !node_.restarts && !leaves_at_its_deadline(*gone->call)) {
    // Nobody waits for it any more.
    const bool immediate = policies_.cancel_running == Policies::CancelRunning::kImmediate;
    const Duration grace = immediate ? Duration(0) : *node_.cancel_grace;
    execution.deadline_latest = std::min(execution.deadline_latest, gone->from + grace);
  }
  const Instant last =
      execution.creators.back()->ended() ? execution.creators.back()->returned : last_;
  execution.several = execution.creators.size() > 1 && may_be_forgotten(execution, last);
}

// Any of the calls that may have created it may be the one that has.
bool KnownExecutions::concerns(const RecordedCall& deletion, const Execution& execution) {
  const auto& task = deletion.request_as<spearlet::DeleteTaskRequest>().task_id();
  return execution.creators.empty() ||
         std::ranges::any_of(execution.creators, [&](const RecordedCall* creator) {
           const std::string its_task = task_of(*creator);
           return its_task.empty() || its_task == task;
         });
}

// Whether its record may have been dropped by this time.
bool KnownExecutions::may_be_forgotten(const Execution& execution, Instant at) const {
  if (execution.born_earliest + policies_.retention <= at) return true;
  if (node_.restarts && policies_.durability == Policies::Durability::kNone) return true;
  const auto later = std::ranges::upper_bound(invocations_, at, {},
                                              [](const RecordedCall* call) { return call->sent; });
  if (later - invocations_.begin() > node_.retained) return true;
  return std::ranges::any_of(deletions_, [&](const RecordedCall* deletion) {
    return deletion->sent <= at &&
           deletion->request_as<spearlet::DeleteTaskRequest>().cleanup_executions() &&
           concerns(*deletion, execution);
  });
}

bool KnownExecutions::must_be_absent(const Execution& execution, const RecordedCall& call) const {
  if (execution.creators.empty()) return anonymous_.empty() && node_.alone;
  if (call.returned < execution.born_earliest) return true;
  return execution.completed && policies_.retention != core::kForever &&
         *execution.completed + policies_.retention + node_.delay < call.sent;
}

bool KnownExecutions::is_certainly_born(const Execution& execution,
                                        const RecordedCall& call) const {
  return execution.born_latest < call.sent ||
         (execution.born_latest == call.sent && execution.creator->number < call.number) ||
         std::ranges::any_of(
             execution.sightings,
             [&](const Sighting& sighting) { return before(*sighting.call, call); });
}

// The final states that its requests, its function and the time allow until `at`.
States KnownExecutions::ends_of(const Execution& execution, Instant at) const {
  States states{};
  const Invoke& request = execution.request();
  const auto behaviour =
      node_.behaviour && execution.has_known_request() ? node_.behaviour(request) : std::nullopt;
  if (!behaviour) {
    states = {kCompleted, kFailed};
  } else {
    const std::int64_t attempts = 1 + std::int64_t{request.context().max_retries()};
    const auto& fates = behaviour->attempts;
    for (std::int64_t i = 0; i < attempts; ++i) {
      const auto position = std::min<std::size_t>(static_cast<std::size_t>(i), fates.size() - 1);
      if (fates[position] == Fate::kCompletes) {
        states.add(returns_too_much(*behaviour) ? kFailed : kCompleted);
      }
      // The time may be too short for another attempt.
      if (fates[position] == Fate::kFails) states.add(kFailed);
      // After a restart the attempt that it has interrupted is followed by the next.
      if (fates[position] != Fate::kFails && !node_.restarts) break;
      if (position + 1 == fates.size()) break;
    }
    if (node_.restarts) states.add(kFailed);
  }
  if (std::ranges::any_of(execution.causes, [&](const Cause& c) { return c.from <= at; }) ||
      std::ranges::any_of(deletions_, [&](const RecordedCall* deletion) {
        return deletion->sent <= at &&
               deletion->request_as<spearlet::DeleteTaskRequest>().force() &&
               concerns(*deletion, execution);
      })) {
    states.add(kCancelled);
  }
  if (execution.deadline_earliest <= at) states.add(kTimeout);
  return states;
}

// Whether a cancel must have ended it when the call was sent.
bool KnownExecutions::is_cancel_over(const Execution& execution, const RecordedCall& call) const {
  if (!node_.cancel_grace) return false;
  return std::ranges::any_of(execution.causes, [&](const Cause& cause) {
    if (!cause.reason || (cause.call->ended() && !cause.call->answered())) return false;
    const bool at_once =
        cause.force || policies_.cancel_running == Policies::CancelRunning::kImmediate;
    const Duration grace = at_once ? Duration(0) : *node_.cancel_grace;
    return is_certainly_born(execution, *cause.call) &&
           cause.from + grace + node_.delay < call.sent;
  });
}

// The specification of what a call that is handled between `call.sent` and `until` may find.
States KnownExecutions::states_of(const Execution& execution, const RecordedCall& call,
                                  Instant until) const {
  if (execution.several) return States::any();
  if (must_be_absent(execution, call)) return {kAbsent};
  if (execution.creators.empty()) return States::any();
  States states{};
  if (!is_certainly_born(execution, call) || may_be_forgotten(execution, until)) {
    states.add(kAbsent);
  }
  bool has_run = execution.started && *execution.started + node_.delay < call.sent;
  bool has_ended = execution.completed && *execution.completed + node_.delay < call.sent;
  for (const Sighting& sighting : execution.sightings) {
    if (!before(*sighting.call, call)) continue;
    has_run |= sighting.status != kPending;
    has_ended |= is_terminal(sighting.status);
  }
  const bool is_over =
      execution.deadline_latest + node_.delay < call.sent || is_cancel_over(execution, call);
  if (!has_ended && !is_over) {
    if (!has_run) states.add(kPending);
    if (!execution.started || *execution.started <= until) states.add(kRunning);
  }
  if (execution.completed && *execution.completed > until) return states;
  const States ends = ends_of(execution, until);
  for (const ExecutionStatus end : kEnds) {
    if (ends.contain(end) && (execution.end == nullptr || execution.end->status == end)) {
      states.add(end);
    }
  }
  return states;
}

}  // namespace quintain::conformance::model
