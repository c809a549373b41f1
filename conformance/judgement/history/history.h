// The clauses that only several calls together can break.
#pragma once

#include <span>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"

namespace quintain::conformance {

/// Judges what the calls of one case, all together, tell about each execution. A call that got no
/// answer may have had its effect at any time after it was sent, for ever. What the contract leaves
/// open is not judged.
void judge_history(std::span<const RecordedCall> recorded_calls, const Policies& policies,
                   Findings& findings);

}  // namespace quintain::conformance
