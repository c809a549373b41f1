#include "study/report/study_report.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "study/report/sample_study_report.h"

namespace quintain::study {
namespace {

/// A study with one workload that has these results.
StudyReport study_of(std::vector<EstimatorResult> estimators) {
  return {
      .workloads = {{.name = "w", .counts = {.scored = 1}, .estimators = std::move(estimators)}}};
}

EstimatorResult with_flags(Role role, std::vector<Flag> flags) {
  return {.name = "e", .role = role, .flags = std::move(flags)};
}

constexpr bool kHolds = true;
constexpr bool kFails = false;

TEST(VerdictOfStudy, PassesTheSample) {
  EXPECT_EQ(verdict_of(sample_study_report()), reports::Verdict::kPassed);
  StudyReport early = sample_study_report();
  early.incomplete = "interrupted by SIGINT";
  EXPECT_EQ(verdict_of(early), reports::Verdict::kError);
}

TEST(VerdictOfStudy, IsAnErrorWithoutResults) {
  EXPECT_EQ(verdict_of(StudyReport{}), reports::Verdict::kError);
  EXPECT_EQ(verdict_of(study_of({})), reports::Verdict::kError);
}

TEST(VerdictOfStudy, FailsIfAGoalIsMissed) {
  for (const Role role : {Role::kEstimator, Role::kBaseline, Role::kOracle}) {
    EXPECT_EQ(verdict_of(study_of({with_flags(role, {{"goal/a", kHolds}})})),
              reports::Verdict::kPassed);
    EXPECT_EQ(verdict_of(study_of({with_flags(role, {{"goal/a", kFails}})})),
              reports::Verdict::kFailed);
  }
}

TEST(VerdictOfStudy, FailsIfAFlagThatAGoalNamesDoesNotHold) {
  EstimatorResult result =
      with_flags(Role::kEstimator, {{"calibrated", kFails}, {"goal/a", kHolds}});
  EXPECT_EQ(verdict_of(study_of({result})), reports::Verdict::kPassed);
  demand_flags(result, std::vector<std::string>{"no-such-flag"});
  EXPECT_EQ(verdict_of(study_of({result})), reports::Verdict::kPassed);
  demand_flags(result, std::vector<std::string>{"calibrated"});
  EXPECT_EQ(verdict_of(study_of({result})), reports::Verdict::kFailed);
  EXPECT_TRUE(flagged(result));
}

TEST(VerdictOfStudy, FailsIfAControlIsNotFlagged) {
  EXPECT_EQ(verdict_of(study_of({with_flags(Role::kControl, {{"calibrated", kFails}})})),
            reports::Verdict::kPassed);
  EXPECT_EQ(verdict_of(study_of({with_flags(Role::kControl, {{"calibrated", kHolds}})})),
            reports::Verdict::kFailed);
  EXPECT_EQ(verdict_of(study_of({with_flags(Role::kControl, {})})), reports::Verdict::kFailed);
}

TEST(VerdictOfStudy, FailsIfNothingWasScored) {
  StudyReport report = study_of({with_flags(Role::kEstimator, {})});
  EXPECT_EQ(verdict_of(report), reports::Verdict::kPassed);
  report.workloads[0].counts.scored = 0;
  EXPECT_EQ(verdict_of(report), reports::Verdict::kFailed);
}

TEST(VerdictOfStudy, DoesNotFailIfThereAreTooFewToTell) {
  const Flag too_few = {.name = "calibrated", .too_few = 500};
  EXPECT_EQ(verdict_of(study_of({with_flags(Role::kControl, {too_few})})),
            reports::Verdict::kPassed);
}

TEST(VerdictOfStudy, FailsIfAClosedFormIsMissed) {
  StudyReport report = sample_study_report();
  report.workloads[1].analytic[0].holds = false;
  EXPECT_EQ(verdict_of(report), reports::Verdict::kFailed);
}

TEST(Flagged, IgnoresGoals) {
  EXPECT_FALSE(flagged(with_flags(Role::kControl, {{"goal/a", kFails}})));
  EXPECT_FALSE(flagged(with_flags(Role::kControl, {{"calibrated", kHolds}})));
  EXPECT_TRUE(flagged(with_flags(Role::kControl, {{"x", kHolds}, {"calibrated", kFails}})));
}

TEST(FindEstimator, FindsByName) {
  const WorkloadResult workload = sample_study_report().workloads[0];
  EXPECT_EQ(find_estimator(workload, "ewma"), &workload.estimators[3]);
  EXPECT_EQ(find_estimator(workload, "unknown"), nullptr);
}

}  // namespace
}  // namespace quintain::study
