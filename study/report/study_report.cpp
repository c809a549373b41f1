#include "study/report/study_report.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace quintain::study {
namespace {

bool all_hold(const EstimatorResult& result) {
  return std::ranges::all_of(result.flags, &Flag::holds);
}

bool bad(const EstimatorResult& result) {
  if (result.role == Role::kControl) return !flagged(result);
  return has_goal(result) && !all_hold(result);
}

bool bad(const WorkloadResult& workload) {
  return !std::ranges::all_of(workload.analytic, &AnalyticCheck::holds) ||
         std::ranges::any_of(workload.estimators, [](const EstimatorResult& r) { return bad(r); });
}

}  // namespace

std::string_view to_string(Role role) {
  static constexpr std::array<std::string_view, 4> kNames = {"estimator", "baseline", "oracle",
                                                             "control"};
  return kNames[static_cast<std::size_t>(role)];
}

std::string_view to_string(StopReason reason) {
  static constexpr std::array<std::string_view, 4> kNames = {"precise", "most-replications",
                                                             "interrupted", "recorded"};
  return kNames[static_cast<std::size_t>(reason)];
}

bool is_goal(const Flag& flag) { return flag.name.starts_with("goal/"); }

bool has_goal(const EstimatorResult& result) { return std::ranges::any_of(result.flags, is_goal); }

bool flagged(const EstimatorResult& control) {
  return std::ranges::any_of(control.flags,
                             [](const Flag& flag) { return !flag.holds && !is_goal(flag); });
}

reports::Verdict verdict_of(const StudyReport& report) {
  const auto nothing = [](const WorkloadResult& workload) { return workload.estimators.empty(); };
  if (report.workloads.empty() || std::ranges::any_of(report.workloads, nothing)) {
    return reports::Verdict::kError;
  }
  const auto failed = [](const WorkloadResult& workload) { return bad(workload); };
  return std::ranges::any_of(report.workloads, failed) ? reports::Verdict::kFailed
                                                       : reports::Verdict::kPassed;
}

const EstimatorResult* find_estimator(const WorkloadResult& workload, std::string_view name) {
  const auto found = std::ranges::find(workload.estimators, name, &EstimatorResult::name);
  return found == workload.estimators.end() ? nullptr : &*found;
}

}  // namespace quintain::study
