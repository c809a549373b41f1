// What must hold of an estimator's results: that its forecasts are honest, and that they are as
// good as the study asks.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "study/comparison/scoring.h"
#include "study/language/study.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// Coverage at the judged levels, over the replications.
std::vector<Interval> judged_coverage(std::span<const SeriesScores* const> replications,
                                      PartScores SeriesScores::* part);

/// The largest distance of a coverage from its level, with the interval of that coverage. Levels
/// of which nothing is known are left out.
Interval worst_coverage_error(std::span<const Interval> judged);

/// Sets the flags of all results:
///
/// - "calibrated": no coverage at a judged level is off by more than 3 points, beyond doubt.
/// - "unbiased": as many end before the p50 as after it, within the same 3 points.
/// - "flat": the PIT's histogram is flat, or not far from it (3 points in total variation).
/// - "no-better-than-the-oracle": nothing that predicts can be better by more than 3 %, beyond
///   doubt; what is, has seen the future.
/// - "goal/...": see Goal.
///
/// Where there is no interval, the value decides.
void set_flags(WorkloadResult& result,
               std::span<const std::vector<SeriesScores>* const> replications,
               std::span<const Goal> goals, std::string_view default_estimator);

}  // namespace quintain::study
