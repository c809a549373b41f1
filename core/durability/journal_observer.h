// Appends a journal's records as a node changes.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <string_view>

#include "core/execution_manager.h"
#include "core/journal.h"
#include "core/observer.h"
#include "core/task_registry.h"

namespace quintain::core {

/// Appends a record for each change of an execution or a task, and passes the event on. Knows which
/// executions have changes that are not durable. Serial context only.
class JournalObserver final : public Observer {
 public:
  /// `next` may be null. Requires: attach() is called before the first event.
  JournalObserver(Journal& journal, Observer* next) : journal_(journal), next_(next) {}

  void attach(TaskExecutionManager& manager) { manager_ = &manager; }

  /// Appends nothing from now on: the node is being destroyed.
  void detach() { manager_ = nullptr; }

  /// The position that must be durable before a caller may see the execution with this id, or see
  /// that there is none.
  JournalPosition position_of(std::string_view execution_id);

  /// Called when more records have become durable.
  void on_durable();

  /// Restoration: the task has this key in the store.
  void adopt(const Task& task, std::uint64_t key);
  /// Restoration: the position in the order of acceptance is kept by an empty record.
  void adopt_placeholder(std::uint64_t ordinal) { placeholder_ = ordinal; }
  /// Restoration: removes a record that refers to nothing.
  void remove(JournalTable table, std::uint64_t key);

  void on_accepted(const Accepted& event) override;
  void on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                     spearlet::ExecutionStatus to) override;
  void on_attempt_started(const AttemptStarted& event) override;
  void on_attempt_running(std::uint64_t ordinal, AttemptId attempt) override;
  void on_attempt_stop_requested(std::uint64_t ordinal, AttemptId attempt) override;
  void on_attempt_ended(std::uint64_t ordinal, AttemptId attempt, bool killed) override;
  void on_slot_released(std::uint64_t ordinal) override;
  void on_cancel_requested(std::uint64_t ordinal, bool force) override;
  void on_report_ignored(AttemptId attempt) override;
  void on_record_dropped(std::uint64_t ordinal) override;
  void on_restored(const AsyncExecution& execution) override;
  void on_task_removed(const Task& task) override;
  void on_task_forgotten(const Task& task) override;

 private:
  std::uint64_t key_of(const Task& task);
  void put_task(const Task& task, std::uint64_t key);
  void put_execution(const AsyncExecution& execution);
  void put_attempt(const AsyncExecution& execution);
  void append(JournalTable table, std::uint64_t key, std::optional<std::string> value);
  void append_change(std::uint64_t ordinal, JournalTable table, std::optional<std::string> value);

  Journal& journal_;
  Observer* next_;
  TaskExecutionManager* manager_ = nullptr;

  absl::flat_hash_map<std::uint64_t, std::uint64_t> task_keys_;  // by task number
  std::uint64_t last_task_key_ = 0;
  // The last position in the order of acceptance must not be given twice. When its record is
  // dropped, an empty one keeps the place until a later position is given.
  std::uint64_t placeholder_ = 0;

  // The last change of each execution with changes that are not durable, and the changes in their
  // order.
  struct Change {
    JournalPosition position;
    std::uint64_t ordinal;
  };
  absl::flat_hash_map<std::uint64_t, JournalPosition> changed_;
  std::deque<Change> changes_;
  JournalPosition last_drop_ = 0;
};

}  // namespace quintain::core
