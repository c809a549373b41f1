// Sums up a report by clause for a statement of conformance. Strings are written as JSON, which is
// YAML too.
#include "conformance/statement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "conformance/judgement/clauses/clause.h"
#include "conformance/wire/profile.h"
#include "reports/text.h"

namespace quintain::conformance {
namespace {

std::string yaml_string(std::string_view text) {
  return reports::printable_json(
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string list_of(const std::vector<std::string_view>& clauses) {
  return fmt::format("[{}]", fmt::join(clauses, ", "));
}

// The clauses that the cases judged, and of those the ones that a case found violated.
struct Judged {
  std::set<std::string, std::less<>> all;
  std::set<std::string, std::less<>> violated;
};

Judged judged_clauses(const reports::Report& report) {
  Judged judged;
  for (const reports::Case& one : report.cases) {
    for (const reports::Check& check : one.checks) {
      if (check.kind != reports::CheckKind::kClause) continue;
      std::string clause = check.name.substr(0, check.name.find('/'));
      if (check.verdict != reports::Verdict::kPassed) judged.violated.insert(clause);
      judged.all.insert(std::move(clause));
    }
  }
  return judged;
}

std::string families(const reports::Report& report, const Profile& profile) {
  struct ClausesOfFamily {
    std::vector<std::string_view> held;
    std::vector<std::string_view> violated;
    std::vector<std::string_view> not_judged;
  };
  const Judged judged = judged_clauses(report);
  std::vector<std::string_view> order;
  std::map<std::string_view, ClausesOfFamily> by_name;
  for (const Clause& clause : all_clauses()) {
    if (!profile.applies(clause.id)) continue;
    const std::string_view name = clause.id.substr(0, clause.id.find('-'));
    if (!by_name.contains(name)) order.push_back(name);
    ClausesOfFamily& family = by_name[name];
    auto& place = judged.violated.contains(clause.id) ? family.violated
                  : judged.all.contains(clause.id)    ? family.held
                                                      : family.not_judged;
    place.push_back(clause.id);
  }
  std::string text;
  for (const std::string_view name : order) {
    const ClausesOfFamily& family = by_name[name];
    text += fmt::format("  {}:\n    held: {}\n", name, list_of(family.held));
    if (!family.violated.empty()) {
      text += fmt::format("    violated: {}\n", list_of(family.violated));
    }
    if (!family.not_judged.empty()) {
      text += fmt::format("    not_judged: {}\n", list_of(family.not_judged));
    }
  }
  return text;
}

// The cases with such an outcome, each with its reason.
std::string cases_with(const reports::Report& report, reports::Outcome outcome,
                       std::string_view key) {
  std::string text;
  for (const reports::Case& one : report.cases) {
    if (outcome_of(one) != outcome) continue;
    text += fmt::format("  - {{case: {}, reason: {}}}\n", yaml_string(one.name),
                        yaml_string(headline(one)));
  }
  return text.empty() ? fmt::format("{}: []\n", key) : fmt::format("{}:\n{}", key, text);
}

}  // namespace

std::string missing_for_statement(const Manifest& manifest) {
  const Implementation& made = manifest.implementation;
  std::vector<std::string_view> missing;
  if (made.name.empty()) missing.push_back("implementation.name");
  if (made.version.empty()) missing.push_back("implementation.version");
  if (made.contact.empty()) missing.push_back("implementation.contact");
  return fmt::format("{}", fmt::join(missing, ", "));
}

std::string statement(const reports::Report& report, const Manifest& manifest) {
  const Implementation& made = manifest.implementation;
  const reports::Totals totals = totals_of(report);
  std::string text = "# A statement of conformance, written by `quintain conform --statement`.\n";
  text += fmt::format("statement: 1\ndate: {}\n", yaml_string(report.wall_clock.started_at.substr(
                                                      0, std::string_view("2024-05-01").size())));
  text += fmt::format("implementation:\n  name: {}\n  version: {}\n", yaml_string(made.name),
                      yaml_string(made.version));
  if (!made.url.empty()) text += fmt::format("  url: {}\n", yaml_string(made.url));
  text += fmt::format("signed_off_by: {}\n", yaml_string(made.contact));
  text += fmt::format("suite:\n  name: quintain\n  version: {}\n  command: {}\n",
                      yaml_string(report.tool_version), yaml_string(report.command));
  text += fmt::format("profile: {}\n", manifest.profile);
  text += fmt::format("result: {}\n", to_string(verdict_of(report)));
  if (!report.incomplete.empty()) {
    text += fmt::format("incomplete: {}\n", yaml_string(report.incomplete));
  }
  text += fmt::format(
      "cases: {{passed: {}, failed: {}, errors: {}, not_judged: {}, not_applicable: {}, "
      "known_failures: {}}}\n",
      totals.passed, totals.failed + totals.unexpected_passes, totals.error, totals.not_judged,
      totals.skipped, totals.known_failures);
  text += "families:\n" + families(report, *find_profile(manifest.profile));
  text += cases_with(report, reports::Outcome::kNotJudged, "not_judged");
  text += cases_with(report, reports::Outcome::kKnownFailure, "known_failures");
  return text;
}

}  // namespace quintain::conformance
