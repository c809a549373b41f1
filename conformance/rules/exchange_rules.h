// The clauses that a single call can break.
#pragma once

#include "conformance/exchange.h"
#include "conformance/findings.h"
#include "conformance/policies.h"

namespace quintain::conformance {

/// Judges the call by every rule that applies to it. What the contract leaves open, and what can
/// only be told from several calls (history/history.h), is not judged.
void judge_exchange(const Exchange& exchange, const Policies& policies, Findings& findings);

}  // namespace quintain::conformance
