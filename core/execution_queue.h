// The queue of executions that wait for a slot.
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

/// Orders waiting executions by a strategy, with a bound on starvation. An execution whose task may
/// not start another one is parked, so that it is not examined again and again.
///
/// Invariant: while a task has parked executions and may start one, one of its executions is ready.
/// Does not own the executions. Serial context only.
class ExecutionQueue {
 public:
  /// Executions that have waited for `starvation_bound` go first, in the order of arrival.
  ExecutionQueue(std::unique_ptr<SchedulingStrategy> strategy, Duration starvation_bound);
  ~ExecutionQueue();

  ExecutionQueue(const ExecutionQueue&) = delete;
  ExecutionQueue& operator=(const ExecutionQueue&) = delete;

  /// Requires: the execution was accepted after all that are in the queue.
  void push(AsyncExecution& execution);

  /// Removes and returns the first execution whose task `may_start`; nullptr if there is none.
  /// Executions before it are parked until unpark() of their task.
  AsyncExecution* pop(Instant now, const std::function<bool(const Task&)>& may_start);

  /// Called when the task may start an execution again.
  void unpark(const Task& task);

  /// Removes an execution that will not run. Requires: it is in the queue.
  void remove(AsyncExecution& execution);

  /// Called when an execution will not run although pop() has returned it.
  void take_back_charge(AsyncExecution& execution);

  /// An upper bound on the number of waiting executions that arrived before this one: some that
  /// left the queue out of order may be counted too. Requires: the execution is in the queue.
  std::int64_t ahead_of(const AsyncExecution& execution) const;

  /// The executions that will get a slot before this one if no other arrives, in that order, then
  /// the execution itself; the first `limit` of them. Ignores the starvation bound. Requires: the
  /// execution is in the queue.
  std::vector<const AsyncExecution*> in_front_of(const AsyncExecution& execution,
                                                 std::size_t limit) const;

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

  // The same executions in two orders. Without overtaking the orders are equal, and only one is
  // kept: in a long queue each order costs cache misses.
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

    // Requires: the execution arrived after all others.
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
