// Invariants: rules that hold in every run of every scenario. They are checked at every event.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/history.h"
#include "sim/invariants/ledger.h"
#include "sim/world.h"

namespace quintain::sim {

/// One violation of an invariant, and the events that show it.
struct InvariantViolation {
  std::string what;
  std::vector<Event> evidence;
};

/// How a run ended.
struct RunEnd {
  /// True: nothing more will ever happen. False: the time of the scenario was over.
  bool settled;
};

/// One rule. It receives the events of its kinds, with the facts about their executions as they
/// were before the event. Serial context only.
class Invariant {
 public:
  /// `name` is in kebab case and is part of the report format. `rule` is the rule in one sentence.
  /// `kinds`: the events that the rule needs to see.
  Invariant(World& world, std::string_view name, std::string_view rule,
            std::vector<EventKind> kinds = {})
      : world_(world), name_(name), rule_(rule), kinds_(std::move(kinds)) {}
  virtual ~Invariant() = default;

  std::string_view name() const { return name_; }
  std::string_view rule() const { return rule_; }
  const std::vector<EventKind>& kinds() const { return kinds_; }

  /// `facts` is nullptr if the event has no execution or an unknown one.
  virtual void on_event(const Event&, const ExecutionFacts*) {}

  /// Called when nothing more will happen at the instant `now`, if watches_instants().
  virtual void on_instant_over(core::Instant) {}
  virtual bool watches_instants() const { return false; }

  /// Called once, after the run.
  virtual void on_end(const Ledger&, const RunEnd&) {}

  /// The first violations; later ones are only counted.
  const std::vector<InvariantViolation>& violations() const { return violations_; }
  std::int64_t violation_count() const { return violation_count_; }

 protected:
  World& world() { return world_; }

  /// Records a violation. The evidence is the events of the execution that are still in the log.
  void violation(ExecutionRef execution, std::string what);
  void violation(std::string what, std::vector<Event> evidence);

 private:
  World& world_;
  std::string_view name_;
  std::string_view rule_;
  std::vector<EventKind> kinds_;
  std::vector<InvariantViolation> violations_;
  std::int64_t violation_count_ = 0;
};

using Invariants = std::vector<std::unique_ptr<Invariant>>;

/// All invariants over one world. Serial context only.
class InvariantSet final : public HistoryListener {
 public:
  /// Must be added to the history after listeners that need the ledger as it was before an event.
  explicit InvariantSet(World& world);

  void on_event(const Event& event) override;

  /// Requires: called once, after the run.
  void finish(const RunEnd& end);

  const Invariants& invariants() const { return invariants_; }
  const Ledger& ledger() const { return ledger_; }

 private:
  Ledger ledger_;
  Invariants invariants_;
  std::array<std::vector<Invariant*>, kEventKinds> by_kind_;
  std::vector<Invariant*> instant_watchers_;
  core::Instant instant_;
};

// Each adds the rules of one subject; the file NAME_rules.cpp has them.
void add_status_rules(World& world, Invariants& invariants);
void add_slot_rules(World& world, Invariants& invariants);
void add_timing_rules(World& world, Invariants& invariants);
void add_answer_rules(World& world, Invariants& invariants);
void add_record_rules(World& world, Invariants& invariants);
void add_request_rules(World& world, Invariants& invariants);
void add_promise_rules(World& world, Invariants& invariants);
void add_restoration_rules(World& world, Invariants& invariants);
void add_instance_rules(World& world, Invariants& invariants);
void add_memory_rules(World& world, Invariants& invariants);

/// Whether an execution with this status has ended. Independent of the core's own table, which is
/// part of what is judged.
bool is_final(spearlet::ExecutionStatus status);

/// Whether the event is a transition to another status than RUNNING.
bool is_end(const Event& event);

/// A timestamp of a message as the time since the start of the world.
core::Duration since_world_start(const google::protobuf::Timestamp& time);

}  // namespace quintain::sim
