// The scheduling strategies: in what order waiting executions get a slot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/eta/estimator.h"
#include "core/eta/service_times.h"
#include "core/execution.h"

namespace quintain::core {

/// Ranks executions as they join the queue: the smallest rank goes first, equal ranks in the order
/// of arrival. Every strategy is a rank, so one ordered set serves them all.
class SchedulingStrategy {
 public:
  virtual ~SchedulingStrategy() = default;

  virtual std::int64_t rank(const AsyncExecution& execution) = 0;

  /// Whether those that join later may go first, for the estimators.
  virtual eta::Overtaking overtaking() const = 0;

  /// An execution that was ranked so has got a slot.
  virtual void on_dispatched(std::int64_t rank) = 0;
};

/// fifo, priority, shortest-expected-first, earliest-deadline-first, fair-share.
std::span<const std::string_view> scheduling_strategy_names();

/// The strategy of that name; nullptr if there is none. `service_times` must outlive it.
std::unique_ptr<SchedulingStrategy> make_scheduling_strategy(
    std::string_view name, const eta::ServiceTimes& service_times);

/// The priority that a request's invocation_metadata states: larger goes first, 0 if it states
/// none. Empty if what it states is not an integer.
std::optional<std::int64_t> stated_priority(const spearlet::InvokeFunctionRequest& request);

}  // namespace quintain::core
