// The goals of a study and how far its estimators are from them: a small report that can be kept
// beside the study, and the section of the documentation that is made of it.
#pragma once

#include <span>
#include <string>

#include "study/report/study_report.h"

namespace quintain::study {

/// The report without what goals do not need: estimators without a goal, strata, curves,
/// configurations, costs and the wall clock.
StudyReport goals_only(StudyReport report);

/// Markdown: how many goals were met, and a table of those that were missed, with the bound, what
/// was reached with its interval, and by how much it was missed.
std::string render_goals(const StudyReport& report);

/// One sentence: how many goals of each study were met.
std::string render_goals_sentence(std::span<const StudyReport> reports);

}  // namespace quintain::study
