// One workload under one seed: the smallest part of a study that can be kept.
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "study/comparison/estimator_comparison.h"
#include "study/comparison/scoring.h"
#include "study/language/study.h"

namespace quintain::study {

/// What became of the calls of one replication.
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

/// What an estimator's predictions cost, in ns.
struct CellCost {
  std::string estimator{};
  double p50 = 0;
  double p99 = 0;
  /// Median cost (actual) against the executions that waited (predicted).
  std::vector<PointPair> by_depth{};

  bool operator==(const CellCost&) const = default;
};

struct CellResult {
  std::uint64_t seed = 0;
  CallCounts counts{};
  /// In arrivals: by MSER-5, and what was cut in fact.
  double warm_up_found = 0;
  double warm_up_cut = 0;
  /// Numbers of the first arrivals of each regime but the first.
  std::vector<double> changes{};
  /// By closed form: means over equal parts of the run, which are nearly independent.
  std::vector<std::vector<double>> closed_forms{};
  /// In the study's order, then the oracle, then the controls.
  std::vector<SeriesScores> estimators{};
  /// Stands for everything that happened in the run.
  std::uint64_t digest = 0;
  std::vector<CellCost> costs{};

  bool operator==(const CellResult&) const = default;
};

struct CellOptions {
  /// In the order of the report; the default estimator is among them.
  std::vector<std::string> estimators;
  Stopwatch stopwatch;
  /// Set by another thread to give up; may be null.
  const std::atomic<bool>* give_up = nullptr;
};

/// Plays the workload under the seed and scores what was predicted. CANCELLED if it was given up,
/// INTERNAL if an estimator broke the rules. A trace must have been read (see read_traces()).
absl::StatusOr<CellResult> run_cell(const Workload& workload, std::uint64_t seed,
                                    const CellOptions& options);

}  // namespace quintain::study
