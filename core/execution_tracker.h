// The one place that owns executions: their records, their status, how long they are remembered.
#pragma once

#include <array>
#include <boost/circular_buffer.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
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

/// Records of executions of every mode, found by id and in the order of acceptance. Counts always
/// equal a tally of the records. Serial context only.
class AsyncExecutionTracker {
 public:
  /// `observer` may be null.
  AsyncExecutionTracker(Environment& environment, const RetentionConfig& retention,
                        Observer* observer);
  ~AsyncExecutionTracker();

  AsyncExecutionTracker(const AsyncExecutionTracker&) = delete;
  AsyncExecutionTracker& operator=(const AsyncExecutionTracker&) = delete;

  /// A new PENDING record, accepted now. The id must be free.
  AsyncExecution& add(std::string execution_id, Function& function);

  /// nullptr if there is no record of that id.
  AsyncExecution* find(std::string_view execution_id);
  AsyncExecution* find_ordinal(std::uint64_t ordinal);

  /// A fresh name for the next attempt of a live execution.
  AttemptId name_attempt(const AsyncExecution& execution);

  /// The execution whose running attempt has that name; nullptr if the attempt is over.
  AsyncExecution* holder(AttemptId attempt);

  /// The only way in which a status changes; asserts that the transition is legal. Sets the times
  /// that go with the new status. A terminal status starts the record's retention.
  void transition(AsyncExecution& execution, spearlet::ExecutionStatus to);

  /// The execution's details, made if it has none.
  ExecutionDetails& details(AsyncExecution& execution);

  /// What the execution used, as its runtime reports it.
  void set_memory_used(AsyncExecution& execution, std::int64_t bytes);

  /// Forgets a finished record now.
  void drop(AsyncExecution& execution);

  /// The first record accepted after that ordinal, or nullptr. Begin with 0.
  AsyncExecution* next_after(std::uint64_t ordinal);

  /// The ordinal of the record accepted last, whether it is still there or not; 0 before the first.
  std::uint64_t last_ordinal() const { return first_ordinal_ + by_ordinal_.size() - 1; }

  struct Tally {
    std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE> by_status{};
    Duration completed_time{0};  // the sum over the COMPLETED ones
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

  /// Of the records as they stand now.
  const Tally& tally() const { return tally_; }

 private:
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
  void expire();
  void arm_expiry();

  Environment& environment_;
  RetentionConfig retention_;
  Observer* observer_;

  std::vector<std::unique_ptr<Page>> pages_;  // records never move
  Slot slots_ = 0;
  std::vector<Slot> free_;
  std::vector<std::unique_ptr<ExecutionDetails>> spare_details_;
  IdIndex by_id_;
  // From first_ordinal_ on; kNoSlot where the record is gone.
  boost::circular_buffer<Slot> by_ordinal_;
  std::uint64_t first_ordinal_ = 1;
  std::uint64_t attempts_named_ = 0;

  Finished finished_;  // in the order of completion
  Timer expiry_;
  Tally tally_;
};

}  // namespace quintain::core
