// The report as a page for a browser. The page's script draws it from JSON data; what passed takes
// few bytes there, so that the page of a run with many cases opens quickly.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "reports/formats.h"
#include "reports/json_parts.h"
#include "reports/page/page.h"
#include "reports/pieces.h"
#include "reports/report.h"

namespace quintain::reports {
namespace {

Json html_check(const Check& check) {
  Json json = {{"name", check.name},
               {"kind", to_string(check.kind)},
               {"verdict", to_string(check.verdict)},
               {"expected", check.expected},
               {"observed", check.observed}};
  if (check.where) json["where"] = fmt::format("{}:{}", check.where->file, check.where->line);
  Json events = Json::array();
  for (const Event& event : check.evidence.events) {
    events.push_back(Json::array({event.at.count(), event.text}));
  }
  if (!events.empty()) json["events"] = std::move(events);
  if (check.evidence.omitted > 0) json["omitted"] = check.evidence.omitted;
  return json;
}

std::string for_script(const Json& json) { return json_for_script(dump(json, -1)); }

Json html_head(const Report& head, const Totals& totals) {
  const std::vector<std::pair<std::string_view, std::int64_t>> outcomes = {
      {"failed", totals.failed},
      {"unexpected pass", totals.unexpected_passes},
      {"error", totals.error},
      {"not judged", totals.not_judged},
      {"known failure", totals.known_failures},
      {"skipped", totals.skipped},
      {"passed", totals.passed}};
  Json counts = Json::array();
  for (const auto& [name, count] : outcomes) counts.push_back(Json::array({name, count}));
  Json json = {{"version", head.tool_version},
               {"command", head.command},
               {"several_seeds", head.seeds.size() > 1},
               {"verdict", to_string(verdict_of(totals, !head.incomplete.empty()))},
               {"cases", totals.cases},
               {"warnings", totals.warnings},
               {"outcomes", std::move(counts)},
               {"wall_clock", write_wall_clock(head.wall_clock)}};
  add_text(json, "incomplete", head.incomplete);
  if (!head.target.empty()) {
    auto target = parse_config(head.target, "the target");
    if (target.ok()) json["target"] = *std::move(target);
  }
  return json;
}

}  // namespace

std::string html_case(const Case& c) {
  // A seed has 64 bits; a number in JavaScript has 53.
  Json json = {{"name", c.name},
               {"file", c.file},
               {"seed", fmt::format("{}", c.seed)},
               {"outcome", to_string(outcome_of(c))}};
  add_text(json, "headline", headline(c));
  add_text(json, "skip_reason", c.skip_reason);
  add_text(json, "not_judged_reason", c.not_judged_reason);
  add_text(json, "error_message", error_text(c));
  add_text(json, "known_failure", c.known_failure);
  Json checks = Json::array();
  Json passed = Json::array();
  for (const Check& check : c.checks) {
    if (check.verdict == Verdict::kPassed) {
      passed.push_back(check.name);
    } else {
      checks.push_back(html_check(check));
    }
  }
  json["checks"] = std::move(checks);
  json["passed"] = std::move(passed);
  Json metrics = Json::array();
  for (const Metric& metric : c.metrics) {
    Json value = std::visit([](auto some) -> Json { return number(static_cast<double>(some)); },
                            metric.value);
    metrics.push_back(Json::array({metric.name, std::move(value), metric.unit}));
  }
  json["metrics"] = std::move(metrics);
  json["events"] = c.events;
  json["time_ns"] = c.virtual_time.count();
  if (c.timeline) json["timeline"] = write_timeline(*c.timeline);
  json["reproduce"] = c.reproduce;
  return for_script(json);
}

void PageSummary::add(const Case& c) {
  has_timelines_ |= c.timeline.has_value();
  constexpr std::size_t kMaxTexts = 10'000;
  constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
  for (const Check& check : c.checks) {
    if (check.kind == CheckKind::kExpectation || check.verdict != Verdict::kPassed) continue;
    if (const auto found = texts_.find(check.name); found != texts_.end()) {
      // Cases come in any order, and the page has to be the same.
      found->second = std::min(found->second, {check.kind, check.expected});
      continue;
    }
    bytes_ += check.name.size() + check.expected.size();
    if (bytes_ > kMaxBytes || texts_.size() >= kMaxTexts) return;
    texts_.emplace(check.name, std::pair{check.kind, check.expected});
  }
}

std::vector<bool> choose_html_parts(const std::vector<HtmlPart>& parts) {
  std::vector<bool> chosen(parts.size());
  std::size_t left = kMaxPageBytes;
  for (const bool passed : {false, true}) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].passed != passed || parts[i].bytes > left) continue;
      left -= parts[i].bytes;
      chosen[i] = true;
    }
  }
  return chosen;
}

void write_html(const Report& head, const Totals& totals, const PageSummary& summary,
                std::int64_t omitted, const CaseTexts& cases, const Sink& sink) {
  const PageFrame frame = report_page_frame(head.command, summary.has_timelines());
  Json texts = Json::object();
  for (const auto& [name, check] : summary.texts()) {
    texts[name] = Json::array({to_string(check.first), check.second});
  }
  sink(frame.before);
  sink("{\"report\":");
  sink(for_script(html_head(head, totals)));
  sink(",\"checks\":");
  sink(for_script(texts));
  sink(fmt::format(",\"omitted\":{},\"cases\":[", omitted));
  cases(",\n", sink);
  sink("]}");
  sink(frame.after);
}

std::string to_html(const Report& report) {
  PageSummary summary;
  std::vector<std::string> cases;
  std::vector<HtmlPart> parts;
  for (const Case& c : report.cases) {
    summary.add(c);
    cases.push_back(html_case(c));
    parts.push_back({cases.back().size(), outcome_of(c) == Outcome::kPassed});
  }
  const std::vector<bool> chosen = choose_html_parts(parts);
  const CaseTexts texts = [&](std::string_view separator, const Sink& sink) {
    bool first = true;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!chosen[i]) continue;
      if (!std::exchange(first, false)) sink(separator);
      sink(cases[i]);
    }
  };
  std::string text;
  write_html(report, totals_of(report), summary, std::ranges::count(chosen, false), texts,
             [&](std::string_view part) { text += part; });
  return text;
}

}  // namespace quintain::reports
