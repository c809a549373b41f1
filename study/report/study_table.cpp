// A study as plain text: numbers with three digits or fixed decimals, aligned columns, and one line
// for each fact below the table of a workload.
#include "study/report/study_table.h"

#include <fmt/color.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "reports/text.h"

namespace quintain::study {
namespace {

// ---- Numbers ------------------------------------------------------------------------------------

/// `digits` after the point, without a sign on a zero; "-" if not finite.
std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  const std::string text = fmt::format("{:.{}f}", value, digits);
  return text.find_first_not_of("-0.") == std::string::npos && text.starts_with('-')
             ? text.substr(1)
             : text;
}

/// Three significant digits, but never fewer than the integer part has: "0.0123", "1.41", "1235".
std::string number(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-4 || size >= 1e7) return fmt::format("{:.2e}", value);
  const int before = static_cast<int>(std::floor(std::log10(size))) + 1;
  return fixed(value, std::max(0, 3 - before));
}

/// A whole number in full, any other with three digits: "64", "12000", "41.4".
std::string plain(double value) {
  const bool whole = std::abs(value) < 1e15 && value == std::trunc(value);
  return whole ? fmt::format("{:.0f}", value) : number(value);
}

/// "1.014".
std::string ratio(double value) { return fixed(value, std::abs(value) < 10 ? 3 : 1); }

/// A share in per cent, without the sign: "90.2".
std::string percent(double share) { return fixed(100 * share, 1); }

/// A difference of shares in percentage points: "0.42".
std::string points(double difference) { return fixed(100 * difference, 2); }

/// "1.014 [1.009, 1.019]"; the value alone if the interval is not known or has no width.
std::string with_interval(const Estimate& estimate, std::string (*write)(double)) {
  const bool known = std::isfinite(estimate.low) && std::isfinite(estimate.high);
  if (!known || estimate.low == estimate.high) return write(estimate.value);
  return fmt::format("{} [{}, {}]", write(estimate.value), write(estimate.low),
                     write(estimate.high));
}

// ---- Facts --------------------------------------------------------------------------------------

/// The coverage at a level; kUnknown if the report does not have that level.
double coverage_at(const Scores& scores, const std::vector<double>& levels, double level) {
  // Levels are decimal fractions and may have been computed: 0.1 + 0.2 is 0.3 here.
  const auto found = std::ranges::find_if(
      levels, [level](double other) { return std::abs(other - level) < 1e-9; });
  const auto index = static_cast<std::size_t>(found - levels.begin());
  const bool known = found != levels.end() && index < scores.coverage.size();
  return known ? scores.coverage[index].value : kUnknown;
}

std::string describe_stop(const WorkloadResult& workload) {
  const std::string after =
      reports::count(std::ssize(workload.seeds), "replication", "replications");
  std::string precision =
      fmt::format("half-width {} %", number(100 * workload.relative_half_width));
  if (workload.wanted_half_width > 0) {
    precision += fmt::format(", wanted {} %", number(100 * workload.wanted_half_width));
  }
  switch (workload.stopped) {
    case StopReason::kPrecise:
      return fmt::format("precise enough after {} ({})", after, precision);
    case StopReason::kMaxReplications:
      return fmt::format("after {}, the most allowed ({})", after, precision);
    case StopReason::kInterrupted:
      return fmt::format("interrupted after {} ({})", after, precision);
    case StopReason::kRecorded:
      break;
  }
  return "all recorded predictions are scored";
}

/// The counts with their names, in the order of a call's states.
std::vector<std::pair<std::string_view, std::int64_t>> named_counts(const Counts& counts) {
  return {{"predicted", counts.predicted},    {"refused", counts.refused},
          {"completed", counts.completed},    {"failed", counts.failed},
          {"timed out", counts.timed_out},    {"cancelled", counts.cancelled},
          {"censored", counts.censored},      {"unfinished", counts.unfinished},
          {"in the warm-up", counts.dropped}, {"scored", counts.scored}};
}

/// A control and the workloads on which the study flagged it or not.
struct ControlOutcome {
  std::string name{};
  std::vector<std::string> flagged_on{};
  std::vector<std::string> missed_on{};
};

/// In the order in which the workloads first name them.
std::vector<ControlOutcome> control_outcomes(const StudyReport& report) {
  std::vector<ControlOutcome> outcomes;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& result : workload.estimators) {
      if (result.role != Role::kControl || (!flagged(result) && has_too_few(result))) continue;
      auto outcome = std::ranges::find(outcomes, result.name, &ControlOutcome::name);
      if (outcome == outcomes.end()) outcome = outcomes.insert(outcomes.end(), {result.name});
      (flagged(result) ? outcome->flagged_on : outcome->missed_on)
          .push_back(reports::printable(workload.name));
    }
  }
  return outcomes;
}

// ---- Lines --------------------------------------------------------------------------------------

/// A longer name gets a line of its own, so that it does not widen the column.
constexpr std::size_t kMaxNameWidth = 28;

/// Rows of cells; the first row has the headings. All columns are left-aligned, so that values are
/// below each other, and so are their intervals. No line ends in spaces.
std::string align(const std::vector<std::vector<std::string>>& rows, std::string_view indent) {
  const auto is_long = [](const auto& row) {
    return reports::display_width(row[0]) > kMaxNameWidth;
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

/// "✓" or "✗", in colour if the style has it.
std::string mark(bool good, const reports::TableStyle& style) {
  const char* sign = good ? "✓" : "✗";
  const auto colour = good ? fmt::terminal_color::green : fmt::terminal_color::red;
  return style.colour ? fmt::format(fmt::fg(colour), "{}", sign) : sign;
}

/// The estimator's role, or "default".
std::string role_text(const EstimatorResult& result, const StudyReport& report) {
  return result.name == report.default_estimator ? "default" : std::string(to_string(result.role));
}

std::vector<std::string> row_of(const EstimatorResult& result, const StudyReport& report) {
  std::vector<std::string> row = {reports::printable(result.name), role_text(result, report),
                                  with_interval(result.to_oracle.ratio, ratio),
                                  with_interval(result.to_best_baseline.ratio, ratio)};
  for (const double level : kJudgedLevels) {
    row.push_back(percent(coverage_at(result.terminal, report.levels, level)));
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

/// The mean loss of a group divided by that of the same group of another estimator.
std::string group_ratio(const DepthLoss& loss, const EstimatorResult* to, std::size_t group) {
  const bool known = to != nullptr && group < to->by_depth.size();
  return ratio(known ? loss.pinball / to->by_depth[group].pinball : kUnknown);
}

/// Where the default estimator's loss is, by the queue at acceptance.
void append_depths(std::string& out, const WorkloadResult& workload, const StudyReport& report) {
  const EstimatorResult* result = find_estimator(workload, report.default_estimator);
  const auto has_any = [](const DepthLoss& loss) { return loss.executions > 0; };
  if (result == nullptr || std::ranges::count_if(result->by_depth, has_any) < 2) return;
  const auto reference = std::ranges::find_if(workload.estimators, [](const EstimatorResult& e) {
    return e.role == Role::kOracle || e.role == Role::kReference;
  });
  const EstimatorResult* baseline = find_estimator(workload, result->to_best_baseline.to);
  std::vector<std::vector<std::string>> rows = {
      {"loss by queue"},
      {"executions"},
      {"% of the loss"},
      {"/ " + reports::printable(result->to_best_baseline.to)}};
  const bool has_reference = reference != workload.estimators.end();
  if (has_reference) rows.push_back({"/ " + reports::printable(reference->name)});
  for (std::size_t i = 0; i < result->by_depth.size(); ++i) {
    const DepthLoss& loss = result->by_depth[i];
    rows[0].push_back(loss.to == loss.from ? fmt::format("{}", loss.from)
                      : loss.to            ? fmt::format("{}-{}", loss.from, *loss.to)
                                           : fmt::format("{}+", loss.from));
    rows[1].push_back(fmt::format("{}", loss.executions));
    rows[2].push_back(percent(loss.share));
    rows[3].push_back(group_ratio(loss, baseline, i));
    if (has_reference) rows[4].push_back(group_ratio(loss, &*reference, i));
  }
  out += align(rows, "  ");
}

/// In full for estimators with a goal; a flag that no goal names is marked as information. For
/// others only the names: a baseline may be wrong.
void append_flags(std::string& out, const WorkloadResult& workload,
                  const reports::TableStyle& style) {
  for (const EstimatorResult& result : workload.estimators) {
    // Controls have lines of their own.
    if (result.role == Role::kControl) continue;
    std::vector<std::string> failed;
    for (const Flag& flag : result.flags) {
      if (flag.too_few && !is_goal(flag) && has_goal(result)) {
        out += fmt::format("  ? {}: {}: {}\n", reports::printable(result.name),
                           reports::printable(flag.name), reports::printable(flag.observed));
      }
      if (flag.holds) continue;
      failed.push_back(reports::printable(flag.name));
      if (!has_goal(result)) continue;
      const bool demanded =
          std::ranges::find(result.flags, "goal/" + flag.name, &Flag::name) != result.flags.end();
      if (demanded) continue;  // shown as a goal
      out += fmt::format("  {} {}: {}{}: expected {}, observed {}\n",
                         is_goal(flag) ? mark(false, style) : "!", reports::printable(result.name),
                         is_goal(flag) ? "" : "no goal, but not ", failed.back(),
                         reports::printable(flag.expected), reports::printable(flag.observed));
    }
    if (failed.empty() || has_goal(result)) continue;
    out += fmt::format("  {} {}: not {}\n", mark(false, style), reports::printable(result.name),
                       absl::StrJoin(failed, ", "));
  }
}

/// Why the column of the oracle is empty, and the ratios that are known instead.
void append_reference(std::string& out, const WorkloadResult& workload) {
  if (workload.no_oracle.empty()) return;
  std::vector<std::string> ratios;
  std::string to;
  for (const EstimatorResult& result : workload.estimators) {
    if (!result.to_reference || result.role == Role::kControl) continue;
    to = reports::printable(result.to_reference->to);
    ratios.push_back(fmt::format("{} {}", reports::printable(result.name),
                                 with_interval(result.to_reference->ratio, ratio)));
  }
  out += fmt::format("  no oracle: {}\n", reports::printable(workload.no_oracle));
  if (!ratios.empty()) out += fmt::format("  pinball / {}: {}\n", to, absl::StrJoin(ratios, ", "));
}

/// Of estimators without a goal one line is enough: all have the same executions.
void append_too_few(std::string& out, const WorkloadResult& workload) {
  if (std::ranges::any_of(workload.estimators, has_goal)) return;
  for (const EstimatorResult& result : workload.estimators) {
    const auto flag = std::ranges::find_if(
        result.flags, [](const Flag& candidate) { return candidate.too_few.has_value(); });
    if (flag == result.flags.end()) continue;
    out += fmt::format("  ? {}\n", reports::printable(flag->observed));
    return;
  }
}

void append_analytic(std::string& out, const WorkloadResult& workload,
                     const reports::TableStyle& style) {
  for (const AnalyticCheck& check : workload.analytic) {
    out += fmt::format("  {} {}, {}: {} expected, {} measured, {} standard errors away\n",
                       mark(check.holds, style), reports::printable(check.model),
                       reports::printable(check.quantity), number(check.reference),
                       with_interval(check.measured, number), number(check.z));
  }
}

void append_workload(std::string& out, const WorkloadResult& workload, const StudyReport& report,
                     const reports::TableStyle& style) {
  out += reports::printable(workload.name);
  if (!workload.about.empty()) out += ": " + reports::printable(workload.about);
  out += "\n";
  append_table(out, workload, report);
  append_depths(out, workload, report);
  append_reference(out, workload);
  for (const std::string& note : workload.trace_notes) {
    out += fmt::format("  trace: {}\n", reports::printable(note));
  }
  append_flags(out, workload, style);
  append_too_few(out, workload);
  append_analytic(out, workload, style);
  const auto counts = named_counts(workload.counts);
  out += "  executions: " + absl::StrJoin(counts, ", ", [](std::string* text, const auto& count) {
           *text += fmt::format("{} {}", count.second, count.first);
         });
  out += "\n";
  // Of a recording nothing is cut.
  if (workload.stopped != StopReason::kRecorded) {
    out += fmt::format("  warm-up: MSER-5 found {} arrivals, {} were cut\n",
                       plain(workload.warm_up_found), plain(workload.warm_up_cut));
  }
  out += fmt::format("  stopped: {}\n", describe_stop(workload));
  out += "\n";
}

void append_controls(std::string& out, const StudyReport& report,
                     const reports::TableStyle& style) {
  const std::vector<ControlOutcome> outcomes = control_outcomes(report);
  if (outcomes.empty()) return;
  out += "negative controls\n";
  for (const ControlOutcome& outcome : outcomes) {
    const bool good = outcome.missed_on.empty();
    out += fmt::format("  {} {}: ", mark(good, style), reports::printable(outcome.name));
    if (!good) out += fmt::format("not flagged on {}; ", absl::StrJoin(outcome.missed_on, ", "));
    out += outcome.flagged_on.empty()
               ? "flagged nowhere\n"
               : fmt::format("flagged on {}\n", absl::StrJoin(outcome.flagged_on, ", "));
  }
  out += "\n";
}

void append_goals(std::string& out, const StudyReport& report, const reports::TableStyle& style) {
  std::string lines;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& result : workload.estimators) {
      for (const Flag& flag : result.flags) {
        if (!is_goal(flag)) continue;
        lines += fmt::format("  {} {} {} {}: expected {}, observed {}\n",
                             flag.too_few ? "?" : mark(flag.holds, style),
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
    rows.back().push_back(with_interval(result->to_oracle.ratio, ratio));
    rows.back().push_back(with_interval(result->to_best_baseline.ratio, ratio));
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
  for (const WorkloadResult& workload : report.workloads) {
    if (workload.counts.scored > 0 || workload.estimators.empty()) continue;
    out += fmt::format("{} {}: nothing was scored, because no execution {}\n", mark(false, style),
                       reports::printable(workload.name),
                       workload.counts.predicted == 0 ? "was accepted" : "ended");
  }
  const reports::Verdict verdict = verdict_of(report);
  const std::string early = report.incomplete ? "; it ended early: " + *report.incomplete : "";
  return out + fmt::format("{}: {}{}\n", to_string(verdict),
                           reports::count(std::ssize(report.workloads), "workload", "workloads"),
                           reports::printable(early));
}

}  // namespace quintain::study
