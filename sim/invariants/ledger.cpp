#include "sim/invariants/ledger.h"

namespace quintain::sim {

const ExecutionFacts* Ledger::find(ExecutionRef execution) const {
  if (execution.node >= books_.size()) return nullptr;
  const Book& book = books_[execution.node];
  if (execution.ordinal < book.first || execution.ordinal - book.first >= book.facts.size()) {
    return nullptr;
  }
  const auto& facts = book.facts[execution.ordinal - book.first];
  return facts ? &*facts : nullptr;
}

ExecutionFacts* Ledger::add_entry(ExecutionRef execution) {
  const auto [node, ordinal] = execution;
  if (node >= books_.size()) books_.resize(node + 1);
  Book& book = books_[node];
  if (book.facts.empty()) book.first = ordinal;
  if (ordinal < book.first) return nullptr;
  book.facts.resize(ordinal - book.first + 1);
  return &book.facts.back().emplace();
}

void Ledger::restore(const Event& restored) {
  ExecutionFacts* const entry = add_entry(restored.execution);
  if (entry == nullptr) return;
  const core::AsyncExecution& record = *restored.restored;
  entry->status = record.status();
  entry->mode = record.mode;
  entry->accepted_at = record.accepted_at;
  entry->deadline = record.deadline;
  entry->alive_since = restored.at;
  entry->was_restored = true;
  entry->started_at = record.started_at;
  entry->attempts = record.attempts;
  if (record.live != nullptr) {
    entry->max_retries = record.live->max_retries;
  } else {
    entry->ended_at = record.completed_at;
    entry->outcomes = 1;
  }
}

void Ledger::add(const Event& accepted) {
  ExecutionFacts* const entry = add_entry(accepted.execution);
  if (entry == nullptr) return;
  ExecutionFacts& facts = *entry;
  facts.status = accepted.to;
  facts.mode = accepted.mode;
  facts.accepted_at = accepted.at;
  facts.deadline = accepted.deadline;
  facts.max_retries = accepted.number;
  facts.eta_p50 = accepted.eta_p50;
  facts.eta_p90 = accepted.eta_p90;
}

void Ledger::apply(const Event& event) {
  if (event.kind == EventKind::kNodeCrashed && event.execution.node < books_.size()) {
    books_[event.execution.node] = {};
  }
  if (event.execution.ordinal == 0) return;
  if (event.kind == EventKind::kAccepted) return add(event);
  if (event.kind == EventKind::kRestored) return restore(event);
  auto* const known = const_cast<ExecutionFacts*>(find(event.execution));
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
    case EventKind::kAttemptDispatched:
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
