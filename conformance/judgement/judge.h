// The two entry points of the judgement: one call alone, and all calls of a case together.
#pragma once

#include <span>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"

namespace quintain::conformance {

/// Judges the call by every rule that applies to it (rules/). What the contract leaves open is not
/// judged.
void judge_recorded_call(const RecordedCall& recorded, const Policies& policies,
                         Findings& findings);

/// Judges what the calls of one case, taken together, show of each execution (history/). A call
/// that got no answer may have taken effect at any time after it was sent, or may still do so. What
/// the contract leaves open is not judged.
///
/// Requires: the calls are in the order of sending and outlive the call of this function.
void judge_history(std::span<const RecordedCall> recorded_calls, const Policies& policies,
                   Findings& findings);

}  // namespace quintain::conformance
