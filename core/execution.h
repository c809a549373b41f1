// One execution: its record, and the state that it needs until it ends.
#pragma once

#include <array>
#include <boost/circular_buffer.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/environment.h"
#include "core/base/memory.h"
#include "core/base/time.h"
#include "core/eta/estimator.h"
#include "core/function_service.h"
#include "core/instance_pool.h"
#include "core/runtime.h"
#include "core/task_registry.h"
#include "core/transitions.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class AsyncExecution;
class Restoration;
class TaskExecutionManager;

/// The part of an execution that is needed only until it ends: its request, timers, pending
/// answers, place in the queue and attempt. Released at the terminal status, so that a finished
/// record is small, and reused for another execution. Serial context only.
struct LiveExecution : LiveOfTask {
  /// The timers call `on_deadline` and `on_pause_over` with a pointer to this object.
  LiveExecution(TaskExecutionManager& execution_manager, Environment& environment,
                void (*on_deadline)(void*), void (*on_pause_over)(void*))
      : manager(&execution_manager),
        deadline(environment, on_deadline, this),
        pause(environment, on_pause_over, this) {}

  /// Makes this object as new, but keeps the memory of its containers. Requires: every answer was
  /// sent, no timer is armed, and it is in no queue.
  void reset();

  TaskExecutionManager* manager;
  AsyncExecution* record = nullptr;
  spearlet::InvokeFunctionRequest request;
  /// What the account of memory contains for this object and its request.
  std::int64_t request_bytes = 0;

  Timer deadline;
  /// The end of the cancel's grace or of the pause before a retry; never both, since a cancel ends
  /// the pause.
  Timer pause;

  /// The attempt that has the slot or had it last.
  AttemptId attempt{};
  int max_retries = 0;
  /// The 90th percentile of the time to the end, as predicted at acceptance.
  std::int64_t estimated_p90_ms = 0;
  bool attempt_active = false;
  bool emitted_chunk = false;
  Instance* instance = nullptr;
  Instant dispatched_at = Instant::never();
  /// Whether the first attempt found no warm instance.
  bool cold = false;
  /// In the list of executions that have a slot, in the order of dispatch.
  boost::intrusive::list_member_hook<> by_dispatch;

  bool cancel_requested = false;
  std::string cancel_reason;

  /// Answers to be sent. A duplicate of a waiting SYNC call waits beside it.
  std::vector<Answer<spearlet::InvokeFunctionResponse>> waiting;
  /// The number of answers at the start of `waiting` whose callers are known to have left.
  std::size_t left = 0;
  std::optional<StreamAnswer<spearlet::StreamExecutionResult>> stream;
  /// What the account contains for the stream's output that waits for the reader.
  std::int64_t stream_bytes = 0;
  /// Whether the runtime holds back the function's output until the reader has caught up.
  bool output_held = false;
  std::vector<Answer<spearlet::CancelExecutionResponse>> cancels;

  /// The place in the queue; see ExecutionQueue.
  boost::intrusive::set_member_hook<> by_rank;
  boost::intrusive::set_member_hook<> by_arrival;
  std::int64_t rank = 0;
  /// What the strategy has charged to the task for this execution.
  std::int64_t charge = 0;
  bool parked = false;

  bool queued() const { return by_rank.is_linked(); }
};

/// The last lines that a function logged, within limits of lines and bytes. Adding a line takes
/// constant time; what it removes has been added before.
class LogLines {
 public:
  /// Adds a line and drops the oldest ones beyond the limits. Returns by how many bytes the lines
  /// have grown. A line that is longer than `max_bytes` is cut.
  std::int64_t add(std::string line, std::size_t max_lines, std::size_t max_bytes);

  bool empty() const { return lines_.empty(); }
  std::size_t size() const { return lines_.size(); }
  auto begin() const { return lines_.begin(); }
  auto end() const { return lines_.end(); }
  /// Including a fixed amount for each line.
  std::int64_t bytes() const { return bytes_; }
  /// The number of lines that were dropped.
  std::int64_t dropped() const { return dropped_; }

  /// Removes all lines and frees their memory.
  void reset();

 private:
  friend class Restoration;

  void drop_oldest();

  boost::circular_buffer<std::string> lines_;
  std::int64_t bytes_ = 0;
  std::int64_t dropped_ = 0;
};

/// What only some executions have: errors, log lines, an id that the caller chose.
struct ExecutionDetails {
  std::string error_code;
  std::string error_message;
  LogLines logs;
  /// The fingerprint() of the request if the caller chose the id; separates a repetition from
  /// another request.
  std::optional<std::array<std::uint64_t, 2>> fingerprint;

  /// Makes this object as new, but keeps the memory of its strings.
  void reset();
};

/// What an execution returned. Executions that return the same type share its name.
struct KeptPayload {
  SharedText type_url;
  std::string value;

  bool empty() const { return type_url.empty() && value.empty(); }
};

/// The record of an execution of any mode, owned by AsyncExecutionTracker. Only the tracker changes
/// the status, and only along the transition table. Serial context only.
class AsyncExecution : public RecordOfTask {
 public:
  std::string execution_id;
  /// The position in the node's order of acceptance, from 1.
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

  /// The median of the time to the end in ms, as predicted at acceptance; 0 unless ASYNC.
  std::int64_t estimated_completion_ms = 0;

  KeptPayload result;
  std::int64_t memory_used_bytes = 0;
  SharedText instance_id;

  /// Empty details if it has none; AsyncExecutionTracker::details() creates them.
  const ExecutionDetails& details() const { return details_ == nullptr ? kNoDetails : *details_; }

  /// nullptr after the terminal status.
  std::unique_ptr<LiveExecution> live;

  /// From the start of the function to its end; 0 until both have happened.
  Duration execution_time() const {
    if (started_at.is_never() || completed_at.is_never()) return Duration::zero();
    return completed_at - started_at;
  }

 private:
  friend class AsyncExecutionTracker;
  friend class Restoration;

  static const ExecutionDetails kNoDetails;

  spearlet::ExecutionStatus status_ = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  std::uint32_t slot_ = 0;
  std::uint32_t id_hash_ = 0;
  // What the account of memory contains for this record: log lines, and all of it once finished.
  std::int64_t kept_bytes_ = 0;
  bool unread_ = false;  // ended while the node drains, and not read since
  std::unique_ptr<ExecutionDetails> details_;
  boost::intrusive::list_member_hook<> finished_hook_;
};

}  // namespace quintain::core
