// TaskExecutionManager, predictions: describes the node's state to the estimator and adds its
// forecasts to answers.
#include <algorithm>
#include <utility>

#include "core/execution_manager.h"

namespace quintain::core {

eta::Estimate TaskExecutionManager::predict(const AsyncExecution& execution) {
  const LiveExecution& live = *execution.live;
  // Its timeout is due and will end it; it may have left the queue already.
  const Duration left = execution.deadline - environment_.now();
  if (left <= Duration::zero()) return {};
  // The estimator calls this only if it needs the backlog. std::ref() fits into a std::function
  // without an allocation.
  auto backlog = [this, &execution, filled = false]() mutable -> const eta::Backlog& {
    if (!std::exchange(filled, true)) fill_backlog(execution);
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
                           .backlog = std::ref(backlog)});
  // At the latest it ends by its timeout. The point of an estimator need not be its median.
  const Duration p50 = std::min(forecast.point, left);
  return {.p50 = p50, .p90 = std::max(p50, std::min(forecast.quantiles[eta::k90Level], left))};
}

void TaskExecutionManager::fill_backlog(const AsyncExecution& execution) {
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
  // A mean may be beyond the 90th percentile.
  const std::int64_t p50 = ceil_milliseconds(estimate.p50);
  const std::int64_t p90 = std::max(ceil_milliseconds(estimate.p90), p50);
  response.metadata.add("eta_p50_ms", std::to_string(p50));
  response.metadata.add("eta_p90_ms", std::to_string(p90));
  response.metadata.add("eta_estimator", std::string(estimator_->name()));
}

}  // namespace quintain::core
