// AsyncExecutionTracker: records in pages, indexed by id and ordinal, their transitions, and their
// retention. Dropped records and their memory are reused.
#include "core/execution_tracker.h"
#include "core/base/planted_fault.h"

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <numeric>
#include <utility>

#include "core/base/memory.h"
#include "core/transitions.h"

namespace quintain::core {
namespace {

// An attempt's id is a serial number, then the slot of its record in this many bits.
constexpr unsigned kSlotBits = 28;

// The maximum capacity in bytes of a returned value that a dropped record keeps for reuse.
constexpr std::size_t kMaxValueKept = 256;

// The objects around a record's texts.
constexpr std::int64_t kRecordBytes = sizeof(AsyncExecution) + 64;
constexpr std::int64_t kDetailsBytes = sizeof(ExecutionDetails);

// The number of records that expire in a row, and the bytes that count as one more. The rest
// expires in a turn of its own, so that other callers do not wait.
constexpr std::int64_t kMaxExpiredInARow = 256;
constexpr std::int64_t kBytesLikeARecord = 64 << 10;

// Debian's Abseil hashes std::string_view with std::hash, which is slow for short strings.
std::uint32_t hash_of(std::string_view id) {
  return static_cast<std::uint32_t>(
      absl::Hash<absl::string_view>{}(absl::string_view(id.data(), id.size())));
}

Duration retained_for(const RetentionConfig& retention) {
  return planted("retention-too-short") ? retention.age / 2 : retention.age;
}

}  // namespace

std::int64_t AsyncExecutionTracker::Tally::total() const {
  return std::accumulate(by_status.begin(), by_status.end(), std::int64_t{0});
}

std::int64_t AsyncExecutionTracker::Tally::ended() const {
  return total() - count(spearlet::EXECUTION_STATUS_PENDING) -
         count(spearlet::EXECUTION_STATUS_RUNNING);
}

void AsyncExecutionTracker::Tally::apply(const AsyncExecution& execution, int sign) {
  by_status[static_cast<std::size_t>(execution.status())] += sign;
  memory_used_bytes += sign * execution.memory_used_bytes;
  if (execution.status() == spearlet::EXECUTION_STATUS_COMPLETED) {
    completed_time += sign * execution.execution_time();
  }
}

AsyncExecutionTracker::AsyncExecutionTracker(Environment& environment,
                                             const RetentionConfig& retention,
                                             MemoryAccount& account, TaskRegistry& tasks,
                                             Observer* observer)
    : environment_(environment),
      retention_(retention),
      account_(account),
      tasks_(tasks),
      observer_(observer),
      expiry_(
          environment, [](void* self) { static_cast<AsyncExecutionTracker*>(self)->expire(); },
          this) {}

AsyncExecutionTracker::~AsyncExecutionTracker() {
  finished_.clear();
  for (AsyncExecution* execution = next_after(0); execution != nullptr;
       execution = next_after(execution->ordinal)) {
    Task& task = *execution->task;
    task.records.erase(task.records.iterator_to(*execution));
  }
}

AsyncExecution& AsyncExecutionTracker::add(std::string execution_id, Function& function) {
  const std::uint32_t hash = hash_of(execution_id);
  assert(find_slot(execution_id, hash) == kNoSlot && "an execution id was used twice");
  Slot slot = slots_;
  if (free_.empty()) {
    assert(slot < (Slot{1} << kSlotBits));
    ++slots_;
    if (slot >> kPageBits == pages_.size()) pages_.push_back(std::make_unique<Page>());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  by_id_.insert(hash, slot);
  AsyncExecution& execution = record(slot);
  execution.slot_ = slot;
  execution.id_hash_ = hash;
  execution.execution_id = std::move(execution_id);
  execution.function = &function;
  execution.task = function.task;
  execution.accepted_at = environment_.now();
  execution.wall_accepted_at = environment_.wall_now();
  if (by_ordinal_.full()) {
    by_ordinal_.set_capacity(std::max(std::size_t{64}, 2 * by_ordinal_.capacity()));
  }
  by_ordinal_.push_back(slot);
  execution.ordinal = last_ordinal();

  execution.status_ = spearlet::EXECUTION_STATUS_PENDING;
  tally_.add(execution);
  Task& task = *execution.task;
  task.records.push_back(execution);
  tasks_.set_used(task);
  Task::Activity& activity = task.activity;
  active_tasks_ += activity.active++ == 0 ? 1 : 0;
  ++activity.records;
  activity.last_status = execution.status_;
  activity.updated_at = execution.wall_accepted_at;
  return execution;
}

AsyncExecutionTracker::Slot AsyncExecutionTracker::find_slot(std::string_view execution_id,
                                                             std::uint32_t hash) {
  return by_id_.find(hash, [&](Slot slot) { return record(slot).execution_id == execution_id; });
}

AsyncExecution* AsyncExecutionTracker::find(std::string_view execution_id) {
  const Slot slot = find_slot(execution_id, hash_of(execution_id));
  return slot == kNoSlot ? nullptr : &record(slot);
}

AsyncExecution* AsyncExecutionTracker::find_ordinal(std::uint64_t ordinal) {
  if (ordinal > last_ordinal()) return nullptr;
  if (ordinal < first_ordinal_) {
    const auto position = early_.find(ordinal);
    return position == early_.end() ? nullptr : &record(position->second);
  }
  const Slot slot = by_ordinal_[ordinal - first_ordinal_];
  return slot == kNoSlot ? nullptr : &record(slot);
}

AttemptId AsyncExecutionTracker::new_attempt_id(const AsyncExecution& execution) {
  return AttemptId{++attempts_ << kSlotBits | execution.slot_};
}

AsyncExecution* AsyncExecutionTracker::holder(AttemptId attempt) {
  const auto slot = static_cast<std::uint64_t>(attempt) & ((std::uint64_t{1} << kSlotBits) - 1);
  if (slot >= slots_) return nullptr;
  AsyncExecution& execution = record(static_cast<Slot>(slot));
  const bool runs = execution.live != nullptr && execution.live->attempt_active &&
                    execution.live->attempt == attempt;
  const bool fooled = planted("late-report-counts") && execution.live != nullptr &&
                      execution.live->instance != nullptr;
  return runs || fooled ? &execution : nullptr;
}

void AsyncExecutionTracker::transition(AsyncExecution& execution, spearlet::ExecutionStatus to) {
  const spearlet::ExecutionStatus from = execution.status_;
  assert(is_legal_transition(from, to));
  if (!planted("tally-forgets-transitions")) tally_.subtract(execution);
  execution.status_ = to;
  Task::Activity& activity = execution.task->activity;
  activity.last_status = to;
  activity.updated_at = environment_.wall_now();
  if (to == spearlet::EXECUTION_STATUS_RUNNING) {
    execution.started_at = environment_.now();
    execution.wall_started_at = activity.updated_at;
  } else {
    execution.completed_at = environment_.now();
    execution.wall_completed_at = activity.updated_at;
  }
  tally_.add(execution);
  if (observer_ != nullptr) observer_->on_transition(execution.ordinal, from, to);
  if (planted("outcome-told-twice") && is_terminal(to)) {
    observer_->on_transition(execution.ordinal, from, to);
  }
  if (is_terminal(to)) {
    active_tasks_ -= --activity.active == 0 ? 1 : 0;
    retain(execution);
  }
}

ExecutionDetails& AsyncExecutionTracker::details(AsyncExecution& execution) {
  if (execution.details_ == nullptr) {
    if (spare_details_.empty()) {
      execution.details_ = std::make_unique<ExecutionDetails>();
    } else {
      execution.details_ = std::move(spare_details_.back());
      spare_details_.pop_back();
    }
  }
  return *execution.details_;
}

void AsyncExecutionTracker::set_memory_used(AsyncExecution& execution, std::int64_t bytes) {
  if (execution.memory_used_bytes == bytes) return;
  tally_.subtract(execution);
  execution.memory_used_bytes = bytes;
  tally_.add(execution);
}

void AsyncExecutionTracker::add_log(AsyncExecution& execution, std::string line,
                                    std::size_t max_lines, std::size_t max_bytes) {
  const std::int64_t grown = details(execution).logs.add(std::move(line), max_lines, max_bytes);
  execution.kept_bytes_ += grown;
  account_.add(MemoryUse::kRecords, grown);
  while (over_limit() && !finished_.empty()) drop(finished_.front());
}

void AsyncExecutionTracker::make_room(std::int64_t bytes) {
  while (!account_.fits_total(bytes) && !finished_.empty()) drop(finished_.front());
}

void AsyncExecutionTracker::set_unread(AsyncExecution& execution) {
  execution.unread_ = true;
  ++unread_;
}

void AsyncExecutionTracker::set_read(AsyncExecution& execution) {
  if (std::exchange(execution.unread_, false)) --unread_;
}

bool AsyncExecutionTracker::over_limit() const {
  if (planted("records-beyond-their-memory")) return false;
  return !account_.fits(MemoryUse::kRecords, 0) || !account_.fits_total(0);
}

void AsyncExecutionTracker::drop(AsyncExecution& execution) {
  assert(execution.finished());
  finished_.erase(Finished::s_iterator_to(execution));
  tally_.subtract(execution);
  if (!planted("record-bytes-not-released")) {
    account_.add(MemoryUse::kRecords, -execution.kept_bytes_);
  }
  set_read(execution);
  Task& task = *execution.task;
  task.records.erase(task.records.iterator_to(execution));
  if (--task.activity.records == 0) tasks_.set_unused(task);
  by_id_.erase(execution.id_hash_, execution.slot_);
  if (execution.ordinal < first_ordinal_) {
    early_.erase(execution.ordinal);
  } else {
    by_ordinal_[execution.ordinal - first_ordinal_] = kNoSlot;
    set_early_apart();
  }
  if (observer_ != nullptr) observer_->on_record_dropped(execution.ordinal);
  recycle(execution);
}

// Removes the entries of dropped records from the start of by_ordinal_. Records of other ages among
// them move to early_ once half of the entries are of dropped records.
void AsyncExecutionTracker::set_early_apart() {
  constexpr std::size_t kMinEntries = 64;
  while (!by_ordinal_.empty()) {
    if (by_ordinal_.front() != kNoSlot) {
      if (by_ordinal_.size() < 2 * by_id_.size() + kMinEntries) return;
      early_.emplace_hint(early_.end(), first_ordinal_, by_ordinal_.front());
    }
    by_ordinal_.pop_front();
    ++first_ordinal_;
  }
}

// Makes the record as new, but keeps the memory of a short returned value.
void AsyncExecutionTracker::recycle(AsyncExecution& execution) {
  const Slot slot = execution.slot_;
  if (execution.details_ != nullptr) {
    execution.details_->reset();
    spare_details_.push_back(std::move(execution.details_));
  }
  std::string value = std::move(execution.result.value);
  std::destroy_at(&execution);
  std::construct_at(&execution);
  if (value.capacity() <= kMaxValueKept) {
    value.clear();
    execution.result.value = std::move(value);
  }
  free_.push_back(slot);
}

AsyncExecution* AsyncExecutionTracker::next_after(std::uint64_t ordinal) {
  if (ordinal >= last_ordinal()) return nullptr;  // so ordinal + 1 does not overflow
  if (ordinal + 1 < first_ordinal_ && !early_.empty()) {
    const auto position = early_.upper_bound(ordinal);
    if (position != early_.end()) return &record(position->second);
  }
  for (std::uint64_t next = std::max(ordinal + 1, first_ordinal_); next <= last_ordinal(); ++next) {
    if (AsyncExecution* execution = find_ordinal(next)) return execution;
  }
  return nullptr;
}

// Records are dropped long after they were last read and are not in the caches. So this prefetches
// what the next two drops will read: two steps ahead the record, one step ahead its entry in the
// index. Always inlined: see prefetch().
[[gnu::always_inline]] inline void AsyncExecutionTracker::prepare_to_drop() const {
  if (finished_.size() < static_cast<std::size_t>(retention_.count)) return;
  auto position = finished_.begin();
  by_id_.prefetch(position->id_hash_);
  if (++position == finished_.end()) return;
  prefetch(*position);
}

std::int64_t AsyncExecutionTracker::bytes_of(const AsyncExecution& execution) {
  std::int64_t bytes = kRecordBytes + static_cast<std::int64_t>(execution.execution_id.capacity() +
                                                                execution.result.value.capacity());
  if (execution.details_ != nullptr) {
    const ExecutionDetails& details = *execution.details_;
    bytes += kDetailsBytes + static_cast<std::int64_t>(details.error_code.capacity() +
                                                       details.error_message.capacity());
  }
  return bytes;
}

void AsyncExecutionTracker::retain(AsyncExecution& execution) {
  finished_.push_back(execution);
  const std::int64_t bytes = bytes_of(execution);
  execution.kept_bytes_ += bytes;
  account_.add(MemoryUse::kRecords, bytes);
  // Never the record that has just finished, whose answers are still to be written.
  const auto too_many = [this] {
    return finished_.size() > 1 &&
           (finished_.size() > static_cast<std::size_t>(retention_.count) || over_limit());
  };
  while (too_many() && !planted("records-never-expire")) drop(finished_.front());
  prepare_to_drop();
  if (!expiry_.armed() && !planted("records-never-expire")) arm_expiry();
}

void AsyncExecutionTracker::arm_expiry() {
  if (finished_.empty()) return;
  expiry_.arm(finished_.front().completed_at + retained_for(retention_), Precedence::kOther);
}

void AsyncExecutionTracker::expire() {
  for (std::int64_t work = 0; work < kMaxExpiredInARow && !finished_.empty(); ++work) {
    AsyncExecution& oldest = finished_.front();
    if (oldest.completed_at + retained_for(retention_) > environment_.now()) break;
    work += oldest.kept_bytes_ / kBytesLikeARecord;
    drop(oldest);
  }
  arm_expiry();
}

}  // namespace quintain::core
