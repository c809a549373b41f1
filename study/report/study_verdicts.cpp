#include "study/report/study_verdicts.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace quintain::study {
namespace {

reports::Check check_of(const Flag& flag) {
  return {.name = flag.name,
          .kind = reports::CheckKind::kExpectation,
          .verdict = flag.too_few ? reports::Verdict::kSkipped
                     : flag.holds ? reports::Verdict::kPassed
                                  : reports::Verdict::kFailed,
          .expected = flag.expected,
          .observed = flag.observed};
}

reports::Check check_of(std::string name, bool holds, std::string expected, std::string observed) {
  return {.name = std::move(name),
          .kind = reports::CheckKind::kExpectation,
          .verdict = holds ? reports::Verdict::kPassed : reports::Verdict::kFailed,
          .expected = std::move(expected),
          .observed = std::move(observed)};
}

reports::Case new_case(const StudyReport& study, const WorkloadResult& workload,
                       std::string_view what) {
  return {.name = fmt::format("{}/{}", workload.name, what),
          .file = study.file,
          .reproduce = fmt::format("{} --only '{}'", study.command, workload.name)};
}

}  // namespace

reports::Report to_test_report(const StudyReport& study) {
  reports::Report report{
      .tool_version = study.tool_version, .command = study.command, .wall_clock = study.wall_clock};
  report.incomplete = study.incomplete.value_or("");
  for (const WorkloadResult& workload : study.workloads) {
    if (workload.counts.scored == 0) {
      report.cases.emplace_back(new_case(study, workload, "scored")).checks = {
          check_of("scored", false, "at least one execution ended and was scored", "none")};
    }
    if (!workload.analytic.empty()) {
      reports::Case& closed_forms =
          report.cases.emplace_back(new_case(study, workload, "closed-forms"));
      for (const AnalyticCheck& check : workload.analytic) {
        closed_forms.checks.push_back(
            check_of(fmt::format("{}/{}", check.model, check.quantity), check.holds,
                     fmt::format("{}", check.reference),
                     fmt::format("{} ({} standard errors away)", check.measured.value, check.z)));
      }
    }
    for (const EstimatorResult& estimator : workload.estimators) {
      if (estimator.role == Role::kControl) {
        reports::Check check =
            check_of("control", flagged(estimator), "the control is flagged as dishonest",
                     flagged(estimator) ? "it is flagged" : "no flag is raised");
        if (!flagged(estimator) && has_too_few(estimator)) {
          check.verdict = reports::Verdict::kSkipped;
          check.observed = estimator.flags.front().observed;
        }
        report.cases.emplace_back(new_case(study, workload, estimator.name)).checks = {
            std::move(check)};
      } else if (has_goal(estimator)) {
        reports::Case& judged =
            report.cases.emplace_back(new_case(study, workload, estimator.name));
        for (const Flag& flag : estimator.flags) {
          // The others are information.
          if (is_goal(flag)) judged.checks.push_back(check_of(flag));
        }
      }
    }
  }
  return report;
}

}  // namespace quintain::study
