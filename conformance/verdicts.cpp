// Converts results to report cases: checks per clause with the calls that show a violation, the
// verdicts of the self-test, and known failures.
#include "conformance/verdicts.h"

#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

// Limits that keep a report readable.
constexpr std::size_t kMaxViolations = 5;
constexpr std::size_t kMaxEvents = 40;

reports::Evidence evidence(const Violation& violation, const CaseResult& result) {
  reports::Evidence evidence;
  const bool one_call = violation.recorded_calls.size() == 1;
  for (const RecordedCall& recorded : result.recorded_calls) {
    const bool shown = violation.recorded_calls.empty() ||
                       std::find(violation.recorded_calls.begin(), violation.recorded_calls.end(),
                                 recorded.number) != violation.recorded_calls.end();
    // A call that is itself the observation is not repeated.
    if (!shown || (one_call && describe(recorded) == violation.observed)) continue;
    if (evidence.events.size() == kMaxEvents) {
      ++evidence.omitted;
    } else {
      evidence.events.push_back({.at = recorded.sent.since_start(), .text = describe(recorded)});
    }
  }
  return evidence;
}

reports::Verdict verdict_of_violation(const Clause& clause, bool strict) {
  return clause.level == Level::kMust || strict ? reports::Verdict::kFailed
                                                : reports::Verdict::kWarning;
}

// The command that repeats a unary call by hand; empty if it would be too long to be of use.
std::string grpcurl_command(const RecordedCall& call, const std::string& target) {
  constexpr std::size_t kMaxCommand = 2000;
  std::string body;
  if (target.empty() || !google::protobuf::util::MessageToJsonString(*call.request, &body).ok()) {
    return {};
  }
  std::string quoted = "'";
  for (const char c : body) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  std::string command = fmt::format("grpcurl -d {}' {} spearlet.FunctionService/{}", quoted, target,
                                    name_of(call.method));
  return command.size() > kMaxCommand ? std::string() : command;
}

// Adds the command that repeats the call which shows the violation.
void add_command(const Violation& violation, const CaseResult& result, const std::string& target,
                 reports::Evidence& evidence) {
  if (target.empty() || violation.recorded_calls.empty()) return;
  const std::uint64_t number = violation.recorded_calls.back();
  for (const RecordedCall& call : result.recorded_calls) {
    if (call.number != number || call.request == nullptr) continue;
    std::string command = grpcurl_command(call, target);
    if (command.empty()) return;
    evidence.events.push_back(
        {.at = call.sent.since_start(), .text = "by hand: " + std::move(command)});
  }
}

void add_checks(const Clause& clause, const Finding& finding, const CaseResult& result,
                const VerdictOptions& options, std::vector<reports::Check>& checks) {
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
    const std::int64_t more =
        std::ssize(finding.violations) - static_cast<std::int64_t>(shown) + finding.further;
    if (i + 1 == shown && more > 0) observed += fmt::format(" (and {} more violations)", more);
    checks.push_back(
        {.name = i == 0 ? std::string(clause.id) : fmt::format("{}/{}", clause.id, i + 1),
         .kind = reports::CheckKind::kClause,
         .verdict = verdict_of_violation(clause, options.strict),
         .expected = violation.expected,
         .observed = std::move(observed),
         .evidence = evidence(violation, result)});
    add_command(violation, result, options.grpcurl_target, checks.back().evidence);
  }
}

// All clauses that the core violates, with the cases that saw it.
std::string row_of_matrix(const CoreVerdict& verdict) {
  const FaultyCore& core = *verdict.core;
  nlohmann::ordered_json row = {{"fault", std::string(core.about)},
                                {"origin", std::string(core.origin)},
                                {"breaks", nlohmann::ordered_json::object()}};
  for (const auto& [clause, cases] : verdict.violated) row["breaks"][clause] = cases;
  return row.dump();
}

reports::Check clause_check(std::string name, bool passed, std::string expected,
                            std::string observed) {
  return {.name = std::move(name),
          .kind = reports::CheckKind::kClause,
          .verdict = passed ? reports::Verdict::kPassed : reports::Verdict::kFailed,
          .expected = std::move(expected),
          .observed = std::move(observed)};
}

reports::Case correct_core_case(const CoreVerdict& verdict) {
  reports::Case report{.name = "self-test/good-core",
                       .error_message = {},
                       .reproduce = "quintain conform --transport sim"};
  for (const std::string& error : verdict.errors) report.error_message += error + "\n";
  for (const Clause& clause : all_clauses()) {
    const auto violated = verdict.violated.find(clause.id);
    const bool held = violated == verdict.violated.end();
    report.checks.push_back(clause_check(
        std::string(clause.id), held, "the correct core does not violate it",
        held ? "held" : fmt::format("violated in {}", fmt::join(violated->second, ", "))));
  }
  for (const std::string& reason : verdict.aborted) {
    report.checks.push_back({.name = "comes-to-its-end: " + reason,
                             .kind = reports::CheckKind::kLiveness,
                             .verdict = reports::Verdict::kFailed,
                             .expected = "every case runs to its end with the correct core",
                             .observed = reason});
  }
  return report;
}

reports::Case faulty_core_case(const CoreVerdict& verdict) {
  const FaultyCore& core = *verdict.core;
  reports::Case report{
      .name = fmt::format("self-test/{}", core.name),
      .config = row_of_matrix(verdict),
      .reproduce = fmt::format("quintain conform --transport sim --faulty {}", core.name)};
  for (const std::string_view clause : core.caught_by) {
    const auto violated = verdict.violated.find(clause);
    const bool caught = violated != verdict.violated.end();
    report.checks.push_back(
        clause_check(fmt::format("caught-by/{}", clause), caught,
                     fmt::format("{} fails: {}", clause, core.about),
                     caught ? fmt::format("it fails in {}", fmt::join(violated->second, ", "))
                            : "no case saw a violation"));
  }
  return report;
}

// A clause that catches nothing proves nothing about the suite.
reports::Case every_clause_catches_a_fault(const std::vector<CoreVerdict>& verdicts,
                                           const std::vector<MutationVerdict>& mutations) {
  reports::Case report{.name = "self-test/every-clause-catches-a-fault",
                       .reproduce = "quintain conform --self-test"};
  for (const Clause& clause : all_clauses()) {
    std::vector<std::string_view> caught;
    for (const CoreVerdict& verdict : verdicts) {
      if (verdict.core == nullptr || !verdict.violated.contains(clause.id)) continue;
      const auto& must_catch = verdict.core->caught_by;
      if (std::find(must_catch.begin(), must_catch.end(), clause.id) != must_catch.end()) {
        caught.push_back(verdict.core->name);
      }
    }
    for (const MutationVerdict& verdict : mutations) {
      const bool catches = std::find(verdict.clauses.begin(), verdict.clauses.end(), clause.id) !=
                           verdict.clauses.end();
      if (caught.empty() && catches) caught.push_back(verdict.mutation->name);
    }
    report.checks.push_back(
        clause_check(std::string(clause.id), !caught.empty(),
                     "it catches at least one fault that must violate it",
                     caught.empty() ? "it catches none"
                                    : fmt::format("it catches {}", fmt::join(caught, ", "))));
  }
  return report;
}

}  // namespace

std::vector<reports::Check> clause_checks(const CaseResult& result, const VerdictOptions& options) {
  std::vector<reports::Check> checks;
  // In the order of the catalogue, so that the clauses of a family are together.
  for (const Clause& clause : all_clauses()) {
    const auto finding = result.findings.by_clause().find(clause.id);
    if (finding == result.findings.by_clause().end()) continue;
    add_checks(clause, finding->second, result, options, checks);
  }
  return checks;
}

reports::Case to_report(const CaseResult& result, const VerdictOptions& options) {
  reports::Case report{.name = std::string(result.test_case->name),
                       .skip_reason = result.skipped,
                       .not_judged_reason = options.strict ? "" : result.not_judged,
                       .error_message = result.error,
                       .checks = clause_checks(result, options),
                       .events = static_cast<std::int64_t>(result.recorded_calls.size()),
                       .virtual_time = result.took};
  report.reproduce = fmt::format("{} --only '{}'", options.command, result.test_case->name);
  if (options.strict && !result.not_judged.empty()) {
    report.checks.push_back({.name = "is-judged",
                             .kind = reports::CheckKind::kLiveness,
                             .verdict = reports::Verdict::kFailed,
                             .expected = "the case can be judged (--strict)",
                             .observed = "not judged: " + result.not_judged});
  }
  if (!result.aborted.empty()) {
    report.checks.push_back({.name = "comes-to-its-end",
                             .kind = reports::CheckKind::kLiveness,
                             .verdict = reports::Verdict::kFailed,
                             .expected = "the target has what the case needs to run to its end",
                             .observed = result.aborted,
                             .evidence = evidence({}, result)});
  }
  return report;
}

std::vector<reports::Case> to_report(const std::vector<CoreVerdict>& verdicts,
                                     const std::vector<MutationVerdict>& mutations) {
  std::vector<reports::Case> cases;
  for (const CoreVerdict& verdict : verdicts) {
    cases.push_back(verdict.core == nullptr ? correct_core_case(verdict)
                                            : faulty_core_case(verdict));
  }
  cases.push_back(every_clause_catches_a_fault(verdicts, mutations));
  cases.push_back(to_report(mutations));
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

namespace {

std::string_view clause_in(const std::string& name_of_check) {
  return std::string_view(name_of_check).substr(0, name_of_check.find('/'));
}

struct KnownPattern {
  const KnownFailing::Entry* entry;
  /// Empty: every case.
  std::string of_case;
  /// Empty: the case as a whole.
  std::string clause;
  bool used = false;
};

KnownPattern split_pattern(const KnownFailing::Entry& entry) {
  const std::size_t colon = entry.pattern.rfind(':');
  if (colon != std::string::npos) {
    return {.entry = &entry,
            .of_case = entry.pattern.substr(0, colon),
            .clause = entry.pattern.substr(colon + 1)};
  }
  if (find_clause(entry.pattern) != nullptr)
    return {.entry = &entry, .of_case = {}, .clause = entry.pattern};
  return {.entry = &entry, .of_case = entry.pattern, .clause = {}};
}

reports::Case out_of_date(const KnownFailing& known, const KnownFailing::Entry& entry,
                          std::string expected) {
  return {.name = fmt::format("known-failing/{}", entry.pattern),
          .file = known.file,
          .checks = {{.name = "is-up-to-date",
                      .kind = reports::CheckKind::kExpectation,
                      .verdict = reports::Verdict::kFailed,
                      .expected = std::move(expected),
                      .observed = "there is none",
                      .where = reports::Location{known.file, entry.line}}}};
}

}  // namespace

void apply(const KnownFailing& known,
           bool (*matches)(const std::string& name, const std::string& pattern), bool partial,
           std::vector<reports::Case>& cases) {
  std::vector<KnownPattern> patterns;
  for (const KnownFailing::Entry& entry : known.entries) patterns.push_back(split_pattern(entry));
  for (reports::Case& one : cases) {
    bool all_known = true;
    std::string reason;
    for (KnownPattern& pattern : patterns) {
      if (!pattern.clause.empty() || !matches(one.name, pattern.of_case)) continue;
      pattern.used = true;
      one.known_failure = pattern.entry->reason;
    }
    for (const reports::Check& check : one.checks) {
      if (check.verdict != reports::Verdict::kFailed) continue;
      bool is_known = false;
      for (KnownPattern& pattern : patterns) {
        if (pattern.clause != clause_in(check.name)) continue;
        if (!pattern.of_case.empty() && !matches(one.name, pattern.of_case)) continue;
        pattern.used = true;
        is_known = true;
        reason = pattern.entry->reason;
      }
      all_known &= is_known;
    }
    if (one.known_failure.empty() && all_known && !reason.empty()) one.known_failure = reason;
  }
  for (const KnownPattern& pattern : patterns) {
    if (pattern.used) continue;
    const auto names_it = [&](const Case& one) {
      return pattern.of_case.empty() || matches(std::string(one.name), pattern.of_case);
    };
    if (partial && std::ranges::any_of(all_cases(), names_it)) continue;
    const std::string expected =
        pattern.clause.empty()
            ? fmt::format("'{}' matches a case", pattern.entry->pattern)
            : fmt::format("a case that was run violates '{}'", pattern.entry->pattern);
    cases.push_back(out_of_date(known, *pattern.entry, expected));
  }
}

std::string known_failing_text(const std::vector<reports::Case>& cases) {
  std::string text;
  for (const reports::Case& one : cases) {
    if (verdict_of(one) != reports::Verdict::kFailed) continue;
    std::string_view last;
    for (const reports::Check& check : one.checks) {
      if (check.verdict != reports::Verdict::kFailed || clause_in(check.name) == last) continue;
      last = clause_in(check.name);
      std::string reason = check.observed.substr(0, 100);
      std::ranges::replace(reason, '\n', ' ');
      text += fmt::format("{}:{}  # {}\n", one.name, last, reason);
    }
  }
  return text;
}

}  // namespace quintain::conformance
