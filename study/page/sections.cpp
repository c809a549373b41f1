#include "study/page/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/base/duration_text.h"
#include "reports/text.h"
#include "study/page/figures.h"
#include "study/page/html.h"
#include "study/report/study_text.h"

namespace quintain::study {
namespace {

/// A text with what stands in brackets in small print.
std::string cell(std::string_view text) {
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos) return std::string(text);
  const std::size_t end = text.find(']', open) + 1;
  return fmt::format("{}<small>{}</small>{}", text.substr(0, open), text.substr(open, end - open),
                     text.substr(end));
}

std::string cell(const Interval& interval, std::string (*write)(double)) {
  return cell(with_interval(interval, write));
}

/// The word says it all; the colour only helps the eye.
std::string badge(bool good, std::string_view word) {
  return fmt::format("<span class=\"badge {}\">{}</span>", good ? "good" : "bad", word);
}

/// Text of any length, which may be broken into lines.
std::string prose(std::string_view text) {
  return fmt::format("<span class=\"text\">{}</span>", escape(text));
}

std::string facts(const std::vector<std::pair<std::string_view, std::string>>& pairs) {
  std::string out = "<dl class=\"facts\">\n";
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), value);
  }
  return out + "</dl>\n";
}

std::string link_to(const StudyReport& report, std::size_t workload) {
  return fmt::format("<a href=\"#workload-{}\">{}</a>", workload,
                     escape(report.workloads[workload].name));
}

/// The estimators of all workloads, each once, in the order in which they first occur.
std::vector<const EstimatorResult*> estimators_of(const StudyReport& report) {
  std::vector<const EstimatorResult*> found;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult& result : workload.estimators) {
      const bool known = std::ranges::any_of(
          found, [&](const EstimatorResult* other) { return other->name == result.name; });
      if (!known) found.push_back(&result);
    }
  }
  return found;
}

/// The name with the colour that the pictures give it.
std::string swatch(const EstimatorResult& result, const StudyReport& report) {
  int others = 0;
  int controls = 0;
  std::string series;
  for (const EstimatorResult* other : estimators_of(report)) {
    if (other->name == report.default_estimator) {
      series = "default";
    } else if (other->role == Role::kOracle) {
      series = "oracle";
    } else if (other->role == Role::kControl) {
      series = fmt::format("control-{}", controls++ % 3);
    } else {
      series = fmt::format("other-{}", others++ % 10);
    }
    if (other->name == result.name) break;
  }
  return series;
}

std::string name_cell(const EstimatorResult& result, const StudyReport& report) {
  std::string text = fmt::format("<span class=\"name series {}\">{}</span>", swatch(result, report),
                                 escape(result.name));
  if (result.name == report.default_estimator) {
    text += " <span class=\"role\">default</span>";
  } else if (result.role != Role::kEstimator && result.name != to_string(result.role)) {
    text += fmt::format(" <span class=\"role\">{}</span>", to_string(result.role));
  }
  return text;
}

std::vector<std::string> classes_of(const WorkloadResult& workload, const StudyReport& report) {
  std::vector<std::string> classes;
  for (const EstimatorResult& result : workload.estimators) {
    classes.emplace_back(result.name == report.default_estimator ? "chosen" : "");
  }
  return classes;
}

std::string render_ratios(const WorkloadResult& workload, const StudyReport& report) {
  HtmlTable table{.caption = "Loss and calibration, with 95 % intervals",
                  .headings = {"estimator", "pinball / oracle", "/ best baseline", "50 %", "80 %",
                               "90 %", "95 %", "worst error, pp", "worst stratum, pp"},
                  .classes = classes_of(workload, report)};
  for (const EstimatorResult& result : workload.estimators) {
    std::vector<std::string> row = {name_cell(result, report),
                                    cell(result.to_oracle.ratio, human_ratio),
                                    cell(result.to_best_baseline.ratio, human_ratio)};
    for (const double level : kJudgedLevels) {
      row.push_back(percent(coverage_at(result.terminal, report.levels, level).value));
    }
    row.push_back(cell(result.worst_coverage_error, points));
    row.push_back(points(result.worst_stratum_error));
    table.rows.push_back(std::move(row));
  }
  return render(table);
}

std::string render_scores(const WorkloadResult& workload, const StudyReport& report,
                          Scores EstimatorResult::* member, std::string caption) {
  HtmlTable table{.caption = std::move(caption),
                  .headings = {"estimator", "pinball", "CRPS", "interval score 80 %", "90 %",
                               "MAE of p50", "MAPE, %", "bias", "scored", "censored"},
                  .classes = classes_of(workload, report)};
  for (const EstimatorResult& result : workload.estimators) {
    const Scores& scores = result.*member;
    table.rows.push_back(
        {name_cell(result, report), cell(human_seconds(scores.pinball)),
         cell(human_seconds(scores.crps)), human_seconds(scores.interval_score_80),
         human_seconds(scores.interval_score_90), human_seconds(scores.mean_absolute_error),
         percent(scores.mean_absolute_percentage_error), cell(human_seconds(scores.bias)),
         human_count(scores.scored), human_count(scores.censored)});
  }
  return render(table);
}

std::string render_resources(const WorkloadResult& workload, const StudyReport& report) {
  HtmlTable table{.caption = "Sharpness, memory and time",
                  .headings = {"estimator", "width 50 %", "80 %", "90 %", "memory", "per function",
                               "prediction p50", "p99"},
                  .classes = classes_of(workload, report)};
  for (const EstimatorResult& result : workload.estimators) {
    const auto cost = std::ranges::find_if(report.costs, [&](const PredictionCost& c) {
      return c.workload == workload.name && c.estimator == result.name;
    });
    const bool known = cost != report.costs.end();
    table.rows.push_back(
        {name_cell(result, report), human_seconds(result.width_50), human_seconds(result.width_80),
         human_seconds(result.width_90), human_bytes(static_cast<double>(result.bytes)),
         human_bytes(result.bytes_per_function), known ? human_seconds(cost->p50_ns * 1e-9) : "-",
         known ? human_seconds(cost->p99_ns * 1e-9) : "-"});
  }
  return render(table);
}

std::string render_adaptation(const WorkloadResult& workload, const StudyReport& report) {
  HtmlTable table{.caption = "After a change of regime",
                  .headings = {"estimator", "loss / oracle, first 1000 arrivals",
                               "completions until recovered", "worst window, pp"}};
  for (const EstimatorResult& result : workload.estimators) {
    if (!result.adaptation) continue;
    const Adaptation& a = *result.adaptation;
    table.rows.push_back({name_cell(result, report), cell(a.after_change, human_ratio),
                          a.completions_until_recovered
                              ? plain_number(*a.completions_until_recovered)
                              : std::string("never"),
                          points(a.worst_window)});
  }
  return table.rows.empty() ? "" : render(table);
}

/// The default's strata: those of all estimators would be hundreds of rows.
std::string render_strata(const WorkloadResult& workload, const StudyReport& report) {
  const EstimatorResult* result = find_estimator(workload, report.default_estimator);
  if (result == nullptr || result->strata.empty()) return "";
  HtmlTable table{.caption = fmt::format("Coverage of {} by stratum, in %", result->name),
                  .headings = {"queue, fifth", "start", "popularity, third", "executions", "50 %",
                               "80 %", "90 %", "95 %"}};
  for (const Stratum& stratum : result->strata) {
    std::vector<std::string> row = {
        fmt::format("{}", stratum.depth_quintile), stratum.cold ? "cold" : "warm",
        fmt::format("{}", stratum.popularity_tercile), human_count(stratum.executions)};
    for (const double coverage : stratum.coverage) row.push_back(percent(coverage));
    table.rows.push_back(std::move(row));
  }
  return folded("Coverage by stratum", render(table));
}

std::string render_flags(const WorkloadResult& workload, const StudyReport& report) {
  HtmlTable table{.caption = "What was asked of each estimator",
                  .headings = {"estimator", "question", "", "expected", "observed"}};
  std::int64_t broken = 0;
  for (const EstimatorResult& result : workload.estimators) {
    for (const Flag& flag : result.flags) {
      if (!flag.holds) ++broken;
      table.rows.push_back({name_cell(result, report), escape(flag.name),
                            badge(flag.holds, flag.holds ? "holds" : "does not hold"),
                            prose(flag.expected), prose(flag.observed)});
    }
  }
  if (table.rows.empty()) return "";
  return folded(fmt::format("{}, {} do not hold",
                            reports::count(std::ssize(table.rows), "flag", "flags"), broken),
                render(table));
}

std::string render_analytic(const WorkloadResult& workload) {
  if (workload.analytic.empty()) return "";
  HtmlTable table{
      .caption = "Closed forms that the workload must meet",
      .headings = {"model", "quantity", "exact", "measured", "standard errors away", ""}};
  for (const AnalyticCheck& check : workload.analytic) {
    table.rows.push_back({escape(check.model), escape(check.quantity),
                          human_number(check.reference), cell(check.measured, human_number),
                          human_number(check.z),
                          badge(check.holds, check.holds ? "met" : "missed")});
  }
  return render(table);
}

std::string workload_facts(const WorkloadResult& workload) {
  std::vector<std::pair<std::string_view, std::string>> pairs;
  for (const auto& [name, n] : named_counts(workload.counts))
    pairs.emplace_back(name, human_count(n));
  pairs.emplace_back("warm-up", escape(describe_warm_up(workload)));
  pairs.emplace_back("stopped", escape(describe_stop(workload)));
  if (workload.trace_digest) {
    pairs.emplace_back("trace", fmt::format("<code>{:016x}</code>", *workload.trace_digest));
  }
  return facts(pairs);
}

std::string render_summary_table(const StudyReport& report) {
  HtmlTable table{.caption = fmt::format("{}, the default estimator", report.default_estimator),
                  .headings = {"workload", "pinball / oracle", "/ best baseline",
                               "worst coverage error, pp", "goals"}};
  for (std::size_t i = 0; i < report.workloads.size(); ++i) {
    const WorkloadResult& workload = report.workloads[i];
    std::vector<std::string> row = {link_to(report, i)};
    if (const EstimatorResult* r = find_estimator(workload, report.default_estimator)) {
      row.push_back(cell(r->to_oracle.ratio, human_ratio));
      row.push_back(fmt::format("{} <span class=\"role\">{}</span>",
                                cell(r->to_best_baseline.ratio, human_ratio),
                                escape(r->to_best_baseline.to)));
      row.push_back(cell(r->worst_coverage_error, points));
      const auto goals = std::ranges::count_if(r->flags, is_goal);
      const auto met = std::ranges::count_if(
          r->flags, [](const Flag& flag) { return is_goal(flag) && flag.holds; });
      row.push_back(goals == 0 ? "none" : badge(met == goals, fmt::format("{} of {}", met, goals)));
    }
    row.resize(table.headings.size(), "-");
    table.rows.push_back(std::move(row));
  }
  return render(table);
}

/// Those that are missed; all of them folded up below.
std::string render_goals(const StudyReport& report) {
  HtmlTable all{.caption = "All goals",
                .headings = {"workload", "estimator", "goal", "", "expected", "observed"}};
  HtmlTable missed = all;
  missed.caption = "Goals that are missed";
  for (std::size_t i = 0; i < report.workloads.size(); ++i) {
    for (const EstimatorResult& result : report.workloads[i].estimators) {
      for (const Flag& flag : result.flags) {
        if (!is_goal(flag)) continue;
        all.rows.push_back({link_to(report, i), name_cell(result, report),
                            escape(flag.name.substr(flag.name.find('/') + 1)),
                            badge(flag.holds, flag.holds ? "met" : "missed"), prose(flag.expected),
                            prose(flag.observed)});
        if (!flag.holds) missed.rows.push_back(all.rows.back());
      }
    }
  }
  if (all.rows.empty()) return "";
  const auto met = all.rows.size() - missed.rows.size();
  return (missed.rows.empty() ? "" : render(missed)) +
         folded(fmt::format("{} of {} met", met,
                            reports::count(std::ssize(all.rows), "goal", "goals")),
                render(all));
}

std::string render_controls(const StudyReport& report) {
  HtmlTable table{.caption = "Negative controls: wrong on purpose, to be flagged",
                  .headings = {"control", "", "flagged on", "not flagged on"}};
  const auto names = [](const std::vector<std::string>& workloads) {
    return workloads.empty() ? std::string("-") : prose(absl::StrJoin(workloads, ", "));
  };
  for (const ControlOutcome& outcome : control_outcomes(report)) {
    const bool good = outcome.missed_on.empty();
    table.rows.push_back({escape(outcome.name), badge(good, good ? "flagged" : "not flagged"),
                          names(outcome.flagged_on), names(outcome.missed_on)});
  }
  return table.rows.empty() ? "" : render(table);
}

}  // namespace

std::string render_header(const StudyReport& report) {
  const reports::Verdict verdict = verdict_of(report);
  std::size_t replications = 0;
  std::int64_t scored = 0;
  for (const WorkloadResult& workload : report.workloads) {
    replications += workload.seeds.size();
    scored += workload.counts.scored;
  }
  return fmt::format("<h1>{} {}</h1>\n", escape(report.name.empty() ? "study" : report.name),
                     badge(verdict == reports::Verdict::kPassed, to_string(verdict))) +
         (report.about.empty() ? ""
                               : fmt::format("<p class=\"about\">{}</p>\n", escape(report.about))) +
         fmt::format(
             "<p class=\"extent\">{}, {}, {}, {} executions scored</p>\n"
             "<p class=\"extent\">{} · <code>{}</code> · quintain {}</p>\n",
             reports::count(std::ssize(report.workloads), "workload", "workloads"),
             reports::count(std::ssize(estimators_of(report)), "estimator", "estimators"),
             reports::count(static_cast<std::int64_t>(replications), "replication", "replications"),
             human_count(scored), escape(report.wall_clock.started_at), escape(report.file),
             escape(report.tool_version));
}

std::string render_navigation(const StudyReport& report) {
  std::string out = "<li><a href=\"#overview\">Overview</a></li>\n";
  for (std::size_t i = 0; i < report.workloads.size(); ++i) {
    out += fmt::format("<li>{}</li>\n", link_to(report, i));
  }
  return out;
}

std::string render_legend(const StudyReport& report) {
  std::set<std::string_view> first;
  for (const WorkloadResult& workload : report.workloads) {
    for (const EstimatorResult* result : leading(workload, report.default_estimator)) {
      first.insert(result->name);
    }
  }
  std::string out;
  for (const EstimatorResult* result : estimators_of(report)) {
    const std::string series = swatch(*result, report);
    out += fmt::format(
        "<label class=\"series {}\"><input type=\"checkbox\" data-estimator=\"{}\" "
        "data-series=\"{}\"{}> <span>{}</span></label>\n",
        series, escape(result->name), series, first.contains(result->name) ? " checked" : "",
        escape(result->name));
  }
  return out;
}

std::string render_overview(const StudyReport& report) {
  return "<section id=\"overview\">\n<h2>Overview</h2>\n" + render_summary_table(report) +
         render_goals(report) + render_controls(report) + "</section>\n";
}

std::string render_workload(const StudyReport& report, std::size_t index) {
  const WorkloadResult& workload = report.workloads[index];
  std::string out = fmt::format("<section class=\"workload\" id=\"workload-{}\">\n<h2>{}</h2>\n",
                                index, escape(workload.name));
  if (!workload.about.empty()) {
    out += fmt::format("<p class=\"about\">{}</p>\n", escape(workload.about));
  }
  out += render_ratios(workload, report);
  out += render_adaptation(workload, report);
  out += render_figures(report, index);
  out += "<h3>Scores</h3>\n";
  out += render_scores(workload, report, &EstimatorResult::terminal,
                       "Time to the end, whatever ended it");
  out += render_scores(workload, report, &EstimatorResult::success,
                       "Time to success; executions that were cut short are censored");
  out += render_resources(workload, report);
  out += "<h3>The runs</h3>\n";
  out += workload_facts(workload);
  out += render_analytic(workload);
  out += render_flags(workload, report);
  out += render_strata(workload, report);
  out += folded("Configuration and seeds",
                fmt::format("<pre>{}</pre>\n<p>Seeds: {}</p>\n", escape(workload.config),
                            absl::StrJoin(workload.seeds, ", ")));
  return out + "</section>\n";
}

std::string render_colophon(const StudyReport& report) {
  const reports::WallClock& wall = report.wall_clock;
  std::vector<std::pair<std::string_view, std::string>> pairs = {
      {"command", fmt::format("<code>{}</code>", escape(report.command))},
      {"study file", fmt::format("<code>{}</code>", escape(report.file))},
      {"quintain", escape(report.tool_version)},
      {"started", escape(wall.started_at)},
      {"took", std::isfinite(wall.duration_seconds)
                   ? core::format_duration(std::chrono::milliseconds(
                         static_cast<std::int64_t>(wall.duration_seconds * 1000)))
                   : ""},
      {"jobs", fmt::format("{}", wall.jobs)}};
  for (const auto& [name, value] : wall.environment) pairs.emplace_back(name, escape(value));
  return facts(pairs);
}

}  // namespace quintain::study
