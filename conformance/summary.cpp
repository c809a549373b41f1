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

constexpr std::size_t kMaxDetailedClauses = 7;
constexpr std::size_t kMaxDetailedReasons = 3;
constexpr std::size_t kMaxShownEvents = 2;
constexpr std::size_t kMaxText = 400;

void shorten(std::string& text) {
  if (text.size() <= kMaxText) return;
  std::size_t end = kMaxText;
  // Not within a character of UTF-8.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text = fmt::format("{}... ({} more bytes)", text.substr(0, end), text.size() - end);
}

bool failed(const reports::Check& check) { return check.verdict == reports::Verdict::kFailed; }

std::string_view clause_of(const reports::Check& check) {
  return std::string_view(check.name).substr(0, check.name.find('/'));
}

// Why a case did not come to its end, up to what differs between cases.
std::string_view without_ids(std::string_view reason) {
  return reason.substr(0, reason.find_first_of(":0123456789'"));
}

void shorten(reports::Check& check) {
  shorten(check.expected);
  shorten(check.observed);
  reports::Evidence& evidence = check.evidence;
  if (evidence.events.size() > kMaxShownEvents) {
    evidence.omitted += static_cast<std::int64_t>(evidence.events.size() - kMaxShownEvents);
    evidence.events.resize(kMaxShownEvents);
  }
  for (reports::Event& event : evidence.events) shorten(event.text);
}

struct Cause {
  std::string clause;
  std::set<std::string> cases;
  const reports::Check* first = nullptr;
};

}  // namespace

reports::Report shortened(reports::Report report) {
  std::set<std::string, std::less<>> clauses;
  std::set<std::string, std::less<>> reasons;
  // Failures first, so that warnings do not take the place of one.
  for (const auto verdict : {reports::Verdict::kFailed, reports::Verdict::kWarning}) {
    for (reports::Case& one : report.cases) {
      for (reports::Check& check : one.checks) {
        if (check.verdict != verdict) continue;
        const bool is_clause = check.kind == reports::CheckKind::kClause;
        auto& detailed = is_clause ? clauses : reasons;
        const std::string_view cause = is_clause ? clause_of(check) : without_ids(check.observed);
        if (detailed.size() < (is_clause ? kMaxDetailedClauses : kMaxDetailedReasons) &&
            !detailed.contains(cause)) {
          detailed.emplace(cause);
          shorten(check);
        } else {
          check.expected.clear();
          check.observed.clear();
          check.evidence = {};
        }
      }
    }
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
