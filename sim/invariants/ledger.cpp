#include "sim/invariants/ledger.h"

namespace quintain::sim {

const ExecutionFacts* Ledger::find(ExecutionRef execution) const {
  const auto position = facts_.find(execution);
  return position == facts_.end() ? nullptr : &position->second;
}

void Ledger::apply(const Event& event) {
  if (event.execution.ordinal == 0) return;
  if (event.kind == EventKind::kAccepted) {
    ExecutionFacts facts;
    facts.status = event.to;
    facts.mode = event.mode;
    facts.accepted_at = event.at;
    facts.deadline = event.deadline;
    facts.max_retries = event.number;
    facts.eta_p50 = event.eta_p50;
    facts.eta_p90 = event.eta_p90;
    facts_.emplace_hint(facts_.end(), event.execution, facts);
    return;
  }
  const auto position = facts_.find(event.execution);
  if (position == facts_.end()) return;
  ExecutionFacts& facts = position->second;
  switch (event.kind) {
    case EventKind::kTransition:
      facts.status = event.to;
      if (event.to == spearlet::EXECUTION_STATUS_RUNNING) {
        facts.started_at = event.at;
      } else {
        ++facts.outcomes;
        facts.ended_at = event.at;
      }
      break;
    case EventKind::kAttemptBegun:
      ++facts.attempts;
      facts.cold_starts += event.flag ? 1 : 0;
      facts.holds_slot = true;
      if (facts.dispatched_at.is_never()) {
        facts.dispatched_at = event.at;
        facts.dispatch_order = ++dispatches_;
      }
      break;
    case EventKind::kSlotReleased:
      facts.holds_slot = false;
      break;
    case EventKind::kCancelRequested:
      if (facts.cancel_requested_at.is_never()) facts.cancel_requested_at = event.at;
      facts.cancel_forced |= event.flag;
      break;
    case EventKind::kEnvironmentOccupied:
      ++facts.on_machine;
      break;
    case EventKind::kEnvironmentFreed:
      --facts.on_machine;
      break;
    case EventKind::kRecordDropped:
      facts_.erase(position);
      break;
    default:
      break;
  }
}

}  // namespace quintain::sim
