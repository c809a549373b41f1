// The judgement of recorded predictions of any system.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reports/json_input/diagnostics.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// Judges the predictions in a CSV file (RFC 4180; docs/studies.md lists the columns) like those of
/// a study, but without an oracle, and with intervals from batch means of the one series instead of
/// replications. nullopt after reporting everything that is wrong with the file.
std::optional<StudyReport> judge_predictions(const std::string& path,
                                             json_input::Diagnostics& diagnostics);

/// The same of a file's text.
std::optional<StudyReport> judge_predictions_text(const std::string& file_name,
                                                  std::string_view text,
                                                  json_input::Diagnostics& diagnostics);

}  // namespace quintain::study
