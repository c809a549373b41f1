// A study's report for people: tables of plain text.
#pragma once

#include <string>

#include "reports/table.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// A block for each workload: a line for each estimator with its losses relative to the oracle's
/// and the best baseline's, its coverage and its worst errors, with 95 % intervals; the flags that
/// do not hold, in full for estimators with a goal; the calls by outcome, the warm-up, the closed
/// forms, and why the study stopped. Then the negative controls and whether each was flagged, the
/// goals, the table of render_summary(), and a line with the verdict. Control characters in names
/// and texts are shown as \xNN. Lines may be of any length: the style's width is not used.
std::string render_study(const StudyReport& report, const reports::TableStyle& style);

/// The results of the default estimator: a line for each workload.
std::string render_summary(const StudyReport& report);

}  // namespace quintain::study
