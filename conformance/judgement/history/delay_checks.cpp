// Checks that calls which wait for an execution are answered when it ends.
#include <fmt/format.h>

#include <algorithm>

#include "conformance/judgement/history/execution_history.h"
#include "core/base/duration_text.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Timestamp;

// The target's wall clock is at least this far ahead of the client's clock: it had reached each of
// its times when the answer with that time arrived. nullopt if no answer has a time.
std::optional<core::Duration> least_lead(std::span<const ExecutionHistory> executions) {
  std::optional<core::Duration> lead;
  for (const ExecutionHistory& execution : executions) {
    for (const StatusObservation& observation : execution.observations) {
      if (observation.at.is_never()) continue;
      for (const Timestamp* time : {observation.started_at(), observation.completed_at()}) {
        if (time == nullptr) continue;
        const core::Duration least = time_of(*time) - observation.at.since_start();
        lead = lead ? std::max(*lead, least) : least;
      }
    }
  }
  return lead;
}

// Whether the call waited for the end of the execution and was answered with its final status.
bool waited(const RecordedCall& recorded, const Policies& policies) {
  if (!recorded.ended() || recorded.abandoned || !recorded.status.ok()) return false;
  switch (recorded.method) {
    case Method::kInvokeFunction:
      return recorded.answered() &&
             wants_sync(recorded.request_as<spearlet::InvokeFunctionRequest>(), policies);
    case Method::kStreamFunction:
      return true;
    case Method::kCancelExecution:
      return recorded.answered() &&
             core::is_terminal(
                 recorded.answer_as<spearlet::CancelExecutionResponse>().final_status());
    default:
      return false;
  }
}

void judge_waiting_calls(const ExecutionHistory& execution, core::Duration lead,
                         const Policies& policies, Findings& findings) {
  const auto end = std::ranges::find_if(
      execution.observations,
      [](const StatusObservation& observation) { return observation.completed_at() != nullptr; });
  if (end == execution.observations.end()) return;
  // The latest time, on the client's clock, at which it can have ended.
  const core::Instant ended(std::max(time_of(*end->completed_at()) - lead, core::Duration(0)));
  const core::Duration limit = core::saturating_add(kPromptly, policies.grace);
  std::vector<const RecordedCall*> calls = execution.invokes;
  calls.insert(calls.end(), execution.cancels.begin(), execution.cancels.end());
  for (const RecordedCall* call : calls) {
    if (!waited(*call, policies)) continue;
    const core::Duration late = call->returned - std::max(ended, call->sent);
    if (late <= limit) {
      findings.record_pass("WIRE-5");
      continue;
    }
    findings.record_failure(
        "WIRE-5",
        violation(execution,
                  fmt::format("a call that waits for an execution is answered within {} of its end",
                              core::format_duration(limit)),
                  {{*call, fmt::format(", was answered {} late", core::format_duration(late))}}));
    return;
  }
}

}  // namespace

void judge_delays(std::span<const ExecutionHistory> executions, const Policies& policies,
                  Findings& findings) {
  const auto lead = least_lead(executions);
  if (!lead) return;
  for (const ExecutionHistory& execution : executions) {
    judge_waiting_calls(execution, *lead, policies, findings);
  }
}

}  // namespace quintain::conformance
