// The owner of executions: their records, status and retention.
#pragma once

#include <array>
#include <boost/circular_buffer.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/environment.h"
#include "core/base/id_index.h"
#include "core/execution.h"
#include "core/node_config.h"
#include "core/observer.h"

namespace quintain::core {

/// Owns the records of executions of every mode, accessible by id and in the order of acceptance.
/// Drops finished records as the retention demands.
///
/// Invariants: tally() and each task's activity equal a count over the records; a record does not
/// move. Serial context only.
class AsyncExecutionTracker {
 public:
  /// `observer` may be null. The bytes of records are counted in `account`; beyond its limits the
  /// records that finished first are dropped.
  AsyncExecutionTracker(Environment& environment, const RetentionConfig& retention,
                        MemoryAccount& account, TaskRegistry& tasks, Observer* observer);
  ~AsyncExecutionTracker();

  AsyncExecutionTracker(const AsyncExecutionTracker&) = delete;
  AsyncExecutionTracker& operator=(const AsyncExecutionTracker&) = delete;

  /// Adds a PENDING record, accepted now. Requires: no record has this id.
  AsyncExecution& add(std::string execution_id, Function& function);

  /// nullptr if there is no such record.
  AsyncExecution* find(std::string_view execution_id);
  AsyncExecution* find_ordinal(std::uint64_t ordinal);

  /// A new id for the next attempt of a live execution.
  AttemptId new_attempt_id(const AsyncExecution& execution);

  /// The execution whose active attempt has this id; nullptr if the attempt is over.
  AsyncExecution* holder(AttemptId attempt);

  /// Changes the status and sets the times that belong to it. A terminal status starts the record's
  /// retention. Requires: is_legal_transition().
  void transition(AsyncExecution& execution, spearlet::ExecutionStatus to);

  /// The execution's details, created if it has none.
  ExecutionDetails& details(AsyncExecution& execution);

  /// Sets the memory that the execution used, according to its runtime.
  void set_memory_used(AsyncExecution& execution, std::int64_t bytes);

  /// Keeps a line that the execution's function logged.
  void add_log(AsyncExecution& execution, std::string line, std::size_t max_lines,
               std::size_t max_bytes);

  /// Drops the records that finished first until the total may grow by `bytes`, or none is left.
  void make_room(std::int64_t bytes);

  /// Marks a record whose end its caller has not seen, and counts it until it is read or dropped.
  void set_unread(AsyncExecution& execution);
  void set_read(AsyncExecution& execution);
  std::int64_t unread() const { return unread_; }

  /// Drops a record now. Requires: it is finished.
  void drop(AsyncExecution& execution);

  /// What the account contains for a record that has ended, beside its log lines.
  static std::int64_t bytes_of(const AsyncExecution& execution);

  /// The first record with a greater ordinal; nullptr if there is none. Iterations start with 0.
  AsyncExecution* next_after(std::uint64_t ordinal);

  /// The ordinal of the last accepted record, dropped or not; 0 if there was none.
  std::uint64_t last_ordinal() const { return first_ordinal_ + by_ordinal_.size() - 1; }

  /// Tasks with an execution that waits or runs.
  std::int32_t active_tasks() const { return active_tasks_; }

  /// Counts and sums over records.
  struct Tally {
    std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE> by_status{};
    Duration completed_time{0};  // the sum over COMPLETED records
    std::int64_t memory_used_bytes = 0;

    std::int64_t count(spearlet::ExecutionStatus status) const {
      return by_status[static_cast<std::size_t>(status)];
    }
    std::int64_t total() const;
    std::int64_t ended() const;

    void add(const AsyncExecution& execution) { apply(execution, 1); }
    void subtract(const AsyncExecution& execution) { apply(execution, -1); }

   private:
    void apply(const AsyncExecution& execution, int sign);
  };

  /// The tally of all current records.
  const Tally& tally() const { return tally_; }

 private:
  friend class Restoration;

  using Slot = IdIndex::Slot;
  static constexpr Slot kNoSlot = IdIndex::kNone;
  static constexpr unsigned kPageBits = 6;
  using Page = std::array<AsyncExecution, std::size_t{1} << kPageBits>;
  using Finished = boost::intrusive::list<
      AsyncExecution,
      boost::intrusive::member_hook<AsyncExecution, boost::intrusive::list_member_hook<>,
                                    &AsyncExecution::finished_hook_>>;

  AsyncExecution& record(Slot slot) {
    return (*pages_[slot >> kPageBits])[slot & ((Slot{1} << kPageBits) - 1)];
  }
  Slot find_slot(std::string_view execution_id, std::uint32_t hash);
  void recycle(AsyncExecution& execution);
  void retain(AsyncExecution& execution);
  void prepare_to_drop() const;
  void set_early_apart();
  bool over_limit() const;
  void expire();
  void arm_expiry();

  Environment& environment_;
  RetentionConfig retention_;
  MemoryAccount& account_;
  TaskRegistry& tasks_;
  Observer* observer_;

  std::vector<std::unique_ptr<Page>> pages_;  // records never move
  Slot slots_ = 0;
  std::vector<Slot> free_;
  std::vector<std::unique_ptr<ExecutionDetails>> spare_details_;
  IdIndex by_id_;
  // By ordinal, from first_ordinal_ on; kNoSlot if the record was dropped.
  boost::circular_buffer<Slot> by_ordinal_;
  std::uint64_t first_ordinal_ = 1;
  // Records that outlive most later ones, by ordinal, all before first_ordinal_: by_ordinal_ would
  // need an entry for each dropped record behind them.
  std::map<std::uint64_t, Slot> early_;
  std::uint64_t attempts_ = 0;

  Finished finished_;  // in the order of completion
  Timer expiry_;
  Tally tally_;
  std::int32_t active_tasks_ = 0;
  std::int64_t unread_ = 0;
};

}  // namespace quintain::core
