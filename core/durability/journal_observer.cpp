// JournalObserver: encodes executions and tasks as the records that restoration.cpp decodes.
#include "core/durability/journal_observer.h"

#include <string>
#include <utility>

#include "core/base/planted_fault.h"
#include "core/execution.h"
#include "store/records.pb.h"

namespace quintain::core {

JournalPosition JournalObserver::position_of(std::string_view execution_id) {
  const AsyncExecution* execution = manager_->tracker().find(execution_id);
  if (execution == nullptr) return last_drop_;
  const auto position = changed_.find(execution->ordinal);
  return position == changed_.end() ? 0 : position->second;
}

void JournalObserver::on_durable() {
  const JournalPosition durable = journal_.durable();
  while (!changes_.empty() && changes_.front().position <= durable) {
    const Change change = changes_.front();
    changes_.pop_front();
    const auto last = changed_.find(change.ordinal);
    if (last != changed_.end() && last->second == change.position) changed_.erase(last);
  }
}

void JournalObserver::append(JournalTable table, std::uint64_t key,
                             std::optional<std::string> value) {
  journal_.append({.table = table, .key = key, .value = std::move(value)});
}

void JournalObserver::append_change(std::uint64_t ordinal, JournalTable table,
                                    std::optional<std::string> value) {
  append(table, ordinal, std::move(value));
  const JournalPosition position = journal_.appended();
  if (position <= journal_.durable()) return;
  changed_[ordinal] = position;
  changes_.push_back({.position = position, .ordinal = ordinal});
}

void JournalObserver::adopt(const Task& task, std::uint64_t key) {
  task_keys_[task.number()] = key;
  last_task_key_ = std::max(last_task_key_, key);
}

void JournalObserver::remove(JournalTable table, std::uint64_t key) {
  append(table, key, std::nullopt);
}

std::uint64_t JournalObserver::key_of(const Task& task) {
  const auto known = task_keys_.find(task.number());
  if (known != task_keys_.end()) return known->second;
  const std::uint64_t key = ++last_task_key_;
  task_keys_[task.number()] = key;
  put_task(task, key);
  return key;
}

void JournalObserver::put_task(const Task& task, std::uint64_t key) {
  const TaskSpec& spec = task.spec();
  store::Task record;
  record.set_task_id(spec.task_id);
  record.set_task_name(spec.task_name);
  record.set_description(spec.description);
  *record.mutable_artifact() = spec.artifact;
  for (const std::string& name : spec.functions) record.add_functions(name);
  record.set_instance_limit(spec.instance_limit);
  record.set_created_at(task.created_at().since_epoch.count());
  record.set_temporary(task.temporary);
  record.set_deleted(task.deleted);
  append(JournalTable::kTasks, key, record.SerializeAsString());
}

void JournalObserver::put_execution(const AsyncExecution& execution) {
  store::Execution record;
  record.set_execution_id(execution.execution_id);
  record.set_task(key_of(*execution.task));
  record.set_function_name(execution.function->name);
  record.set_mode(execution.mode);
  record.set_accepted_at(execution.wall_accepted_at.since_epoch.count());
  if (!execution.deadline.is_never()) {
    const Duration timeout = execution.deadline - execution.accepted_at;
    record.set_deadline(saturating_add(execution.wall_accepted_at.since_epoch, timeout).count());
  }
  record.set_eta_p50_ms(execution.estimated_completion_ms);
  const ExecutionDetails& details = execution.details();
  if (details.fingerprint) {
    record.mutable_fingerprint()->set_first((*details.fingerprint)[0]);
    record.mutable_fingerprint()->set_second((*details.fingerprint)[1]);
  }
  if (execution.finished()) {
    store::Execution::End& end = *record.mutable_end();
    end.set_status(execution.status());
    if (!execution.started_at.is_never()) {
      end.set_started_at(execution.wall_started_at.since_epoch.count());
    }
    end.set_completed_at(execution.wall_completed_at.since_epoch.count());
    end.set_attempts(execution.attempts);
    end.set_instance_id(execution.instance_id.str());
    end.set_type_url(execution.result.type_url.str());
    end.set_value(execution.result.value);
    end.set_memory_used_bytes(execution.memory_used_bytes);
    end.set_error_code(details.error_code);
    end.set_error_message(details.error_message);
    for (const std::string& line : details.logs) end.add_logs(line);
    end.set_logs_dropped(details.logs.dropped());
  } else {
    const LiveExecution& live = *execution.live;
    store::Execution::Pending& pending = *record.mutable_pending();
    pending.set_request(live.request.SerializeAsString());
    pending.set_request_bytes(live.request_bytes);
    pending.set_max_retries(planted("retries-not-recorded") ? 0 : live.max_retries);
    pending.set_eta_p90_ms(live.estimated_p90_ms);
  }
  append_change(execution.ordinal, JournalTable::kExecutions, record.SerializeAsString());
}

void JournalObserver::put_attempt(const AsyncExecution& execution) {
  store::Attempt record;
  record.set_number(execution.attempts);
  record.set_instance_id(execution.instance_id.str());
  if (!execution.started_at.is_never()) {
    record.set_started_at(execution.wall_started_at.since_epoch.count());
  }
  append_change(execution.ordinal, JournalTable::kAttempts, record.SerializeAsString());
}

void JournalObserver::on_accepted(const Accepted& event) {
  if (manager_ != nullptr) {
    put_execution(*manager_->tracker().find_ordinal(event.ordinal));
    if (placeholder_ != 0) remove(JournalTable::kExecutions, std::exchange(placeholder_, 0));
  }
  if (next_ != nullptr) next_->on_accepted(event);
}

void JournalObserver::on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                                    spearlet::ExecutionStatus to) {
  if (manager_ != nullptr) {
    const AsyncExecution& execution = *manager_->tracker().find_ordinal(ordinal);
    if (is_terminal(to)) {
      put_execution(execution);
      if (execution.attempts > 0) append_change(ordinal, JournalTable::kAttempts, std::nullopt);
    } else {
      put_attempt(execution);
    }
  }
  if (next_ != nullptr) next_->on_transition(ordinal, from, to);
}

void JournalObserver::on_attempt_started(const AttemptStarted& event) {
  if (manager_ != nullptr) put_attempt(*manager_->tracker().find_ordinal(event.ordinal));
  if (next_ != nullptr) next_->on_attempt_started(event);
}

void JournalObserver::on_record_dropped(std::uint64_t ordinal) {
  if (manager_ != nullptr) {
    const bool last = ordinal == manager_->tracker().last_ordinal();
    append_change(ordinal, JournalTable::kExecutions,
                  last ? std::optional(std::string()) : std::nullopt);
    last_drop_ = journal_.appended();
    if (last) placeholder_ = ordinal;
  }
  if (next_ != nullptr) next_->on_record_dropped(ordinal);
}

void JournalObserver::on_task_removed(const Task& task) {
  if (manager_ != nullptr) {
    // The deletion of an operator's task is kept even if no execution referred to the task, so that
    // the next start does not register it again.
    const bool kept = task_keys_.contains(task.number());
    if (kept || !task.temporary) put_task(task, key_of(task));
  }
  if (next_ != nullptr) next_->on_task_removed(task);
}

void JournalObserver::on_task_forgotten(const Task& task) {
  if (manager_ != nullptr) {
    const auto known = task_keys_.find(task.number());
    if (known != task_keys_.end()) {
      if (task.temporary) remove(JournalTable::kTasks, known->second);
      task_keys_.erase(known);
    }
  }
  if (next_ != nullptr) next_->on_task_forgotten(task);
}

// ---- Events that change nothing on record ------------------------------------------------------

void JournalObserver::on_restored(const AsyncExecution& execution) {
  if (next_ != nullptr) next_->on_restored(execution);
}
void JournalObserver::on_attempt_running(std::uint64_t ordinal, AttemptId attempt) {
  if (next_ != nullptr) next_->on_attempt_running(ordinal, attempt);
}
void JournalObserver::on_attempt_stop_requested(std::uint64_t ordinal, AttemptId attempt) {
  if (next_ != nullptr) next_->on_attempt_stop_requested(ordinal, attempt);
}
void JournalObserver::on_attempt_ended(std::uint64_t ordinal, AttemptId attempt, bool killed) {
  if (next_ != nullptr) next_->on_attempt_ended(ordinal, attempt, killed);
}
void JournalObserver::on_slot_released(std::uint64_t ordinal) {
  if (next_ != nullptr) next_->on_slot_released(ordinal);
}
void JournalObserver::on_cancel_requested(std::uint64_t ordinal, bool force) {
  if (next_ != nullptr) next_->on_cancel_requested(ordinal, force);
}
void JournalObserver::on_report_ignored(AttemptId attempt) {
  if (next_ != nullptr) next_->on_report_ignored(attempt);
}

}  // namespace quintain::core
