#include "conformance/judgement/findings.h"

#include <cassert>
#include <utility>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {

void Findings::record_pass(std::string_view clause) { ++finding_of(clause).judged; }

void Findings::record_failure(std::string_view clause, Violation violation) {
  if (violation.expected.empty()) violation.expected = find_clause(clause)->text;
  Finding& finding = finding_of(clause);
  ++finding.judged;
  finding.violations.push_back(std::move(violation));
}

void Findings::add(std::string_view clause, const Finding& finding) {
  Finding& sum = finding_of(clause);
  sum.judged += finding.judged;
  sum.violations.insert(sum.violations.end(), finding.violations.begin(), finding.violations.end());
}

bool Findings::violated(std::string_view clause) const {
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() && !found->second.violations.empty();
}

Finding& Findings::finding_of(std::string_view clause) {
  assert(find_clause(clause) != nullptr && "no such clause in the catalogue");
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() ? found->second : by_clause_[std::string(clause)];
}

}  // namespace quintain::conformance
