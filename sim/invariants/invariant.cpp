#include "sim/invariants/invariant.h"

#include <utility>

namespace quintain::sim {
namespace {

constexpr std::size_t kMaxViolationsKept = 3;
constexpr std::size_t kMaxEvidence = 20;

}  // namespace

void Invariant::violation(ExecutionRef execution, std::string what) {
  if (violations_.size() == kMaxViolationsKept) {
    ++breach_count_;
    return;
  }
  violation(std::move(what), world_.history().events_of(execution));
}

void Invariant::violation(std::string what, std::vector<Event> evidence) {
  ++breach_count_;
  if (violations_.size() == kMaxViolationsKept) return;
  if (evidence.size() > kMaxEvidence) {
    evidence.erase(evidence.begin(), evidence.end() - static_cast<std::ptrdiff_t>(kMaxEvidence));
  }
  violations_.push_back({.what = std::move(what), .evidence = std::move(evidence)});
}

InvariantSet::InvariantSet(World& world) {
  invariants_.push_back(make_legal_transitions(world));
  invariants_.push_back(make_one_outcome(world));
  invariants_.push_back(make_every_execution_ends(world));
  invariants_.push_back(make_slots_within_limit(world));
  invariants_.push_back(make_no_idle_slot_while_work_waits(world));
  invariants_.push_back(make_attempts_within_retries(world));
  invariants_.push_back(make_nothing_runs_after_the_end(world));
  invariants_.push_back(make_timeouts_exact(world));
  invariants_.push_back(make_cancel_within_grace(world));
  invariants_.push_back(make_every_call_answered_once(world));
  invariants_.push_back(make_answers_in_shape(world));
  invariants_.push_back(make_timestamps_ordered(world));
  invariants_.push_back(make_records_equal_history(world));
  invariants_.push_back(make_stats_equal_tally(world));
  invariants_.push_back(make_retention_bounded(world));
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (const auto& invariant : invariants_) {
      if (invariant->concerns(static_cast<EventKind>(kind))) {
        by_kind_[kind].push_back(invariant.get());
      }
    }
  }
}

void InvariantSet::on_event(const Event& event) {
  if (event.at > instant_) {
    for (const auto& invariant : invariants_) invariant->on_instant_over(instant_);
    instant_ = event.at;
  }
  const ExecutionFacts* facts =
      event.execution.ordinal == 0 ? nullptr : ledger_.find(event.execution);
  for (Invariant* invariant : by_kind_[static_cast<std::size_t>(event.kind)]) {
    invariant->on_event(event, facts);
  }
  ledger_.apply(event);
}

void InvariantSet::finish(const RunEnd& end) {
  for (const auto& invariant : invariants_) {
    invariant->on_instant_over(instant_);
    invariant->on_end(ledger_, end);
  }
}

}  // namespace quintain::sim
