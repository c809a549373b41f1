// Plays a study: workloads under seeds, side by side, until enough is known.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "study/comparison/cell_store.h"
#include "study/comparison/estimator_comparison.h"
#include "study/language/study.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// How far a study is. Replications that will be needed are an estimate until the last is done.
struct StudyProgress {
  std::size_t done = 0;
  std::size_t expected = 0;
  /// Of those done, how many were found on disk.
  std::size_t kept = 0;
  /// Of the cell that was finished last.
  std::string workload{};
  std::uint64_t seed = 0;
};

struct StudyOptions {
  /// So many replications of each workload, whatever the file says; at least 2.
  std::optional<int> replications;
  /// Worlds that run at once, each in a thread of its own.
  int jobs = 1;
  /// Stands for the program, see CellKey.
  std::string build;
  CellStore store{""};
  /// Given: the first replication of each workload measures what predictions cost.
  Stopwatch stopwatch;
  /// Told after each cell, from one thread at a time.
  std::function<void(const StudyProgress&)> progress = [](const StudyProgress&) {};
  /// Set from elsewhere, by a signal handler say, to stop soon; may be null.
  const std::atomic<bool>* interrupt = nullptr;
};

/// The study was interrupted; so many cells are finished.
struct Interrupted {
  std::size_t cells = 0;
};

/// What went wrong in the harness.
struct StudyError {
  std::string message;
};

/// A workload that can't be played, and why.
struct SkippedWorkload {
  std::string name;
  std::string reason;
};

/// Reads the traces that workloads replay, from the folder that holds them (or that is the trace
/// itself). Workloads without theirs are taken out of the study. An error if a trace makes no
/// sense.
std::variant<std::vector<SkippedWorkload>, StudyError> read_traces(Study& study,
                                                                   const std::string& trace_dir);

/// Fills in everything of the report that comes of the study itself. The result is the same
/// whatever the number of jobs, and whether cells were found on disk or played.
std::variant<StudyReport, Interrupted, StudyError> run_study(const Study& study,
                                                             const StudyOptions& options);

}  // namespace quintain::study
