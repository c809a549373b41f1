// Rules on the status of executions.
#include <fmt/format.h>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

bool is_final(spearlet::ExecutionStatus status) {
  return status >= spearlet::EXECUTION_STATUS_COMPLETED &&
         status <= spearlet::EXECUTION_STATUS_TIMEOUT;
}

// Written down again on purpose: the core's own table is a part of what is judged.
bool may_follow(spearlet::ExecutionStatus from, spearlet::ExecutionStatus to) {
  switch (from) {
    case spearlet::EXECUTION_STATUS_PENDING:
      return to == spearlet::EXECUTION_STATUS_RUNNING ||
             (is_final(to) && to != spearlet::EXECUTION_STATUS_COMPLETED);
    case spearlet::EXECUTION_STATUS_RUNNING:
      return is_final(to);
    default:
      return false;
  }
}

class LegalTransitions final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "legal-transitions"; }
  std::string_view rule() const override {
    return "an execution goes from PENDING to RUNNING to an end, or from PENDING to an end";
  }
  bool concerns(EventKind kind) const override { return kind == EventKind::kTransition; }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.kind != EventKind::kTransition) return;
    if (facts == nullptr) {
      violation(event.execution, "an execution that was never accepted changes its status");
    } else if (event.from != facts->status || !may_follow(event.from, event.to)) {
      violation(event.execution, fmt::format("{} -> {} while it is {}", short_name(event.from),
                                             short_name(event.to), short_name(facts->status)));
    }
  }
};

class OneOutcome final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "one-outcome"; }
  std::string_view rule() const override { return "an execution ends once"; }
  bool concerns(EventKind kind) const override { return kind == EventKind::kTransition; }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.kind == EventKind::kTransition && facts != nullptr && facts->outcomes > 0) {
      violation(event.execution, fmt::format("it had ended {} and becomes {}",
                                             short_name(facts->status), short_name(event.to)));
    }
  }
};

class EveryExecutionEnds final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "every-execution-ends"; }
  std::string_view rule() const override {
    return "every accepted execution ends, or was still within its time when the run ended";
  }
  bool concerns(EventKind) const override { return false; }
  void on_event(const Event&, const ExecutionFacts*) override {}
  void on_end(const Ledger& ledger, const RunEnd& end) override {
    ledger.for_each([&](ExecutionRef execution, const ExecutionFacts& facts) {
      if (facts.ended()) return;
      if (end.settled) {
        violation(execution, fmt::format("it is {} for ever", short_name(facts.status)));
      } else if (facts.deadline < world().now()) {
        violation(execution, fmt::format("it is {} beyond its deadline", short_name(facts.status)));
      }
    });
  }
};

class AttemptsWithinRetries final : public Invariant {
 public:
  using Invariant::Invariant;
  std::string_view name() const override { return "attempts-within-retries"; }
  std::string_view rule() const override {
    return "there are at most 1 + max_retries attempts, numbered from 1, none after the end";
  }
  bool concerns(EventKind kind) const override { return kind == EventKind::kAttemptBegun; }
  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (event.kind != EventKind::kAttemptBegun || facts == nullptr) return;
    if (event.number != facts->attempts + 1) {
      violation(event.execution,
                fmt::format("attempt {} follows attempt {}", event.number, facts->attempts));
    } else if (event.number - 1 > facts->max_retries) {
      violation(event.execution, fmt::format("attempt {} with {} retries allowed", event.number,
                                             facts->max_retries));
    } else if (facts->ended()) {
      violation(event.execution, "an attempt begins after the end");
    }
  }
};

}  // namespace

std::unique_ptr<Invariant> make_legal_transitions(World& world) {
  return std::make_unique<LegalTransitions>(world);
}
std::unique_ptr<Invariant> make_one_outcome(World& world) {
  return std::make_unique<OneOutcome>(world);
}
std::unique_ptr<Invariant> make_every_execution_ends(World& world) {
  return std::make_unique<EveryExecutionEnds>(world);
}
std::unique_ptr<Invariant> make_attempts_within_retries(World& world) {
  return std::make_unique<AttemptsWithinRetries>(world);
}

}  // namespace quintain::sim
