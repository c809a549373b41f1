// TaskExecutionManager, forecasts: shows the estimator the node as it is, and puts what it predicts
// into answers.
#include <algorithm>
#include <utility>

#include "core/execution_manager.h"

namespace quintain::core {

eta::Estimate TaskExecutionManager::predict(const AsyncExecution& execution) {
  const LiveExecution& live = *execution.live;
  // Its timeout is due and ends it; it may have lost its place in the queue already.
  const Duration left = execution.deadline - environment_.now();
  if (left <= Duration::zero()) return {};
  // One reference is what a std::function holds without an allocation.
  auto listing = [this, &execution, known = false]() mutable -> const eta::Backlog& {
    if (!std::exchange(known, true)) list_backlog(execution);
    return backlog_;
  };
  const eta::Forecast forecast =
      estimator_->predict({.function = execution.function->index,
                           .ordinal = execution.ordinal,
                           .accepted_at = execution.accepted_at,
                           .dispatched_at = live.dispatched_at,
                           .ahead = live.queued() ? queue_.ahead_of(execution) : 0},
                          {.now = environment_.now(),
                           .slots = slots_,
                           .busy = busy_,
                           .queued = queue_.size() - (live.queued() ? 1 : 0),
                           .overtaking = queue_.overtaking(),
                           .backlog = std::ref(listing)});
  // What would take longer ends by its timeout.
  return {.p50 = std::min(forecast.point, left),
          .p90 = std::min(forecast.quantiles[eta::k90Level], left)};
}

void TaskExecutionManager::list_backlog(const AsyncExecution& execution) {
  backlog_.running.clear();
  backlog_.waiting.clear();
  backlog_.shares.clear();
  for (const LiveExecution& live : holders_) {
    const AsyncExecution& record = *live.record;
    backlog_.running.push_back({.ordinal = record.ordinal,
                                .function = record.function->index,
                                .task = record.task->number(),
                                .dispatched_at = live.dispatched_at,
                                .started_at = record.started_at,
                                .deadline = record.deadline,
                                .cold = live.cold});
  }
  backlog_.hidden_count = 0;
  ++listings_;
  if (!execution.live->queued()) return;
  const auto front = queue_.in_front_of(execution, eta::Backlog::kMaxWaiting);
  const auto add = [this](const AsyncExecution& record) {
    Task::Listing& listing = record.task->listing;
    if (listing.number != listings_) {
      listing = {.number = listings_, .place = static_cast<std::uint32_t>(backlog_.shares.size())};
      backlog_.shares.push_back(pool_.share_of(*record.task));
    }
    backlog_.waiting.push_back({.ordinal = record.ordinal,
                                .function = record.function->index,
                                .rank = record.live->rank,
                                .deadline = record.deadline,
                                .share = listing.place,
                                .fresh = record.live->request.force_new_instance()});
  };
  for (const AsyncExecution* record : front) add(*record);
  if (front.back() != &execution) {
    const auto shown = static_cast<std::int64_t>(front.size());
    backlog_.hidden_count = std::max<std::int64_t>(queue_.ahead_of(execution) - shown, 0);
    add(execution);
  }
}

void TaskExecutionManager::add_estimate(const AsyncExecution& execution,
                                        ExecutionResponse& response) {
  if (execution.live == nullptr) return;
  const eta::Estimate estimate = predict(execution);
  response.metadata.add("eta_p50_ms", std::to_string(ceil_milliseconds(estimate.p50)));
  response.metadata.add("eta_p90_ms", std::to_string(ceil_milliseconds(estimate.p90)));
  response.metadata.add("eta_estimator", std::string(estimator_->name()));
}

}  // namespace quintain::core
