// Several estimators that predict the same executions of one node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/eta/estimator.h"
#include "core/eta/explanation.h"

namespace quintain::study {

/// Returns the real time in ns, to measure the cost of a prediction; empty: costs are not measured.
/// It is passed in because simulations may not read a clock.
using Stopwatch = std::function<std::int64_t()>;

/// The comparison's record of one execution.
struct ComparisonRecord {
  std::uint64_t ordinal = 0;
  core::eta::FunctionIndex function = 0;
  core::Instant accepted_at;
  /// The number of executions waiting when it was accepted.
  std::int64_t depth = 0;
  /// As far as was known at acceptance, it needed a new instance: a slot was free and no instance
  /// idle, or its task had no instance at all.
  bool cold_in_sight = false;
  /// The number of executions that had ended when it was accepted.
  std::int64_t ends_before = 0;
  /// As reported at its end; never() until then.
  core::Instant ended_at = core::Instant::never();
  core::Instant dispatched_at = core::Instant::never();
  core::Instant deadline = core::Instant::never();
  spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
};

/// The cost of one prediction.
struct PredictionCosts {
  std::int64_t nanoseconds;
  std::int64_t depth;
};

/// What is known of one execution's estimate when it was accepted.
struct ExplainedExecution {
  core::eta::Explanation explanation{};
  core::Instant now;
  int slots = 0;
  int busy = 0;
  std::int64_t queued = 0;
  std::vector<core::eta::RunningExecution> running{};
};

/// Everything that a comparison has recorded. Outlives the comparison and its node.
struct ComparisonLog {
  /// The names of the estimators, in their order.
  std::vector<std::string> names;
  /// In the order of acceptance.
  std::vector<ComparisonRecord> records;
  /// By estimator, then by record.
  std::vector<std::vector<core::eta::Forecast>> forecasts;
  /// By estimator; empty unless costs are measured.
  std::vector<std::vector<PredictionCosts>> costs;
  /// The memory of each estimator at the end; set when the comparison is destroyed.
  std::vector<std::size_t> bytes;
  std::size_t functions = 0;
  /// By index, as "task/function", or the task if it has any functions.
  std::vector<std::string> function_names;
  /// The number of the record whose estimate is to be explained, and the explanation.
  std::optional<std::size_t> explain;
  std::optional<ExplainedExecution> explained;
  /// The first violation of the estimators' interface, in words; empty if there was none.
  std::string fault;
};

/// An estimator that asks several others whenever an execution is accepted, records their
/// forecasts, and returns the first one's. All see the same node and the same executions, so that
/// their forecasts can be compared in pairs. Later questions about an execution go to the first
/// estimator only. Serial context only.
class EstimatorComparison final : public core::eta::Estimator {
 public:
  /// Requires: at least one estimator; `log` outlives the comparison.
  EstimatorComparison(std::vector<std::unique_ptr<core::eta::Estimator>> estimators,
                      ComparisonLog& log, Stopwatch stopwatch);
  ~EstimatorComparison() override;

  std::string_view name() const override { return estimators_.front()->name(); }
  core::eta::Forecast predict(const core::eta::Target& target,
                              const core::eta::NodeState& node) override;
  void introduce(core::eta::FunctionIndex function, std::string_view task_id,
                 std::string_view name) override;
  void observe_arrival(core::eta::FunctionIndex function, core::Instant now,
                       std::int64_t rank) override;
  void observe_dispatch(core::eta::FunctionIndex function, core::Instant now,
                        core::Duration waited) override;
  void observe_end(const core::eta::Observation& observation) override;
  std::size_t bytes() const override;

 private:
  void check(const core::eta::Forecast& forecast, std::size_t estimator, std::uint64_t ordinal);
  core::eta::Forecast ask(std::size_t estimator, const core::eta::Target& target,
                          const core::eta::NodeState& node);

  std::vector<std::unique_ptr<core::eta::Estimator>> estimators_;
  ComparisonLog& log_;
  Stopwatch stopwatch_;
  std::uint64_t last_ordinal_ = 0;
  std::int64_t ends_ = 0;
};

}  // namespace quintain::study
