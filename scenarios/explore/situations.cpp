#include "scenarios/explore/situations.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <utility>

namespace quintain::scenarios {

const std::vector<std::string_view>& Situations::expected() {
  static const std::vector<std::string_view> kExpected = {
      "PENDING -> RUNNING",
      "PENDING -> CANCELLED",
      "PENDING -> TIMEOUT",
      "PENDING -> FAILED",
      "RUNNING -> COMPLETED",
      "RUNNING -> FAILED",
      "RUNNING -> CANCELLED",
      "RUNNING -> TIMEOUT",
      "a SYNC execution is accepted",
      "an ASYNC execution is accepted",
      "a STREAM execution is accepted",
      "refused: INVALID_ARGUMENT",
      "refused: NOT_FOUND",
      "refused: ALREADY_EXISTS",
      "refused: RESOURCE_EXHAUSTED",
      "refused: UNAVAILABLE",
      "a cold start",
      "a warm start",
      "a second attempt",
      "a function is asked to stop",
      "an attempt is killed",
      "a cancel",
      "a cancel by force",
      "a cancel at the instant of an earlier one",
      "a cancel at the instant of the end",
      "a caller leaves",
      "two executions end at one instant",
      "a report is ignored",
      "a record is dropped",
      "a message of a stream arrives",
      "a node crashes",
      "a node crashes in a commit",
      "a node starts again",
      "PENDING is restored",
      "CANCELLED is restored",
      "COMPLETED is restored",
      "FAILED is restored",
      "TIMEOUT is restored",
      "a restored execution runs again",
      "a call creates a second execution",
      "an instance is retired",
      "network: the request is duplicated",
      "network: the request is lost",
      "network: an answer is lost",
      "network: the connection is reset",
      "network: the caller notices a loss",
      "network: the node sees it leave",
      "network: a message waits for its reader",
      "runtime: the runtime never answers",
      "runtime: the runtime answers late",
      "runtime: the runtime answers twice",
      "runtime: the runtime answers out of order",
      "runtime: the runtime answers with garbage",
      "runtime: the runtime answers with too much",
      "runtime: a start fails",
      "runtime: a kill is ignored",
      "runtime: an instance has died while it was idle",
      "client: leaves before its call is accepted",
      "client: leaves while its execution is PENDING",
      "client: leaves while its execution is RUNNING",
      "client: leaves while its function is asked to stop",
      "client: leaves after its execution has ended",
      "client: repeats a call",
      "client: repeats a call that is open",
      "client: cancels before the answer",
      "node: drains",
      "node: refuses work because it drains",
  };
  return kExpected;
}

void Situations::add(const Situations& other) {
  for (const auto& [name, number] : other.counts_) counts_[name] += number;
}

void Situations::on_event(const sim::Event& event) {
  using sim::EventKind;
  switch (event.kind) {
    case EventKind::kCallSent:
      return on_call(event);
    case EventKind::kCallAnswered:
      if (const auto* health = sim::message_as<spearlet::GetHealthResponse>(event);
          health != nullptr && health->status() == "DRAINING") {
        count("node: drains");
        draining_.insert(event.execution.node);
      }
      open_calls_.erase(event.call);
      return;
    case EventKind::kAccepted: {
      executions_of_[event.call] = event.execution;
      creators_[event.execution] = event.call;
      if (event.call != 0 && event.call == last_creator_)
        count("a call creates a second execution");
      last_creator_ = event.call;
      const bool stream = event.mode == spearlet::EXECUTION_MODE_STREAM;
      const bool async = event.mode == spearlet::EXECUTION_MODE_ASYNC;
      return count(stream  ? "a STREAM execution is accepted"
                   : async ? "an ASYNC execution is accepted"
                           : "a SYNC execution is accepted");
    }
    case EventKind::kTransition:
      return on_transition(event);
    case EventKind::kNodeCrashed:
      return count("a node crashes");
    case EventKind::kNodeStarted:
      return count("a node starts again");
    case EventKind::kRestored:
      restored_.insert(event.execution);
      return count(fmt::format("{} is restored", sim::short_name(event.to)));
    case EventKind::kInstanceRetired:
      return count("an instance is retired");
    case EventKind::kNetwork:
      return count(
          fmt::format("network: {}", sim::text_of(static_cast<sim::NetworkEvent>(event.number))));
    case EventKind::kRuntimeFault:
      return count(
          fmt::format("runtime: {}", sim::text_of(static_cast<sim::RuntimeFault>(event.number))));
    case EventKind::kDisk:
      if (event.number == static_cast<int>(sim::DiskEvent::kPowerLostInCommit)) {
        count("a node crashes in a commit");
      }
      return;
    case EventKind::kAttemptDispatched:
      if (!restored_.empty() && restored_.contains(event.execution)) {
        count("a restored execution runs again");
      }
      count(event.flag ? "a cold start" : "a warm start");
      if (event.number > 1) count("a second attempt");
      return;
    case EventKind::kStopRequested:
      stopping_.insert(event.execution);
      return count("a function is asked to stop");
    case EventKind::kAttemptEnded:
      if (event.flag) count("an attempt is killed");
      return;
    case EventKind::kCancelRequested: {
      count(event.flag ? "a cancel by force" : "a cancel");
      if (const auto creator = creators_.find(event.execution);
          creator != creators_.end() && open_calls_.contains(creator->second)) {
        count("client: cancels before the answer");
      }
      const auto [before, first] = cancelled_at_.try_emplace(event.execution, event.at);
      if (!first && std::exchange(before->second, event.at) == event.at) {
        count("a cancel at the instant of an earlier one");
      }
      return;
    }
    case EventKind::kCallRefused:
      open_calls_.erase(event.call);
      if (static_cast<absl::StatusCode>(event.number) == absl::StatusCode::kUnavailable &&
          draining_.contains(event.execution.node)) {
        count("node: refuses work because it drains");
      }
      return count("refused: " +
                   absl::StatusCodeToString(static_cast<absl::StatusCode>(event.number)));
    case EventKind::kCallerGone:
      count_leaving(event);
      return count("a caller leaves");
    case EventKind::kReportIgnored:
      return count("a report is ignored");
    case EventKind::kRecordDropped:
      return count("a record is dropped");
    case EventKind::kStreamMessage:
      return count("a message of a stream arrives");
    default:
      return;
  }
}

void Situations::on_call(const sim::Event& event) {
  const auto* invoke = sim::message_as<spearlet::InvokeFunctionRequest>(event);
  if (invoke == nullptr) return;
  open_calls_.insert(event.call);
  if (invoke->execution_id().empty()) return;
  const auto [first, is_new] =
      first_calls_.try_emplace({event.execution.node, invoke->execution_id()}, event.call);
  if (is_new) return;
  repeats_.insert(event.call);
  count("client: repeats a call");
  if (open_calls_.contains(first->second)) count("client: repeats a call that is open");
}

// Where the call is when its caller vanishes.
void Situations::count_leaving(const sim::Event& event) {
  open_calls_.erase(event.call);
  const auto execution = executions_of_.find(event.call);
  if (execution == executions_of_.end()) {
    if (!repeats_.contains(event.call)) count("client: leaves before its call is accepted");
    return;
  }
  const auto status = status_.find(execution->second);
  if (status == status_.end()) return count("client: leaves while its execution is PENDING");
  if (status->second != spearlet::EXECUTION_STATUS_RUNNING) {
    return count("client: leaves after its execution has ended");
  }
  count(stopping_.contains(execution->second) ? "client: leaves while its function is asked to stop"
                                              : "client: leaves while its execution is RUNNING");
}

void Situations::on_transition(const sim::Event& event) {
  status_[event.execution] = event.to;
  count(fmt::format("{} -> {}", sim::short_name(event.from), sim::short_name(event.to)));
  if (event.to == spearlet::EXECUTION_STATUS_RUNNING) return;
  if (last_end_ == event.at && last_ended_ != event.execution) {
    count("two executions end at one instant");
  }
  last_end_ = event.at;
  last_ended_ = event.execution;
  const auto cancelled = cancelled_at_.find(event.execution);
  if (cancelled != cancelled_at_.end() && cancelled->second == event.at &&
      event.to != spearlet::EXECUTION_STATUS_CANCELLED) {
    count("a cancel at the instant of the end");
  }
}

}  // namespace quintain::scenarios
