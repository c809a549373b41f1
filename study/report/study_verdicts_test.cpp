#include "study/report/study_verdicts.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "study/report/sample_study_report.h"

namespace quintain::study {
namespace {

StudyReport study_with(Flag flag) {
  StudyReport study = sample_study_report();
  for (WorkloadResult& workload : study.workloads) {
    for (EstimatorResult& estimator : workload.estimators) {
      if (estimator.role == Role::kEstimator) estimator.flags = {flag};
    }
  }
  return study;
}

TEST(StudyVerdicts, AgreeWithTheVerdictOfTheStudy) {
  for (const bool holds : {true, false}) {
    const StudyReport study = study_with({.name = "goal/pinball-to-oracle", .holds = holds});
    EXPECT_EQ(reports::verdict_of(to_test_report(study)) == reports::Verdict::kPassed,
              verdict_of(study) == reports::Verdict::kPassed)
        << holds;
  }
}

TEST(StudyVerdicts, HaveOnlyWhatAGoalDemands) {
  const auto report = to_test_report(study_with({.name = "calibrated", .holds = false}));
  for (const reports::Case& c : report.cases) {
    for (const reports::Check& check : c.checks) EXPECT_NE(check.name, "calibrated");
  }
}

TEST(StudyVerdicts, NameTheWorkloadAndTheEstimator) {
  const auto report = to_test_report(study_with({.name = "goal/pinball-to-oracle"}));
  ASSERT_FALSE(report.cases.empty());
  for (const reports::Case& c : report.cases) {
    EXPECT_THAT(c.name, testing::HasSubstr("/"));
    EXPECT_FALSE(c.checks.empty()) << c.name;
    EXPECT_THAT(c.reproduce, testing::HasSubstr(" --only "));
  }
}

}  // namespace
}  // namespace quintain::study
