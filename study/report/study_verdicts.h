// The verdicts of a study as the cases of a report, for the formats that CI servers read.
#pragma once

#include "reports/report.h"
#include "study/report/study_report.h"

namespace quintain::study {

/// A case "WORKLOAD/ESTIMATOR" for each estimator with a goal and for each negative control, and a
/// case "WORKLOAD/closed-forms" where the workload has closed forms. The verdict of the result is
/// that of the study (verdict_of()). Estimators without a goal have no verdict, and so no case.
reports::Report to_test_report(const StudyReport& study);

}  // namespace quintain::study
