#include "conformance/judgement/findings.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

void shorten(std::string& text) {
  if (text.size() <= Findings::kMaxTextBytes) return;
  const std::size_t size = text.size();
  text.resize(Findings::kMaxTextBytes);
  text.shrink_to_fit();
  text += fmt::format("... ({} bytes)", size);
}

void add_violation(Finding& finding, Violation violation) {
  if (finding.violations.size() == Findings::kMaxViolations) {
    ++finding.further;
    return;
  }
  shorten(violation.expected);
  shorten(violation.observed);
  finding.violations.push_back(std::move(violation));
}

}  // namespace

void Findings::record_pass(std::string_view clause) { ++finding_of(clause).judged; }

void Findings::record_failure(std::string_view clause, Violation violation) {
  if (violation.expected.empty()) violation.expected = find_clause(clause)->text;
  Finding& finding = finding_of(clause);
  ++finding.judged;
  add_violation(finding, std::move(violation));
}

void Findings::record_further_failures(std::string_view clause, std::int64_t count) {
  if (count == 0) return;
  Finding& finding = finding_of(clause);
  finding.judged += count;
  finding.further += count;
}

void Findings::add(std::string_view clause, const Finding& finding) {
  Finding& sum = finding_of(clause);
  sum.judged += finding.judged;
  sum.further += finding.further;
  for (const Violation& violation : finding.violations) add_violation(sum, violation);
}

bool Findings::violated(std::string_view clause) const {
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() && !found->second.violations.empty();
}

bool Findings::is_full(std::string_view clause) const {
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() && found->second.violations.size() == kMaxViolations;
}

Finding& Findings::finding_of(std::string_view clause) {
  assert(find_clause(clause) != nullptr && "no such clause in the catalogue");
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() ? found->second : by_clause_[std::string(clause)];
}

}  // namespace quintain::conformance
