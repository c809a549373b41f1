// One execution: what stays on record, and what it needs while it lives.
#pragma once

#include <array>
#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/answer.h"
#include "core/base/environment.h"
#include "core/base/shared_text.h"
#include "core/base/time.h"
#include "core/eta/estimator.h"
#include "core/instance_pool.h"
#include "core/runtime.h"
#include "core/task_registry.h"
#include "core/transitions.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class AsyncExecution;
class TaskExecutionManager;

/// What an execution needs only until it has ended: its request, timers, answers that are owed, its
/// place in the queue, its attempt. Given back at the terminal status, so that a finished record is
/// small, and then used again for another execution.
struct LiveExecution {
  /// The timers call back with the LiveExecution.
  LiveExecution(TaskExecutionManager& execution_manager, Environment& environment,
                void (*on_deadline)(void*), void (*on_pause_over)(void*))
      : manager(&execution_manager),
        deadline(environment, on_deadline, this),
        pause(environment, on_pause_over, this) {}

  /// As new, but with the memory of its containers. Nothing may be owed, queued or armed any more.
  void reset();

  TaskExecutionManager* manager;
  AsyncExecution* record = nullptr;
  spearlet::InvokeFunctionRequest request;

  Timer deadline;
  /// The cancel's grace, or the pause before a retry; never both, for a cancel ends the pause.
  Timer pause;

  // The attempt that holds the slot, or held it last.
  AttemptId attempt{};
  int max_retries = 0;
  /// The 90th percentile that was predicted at acceptance.
  std::int64_t estimated_p90_ms = 0;
  bool attempt_active = false;
  bool emitted_chunk = false;
  Instance* instance = nullptr;
  Instant dispatched_at = Instant::never();
  /// The first attempt found no warm instance.
  bool cold = false;
  /// Among those that hold a slot, in the order of dispatch.
  boost::intrusive::list_member_hook<> by_dispatch;

  bool cancel_requested = false;
  std::string cancel_reason;

  // Owed answers. A duplicate of a waiting SYNC call waits beside it.
  std::vector<Answer<spearlet::InvokeFunctionResponse>> waiting;
  std::optional<StreamAnswer<spearlet::StreamExecutionResult>> stream;
  std::vector<Answer<spearlet::CancelExecutionResponse>> cancels;

  // The place in the queue; see ExecutionQueue.
  boost::intrusive::set_member_hook<> by_rank;
  boost::intrusive::set_member_hook<> by_arrival;
  std::int64_t rank = 0;
  bool parked = false;

  bool queued() const { return by_rank.is_linked(); }
};

/// What only some executions have: errors, log lines, an id of the caller's own.
struct ExecutionDetails {
  std::string error_code;
  std::string error_message;
  std::vector<std::string> logs;
  /// Of the request, if the caller chose the id; tells a repetition from another request.
  std::optional<std::array<std::uint64_t, 2>> fingerprint;

  /// As new, but with the memory of its texts.
  void reset();
};

/// What an execution returned. Those that return the same type share its name.
struct KeptPayload {
  SharedText type_url;
  std::string value;

  bool empty() const { return type_url.empty() && value.empty(); }
};

/// The record of an execution of any mode, owned by AsyncExecutionTracker. The status is changed by
/// the tracker alone, along the transition table.
class AsyncExecution {
 public:
  std::string execution_id;
  /// Its place in the node's order of acceptance, from 1.
  std::uint64_t ordinal = 0;
  TaskPointer task;
  Function* function = nullptr;

  spearlet::ExecutionStatus status() const { return status_; }
  bool finished() const { return is_terminal(status_); }

  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  int attempts = 0;

  Instant accepted_at;
  Instant started_at = Instant::never();
  Instant completed_at = Instant::never();
  WallTime wall_accepted_at;
  WallTime wall_started_at;
  WallTime wall_completed_at;
  Instant deadline = Instant::never();

  /// The median that was predicted at acceptance, in ms; 0 for modes that are given none.
  std::int64_t estimated_completion_ms = 0;

  KeptPayload result;
  std::int64_t memory_used_bytes = 0;
  SharedText instance_id;

  /// Empty ones if it has none; AsyncExecutionTracker::details() makes them.
  const ExecutionDetails& details() const { return details_ == nullptr ? kNoDetails : *details_; }

  /// Until the terminal status.
  std::unique_ptr<LiveExecution> live;

  /// From the beginning of the function to its end; 0 until both have happened.
  Duration execution_time() const {
    if (started_at.is_never() || completed_at.is_never()) return Duration::zero();
    return completed_at - started_at;
  }

 private:
  friend class AsyncExecutionTracker;

  static const ExecutionDetails kNoDetails;

  spearlet::ExecutionStatus status_ = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  std::uint32_t slot_ = 0;
  std::uint32_t id_hash_ = 0;
  std::unique_ptr<ExecutionDetails> details_;
  boost::intrusive::list_member_hook<> finished_hook_;
};

}  // namespace quintain::core
