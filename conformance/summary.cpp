// Shortens a report for the terminal and sums it up by clause.
#include "conformance/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "conformance/judgement/clauses/clause.h"
#include "reports/text.h"

namespace quintain::conformance {
namespace {

constexpr std::size_t kMaxDetailedCases = 12;
constexpr std::size_t kMaxChecks = 4;
constexpr std::size_t kMaxShownEvents = 3;
constexpr std::size_t kMaxText = 400;

void shorten(std::string& text) {
  if (text.size() <= kMaxText) return;
  std::size_t end = kMaxText;
  // Not within a character of UTF-8.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text = fmt::format("{}... ({} more bytes)", text.substr(0, end), text.size() - end);
}

bool failed(const reports::Check& check) { return check.verdict == reports::Verdict::kFailed; }

void shorten(reports::Case& one, bool with_details) {
  const auto first_left_out = std::stable_partition(one.checks.begin(), one.checks.end(), failed);
  const auto failures = static_cast<std::size_t>(first_left_out - one.checks.begin());
  for (std::size_t i = 0; i < failures; ++i) {
    reports::Check& check = one.checks[i];
    shorten(check.expected);
    shorten(check.observed);
    reports::Evidence& evidence = check.evidence;
    const std::size_t kept = with_details && i < kMaxChecks ? kMaxShownEvents : 0;
    if (evidence.events.size() > kept) {
      evidence.omitted += static_cast<std::int64_t>(evidence.events.size() - kept);
      evidence.events.resize(kept);
    }
    if (kept == 0) evidence.omitted = 0;
    for (reports::Event& event : evidence.events) shorten(event.text);
  }
  if (with_details || failures <= 1) return;
  // The first failure speaks for the others; the table by clause names those.
  one.checks[0].observed += fmt::format(" (and {} more failed checks)", failures - 1);
  one.checks.erase(one.checks.begin() + 1, first_left_out);
}

struct Cause {
  std::string clause;
  std::set<std::string> cases;
  const reports::Check* first = nullptr;
};

std::string_view clause_of(const reports::Check& check) {
  return std::string_view(check.name).substr(0, check.name.find('/'));
}

}  // namespace

reports::Report shortened(reports::Report report) {
  std::size_t detailed = 0;
  for (reports::Case& one : report.cases) {
    if (verdict_of(one) == reports::Verdict::kFailed) shorten(one, ++detailed <= kMaxDetailedCases);
  }
  return report;
}

std::string table_by_clause(const reports::Report& report, std::size_t max_causes) {
  std::map<std::string, Cause, std::less<>> causes;
  std::set<std::string, std::less<>> held;
  for (const reports::Case& one : report.cases) {
    for (const reports::Check& check : one.checks) {
      if (check.kind != reports::CheckKind::kClause) continue;
      const std::string clause(clause_of(check));
      if (!failed(check)) {
        held.insert(clause);
        continue;
      }
      Cause& cause = causes[clause];
      cause.clause = clause;
      cause.cases.insert(one.name);
      if (cause.first == nullptr) cause.first = &check;
    }
  }
  if (causes.empty() && held.empty()) return {};
  std::string text = fmt::format("\n{:<10}{:>8}{:>10}\n", "clauses", "held", "violated");
  std::vector<std::string_view> families;
  for (const Clause& clause : all_clauses()) {
    const std::string_view family = clause.id.substr(0, clause.id.find('-'));
    if (families.empty() || families.back() != family) families.push_back(family);
  }
  for (const std::string_view family : families) {
    int kept = 0;
    int violated = 0;
    for (const Clause& clause : all_clauses()) {
      if (clause.id.substr(0, clause.id.find('-')) != family) continue;
      if (causes.contains(clause.id)) {
        ++violated;
      } else if (held.contains(clause.id)) {
        ++kept;
      }
    }
    if (kept + violated > 0) text += fmt::format("{:<10}{:>8}{:>10}\n", family, kept, violated);
  }
  std::vector<const Cause*> order;
  for (const auto& [clause, cause] : causes) order.push_back(&cause);
  std::stable_sort(order.begin(), order.end(), [](const Cause* a, const Cause* b) {
    return a->cases.size() > b->cases.size();
  });
  if (!order.empty()) text += "\nviolated clauses, the one that most cases saw first:\n";
  for (std::size_t i = 0; i < std::min(order.size(), max_causes); ++i) {
    std::string observed = order[i]->first->observed;
    shorten(observed);
    text += fmt::format(
        "  {} in {}, first in {}\n    expected: {}\n    observed: {}\n", order[i]->clause,
        reports::count(std::ssize(order[i]->cases), "case", "cases"), *order[i]->cases.begin(),
        reports::printable(order[i]->first->expected), reports::printable(observed));
  }
  if (order.size() > max_causes) {
    text += fmt::format("  and {} more violated clauses\n", order.size() - max_causes);
  }
  return text;
}

}  // namespace quintain::conformance
