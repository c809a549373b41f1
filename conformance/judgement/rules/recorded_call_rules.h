// The clauses that a single call can break.
#pragma once

#include "conformance/judgement/findings.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"

namespace quintain::conformance {

/// Judges the call by every rule that applies to it. What the contract leaves open, and what can
/// only be told from several calls (history/history.h), is not judged.
void judge_recorded_call(const RecordedCall& recorded, const Policies& policies,
                         Findings& findings);

}  // namespace quintain::conformance
