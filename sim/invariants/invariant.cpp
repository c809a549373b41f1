#include "sim/invariants/invariant.h"

#include <chrono>
#include <utility>

namespace quintain::sim {
namespace {

constexpr std::size_t kMaxViolationsKept = 3;
constexpr std::size_t kMaxEvidence = 20;

}  // namespace

void Invariant::violation(ExecutionRef execution, std::string what) {
  // The log is searched only for violations that are kept.
  const bool kept = violations_.size() < kMaxViolationsKept;
  violation(std::move(what), kept ? world_.history().events_of(execution) : std::vector<Event>());
}

void Invariant::violation(std::string what, std::vector<Event> evidence) {
  ++violation_count_;
  if (violations_.size() == kMaxViolationsKept) return;
  if (evidence.size() > kMaxEvidence) {
    evidence.erase(evidence.begin(), evidence.end() - static_cast<std::ptrdiff_t>(kMaxEvidence));
  }
  violations_.push_back({.what = std::move(what), .evidence = std::move(evidence)});
}

InvariantSet::InvariantSet(World& world) {
  add_status_rules(world, invariants_);
  add_slot_rules(world, invariants_);
  add_timing_rules(world, invariants_);
  add_answer_rules(world, invariants_);
  add_record_rules(world, invariants_);
  add_request_rules(world, invariants_);
  add_promise_rules(world, invariants_);
  add_restoration_rules(world, invariants_);
  add_instance_rules(world, invariants_);
  add_memory_rules(world, invariants_);
  for (const auto& invariant : invariants_) {
    if (invariant->watches_instants()) instant_watchers_.push_back(invariant.get());
    for (const EventKind kind : invariant->kinds()) {
      by_kind_[static_cast<std::size_t>(kind)].push_back(invariant.get());
    }
  }
}

void InvariantSet::on_event(const Event& event) {
  if (event.at > instant_) {
    for (Invariant* invariant : instant_watchers_) invariant->on_instant_over(instant_);
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
    if (invariant->watches_instants()) invariant->on_instant_over(instant_);
    invariant->on_end(ledger_, end);
  }
}

bool is_final(spearlet::ExecutionStatus status) {
  return status >= spearlet::EXECUTION_STATUS_COMPLETED &&
         status <= spearlet::EXECUTION_STATUS_TIMEOUT;
}

bool is_end(const Event& event) {
  return event.kind == EventKind::kTransition && event.to != spearlet::EXECUTION_STATUS_RUNNING;
}

core::Duration since_world_start(const google::protobuf::Timestamp& time) {
  return std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos()) -
         kWorldStart.since_epoch;
}

}  // namespace quintain::sim
