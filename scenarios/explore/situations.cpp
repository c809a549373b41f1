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
  };
  return kExpected;
}

void Situations::add(const Situations& other) {
  for (const auto& [name, number] : other.counts_) counts_[name] += number;
}

void Situations::on_event(const sim::Event& event) {
  using sim::EventKind;
  switch (event.kind) {
    case EventKind::kAccepted: {
      const bool stream = event.mode == spearlet::EXECUTION_MODE_STREAM;
      const bool async = event.mode == spearlet::EXECUTION_MODE_ASYNC;
      return count(stream  ? "a STREAM execution is accepted"
                   : async ? "an ASYNC execution is accepted"
                           : "a SYNC execution is accepted");
    }
    case EventKind::kTransition:
      return on_transition(event);
    case EventKind::kAttemptDispatched:
      count(event.flag ? "a cold start" : "a warm start");
      if (event.number > 1) count("a second attempt");
      return;
    case EventKind::kStopRequested:
      return count("a function is asked to stop");
    case EventKind::kAttemptEnded:
      if (event.flag) count("an attempt is killed");
      return;
    case EventKind::kCancelRequested: {
      count(event.flag ? "a cancel by force" : "a cancel");
      const auto [before, first] = cancelled_at_.try_emplace(event.execution, event.at);
      if (!first && std::exchange(before->second, event.at) == event.at) {
        count("a cancel at the instant of an earlier one");
      }
      return;
    }
    case EventKind::kCallRefused:
      return count("refused: " +
                   absl::StatusCodeToString(static_cast<absl::StatusCode>(event.number)));
    case EventKind::kCallerGone:
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

void Situations::on_transition(const sim::Event& event) {
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
