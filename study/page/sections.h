// The parts of a page but its pictures, as HTML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "study/report/study_report.h"

namespace quintain::study {

/// What was studied, when and how; the verdict.
std::string render_header(const StudyReport& report);

/// Links to the workloads.
std::string render_navigation(const StudyReport& report);

/// A box for each estimator that chooses whether the pictures show it. Ticked at first: the
/// default, the oracle, and the baselines that are the best on some workload.
std::string render_legend(const StudyReport& report);

/// How the default estimator did, the goals, the controls.
std::string render_overview(const StudyReport& report);

/// One workload: facts, scores, pictures, strata.
std::string render_workload(const StudyReport& report, std::size_t workload);

/// When and where it ran.
std::string render_colophon(const StudyReport& report);

}  // namespace quintain::study
