// Holds back attempts until it is on record that they may have run.
#pragma once

#include <list>

#include "core/execution_manager.h"
#include "core/journal.h"
#include "core/runtime.h"

namespace quintain::core {

/// A runtime that starts each attempt in the inner runtime when all records up to its start are
/// durable. So whatever has run is known after a crash, and nothing runs more often than the
/// restart policy allows.
///
/// An execution whose call cannot be repeated (SYNC or a stream, without an id of the caller's
/// choice) starts at once. It never runs after a crash, whatever the journal has kept of it, so it
/// need not hold a slot while a commit is being synced. Serial context only.
class AttemptGate final : public Runtime {
 public:
  /// Both must outlive the gate.
  AttemptGate(Runtime& inner, const Journal& journal) : inner_(inner), journal_(journal) {}

  /// Requires: called once, before the first attempt.
  void attach(TaskExecutionManager& manager) { manager_ = &manager; }

  /// Called when more records have become durable.
  void on_durable();

  void start(const AttemptSpec& attempt, AttemptListener& listener) override;
  void stop(AttemptId attempt) override;
  void hold_output(AttemptId attempt) override { inner_.hold_output(attempt); }
  void resume_output(AttemptId attempt) override { inner_.resume_output(attempt); }
  void kill(AttemptId attempt) override;
  void retire(std::string_view instance_id) override { inner_.retire(instance_id); }
  ResourceUsage usage() const override { return inner_.usage(); }

 private:
  struct Waiting {
    AttemptSpec attempt;
    AttemptListener* listener;
    JournalPosition position;
    bool stopped = false;
  };

  bool may_run_again(const AttemptSpec& attempt) const;

  Runtime& inner_;
  const Journal& journal_;
  TaskExecutionManager* manager_ = nullptr;
  std::list<Waiting> waiting_;  // by position
};

}  // namespace quintain::core
