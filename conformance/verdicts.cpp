#include "conformance/verdicts.h"

#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

// What a reader can take in.
constexpr std::size_t kMaxViolations = 5;
constexpr std::size_t kMaxEvents = 40;

reports::Evidence evidence(const Violation& violation, const CaseResult& result) {
  reports::Evidence evidence;
  const bool one_call = violation.recorded_calls.size() == 1;
  for (const RecordedCall& recorded : result.recorded_calls) {
    const bool shown = violation.recorded_calls.empty() ||
                       std::find(violation.recorded_calls.begin(), violation.recorded_calls.end(),
                                 recorded.number) != violation.recorded_calls.end();
    // A call that is what was seen need not be shown again.
    if (!shown || (one_call && describe(recorded) == violation.observed)) continue;
    if (evidence.events.size() == kMaxEvents) {
      ++evidence.omitted;
    } else {
      evidence.events.push_back({.at = recorded.sent.since_start(), .text = describe(recorded)});
    }
  }
  return evidence;
}

reports::Verdict verdict_of_breach(const Clause& clause, bool strict) {
  return clause.level == Level::kMust || strict ? reports::Verdict::kFailed
                                                : reports::Verdict::kWarning;
}

void add_checks(const Clause& clause, const Finding& finding, const CaseResult& result, bool strict,
                std::vector<reports::Check>& checks) {
  if (finding.violations.empty()) {
    checks.push_back({.name = std::string(clause.id),
                      .kind = reports::CheckKind::kClause,
                      .verdict = reports::Verdict::kPassed,
                      .expected = std::string(clause.text),
                      .observed = fmt::format("held {} times", finding.judged)});
    return;
  }
  const std::size_t shown = std::min(finding.violations.size(), kMaxViolations);
  for (std::size_t i = 0; i < shown; ++i) {
    const Violation& violation = finding.violations[i];
    std::string observed = violation.observed;
    if (i + 1 == shown && shown < finding.violations.size()) {
      observed += fmt::format(" (and {} violations more)", finding.violations.size() - shown);
    }
    checks.push_back(
        {.name = i == 0 ? std::string(clause.id) : fmt::format("{}/{}", clause.id, i + 1),
         .kind = reports::CheckKind::kClause,
         .verdict = verdict_of_breach(clause, strict),
         .expected = violation.expected,
         .observed = std::move(observed),
         .evidence = evidence(violation, result)});
  }
}

// All that the core breaks, with the cases that saw it.
std::string row_of_matrix(const CoreVerdict& verdict) {
  const FaultyCore& core = *verdict.core;
  nlohmann::ordered_json row = {{"fault", std::string(core.about)},
                                {"origin", std::string(core.origin)},
                                {"breaks", nlohmann::ordered_json::object()}};
  for (const auto& [clause, cases] : verdict.broken) row["breaks"][clause] = cases;
  return row.dump();
}

}  // namespace

reports::Case to_report(const CaseResult& result, const VerdictOptions& options) {
  reports::Case report{.name = std::string(result.subject->name),
                       .skip_reason = result.skipped,
                       .error_message = result.error,
                       .events = static_cast<std::int64_t>(result.recorded_calls.size()),
                       .virtual_time = result.took};
  report.reproduce = fmt::format("{} --only '{}'", options.command, result.subject->name);
  // In the order of the catalogue, so that a family's clauses stand together.
  for (const Clause& clause : all_clauses()) {
    const auto finding = result.findings.by_clause().find(clause.id);
    if (finding == result.findings.by_clause().end()) continue;
    add_checks(clause, finding->second, result, options.strict, report.checks);
  }
  if (!result.unmet.empty()) {
    report.checks.push_back({.name = "comes-to-its-end",
                             .kind = reports::CheckKind::kLiveness,
                             .verdict = reports::Verdict::kFailed,
                             .expected = "the target has what the case needs and lets it go on",
                             .observed = result.unmet,
                             .evidence = evidence({}, result)});
  }
  return report;
}

std::vector<reports::Case> to_report(const std::vector<CoreVerdict>& verdicts) {
  std::vector<reports::Case> cases;
  for (const CoreVerdict& verdict : verdicts) {
    reports::Case& report = cases.emplace_back();
    if (verdict.core == nullptr) {
      report.name = "self-test/good-core";
      report.reproduce = "quintain conform --transport sim";
      for (const std::string& error : verdict.errors) report.error_message += error + "\n";
      for (const Clause& clause : all_clauses()) {
        const auto broken = verdict.broken.find(std::string(clause.id));
        const bool held = broken == verdict.broken.end();
        report.checks.push_back(
            {.name = std::string(clause.id),
             .kind = reports::CheckKind::kClause,
             .verdict = held ? reports::Verdict::kPassed : reports::Verdict::kFailed,
             .expected = "the good core does not break it",
             .observed =
                 held ? "held" : fmt::format("broken in {}", fmt::join(broken->second, ", "))});
      }
      for (const std::string& unmet : verdict.unmet) {
        report.checks.push_back({.name = "comes-to-its-end: " + unmet,
                                 .kind = reports::CheckKind::kLiveness,
                                 .verdict = reports::Verdict::kFailed,
                                 .expected = "every case comes to its end with the good core",
                                 .observed = unmet});
      }
      continue;
    }
    report.name = fmt::format("self-test/{}", verdict.core->name);
    report.config = row_of_matrix(verdict);
    report.reproduce =
        fmt::format("quintain conform --transport sim --faulty {}", verdict.core->name);
    const std::vector<std::string> not_caught = missed(verdict);
    for (const std::string_view clause : verdict.core->caught_by) {
      const auto broken = verdict.broken.find(std::string(clause));
      const bool caught = broken != verdict.broken.end();
      report.checks.push_back(
          {.name = fmt::format("caught-by/{}", clause),
           .kind = reports::CheckKind::kClause,
           .verdict = caught ? reports::Verdict::kPassed : reports::Verdict::kFailed,
           .expected = fmt::format("{} fails: {}", clause, verdict.core->about),
           .observed = caught ? fmt::format("it fails in {}", fmt::join(broken->second, ", "))
                              : "no case saw it broken"});
    }
  }
  // A clause that catches nothing proves nothing.
  reports::Case clauses{.name = "self-test/every-clause-catches-a-core",
                        .reproduce = "quintain conform --self-test"};
  for (const Clause& clause : all_clauses()) {
    std::vector<std::string_view> caught;
    for (const CoreVerdict& verdict : verdicts) {
      if (verdict.core == nullptr || !verdict.broken.contains(std::string(clause.id))) continue;
      const auto& named = verdict.core->caught_by;
      if (std::find(named.begin(), named.end(), clause.id) != named.end()) {
        caught.push_back(verdict.core->name);
      }
    }
    clauses.checks.push_back(
        {.name = std::string(clause.id),
         .kind = reports::CheckKind::kClause,
         .verdict = caught.empty() ? reports::Verdict::kFailed : reports::Verdict::kPassed,
         .expected = "it catches at least one core whose fault it names",
         .observed = caught.empty() ? "it catches none"
                                    : fmt::format("it catches {}", fmt::join(caught, ", "))});
  }
  cases.push_back(std::move(clauses));
  return cases;
}

KnownFailing parse_known_failing(std::string file, std::string_view text) {
  KnownFailing known{.file = std::move(file)};
  int number = 0;
  for (const auto& line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits('#', 1));
    const std::string pattern(absl::StripAsciiWhitespace(parts.first));
    const std::string reason(absl::StripAsciiWhitespace(parts.second));
    if (pattern.empty()) continue;
    known.entries.push_back(
        {.line = number, .pattern = pattern, .reason = reason.empty() ? "known to fail" : reason});
  }
  return known;
}

void apply(const KnownFailing& known,
           bool (*matches)(const std::string& name, const std::string& pattern),
           std::vector<reports::Case>& cases) {
  std::vector<reports::Case> unused;
  for (const KnownFailing::Entry& entry : known.entries) {
    bool used = false;
    for (reports::Case& one : cases) {
      if (!matches(one.name, entry.pattern)) continue;
      used = true;
      one.known_failure = entry.reason;
    }
    if (used) continue;
    unused.push_back(
        {.name = fmt::format("known-failing/{}", entry.pattern),
         .file = known.file,
         .checks = {{.name = "matches-a-case",
                     .kind = reports::CheckKind::kExpectation,
                     .verdict = reports::Verdict::kFailed,
                     .expected = fmt::format("'{}' matches a case that was run", entry.pattern),
                     .observed = "it matches none",
                     .where = reports::Location{known.file, entry.line}}}});
  }
  cases.insert(cases.end(), unused.begin(), unused.end());
}

}  // namespace quintain::conformance
