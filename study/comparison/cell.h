// A cell: one workload under one seed, the smallest part of a study that can be kept.
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "study/comparison/estimator_comparison.h"
#include "study/comparison/scoring.h"
#include "study/language/study.h"

namespace quintain::study {

/// The calls of one replication by outcome.
struct CallCounts {
  std::int64_t predicted = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t timed_out = 0;
  std::int64_t cancelled = 0;
  std::int64_t unfinished = 0;
  /// Accepted in the warm-up.
  std::int64_t dropped = 0;
  std::int64_t refused = 0;

  bool operator==(const CallCounts&) const = default;
};

/// The cost of an estimator's predictions, in ns.
struct CellCost {
  std::string estimator{};
  double p50 = 0;
  double p99 = 0;
  /// The median cost (actual) by the number of executions waiting (predicted).
  std::vector<PointPair> by_depth{};

  bool operator==(const CellCost&) const = default;
};

struct CellResult {
  std::uint64_t seed = 0;
  CallCounts counts{};
  /// In arrivals: as found by MSER-5, and as cut.
  double warm_up_found = 0;
  double warm_up_cut = 0;
  /// The number of the first arrival after each change of regime.
  std::vector<double> changes{};
  /// By closed form: means over equal parts of the run, which are nearly independent.
  std::vector<std::vector<double>> closed_forms{};
  /// In the study's order, then the oracle, then the controls.
  std::vector<SeriesScores> estimators{};
  /// The digest of all events of the run.
  std::uint64_t digest = 0;
  std::vector<CellCost> costs{};

  bool operator==(const CellResult&) const = default;
};

struct CellOptions {
  /// In the order of the report; includes the default estimator.
  std::vector<std::string> estimators;
  Stopwatch stopwatch;
  /// Set by another thread to abort the run; may be null.
  const std::atomic<bool>* abort = nullptr;
  /// Whether the oracle, or the reference in its place, predicts as well; run_cell() needs it.
  bool oracle = true;
};

/// Simulates the workload under the seed and scores the predictions. Errors: CANCELLED if aborted,
/// INTERNAL if an estimator returned invalid quantiles. Requires: a trace has been read (see
/// read_traces()).
absl::StatusOr<CellResult> run_cell(const Workload& workload, std::uint64_t seed,
                                    const CellOptions& options);

/// Simulates the workload as run_cell() does, and returns what the default estimate of one
/// execution consisted of and what came of it, as text: the state of the node, the work ahead by
/// function, the running executions with their ages, the weight of each estimator, and all
/// forecasts. The execution is given by its number in the order of acceptance, from 1; nullopt:
/// that with the largest loss. Errors: as run_cell(); OUT_OF_RANGE if there is none of this number.
absl::StatusOr<std::string> explain_execution(const Workload& workload, std::uint64_t seed,
                                              const CellOptions& options,
                                              std::optional<std::size_t> number);

/// Simulates the workload with the node's default estimator alone, so that `log` has its forecasts
/// and what came of each execution. Returns the number of calls that were refused. Errors: as
/// run_cell().
absl::StatusOr<std::int64_t> simulate_default(const Workload& workload, std::uint64_t seed,
                                              const std::atomic<bool>* abort, ComparisonLog& log);

/// JSON text that cell_from_json() reads back as the same result, to the last bit.
std::string to_json(const CellResult& cell);

/// nullopt if the text is not what to_json() writes.
std::optional<CellResult> cell_from_json(std::string_view text);

}  // namespace quintain::study
