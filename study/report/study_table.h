// A study's report for people: tables of plain text.
#pragma once

#include <string>

#include "reports/table.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// A block for each workload: a line for each estimator with its losses against the oracle's and
/// the best baseline's, its coverage and its worst errors, intervals of 95 % beside them; what does
/// not hold, in full for estimators with a goal; what became of the calls, the warm-up, the closed
/// forms, and why the study stopped. Then the negative controls and whether each was flagged, the
/// goals, render_summary()'s table, and a line with the verdict. Control characters in names and
/// texts are shown as \xNN. Lines are as long as they need be: the style's width is not used.
std::string render_study(const StudyReport& report, const reports::TableStyle& style);

/// How the default estimator did: a line for each workload.
std::string render_summary(const StudyReport& report);

}  // namespace quintain::study
