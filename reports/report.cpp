#include "reports/report.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace quintain::reports {
namespace {

bool any_check(const Case& c, Verdict verdict) {
  return std::ranges::any_of(c.checks, [&](const Check& k) { return k.verdict == verdict; });
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  static constexpr std::array<std::string_view, 5> kNames = {"passed", "failed", "skipped", "error",
                                                             "warning"};
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
  const bool judged = any_check(c, Verdict::kPassed) || any_check(c, Verdict::kWarning);
  return judged ? Verdict::kPassed : Verdict::kError;
}

std::string error_text(const Case& c) {
  if (verdict_of(c) != Verdict::kError) return "";
  if (!c.error_message.empty()) return c.error_message;
  return any_check(c, Verdict::kError) ? "a check could not judge" : "no check judged this case";
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
    case Verdict::kError:
    case Verdict::kWarning:  // no case has it
      break;
  }
  return Outcome::kError;
}

Totals totals_of(const Report& report) {
  Totals totals;
  for (const Case& c : report.cases) {
    ++totals.cases;
    totals.warnings += std::ranges::count(c.checks, Verdict::kWarning, &Check::verdict);
    switch (outcome_of(c)) {
      case Outcome::kPassed:
        ++totals.passed;
        break;
      case Outcome::kFailed:
        ++totals.failed;
        break;
      case Outcome::kSkipped:
        ++totals.skipped;
        break;
      case Outcome::kError:
        ++totals.error;
        break;
      case Outcome::kKnownFailure:
        ++totals.known_failures;
        break;
      case Outcome::kUnexpectedPass:
        ++totals.unexpected_passes;
        break;
    }
  }
  return totals;
}

Verdict verdict_of(const Report& report) {
  const Totals totals = totals_of(report);
  if (totals.cases == 0 || totals.error > 0) return Verdict::kError;
  if (totals.failed + totals.unexpected_passes > 0) return Verdict::kFailed;
  return totals.passed + totals.known_failures > 0 ? Verdict::kPassed : Verdict::kSkipped;
}

int exit_code(Verdict run) {
  switch (run) {
    case Verdict::kPassed:
    case Verdict::kSkipped:
      return 0;
    case Verdict::kFailed:
      return 1;
    case Verdict::kError:
    case Verdict::kWarning:  // no run has it
      break;
  }
  return 3;
}

}  // namespace quintain::reports
