// The checks of one execution's history, and how they word what they find.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/history/execution_history.h"
#include "conformance/judgement/policies.h"

namespace quintain::conformance {

/// "call 3 (GetExecutionStatus), sent at 10ms, was told RUNNING at 12ms".
std::string tell(const StatusObservation& observation);

/// "call 3 (CancelExecution), sent at 10ms".
std::string tell(const RecordedCall& recorded);

/// What two observations say that can't both be so: "'a': <first>; <second>, <how they lie in
/// time>".
std::string tell_both(std::string_view id, const StatusObservation& first,
                      const StatusObservation& second);

/// The numbers of the calls, ascending and without repetition.
std::vector<std::uint64_t> numbers(std::initializer_list<const RecordedCall*> recorded_calls);

/// ASYNC-1 of an answered call that was the first for its execution; nothing of any other call.
void judge_first_answer(const RecordedCall& invoke, const Policies& policies, Findings& findings);

/// A check of one execution.
using LifeCheck = void (*)(const ExecutionHistory& execution, const Policies& policies,
                           Findings& findings);

/// The order of what was read: STATE-1 to -4, ASYNC-4, STATE-10.
std::span<const LifeCheck> order_checks();

/// What a record says at different times: STATE-2, -6, -9, SYNC-6.
std::span<const LifeCheck> record_checks();

/// What calls bring about: ASYNC-1, -6, -8, -9, CANCEL-2, -3, -5, IDEM-1 to -4.
std::span<const LifeCheck> effect_checks();

}  // namespace quintain::conformance
