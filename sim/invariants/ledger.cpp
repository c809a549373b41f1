#include "sim/invariants/ledger.h"

namespace quintain::sim {

ExecutionFacts* Ledger::find_mutable(ExecutionRef execution) {
  if (execution.node >= books_.size()) return nullptr;
  Book& book = books_[execution.node];
  if (execution.ordinal < book.first || execution.ordinal - book.first >= book.facts.size()) {
    return nullptr;
  }
  auto& facts = book.facts[execution.ordinal - book.first];
  return facts ? &*facts : nullptr;
}

const ExecutionFacts* Ledger::find(ExecutionRef execution) const {
  return const_cast<Ledger*>(this)->find_mutable(execution);
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
    if (event.execution.node >= books_.size()) books_.resize(event.execution.node + 1);
    Book& book = books_[event.execution.node];
    if (book.facts.empty()) book.first = event.execution.ordinal;
    if (event.execution.ordinal < book.first) return;
    book.facts.resize(event.execution.ordinal - book.first + 1);
    book.facts.back() = facts;
    return;
  }
  ExecutionFacts* const known = find_mutable(event.execution);
  if (known == nullptr) return;
  ExecutionFacts& facts = *known;
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
      forget(event.execution);
      break;
    default:
      break;
  }
}

void Ledger::forget(ExecutionRef execution) {
  Book& book = books_[execution.node];
  book.facts[execution.ordinal - book.first].reset();
  while (!book.facts.empty() && !book.facts.front()) {
    book.facts.pop_front();
    ++book.first;
  }
}

}  // namespace quintain::sim
