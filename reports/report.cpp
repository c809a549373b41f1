// Derives verdicts, totals and groups from the checks of a report's cases.
#include "reports/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace quintain::reports {
namespace {

bool any_check(const Case& c, Verdict verdict) {
  return std::ranges::any_of(c.checks, [&](const Check& k) { return k.verdict == verdict; });
}

/// The length of the top folder with its slash; 0 if there is none. Slashes among the values of the
/// matrix do not count.
std::size_t folder_length(std::string_view name) {
  return name.substr(0, name.find('[')).find('/') + 1;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  static constexpr std::array<std::string_view, 6> kNames = {"passed", "failed",  "skipped",
                                                             "error",  "warning", "not_judged"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::string_view to_string(CheckKind kind) {
  static constexpr std::array<std::string_view, 5> kNames = {"invariant", "expectation",
                                                             "determinism", "liveness", "clause"};
  return kNames[static_cast<std::size_t>(kind)];
}

Verdict verdict_of(const Case& c) {
  if (!c.error_message.empty() || any_check(c, Verdict::kError)) return Verdict::kError;
  if (any_check(c, Verdict::kFailed)) return Verdict::kFailed;
  if (!c.skip_reason.empty()) return Verdict::kSkipped;
  if (!c.not_judged_reason.empty()) return Verdict::kNotJudged;
  const bool judged = any_check(c, Verdict::kPassed) || any_check(c, Verdict::kWarning);
  return judged ? Verdict::kPassed : Verdict::kError;
}

std::string error_text(const Case& c) {
  if (verdict_of(c) != Verdict::kError) return "";
  if (!c.error_message.empty()) return c.error_message;
  return any_check(c, Verdict::kError) ? "a check could not judge" : "no check judged this case";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kSkipped:
      return "skipped";
    case Outcome::kNotJudged:
      return "not judged";
    case Outcome::kError:
      return "error";
    case Outcome::kKnownFailure:
      return "known failure";
    case Outcome::kUnexpectedPass:
      return "unexpected pass";
  }
  return "";
}

Outcome outcome_of(const Case& c) {
  const bool known = !c.known_failure.empty();
  switch (verdict_of(c)) {
    case Verdict::kPassed:
      return known ? Outcome::kUnexpectedPass : Outcome::kPassed;
    case Verdict::kFailed:
      return known ? Outcome::kKnownFailure : Outcome::kFailed;
    case Verdict::kSkipped:
      return Outcome::kSkipped;
    case Verdict::kNotJudged:
      return Outcome::kNotJudged;
    case Verdict::kError:
    case Verdict::kWarning:  // not the verdict of a case
      break;
  }
  return Outcome::kError;
}

void Totals::add(const Case& c) {
  ++cases;
  warnings += std::ranges::count(c.checks, Verdict::kWarning, &Check::verdict);
  switch (outcome_of(c)) {
    case Outcome::kPassed:
      ++passed;
      break;
    case Outcome::kFailed:
      ++failed;
      break;
    case Outcome::kSkipped:
      ++skipped;
      break;
    case Outcome::kNotJudged:
      ++not_judged;
      break;
    case Outcome::kError:
      ++error;
      break;
    case Outcome::kKnownFailure:
      ++known_failures;
      break;
    case Outcome::kUnexpectedPass:
      ++unexpected_passes;
      break;
  }
}

Totals totals_of(const Report& report) {
  Totals totals;
  for (const Case& c : report.cases) totals.add(c);
  return totals;
}

Verdict verdict_of(const Report& report) {
  return verdict_of(totals_of(report), !report.incomplete.empty());
}

Verdict verdict_of(const Totals& totals, bool incomplete) {
  if (totals.failed + totals.unexpected_passes > 0) return Verdict::kFailed;
  if (totals.cases == 0 || totals.error > 0 || incomplete) return Verdict::kError;
  if (totals.passed + totals.known_failures > 0) return Verdict::kPassed;
  return totals.not_judged > 0 ? Verdict::kNotJudged : Verdict::kSkipped;
}

int exit_code(Verdict run) {
  switch (run) {
    case Verdict::kPassed:
    case Verdict::kSkipped:
    case Verdict::kNotJudged:
      return 0;
    case Verdict::kFailed:
      return 1;
    case Verdict::kError:
    case Verdict::kWarning:  // not the verdict of a run
      break;
  }
  return 3;
}

std::string headline(const Case& c) {
  switch (outcome_of(c)) {
    case Outcome::kPassed:
      return "";
    case Outcome::kSkipped:
      return c.skip_reason;
    case Outcome::kNotJudged:
      return "not judged: " + c.not_judged_reason;
    case Outcome::kError:
      return error_text(c);
    case Outcome::kKnownFailure:
      return "known failure: " + c.known_failure;
    case Outcome::kUnexpectedPass:
      return "passes, so it is no longer a known failure: " + c.known_failure;
    case Outcome::kFailed:
      break;
  }
  const auto failed = std::ranges::find(c.checks, Verdict::kFailed, &Check::verdict);
  const std::string first = failed->observed.substr(0, failed->observed.find('\n'));
  return fmt::format("{}: {}", failed->name, first);
}

std::vector<CaseGroup> group_by_folder(const Report& report) {
  std::vector<CaseGroup> groups;
  for (const Case& c : report.cases) {
    const std::string folder = folder_of(c);
    auto group = std::ranges::find(groups, folder, &CaseGroup::name);
    if (group == groups.end()) group = groups.insert(groups.end(), {folder, {}});
    group->cases.push_back(&c);
  }
  return groups;
}

std::string name_below_folder(const Case& c) { return c.name.substr(folder_length(c.name)); }

std::string name_in_group(const Case& c, const std::vector<std::uint64_t>& seeds) {
  const std::string name = name_below_folder(c);
  return seeds.size() > 1 ? fmt::format("{} seed={}", name, c.seed) : name;
}

std::string folder_of(const Case& c) {
  const std::size_t length = folder_length(c.name);
  return c.name.substr(0, length == 0 ? 0 : length - 1);
}

}  // namespace quintain::reports
