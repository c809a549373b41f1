// The scheduling strategies: the order in which waiting executions get a slot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/eta/estimator.h"
#include "core/eta/service_times.h"
#include "core/execution.h"

namespace quintain::core {

/// Ranks executions when they join the queue: the smallest rank goes first, equal ranks go in the
/// order of arrival. Since every strategy is a rank, all use the same ordered set. Serial context
/// only.
class SchedulingStrategy {
 public:
  virtual ~SchedulingStrategy() = default;

  virtual std::int64_t rank(const AsyncExecution& execution) = 0;

  /// Whether executions that join later may go first, for the estimators.
  virtual eta::Overtaking overtaking() const = 0;

  /// An execution with this rank got a slot.
  virtual void on_dispatched(std::int64_t rank) = 0;

  /// The execution will not run. Returns what its task had been charged for it.
  virtual std::int64_t take_back_charge(const AsyncExecution&) { return 0; }

  /// The rank of an execution with this rank once its task's earlier work has become less by
  /// `charge`.
  virtual std::int64_t rank_without(std::int64_t rank, std::int64_t /*charge*/) { return rank; }
};

/// The names: fifo, priority, shortest-expected-first, earliest-deadline-first, fair-share, then
/// those that a program has added.
std::span<const std::string_view> scheduling_strategy_names();

/// The strategy of this name; nullptr if there is none. `service_times` must outlive it.
std::unique_ptr<SchedulingStrategy> make_scheduling_strategy(
    std::string_view name, const eta::ServiceTimes& service_times);

/// Adds a strategy to those that scheduling_strategy_names() lists, so that scenarios and servers
/// can name it. A program that links the libraries defines one at namespace scope:
///
///   const RegisterSchedulingStrategy kMine(
///       "mine", [](const eta::ServiceTimes& times) { return std::make_unique<Mine>(times); });
///
/// `make` is called by several threads; the service times outlive the strategy. Requires: no other
/// strategy has this name, and main() has not started.
class RegisterSchedulingStrategy {
 public:
  using Make = std::function<std::unique_ptr<SchedulingStrategy>(const eta::ServiceTimes&)>;

  RegisterSchedulingStrategy(std::string name, Make make);
};

/// The priority in a request's invocation_metadata: larger goes first; 0 if there is none, nullopt
/// if it is not an integer.
std::optional<std::int64_t> stated_priority(const spearlet::InvokeFunctionRequest& request);

}  // namespace quintain::core
