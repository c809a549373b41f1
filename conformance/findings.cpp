#include "conformance/findings.h"

#include <cassert>
#include <utility>

#include "conformance/clauses/clause.h"

namespace quintain::conformance {

void Findings::held(std::string_view clause) { ++of(clause).judged; }

void Findings::broken(std::string_view clause, Breach breach) {
  Finding& finding = of(clause);
  ++finding.judged;
  finding.breaches.push_back(std::move(breach));
}

bool Findings::broke(std::string_view clause) const {
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() && !found->second.breaches.empty();
}

Finding& Findings::of(std::string_view clause) {
  assert(find_clause(clause) != nullptr && "no such clause in the catalogue");
  const auto found = by_clause_.find(clause);
  return found != by_clause_.end() ? found->second : by_clause_[std::string(clause)];
}

}  // namespace quintain::conformance
