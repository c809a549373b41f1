// ExecutionQueue: ready executions in one lane, parked ones in a lane per task. A dispatch
// prefetches what the next two will read.
#include "core/execution_queue.h"
#include "core/base/planted_fault.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/memory.h"

namespace quintain::core {

void ExecutionQueue::Lane::append(LiveExecution& execution) {
  assert(by_arrival.empty() || by_arrival.rbegin()->record->ordinal < execution.record->ordinal);
  if (!overtaking) {
    assert(by_rank.empty() || by_rank.rbegin()->record->ordinal < execution.record->ordinal);
    return planted("last-come-first-served") ? by_rank.push_front(execution)
                                             : by_rank.push_back(execution);
  }
  // Most belong at the end, so the search starts there.
  by_rank.insert(by_rank.end(), execution);
  by_arrival.push_back(execution);
}

void ExecutionQueue::Lane::insert(LiveExecution& execution) {
  by_rank.insert(by_rank.end(), execution);
  if (overtaking) by_arrival.insert(by_arrival.end(), execution);
}

void ExecutionQueue::Lane::erase(LiveExecution& execution) {
  by_rank.erase(by_rank.iterator_to(execution));
  if (overtaking) by_arrival.erase(by_arrival.iterator_to(execution));
}

void ExecutionQueue::Lane::clear() {
  by_rank.clear();
  by_arrival.clear();
}

ExecutionQueue::ExecutionQueue(std::unique_ptr<SchedulingStrategy> strategy,
                               Duration starvation_bound)
    : strategy_(std::move(strategy)),
      starvation_bound_(starvation_bound),
      ready_(strategy_->overtaking() != eta::Overtaking::kNever) {}

ExecutionQueue::~ExecutionQueue() {
  ready_.clear();
  for (auto& [task, lane] : parked_) lane.clear();
}

void ExecutionQueue::push(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  assert(!live.queued());
  live.rank = planted("every-strategy-is-fifo") ? 0 : strategy_->rank(execution);
  live.parked = false;
  ready_.append(live);
  ++size_;
}

// In a long queue the next executions arrived long ago and are not in the caches. So this
// prefetches what the next two dispatches will read: one step ahead the record and what the request
// points to, two steps ahead the rest. Always inlined: see prefetch().
[[gnu::always_inline]] inline void ExecutionQueue::prepare_to_pop() const {
  auto next = ready_.by_rank.begin();
  if (next == ready_.by_rank.end()) return;
  prefetch(*next->record);
  prefetch(next->request.context());
  prefetch(next->request.task_id());
  prefetch(next->request.function_name());
  if (++next != ready_.by_rank.end()) prefetch(*next);
}

AsyncExecution* ExecutionQueue::pop(Instant now,
                                    const std::function<bool(const Task&)>& may_start) {
  while (!ready_.empty()) {
    LiveExecution& candidate = first(now);
    if (!may_start(*candidate.record->task)) {
      park(candidate);
      continue;
    }
    take_out_of_ready(candidate);
    prepare_to_pop();
    strategy_->on_dispatched(candidate.rank);
    return candidate.record;
  }
  return nullptr;
}

LiveExecution& ExecutionQueue::first(Instant now) {
  LiveExecution& oldest = ready_.oldest();
  if (now - oldest.record->accepted_at >= starvation_bound_ && !planted("starvation-unbounded")) {
    return oldest;
  }
  return *ready_.by_rank.begin();
}

void ExecutionQueue::park(LiveExecution& execution) {
  ready_.erase(execution);
  execution.parked = true;
  parked_.try_emplace(execution.record->task->number(), ready_.overtaking)
      .first->second.insert(execution);
}

void ExecutionQueue::unpark(const Task& task) {
  if (parked_.empty()) return;
  const auto position = parked_.find(task.number());
  if (position == parked_.end()) return;
  Lane& lane = position->second;
  // Only the two that can be next: the first by rank and, for the starvation bound, the oldest. If
  // the task may start only one, pop() parks the other one again.
  unpark(*lane.by_rank.begin(), lane);
  if (!lane.empty()) unpark(lane.oldest(), lane);
  if (lane.empty()) parked_.erase(position);
}

void ExecutionQueue::unpark(LiveExecution& execution, Lane& lane) {
  lane.erase(execution);
  execution.parked = false;
  ready_.insert(execution);
}

// The task's later executions move forward. Their number is limited, so that a removal is cheap
// even if thousands of a task wait; those beyond it keep their places.
void ExecutionQueue::take_back_charge(AsyncExecution& execution) {
  constexpr int kMaxMoved = 256;
  const std::int64_t charge =
      planted("charge-not-taken-back") ? 0 : strategy_->take_back_charge(execution);
  if (charge == 0 || !execution.live->LiveOfTask::is_linked()) return;
  auto& live_ones = execution.task->live;
  auto position = live_ones.iterator_to(*execution.live);
  for (int moved = 0; ++position != live_ones.end() && moved < kMaxMoved; ++moved) {
    auto& later = static_cast<LiveExecution&>(*position);
    if (!later.queued()) continue;
    Lane& lane = later.parked ? parked_.find(execution.task->number())->second : ready_;
    lane.erase(later);
    later.rank = strategy_->rank_without(later.rank, charge);
    lane.insert(later);
  }
}

void ExecutionQueue::remove(AsyncExecution& execution) {
  take_back_charge(execution);
  LiveExecution& live = *execution.live;
  assert(live.queued());
  if (live.parked) {
    const auto position = parked_.find(execution.task->number());
    position->second.erase(live);
    if (position->second.empty()) parked_.erase(position);
    --size_;
  } else {
    take_out_of_ready(live);
  }
}

void ExecutionQueue::take_out_of_ready(LiveExecution& execution) {
  ready_.erase(execution);
  --size_;
  // Keeps the class's invariant.
  unpark(*execution.record->task);
}

std::vector<const AsyncExecution*> ExecutionQueue::in_front_of(const AsyncExecution& execution,
                                                               std::size_t limit) const {
  const ByRank before;
  std::vector<const AsyncExecution*> front;
  const auto take = [&](const Lane& lane) {
    std::size_t taken = 0;
    for (const LiveExecution& live : lane.by_rank) {
      if (taken++ == limit || before(*execution.live, live)) break;
      front.push_back(live.record);
    }
  };
  take(ready_);
  if (parked_.empty()) return front;
  for (const auto& [task, lane] : parked_) take(lane);  // in any order: sorted below
  std::ranges::sort(front, [&](const AsyncExecution* a, const AsyncExecution* b) {
    return before(*a->live, *b->live);
  });
  if (front.size() > limit) front.resize(limit);
  return front;
}

std::int64_t ExecutionQueue::ahead_of(const AsyncExecution& execution) const {
  std::uint64_t oldest = execution.ordinal;
  const auto consider = [&oldest](const Lane& lane) {
    if (!lane.empty()) oldest = std::min(oldest, lane.oldest().record->ordinal);
  };
  consider(ready_);
  for (const auto& [task, lane] : parked_) consider(lane);  // in any order: a minimum
  return std::min(size_ - 1, static_cast<std::int64_t>(execution.ordinal - oldest));
}

}  // namespace quintain::core
