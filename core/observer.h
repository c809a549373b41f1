// What a node tells whoever watches it. Watching never changes what the node does.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/time.h"
#include "core/runtime.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

/// Told of every state change at the moment it happens, in the serial context. Executions are named
/// by their ordinal, their place in the node's order of acceptance from 1. Must not call the node.
class Observer {
 public:
  virtual ~Observer() = default;

  /// A new execution: it is PENDING from here on.
  struct Accepted {
    std::uint64_t ordinal;
    std::string_view execution_id;
    std::string_view task_id;
    std::string_view function_name;
    spearlet::ExecutionMode mode;
    int max_retries;
    Instant deadline;
    /// The predicted time to the end: median and 90th percentile.
    Duration eta_p50;
    Duration eta_p90;
  };
  virtual void on_accepted(const Accepted& event) = 0;

  virtual void on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                             spearlet::ExecutionStatus to) = 0;

  /// An attempt takes a slot and an instance.
  struct AttemptBegun {
    std::uint64_t ordinal;
    AttemptId attempt;
    int number;
    std::uint64_t instance;
    bool cold_start;
  };
  virtual void on_attempt_begun(const AttemptBegun& event) = 0;

  virtual void on_attempt_running(std::uint64_t ordinal, AttemptId attempt) = 0;
  virtual void on_attempt_stop_requested(std::uint64_t ordinal, AttemptId attempt) = 0;

  /// The attempt has ended: by itself (`killed` false) or by the node.
  virtual void on_attempt_ended(std::uint64_t ordinal, AttemptId attempt, bool killed) = 0;

  /// The execution gave its slot back.
  virtual void on_slot_released(std::uint64_t ordinal) = 0;

  virtual void on_cancel_requested(std::uint64_t ordinal, bool force) = 0;

  /// A runtime's report about an attempt that is over was ignored.
  virtual void on_report_ignored(AttemptId attempt) = 0;

  /// The record was forgotten: retention, or its task was deleted.
  virtual void on_record_dropped(std::uint64_t ordinal) = 0;
};

}  // namespace quintain::core
