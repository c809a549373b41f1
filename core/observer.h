// The interface through which a node reports its state changes.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/time.h"
#include "core/runtime.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class AsyncExecution;
class Task;

/// Called at every state change, when it happens, in the serial context. Must not call the node: an
/// observer never changes the behaviour. Executions are identified by their ordinal, the position
/// in the node's order of acceptance from 1.
class Observer {
 public:
  virtual ~Observer() = default;

  /// An execution was accepted and is PENDING.
  struct Accepted {
    std::uint64_t ordinal;
    std::string_view execution_id;
    std::string_view task_id;
    std::string_view function_name;
    spearlet::ExecutionMode mode;
    int max_retries;
    Instant deadline;
    /// The predicted time to the end, median and 90th percentile; 0 unless ASYNC.
    Duration eta_p50;
    Duration eta_p90;
  };
  virtual void on_accepted(const Accepted& event) = 0;

  virtual void on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                             spearlet::ExecutionStatus to) = 0;

  /// An attempt started in a slot and an instance.
  struct AttemptStarted {
    std::uint64_t ordinal;
    AttemptId attempt;
    int number;
    std::uint64_t instance;
    bool cold_start;
  };
  virtual void on_attempt_started(const AttemptStarted& event) = 0;

  /// The attempt's function started.
  virtual void on_attempt_running(std::uint64_t ordinal, AttemptId attempt) = 0;

  virtual void on_attempt_stop_requested(std::uint64_t ordinal, AttemptId attempt) = 0;

  /// The attempt ended by itself, or was killed by the node.
  virtual void on_attempt_ended(std::uint64_t ordinal, AttemptId attempt, bool killed) = 0;

  /// The execution released its slot.
  virtual void on_slot_released(std::uint64_t ordinal) = 0;

  virtual void on_cancel_requested(std::uint64_t ordinal, bool force) = 0;

  /// A report of the runtime was ignored because the attempt is over.
  virtual void on_report_ignored(AttemptId attempt) = 0;

  /// The record was dropped because its retention ended or its task was deleted.
  virtual void on_record_dropped(std::uint64_t ordinal) = 0;

  /// The node has taken over this execution from its journal, and goes on with it later.
  virtual void on_restored(const AsyncExecution& /*execution*/) {}

  /// The task was deleted, or removed because it was not used any more.
  virtual void on_task_removed(const Task& /*task*/) {}

  /// No record refers to the removed task any more.
  virtual void on_task_forgotten(const Task& /*task*/) {}
};

}  // namespace quintain::core
