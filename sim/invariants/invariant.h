// What must hold in every run, whatever the scenario: checked at every event.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/history.h"
#include "sim/invariants/ledger.h"
#include "sim/world.h"

namespace quintain::sim {

/// A way in which an invariant did not hold, and the events that show it.
struct Violation {
  std::string what;
  std::vector<Event> evidence;
};

/// How a run ended.
struct RunEnd {
  /// Nothing more will ever happen, as opposed to: the scenario's time was over.
  bool settled;
};

/// One rule. Sees the events that concern it, with what was known of their executions before.
class Invariant {
 public:
  explicit Invariant(World& world) : world_(world) {}
  virtual ~Invariant() = default;

  /// Kebab-case; part of the report's language.
  virtual std::string_view name() const = 0;
  /// The rule in one sentence.
  virtual std::string_view rule() const = 0;

  /// Whether events of that kind are to be shown to it; the answer must not change.
  virtual bool concerns(EventKind kind) const = 0;

  /// `facts` is null if the event concerns no execution or an unknown one.
  virtual void on_event(const Event& event, const ExecutionFacts* facts) = 0;

  /// An instant is over: nothing more will happen at it. `now` is that instant.
  virtual void on_instant_over(core::Instant) {}

  virtual void on_end(const Ledger&, const RunEnd&) {}

  /// The first violations; the rest are only counted.
  const std::vector<Violation>& violations() const { return violations_; }
  std::int64_t breach_count() const { return breach_count_; }

 protected:
  World& world() { return world_; }

  /// The evidence is what the history still knows of the execution.
  void violation(ExecutionRef execution, std::string what);
  void violation(std::string what, std::vector<Event> evidence);

 private:
  World& world_;
  std::vector<Violation> violations_;
  std::int64_t breach_count_ = 0;
};

/// All invariants over one world.
class InvariantSet final : public HistoryListener {
 public:
  /// To be added to the history's listeners after those that want the ledger as it was before an
  /// event.
  explicit InvariantSet(World& world);

  void on_event(const Event& event) override;

  /// To be called once, after the run.
  void finish(const RunEnd& end);

  const std::vector<std::unique_ptr<Invariant>>& invariants() const { return invariants_; }
  const Ledger& ledger() const { return ledger_; }

 private:
  static constexpr std::size_t kKinds = static_cast<std::size_t>(EventKind::kEnvironmentFreed) + 1;

  Ledger ledger_;
  std::vector<std::unique_ptr<Invariant>> invariants_;
  std::array<std::vector<Invariant*>, kKinds> by_kind_;  // whom the kind concerns
  core::Instant instant_;
};

// Each makes one rule; the files beside this one hold them by target.
std::unique_ptr<Invariant> make_legal_transitions(World& world);
std::unique_ptr<Invariant> make_one_outcome(World& world);
std::unique_ptr<Invariant> make_every_execution_ends(World& world);
std::unique_ptr<Invariant> make_slots_within_limit(World& world);
std::unique_ptr<Invariant> make_no_idle_slot_while_work_waits(World& world);
std::unique_ptr<Invariant> make_attempts_within_retries(World& world);
std::unique_ptr<Invariant> make_nothing_runs_after_the_end(World& world);
std::unique_ptr<Invariant> make_timeouts_exact(World& world);
std::unique_ptr<Invariant> make_cancel_within_grace(World& world);
std::unique_ptr<Invariant> make_every_call_answered_once(World& world);
std::unique_ptr<Invariant> make_answers_in_shape(World& world);
std::unique_ptr<Invariant> make_timestamps_ordered(World& world);
std::unique_ptr<Invariant> make_records_equal_history(World& world);
std::unique_ptr<Invariant> make_stats_equal_tally(World& world);
std::unique_ptr<Invariant> make_retention_bounded(World& world);

}  // namespace quintain::sim
