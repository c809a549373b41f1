#include "study/report/study_table.h"

#include <fmt/color.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/strings/str_join.h"
#include "reports/text.h"
#include "study/report/study_text.h"

namespace quintain::study {
namespace {

// A longer name gets a line of its own, so that it does not push the numbers aside.
constexpr std::size_t kLongestName = 28;

/// Rows of cells, the first row being the headings. All columns are aligned to the left: so values
/// stand below each other, and so do their intervals. No line ends in spaces.
std::string align(const std::vector<std::vector<std::string>>& rows, std::string_view indent) {
  const auto is_long = [](const auto& row) {
    return reports::display_width(row[0]) > kLongestName;
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = is_long(row) ? 1 : 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], reports::display_width(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = fmt::format("{}{:<{}}", indent, row[0], widths[0]);
    if (is_long(row)) line += fmt::format("\n{}{:{}}", indent, "", widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) {
      line += fmt::format("  {:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

/// "✓" or "✗", in colour if told.
std::string mark(bool good, const reports::TableStyle& style) {
  const char* sign = good ? "✓" : "✗";
  const auto colour = good ? fmt::terminal_color::green : fmt::terminal_color::red;
  return style.colour ? fmt::format(fmt::fg(colour), "{}", sign) : sign;
}

/// The estimator's role, or that it is the default.
std::string standing(const EstimatorResult& result, const StudyReport& report) {
  return result.name == report.default_estimator ? "default" : std::string(to_string(result.role));
}

std::vector<std::string> row_of(const EstimatorResult& result, const StudyReport& report) {
  std::vector<std::string> row = {reports::printable(result.name), standing(result, report),
                                  with_interval(result.to_oracle.ratio, human_ratio),
                                  with_interval(result.to_best_baseline.ratio, human_ratio)};
  for (const double level : kJudgedLevels) {
    row.push_back(percent(coverage_at(result.terminal, report.levels, level).value));
  }
  row.push_back(with_interval(result.worst_coverage_error, points));
  row.push_back(points(result.worst_stratum_error));
  return row;
}

void append_table(std::string& out, const WorkloadResult& workload, const StudyReport& report) {
  std::vector<std::vector<std::string>> rows = {{"", "", "pinball/oracle", "/best baseline", "50 %",
                                                 "80 %", "90 %", "95 %", "worst error pp",
                                                 "worst stratum pp"}};
  for (const EstimatorResult& result : workload.estimators) rows.push_back(row_of(result, report));
  out += align(rows, "  ");
}

/// In full where a goal is set. Elsewhere the names alone: a baseline that is off is no surprise.
void append_flags(std::string& out, const WorkloadResult& workload,
                  const reports::TableStyle& style) {
  for (const EstimatorResult& result : workload.estimators) {
    // What a control was caught by is told with the controls.
    if (result.role == Role::kControl) continue;
    std::vector<std::string> broken;
    for (const Flag& flag : result.flags) {
      if (flag.holds) continue;
      broken.push_back(reports::printable(flag.name));
      if (!has_goal(result)) continue;
      out += fmt::format("  {} {}: {}: expected {}, observed {}\n", mark(false, style),
                         reports::printable(result.name), broken.back(),
                         reports::printable(flag.expected), reports::printable(flag.observed));
    }
    if (broken.empty() || has_goal(result)) continue;
    out += fmt::format("  {} {}: not {}\n", mark(false, style), reports::printable(result.name),
                       absl::StrJoin(broken, ", "));
  }
}

void append_analytic(std::string& out, const WorkloadResult& workload,
                     const reports::TableStyle& style) {
  for (const AnalyticCheck& check : workload.analytic) {
    out += fmt::format("  {} {}, {}: {} expected, {} measured, {} standard errors away\n",
                       mark(check.holds, style), reports::printable(check.model),
                       reports::printable(check.quantity), human_number(check.reference),
                       with_interval(check.measured, human_number), human_number(check.z));
  }
}

void append_workload(std::string& out, const WorkloadResult& workload, const StudyReport& report,
                     const reports::TableStyle& style) {
  out += reports::printable(workload.name);
  if (!workload.about.empty()) out += ": " + reports::printable(workload.about);
  out += "\n";
  append_table(out, workload, report);
  append_flags(out, workload, style);
  append_analytic(out, workload, style);
  const auto counts = named_counts(workload.counts);
  out += "  executions: " + absl::StrJoin(counts, ", ", [](std::string* text, const auto& count) {
           *text += fmt::format("{} {}", count.second, count.first);
         });
  out += fmt::format("\n  warm-up: {}\n  stopped: {}\n\n", describe_warm_up(workload),
                     describe_stop(workload));
}

std::string names(const std::vector<std::string>& workloads) {
  return absl::StrJoin(workloads, ", ", [](std::string* text, const std::string& name) {
    *text += reports::printable(name);
  });
}

void append_controls(std::string& out, const StudyReport& report,
                     const reports::TableStyle& style) {
  const std::vector<ControlOutcome> outcomes = control_outcomes(report);
  if (outcomes.empty()) return;
  out += "negative controls\n";
  for (const ControlOutcome& outcome : outcomes) {
    const bool good = outcome.missed_on.empty();
    out += fmt::format("  {} {}: ", mark(good, style), reports::printable(outcome.name));
    if (!good) out += fmt::format("not flagged on {}; ", names(outcome.missed_on));
    out += outcome.flagged_on.empty() ? "flagged nowhere\n"
                                      : fmt::format("flagged on {}\n", names(outcome.flagged_on));
  }
  out += "\n";
}

void append_goals(std::string& out, const StudyReport& report, const reports::TableStyle& style) {
  std::string lines;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& result : workload.estimators) {
      for (const Flag& flag : result.flags) {
        if (!is_goal(flag)) continue;
        lines += fmt::format("  {} {} {} {}: expected {}, observed {}\n", mark(flag.holds, style),
                             reports::printable(workload.name), reports::printable(result.name),
                             reports::printable(flag.name), reports::printable(flag.expected),
                             reports::printable(flag.observed));
      }
    }
  }
  if (!lines.empty()) out += "goals\n" + lines + "\n";
}

}  // namespace

std::string render_summary(const StudyReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"workload", "pinball/oracle", "/best baseline", "", "worst coverage error pp"}};
  for (const WorkloadResult& workload : report.workloads) {
    rows.push_back({reports::printable(workload.name)});
    const EstimatorResult* result = find_estimator(workload, report.default_estimator);
    if (result == nullptr) continue;
    rows.back().push_back(with_interval(result->to_oracle.ratio, human_ratio));
    rows.back().push_back(with_interval(result->to_best_baseline.ratio, human_ratio));
    rows.back().push_back(reports::printable(result->to_best_baseline.to));
    rows.back().push_back(with_interval(result->worst_coverage_error, points));
  }
  return align(rows, "");
}

std::string render_study(const StudyReport& report, const reports::TableStyle& style) {
  std::string out;
  for (const WorkloadResult& workload : report.workloads) {
    append_workload(out, workload, report, style);
  }
  append_controls(out, report, style);
  append_goals(out, report, style);
  if (!report.workloads.empty()) {
    out += fmt::format("{}, the default\n", reports::printable(report.default_estimator));
    out += render_summary(report) + "\n";
  }
  const reports::Verdict verdict = verdict_of(report);
  return out + fmt::format("{}: {}\n", to_string(verdict),
                           reports::count(std::ssize(report.workloads), "workload", "workloads"));
}

}  // namespace quintain::study
