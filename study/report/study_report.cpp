#include "study/report/study_report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace quintain::study {
namespace {

bool failed(const EstimatorResult& result) {
  if (result.role == Role::kControl) return !flagged(result) && !has_too_few(result);
  return std::ranges::any_of(result.flags,
                             [](const Flag& flag) { return !flag.holds && is_goal(flag); });
}

bool failed(const WorkloadResult& workload) {
  return workload.counts.scored == 0 ||
         !std::ranges::all_of(workload.analytic, &AnalyticCheck::holds) ||
         std::ranges::any_of(workload.estimators,
                             [](const EstimatorResult& result) { return failed(result); });
}

}  // namespace

std::string_view to_string(Role role) {
  static constexpr std::array<std::string_view, 5> kNames = {"estimator", "baseline", "oracle",
                                                             "control", "reference"};
  return kNames[static_cast<std::size_t>(role)];
}

bool has_too_few(const EstimatorResult& result) {
  return std::ranges::any_of(result.flags,
                             [](const Flag& flag) { return flag.too_few.has_value(); });
}

bool is_goal(const Flag& flag) { return flag.name.starts_with("goal/"); }

void demand_flags(EstimatorResult& result, std::span<const std::string> names) {
  for (const std::string& name : names) {
    const auto found = std::ranges::find(result.flags, name, &Flag::name);
    if (found == result.flags.end()) continue;
    Flag flag = *found;
    flag.name = "goal/" + name;
    result.flags.push_back(std::move(flag));
  }
}

bool has_goal(const EstimatorResult& result) { return std::ranges::any_of(result.flags, is_goal); }

bool flagged(const EstimatorResult& control) {
  return std::ranges::any_of(control.flags,
                             [](const Flag& flag) { return !flag.holds && !is_goal(flag); });
}

reports::Verdict verdict_of(const StudyReport& report) {
  const auto any = [&](auto predicate) { return std::ranges::any_of(report.workloads, predicate); };
  if (report.workloads.empty() ||
      any([](const WorkloadResult& workload) { return workload.estimators.empty(); })) {
    return reports::Verdict::kError;
  }
  if (any([](const WorkloadResult& workload) { return failed(workload); })) {
    return reports::Verdict::kFailed;
  }
  return report.incomplete ? reports::Verdict::kError : reports::Verdict::kPassed;
}

const EstimatorResult* find_estimator(const WorkloadResult& workload, std::string_view name) {
  const auto found = std::ranges::find(workload.estimators, name, &EstimatorResult::name);
  return found == workload.estimators.end() ? nullptr : &*found;
}

}  // namespace quintain::study
