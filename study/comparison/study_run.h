// Runs a study: workloads under several seeds, in parallel, until the results are precise enough.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "reports/shard.h"
#include "study/comparison/cell_store.h"
#include "study/comparison/estimator_comparison.h"
#include "study/language/study.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// The progress of a study, in cells.
struct StudyProgress {
  std::size_t done = 0;
  /// An estimate until the last cell is done.
  std::size_t expected = 0;
  /// How many of the finished cells were found on disk.
  std::size_t kept = 0;
  /// The cell that was finished last.
  std::string workload{};
  std::uint64_t seed = 0;
};

struct StudyOptions {
  /// Replications of each workload, instead of the file's rule; at least 2.
  std::optional<int> replications;
  /// The number of simulations in parallel, each in its own thread.
  int jobs = 1;
  /// Identifies the program, see CellKey.
  std::string build;
  CellStore store{""};
  /// Only the cells of this shard are run, each workload's least number of replications divided
  /// among the shards, and no report is made: the store has the result. Requires: store.keeps().
  std::optional<reports::ShardNumber> shard;
  /// Cells that the store does not have are run, but noted once.
  bool expects_cells = false;
  /// If set, the first replication of each workload measures the cost of predictions.
  Stopwatch stopwatch;
  /// Called after each cell, by one thread at a time.
  std::function<void(const StudyProgress&)> progress = [](const StudyProgress&) {};
  /// Called with what a user should know, by one thread at a time.
  std::function<void(const std::string&)> note = [](const std::string&) {};
  /// Set by another thread or a signal handler to stop soon; may be null.
  const std::atomic<bool>* interrupt = nullptr;
};

/// The study was interrupted.
struct Interrupted {
  /// Finished cells.
  std::size_t cells = 0;
  /// Of the workloads that have a finished replication; nullopt if none has one, or for a shard.
  /// `incomplete` is to be set.
  std::optional<StudyReport> report{};
};

/// The cells of a shard are in the store.
struct ShardDone {
  /// The names of their files in the store's folder, ascending.
  std::set<std::string> cells{};
};

/// An error of the harness.
struct StudyError {
  std::string message;
};

/// A workload that cannot be run, and why.
struct SkippedWorkload {
  std::string name;
  std::string reason;
};

/// Reads the traces that workloads replay, from the folder that contains them or that is the trace
/// itself. If no folder is given, workloads with a trace are removed from the study and returned.
/// Rows that cannot be used are left out and described in Workload::trace_notes; if `strict`, they
/// are errors. Error: a trace cannot be read.
std::variant<std::vector<SkippedWorkload>, StudyError> read_traces(Study& study,
                                                                   const std::string& trace_dir,
                                                                   bool strict = false);

/// Runs the study and returns its report, without tool version, command and wall clock. The result
/// depends neither on the number of jobs nor on whether cells were found on disk.
std::variant<StudyReport, ShardDone, Interrupted, StudyError> run_study(
    const Study& study, const StudyOptions& options);

}  // namespace quintain::study
