// Counts the goals of a report and lists the missed ones.
#include "study/report/study_goals.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace quintain::study {
namespace {

struct GoalCount {
  int all = 0;
  int met = 0;
};

GoalCount count_goals(const StudyReport& report) {
  GoalCount count;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& estimator : workload.estimators) {
      for (const Flag& flag : estimator.flags) {
        if (!is_goal(flag)) continue;
        ++count.all;
        count.met += flag.holds ? 1 : 0;
      }
    }
  }
  return count;
}

// "goal/pinball-to-oracle" as "pinball to oracle"; a workload without an oracle has a reference.
std::string goal_text(const Flag& flag, const WorkloadResult& workload) {
  std::string text = flag.name.substr(std::string_view("goal/").size());
  for (char& c : text) c = c == '-' ? ' ' : c;
  const std::string_view oracle = "oracle";
  if (!workload.no_oracle.empty() && text.ends_with(oracle)) {
    text.replace(text.size() - oracle.size(), oracle.size(), "reference");
  }
  return text;
}

// Splits what was observed, "1.07 [0.9, 1.2], 0.02 too much", at its last part.
std::pair<std::string, std::string> reached_and_missed(const std::string& observed) {
  constexpr std::string_view kEnd = " too much";
  const std::size_t comma = observed.rfind(", ");
  if (comma == std::string::npos || !observed.ends_with(kEnd)) return {observed, "-"};
  return {observed.substr(0, comma),
          observed.substr(comma + 2, observed.size() - kEnd.size() - comma - 2)};
}

}  // namespace

StudyReport goals_only(StudyReport report) {
  report.costs.clear();
  report.wall_clock = {};
  for (WorkloadResult& workload : report.workloads) {
    workload.config = "{}";
    std::erase_if(workload.estimators,
                  [](const EstimatorResult& estimator) { return !has_goal(estimator); });
    for (EstimatorResult& estimator : workload.estimators) {
      estimator.curves = {};
      estimator.strata.clear();
      estimator.by_depth.clear();
    }
  }
  return report;
}

std::string render_goals(const StudyReport& report) {
  const GoalCount count = count_goals(report);
  std::string text =
      fmt::format("{} of {} goals are met (`{}`).", count.met, count.all, report.command);
  if (count.met == count.all) return text + "\n";
  text +=
      " Those that are missed:\n\n| workload | estimator | goal | bound | reached | missed by |\n"
      "|---|---|---|---|---|---|\n";
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& estimator : workload.estimators) {
      for (const Flag& flag : estimator.flags) {
        if (!is_goal(flag) || flag.holds) continue;
        const auto [reached, missed] = reached_and_missed(flag.observed);
        text += fmt::format("| {} | `{}` | {} | {} | {} | {} |\n", workload.name, estimator.name,
                            goal_text(flag, workload), flag.expected, reached, missed);
      }
    }
  }
  return text;
}

std::string render_goals_sentence(std::span<const StudyReport> reports) {
  std::string text = "The default estimator meets ";
  for (std::size_t i = 0; i < reports.size(); ++i) {
    if (i > 0) text += i + 1 == reports.size() ? " and " : ", ";
    const GoalCount count = count_goals(reports[i]);
    text += fmt::format("{} of {} goals of `{}`", count.met, count.all, reports[i].name);
  }
  return text + ".";
}

}  // namespace quintain::study
