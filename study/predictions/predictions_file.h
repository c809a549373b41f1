// Predictions that were recorded elsewhere, so that any system's estimates can be judged.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reports/json_input/diagnostics.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// Judges the predictions of a CSV file (RFC 4180; docs/studies.md lists the columns) as those of a
/// study are judged, but for what needs several replications or an oracle: intervals are by batch
/// means within the one series. Nothing after reporting all that is wrong with the file.
std::optional<StudyReport> judge_predictions(const std::string& path,
                                             json_input::Diagnostics& diagnostics);

/// The same of a file's text.
std::optional<StudyReport> judge_predictions_text(const std::string& file_name,
                                                  std::string_view text,
                                                  json_input::Diagnostics& diagnostics);

}  // namespace quintain::study
