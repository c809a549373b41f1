// Predictions that were recorded elsewhere, so that any system's estimates can be judged.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reports/study/study_report.h"
#include "scenarios/json/diagnostics.h"

namespace quintain::scenarios {

/// Judges the predictions of a CSV file (RFC 4180; docs/studies.md lists the columns) as those of a
/// study are judged, but for what needs several replications or an oracle: intervals are by batch
/// means within the one series. Nothing after reporting all that is wrong with the file.
std::optional<reports::StudyReport> judge_predictions(const std::string& path,
                                                      Diagnostics& diagnostics);

/// The same of a file's text.
std::optional<reports::StudyReport> judge_predictions_text(const std::string& file_name,
                                                           std::string_view text,
                                                           Diagnostics& diagnostics);

}  // namespace quintain::scenarios
