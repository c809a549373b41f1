// Invariants on the status of executions.
#include <fmt/format.h>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

// Not the core's own table, which is part of what is judged.
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
  explicit LegalTransitions(World& world)
      : Invariant(world, "legal-transitions",
                  "an execution goes from PENDING to RUNNING to an end, or from PENDING to an end",
                  {EventKind::kTransition}) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
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
  explicit OneOutcome(World& world)
      : Invariant(world, "one-outcome", "an execution ends once", {EventKind::kTransition}) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    if (facts != nullptr && facts->ended()) {
      violation(event.execution, fmt::format("it had ended {} and becomes {}",
                                             short_name(facts->status), short_name(event.to)));
    }
  }
};

class EveryExecutionEnds final : public Invariant {
 public:
  explicit EveryExecutionEnds(World& world)
      : Invariant(
            world, "every-execution-ends",
            "every accepted execution ends, or was still within its time when the run ended") {}

  void on_end(const Ledger& ledger, const RunEnd& end) override {
    ledger.for_each([&](ExecutionRef execution, const ExecutionFacts& facts) {
      if (facts.ended()) return;
      if (end.settled) {
        violation(execution, fmt::format("it is {} forever", short_name(facts.status)));
      } else if (facts.deadline < world().now()) {
        violation(execution, fmt::format("it is {} beyond its deadline", short_name(facts.status)));
      }
    });
  }
};

}  // namespace

void add_status_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<LegalTransitions>(world));
  invariants.push_back(std::make_unique<OneOutcome>(world));
  invariants.push_back(std::make_unique<EveryExecutionEnds>(world));
}

}  // namespace quintain::sim
