// Restoration: decodes the records that journal_observer.cpp encodes, and puts them into the
// manager, its tracker and its tasks.
#include "core/durability/restoration.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace quintain::core {
namespace {

WallTime wall(std::int64_t nanoseconds) { return {Duration(nanoseconds)}; }

absl::Status unreadable(std::string_view table, std::uint64_t key, std::string_view what) {
  return absl::DataLossError(fmt::format("record {} of {}: {}", key, table, what));
}

}  // namespace

absl::Status Restoration::run(Journal& journal) {
  const absl::Status status =
      journal.replay([this](const JournalRecord& record) { return read(record); });
  if (!status.ok()) return status;
  for (auto& [key, record] : tasks_) restore_task(key, std::move(record));
  for (auto& [ordinal, record] : executions_) {
    if (auto problem = restore_execution(ordinal, std::move(record)); !problem.ok()) return problem;
  }
  executions_.clear();
  AsyncExecutionTracker& tracker = manager_.tracker_;
  tracker.first_ordinal_ = last_ordinal_ + 1;
  // Ids that were made before are not made again, even under the same seed.
  manager_.ids_ = RandomStream("core.ids", last_ordinal_);
  retain_ended();
  for (const auto& [key, task] : restored_tasks_) {
    if (task->records.empty() && !task->unused_.is_linked()) manager_.tasks_.set_unused(*task);
  }
  for (const auto& [ordinal, attempt] : attempts_) {
    const AsyncExecution* execution = tracker.find_ordinal(ordinal);
    if (execution == nullptr || execution->finished()) {
      changes_.remove(JournalTable::kAttempts, ordinal);
    }
  }
  for (const std::uint64_t ordinal : waiting_) {
    // The end of another one may have dropped it.
    AsyncExecution* execution = tracker.find_ordinal(ordinal);
    if (execution != nullptr && execution->live != nullptr) continue_execution(*execution);
  }
  manager_.dispatch();
  restored_tasks_.clear();
  return absl::OkStatus();
}

absl::Status Restoration::read(const JournalRecord& record) {
  const std::string& value = *record.value;
  switch (record.table) {
    case JournalTable::kTasks:
      if (!tasks_[record.key].ParseFromString(value)) {
        return unreadable("tasks", record.key, "is no task");
      }
      return absl::OkStatus();
    case JournalTable::kExecutions:
      last_ordinal_ = std::max(last_ordinal_, record.key);
      if (value.empty()) {
        changes_.adopt_placeholder(record.key);
        return absl::OkStatus();
      }
      if (!executions_[record.key].ParseFromString(value)) {
        return unreadable("executions", record.key, "is no execution");
      }
      return absl::OkStatus();
    case JournalTable::kAttempts:
      if (!attempts_[record.key].ParseFromString(value)) {
        return unreadable("attempts", record.key, "is no attempt");
      }
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// ---- Tasks --------------------------------------------------------------------------------------

void Restoration::restore_task(std::uint64_t key, store::Task&& record) {
  TaskRegistry& registry = manager_.tasks_;
  Task* const registered = registry.find(record.task_id());
  if (registered != nullptr && (!record.deleted() || !record.temporary())) {
    // The operator has registered it again: that description counts, unless a caller has deleted
    // the task.
    TaskPointer task(registered);
    task->created_at_ = wall(record.created_at());
    changes_.adopt(*task, key);
    restored_tasks_[key] = task;
    if (record.deleted()) registry.remove(*task);
    return;
  }
  TaskSpec spec;
  spec.task_id = record.task_id();
  spec.task_name = record.task_name();
  spec.description = record.description();
  spec.artifact = std::move(*record.mutable_artifact());
  spec.functions.assign(record.functions().begin(), record.functions().end());
  spec.instance_limit = record.instance_limit();
  const WallTime created_at = wall(record.created_at());
  TaskPointer task;
  if (record.deleted()) {
    // Only records of executions refer to it.
    task = TaskPointer(new Task(registry, std::move(spec), registry.next_number_++, created_at));
    task->deleted = true;
    task->bytes_ = TaskRegistry::bytes_of(task->spec());
    registry.account_.add(MemoryUse::kTasks, task->bytes_);
  } else {
    task = TaskPointer(&registry.add(std::move(spec), created_at));
  }
  task->temporary = record.temporary();
  changes_.adopt(*task, key);
  restored_tasks_[key] = std::move(task);
}

// ---- Executions ---------------------------------------------------------------------------------

Instant Restoration::instant_of(WallTime time) const {
  const Environment& environment = manager_.environment_;
  const Duration ago = environment.wall_now().since_epoch - time.since_epoch;
  return Instant(environment.now().since_start() - ago);
}

absl::Status Restoration::restore_execution(std::uint64_t ordinal, store::Execution&& record) {
  const auto added = add_record(ordinal, record);
  if (!added.ok()) return added.status();
  AsyncExecution& execution = **added;
  if (record.has_end()) {
    if (!is_terminal(record.end().status())) {
      return unreadable("executions", ordinal, "has ended with a status that is no end");
    }
    restore_end(execution, std::move(*record.mutable_end()));
  } else if (auto status = restore_waiting(execution, record.pending()); !status.ok()) {
    return status;
  }
  changes_.on_restored(execution);
  return absl::OkStatus();
}

absl::StatusOr<AsyncExecution*> Restoration::add_record(std::uint64_t ordinal,
                                                        const store::Execution& record) {
  const auto task = restored_tasks_.find(record.task());
  if (task == restored_tasks_.end()) {
    return unreadable("executions", ordinal, "refers to a task that is not there");
  }
  AsyncExecutionTracker& tracker = manager_.tracker_;
  if (record.execution_id().empty() || tracker.find(record.execution_id()) != nullptr) {
    return unreadable("executions", ordinal, "has the id of another one");
  }
  Function& function = *manager_.tasks_.function(*task->second, record.function_name(),
                                                 std::numeric_limits<int>::max());
  if (function.index == manager_.introduced_) {
    manager_.estimator_->introduce(manager_.introduced_++, function.task->id(), function.name);
  }
  // Restored records are among the early ones, so that the gaps between them take no memory.
  tracker.first_ordinal_ = ordinal;
  AsyncExecution& execution = tracker.add(record.execution_id(), function);
  tracker.early_.emplace_hint(tracker.early_.end(), ordinal, execution.slot_);
  tracker.by_ordinal_.pop_back();
  tracker.first_ordinal_ = ordinal + 1;

  execution.mode = record.mode();
  execution.wall_accepted_at = wall(record.accepted_at());
  execution.accepted_at = instant_of(execution.wall_accepted_at);
  if (record.has_deadline()) execution.deadline = instant_of(wall(record.deadline()));
  execution.estimated_completion_ms = record.eta_p50_ms();
  if (record.has_fingerprint()) {
    tracker.details(execution).fingerprint = {record.fingerprint().first(),
                                              record.fingerprint().second()};
  }
  function.task->activity.updated_at = execution.wall_accepted_at;
  return &execution;
}

void Restoration::restore_end(AsyncExecution& execution, store::Execution::End&& end) {
  AsyncExecutionTracker& tracker = manager_.tracker_;
  tracker.tally_.subtract(execution);
  execution.status_ = end.status();
  execution.attempts = end.attempts();
  if (end.has_started_at()) {
    execution.wall_started_at = wall(end.started_at());
    execution.started_at = instant_of(execution.wall_started_at);
  }
  execution.wall_completed_at = wall(end.completed_at());
  execution.completed_at = instant_of(execution.wall_completed_at);
  execution.instance_id = SharedText(std::move(*end.mutable_instance_id()));
  execution.result.type_url.assign(end.type_url(), execution.function->returned_type);
  execution.result.value = std::move(*end.mutable_value());
  execution.memory_used_bytes = end.memory_used_bytes();
  tracker.tally_.add(execution);
  if (!end.error_code().empty() || !end.error_message().empty() || !end.logs().empty() ||
      end.logs_dropped() > 0) {
    ExecutionDetails& details = tracker.details(execution);
    details.error_code = std::move(*end.mutable_error_code());
    details.error_message = std::move(*end.mutable_error_message());
    for (std::string& line : *end.mutable_logs()) {
      tracker.add_log(execution, std::move(line), static_cast<std::size_t>(end.logs_size()),
                      std::numeric_limits<std::size_t>::max());
    }
    details.logs.dropped_ = end.logs_dropped();
  }
  Task::Activity& activity = execution.task->activity;
  tracker.active_tasks_ -= --activity.active == 0 ? 1 : 0;
  ended_.push_back(&execution);
}

// Records whose retention is over, or that are too many, are dropped here.
void Restoration::retain_ended() {
  std::ranges::stable_sort(ended_, {}, &AsyncExecution::completed_at);
  for (AsyncExecution* execution : ended_) {
    Task::Activity& activity = execution->task->activity;
    activity.last_status = execution->status();
    activity.updated_at = std::max(activity.updated_at, execution->wall_completed_at);
    manager_.tracker_.retain(*execution);
  }
  // A call may come before the timer of the first expiry.
  manager_.tracker_.expire();
}

absl::Status Restoration::restore_waiting(AsyncExecution& execution,
                                          const store::Execution::Pending& pending) {
  execution.live = manager_.new_live(execution);
  LiveExecution& live = *execution.live;
  execution.task->live.push_back(live);
  if (!live.request.ParseFromString(pending.request())) {
    return unreadable("executions", execution.ordinal, "has a request that can't be read");
  }
  live.request_bytes = pending.request_bytes();
  manager_.memory_.add(MemoryUse::kRequests, live.request_bytes);
  live.max_retries = pending.max_retries();
  live.estimated_p90_ms = pending.eta_p90_ms();
  const auto attempt = attempts_.find(execution.ordinal);
  if (attempt != attempts_.end()) {
    execution.attempts = attempt->second.number();
    execution.instance_id = SharedText(attempt->second.instance_id());
    if (attempt->second.has_started_at()) {
      manager_.tracker_.tally_.subtract(execution);
      execution.status_ = spearlet::EXECUTION_STATUS_RUNNING;
      execution.wall_started_at = wall(attempt->second.started_at());
      execution.started_at = instant_of(execution.wall_started_at);
      manager_.tracker_.tally_.add(execution);
      execution.task->activity.last_status = execution.status_;
    }
  }
  waiting_.push_back(execution.ordinal);
  return absl::OkStatus();
}

void Restoration::continue_execution(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  live.deadline.arm(execution.deadline, Precedence::kTimeout);
  const bool may_have_run = execution.attempts > 0;
  if (may_have_run && (policy_ == RestartPolicy::kFail || execution.attempts > live.max_retries)) {
    return manager_.finish_with_error(execution, spearlet::EXECUTION_STATUS_FAILED,
                                      "NODE_RESTARTED",
                                      "the node was restarted while the function may have run");
  }
  // Its caller is gone, and without an id of the caller's choice no later call can ask for the same
  // execution again; nor can a stream be joined.
  const bool joinable = execution.details().fingerprint.has_value();
  if (execution.mode == spearlet::EXECUTION_MODE_STREAM ||
      (execution.mode == spearlet::EXECUTION_MODE_SYNC && !joinable)) {
    live.cancel_reason = "the caller went away: the node was restarted";
    return manager_.finish_cancelled(execution);
  }
  if (execution.task->deleted) {
    live.cancel_reason = "the task was deleted";
    return manager_.finish_cancelled(execution);
  }
  manager_.queue_.push(execution);
}

}  // namespace quintain::core
