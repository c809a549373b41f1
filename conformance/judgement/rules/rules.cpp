#include "conformance/judgement/rules/rules.h"

#include <utility>

#include "conformance/judgement/judge.h"

namespace quintain::conformance {

void judge_recorded_call(const RecordedCall& recorded, const Policies& policies,
                         Findings& findings) {
  for (const auto rules :
       {invoke_rules(), state_rules(), answer_rules(), call_rules(), task_rules(), stats_rules()}) {
    for (const Rule& rule : rules) {
      Opinion opinion;
      rule.judge(recorded, policies, opinion);
      for (Violation violation : opinion.violations()) {
        violation.recorded_calls = {recorded.number};
        findings.record_failure(rule.clause, std::move(violation));
      }
      findings.record_further_failures(rule.clause, opinion.further());
      if (opinion.judged() && opinion.violations().empty()) findings.record_pass(rule.clause);
    }
  }
}

}  // namespace quintain::conformance
