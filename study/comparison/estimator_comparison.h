// Many estimators that look at one node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/eta/estimator.h"

namespace quintain::study {

/// Tells real time, for the cost of a prediction; empty: costs are not measured. Simulations have
/// no clock of their own.
using Stopwatch = std::function<std::int64_t()>;

/// What the comparison saw and heard of one execution.
struct ComparisonRecord {
  std::uint64_t ordinal = 0;
  core::eta::FunctionIndex function = 0;
  core::Instant accepted_at;
  /// How many waited when it was accepted.
  std::int64_t depth = 0;
  /// As far as was known when it was accepted, its instance had to be made: none was idle, and a
  /// slot was free; or its task had none at all.
  bool cold_in_sight = false;
  /// How many had ended when it was accepted.
  std::int64_t ends_before = 0;
  /// As reported at its end; `ended_at` is never() if it has not come.
  core::Instant ended_at = core::Instant::never();
  core::Instant dispatched_at = core::Instant::never();
  core::Instant deadline = core::Instant::never();
  spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
};

/// What one prediction cost.
struct PredictionCosts {
  std::int64_t nanoseconds;
  std::int64_t depth;
};

/// Everything that a comparison has recorded. It outlives the node that the comparison sits in.
struct ComparisonLog {
  /// The estimators' names, in their order.
  std::vector<std::string> names;
  /// By acceptance.
  std::vector<ComparisonRecord> records;
  /// By estimator, then by record.
  std::vector<std::vector<core::eta::Forecast>> forecasts;
  /// By estimator; empty unless costs are measured.
  std::vector<std::vector<PredictionCosts>> costs;
  /// Memory that each held at the end; known once the node is gone.
  std::vector<std::size_t> bytes;
  std::size_t functions = 0;
  /// What a estimator did that no estimator may, in words; empty if none did.
  std::string fault;
};

/// An estimator that asks several others whenever an execution is accepted, writes down what they
/// say, and answers with what the first of them said. All see the same node and the same
/// executions, so what they say can be compared pair by pair. A later question about an execution
/// goes to the first alone.
class EstimatorComparison final : public core::eta::Estimator {
 public:
  /// At least one estimator; `log` outlives the comparison.
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
