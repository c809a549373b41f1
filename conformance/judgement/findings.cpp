#include "conformance/judgement/findings.h"

#include <cassert>
#include <utility>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {

void Findings::record_pass(std::string_view clause) { ++of(clause).judged; }

void Findings::record_failure(std::string_view clause, Violation violation) {
  Finding& finding = of(clause);
  ++finding.judged;
  finding.violations.push_back(std::move(violation));
}

bool Findings::broke(std::string_view clause) const {
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() && !found->second.violations.empty();
}

Finding& Findings::of(std::string_view clause) {
  assert(find_clause(clause) != nullptr && "no such clause in the catalogue");
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() ? found->second : by_clause_[std::string(clause)];
}

}  // namespace quintain::conformance
