#include "conformance/rules/exchange_rules.h"

#include "conformance/rules/rule.h"

namespace quintain::conformance {

void judge_exchange(const Exchange& exchange, const Policies& policies, Findings& findings) {
  for (const auto rules : {invoke_rules(), state_rules(), call_rules()}) {
    for (const Rule& rule : rules) {
      Opinion opinion;
      rule.judge(exchange, policies, opinion);
      for (Breach breach : opinion.breaches()) {
        breach.exchanges = {exchange.number};
        findings.broken(rule.clause, std::move(breach));
      }
      if (opinion.asked() && opinion.breaches().empty()) findings.held(rule.clause);
    }
  }
}

}  // namespace quintain::conformance
