// The executions that wait for a slot, and who of them goes next.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/base/time.h"
#include "core/execution.h"
#include "core/scheduling.h"

namespace quintain::core {

/// Orders what waits by a strategy, under a bound on how long anyone is passed over. Does not own
/// the executions. Serial context only.
class ExecutionQueue {
 public:
  /// Whoever has waited for `starvation_bound` goes first, in the order of arrival.
  ExecutionQueue(std::unique_ptr<SchedulingStrategy> strategy, Duration starvation_bound);
  ~ExecutionQueue();

  ExecutionQueue(const ExecutionQueue&) = delete;
  ExecutionQueue& operator=(const ExecutionQueue&) = delete;

  void push(AsyncExecution& execution);

  /// Takes out the first execution whose task `may_start`; nullptr if there is none. One whose task
  /// may not is parked until unpark(task), so that it is not looked at again meanwhile.
  AsyncExecution* pop(Instant now, const std::function<bool(const Task&)>& may_start);

  /// The task may start an execution again.
  void unpark(const Task& task);

  /// Takes out an execution that waits.
  void remove(AsyncExecution& execution);

  /// How many arrived before a waiting execution and wait still; those that left the queue out of
  /// order since may be counted too, so it is an upper bound.
  std::int64_t ahead_of(const AsyncExecution& execution) const;

  /// Those that get a slot before a waiting execution if nothing else comes, in that order, and the
  /// execution itself last; the first `most` of them, if they are more. The starvation bound is not
  /// foreseen.
  std::vector<const AsyncExecution*> in_front_of(const AsyncExecution& execution,
                                                 std::size_t most) const;

  eta::Overtaking overtaking() const { return strategy_->overtaking(); }

  std::int64_t size() const { return size_; }

 private:
  using Hook = boost::intrusive::set_member_hook<>;
  struct ByRank {
    bool operator()(const LiveExecution& a, const LiveExecution& b) const {
      return a.rank != b.rank ? a.rank < b.rank : a.record->ordinal < b.record->ordinal;
    }
  };
  struct ByArrival {
    bool operator()(const LiveExecution& a, const LiveExecution& b) const {
      return a.record->ordinal < b.record->ordinal;
    }
  };

  // The same executions in the two orders. Where nobody overtakes these are one, and the second is
  // not kept: in a long queue, keeping an order costs what memory costs that is not in a cache.
  struct Lane {
    explicit Lane(bool may_overtake) : overtaking(may_overtake) {}

    const bool overtaking;
    boost::intrusive::set<
        LiveExecution, boost::intrusive::compare<ByRank>,
        boost::intrusive::member_hook<LiveExecution, Hook, &LiveExecution::by_rank>>
        by_rank;
    boost::intrusive::set<
        LiveExecution, boost::intrusive::compare<ByArrival>,
        boost::intrusive::member_hook<LiveExecution, Hook, &LiveExecution::by_arrival>>
        by_arrival;

    /// One that has come later than all others.
    void append(LiveExecution& execution);
    void insert(LiveExecution& execution);
    void erase(LiveExecution& execution);
    bool empty() const { return by_rank.empty(); }
    LiveExecution& oldest() { return overtaking ? *by_arrival.begin() : *by_rank.begin(); }
    const LiveExecution& oldest() const {
      return overtaking ? *by_arrival.begin() : *by_rank.begin();
    }
    void clear();
  };

  LiveExecution& first(Instant now);
  void prepare_to_pop() const;
  void take_out_of_ready(LiveExecution& execution);
  void park(LiveExecution& execution);
  void unpark(LiveExecution& execution, Lane& lane);

  std::unique_ptr<SchedulingStrategy> strategy_;
  Duration starvation_bound_;
  Lane ready_;
  std::unordered_map<std::uint64_t, Lane> parked_;  // by task number
  std::int64_t size_ = 0;
};

}  // namespace quintain::core
