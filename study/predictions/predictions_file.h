// The judgement of recorded predictions of any system.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "study/predictions/time_text.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// How the file writes what it has.
struct PredictionsFormat {
  /// Our name of a column and theirs: {"accepted", "submit"}, {"q50", "median"}.
  std::vector<std::pair<std::string, std::string>> columns{};
  /// Of instants that are plain numbers: accepted, ended, deadline.
  TimeUnit time_unit = TimeUnit::kSeconds;
  /// Of quantiles and points that are plain numbers.
  TimeUnit duration_unit = TimeUnit::kSeconds;
};

/// What recorded predictions must reach. All bounds are optional.
struct RecordedGoal {
  /// Empty: each estimator that is neither a baseline nor the oracle.
  std::string estimator{};
  /// The names of flags that must hold; see honesty.h. A flag that cannot be judged, because there
  /// are too few executions, is not missed; demand `rows` as well.
  std::vector<std::string> flags{};
  /// At least this many executions are scored.
  std::optional<double> rows{};
  // Upper bounds, in seconds or as shares.
  std::optional<double> pinball{};
  std::optional<double> mean_absolute_error{};
  std::optional<double> coverage_error{};
  std::optional<double> pinball_to_best_baseline{};
};

/// The goals if none are given: unbiased, wide-enough, no-hindsight. Intervals that are too wide
/// promise less than they could, but nothing false.
std::vector<RecordedGoal> default_recorded_goals();

/// Reads a file of goals: {"goals": [{"estimator": ..., "flags": [...], "rows": ..., ...}]}.
/// nullopt after reporting everything that is wrong with it.
std::optional<std::vector<RecordedGoal>> load_recorded_goals(const std::string& path,
                                                             json_input::Diagnostics& diagnostics);

/// What the reader of a file had to assume or leave out, for a person.
using Notes = std::vector<std::string>;

/// Judges the predictions in a file (CSV, RFC 4180, with any of the usual delimiters;
/// docs/studies.md lists the columns). There is no oracle, the flags are those of honesty.h, and
/// intervals are over batches of the one series. nullopt after reporting everything that is wrong
/// with the file.
std::optional<StudyReport> judge_predictions(const std::string& path,
                                             const PredictionsFormat& format,
                                             std::span<const RecordedGoal> goals, Notes& notes,
                                             json_input::Diagnostics& diagnostics);

/// The same of a file's text.
std::optional<StudyReport> judge_predictions_text(const std::string& file_name,
                                                  std::string_view text,
                                                  const PredictionsFormat& format,
                                                  std::span<const RecordedGoal> goals, Notes& notes,
                                                  json_input::Diagnostics& diagnostics);

}  // namespace quintain::study
