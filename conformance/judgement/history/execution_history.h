// A case's calls split by execution, and the checks of one execution.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/history/monotone.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"
#include "conformance/judgement/rules/status_observation.h"

namespace quintain::conformance {

/// All calls of a case that concern one execution. Refers to the recorded calls, which must outlive
/// it.
///
/// Where records expire, an id may belong to several executions, one after the other. A call that
/// may belong to either of two is in neither history.
struct ExecutionHistory {
  std::string_view id{};
  /// The InvokeFunction and StreamFunction calls with this id that may have been accepted, in the
  /// order of sending. Empty: another client started the execution.
  std::vector<const RecordedCall*> invokes{};
  /// Such calls that were refused.
  std::vector<const RecordedCall*> refused{};
  /// No record of this id existed when the first of `invokes` was sent.
  bool fresh = true;
  /// The id belonged to another execution before.
  bool id_reused = false;
  /// What answers reported about the execution, in the order of sending.
  std::vector<StatusObservation> observations{};
  /// Status queries that were answered with found = false.
  std::vector<const RecordedCall*> misses{};
  /// Cancel calls for this id, with any result. Those without an answer may have concerned another
  /// execution of the same id.
  std::vector<const RecordedCall*> cancels{};
  /// The earliest time at which its record may have expired or been deleted; never() if it stays.
  core::Instant may_be_gone = core::Instant::never();
  /// Some task was deleted, which may have ended the execution and removed it from lists.
  bool may_be_deleted = false;

  /// The answered call that started the execution; nullptr if it is not known.
  const RecordedCall* first_invoke() const;
  /// The mode of the call that started it; UNSPECIFIED if it is not known.
  spearlet::ExecutionMode mode() const;
};

/// The time in which the call took effect: while it was open, or, if it is ambiguous, at any time
/// after it was sent.
Read interval_of(const RecordedCall& recorded, int stage = 0);

/// The time at which the observed status was current. For a message of a stream it ends when the
/// message arrived.
Read interval_of(const StatusObservation& observation, int stage = 0);

/// Whether `a` ended before `b` started; each is a RecordedCall or a StatusObservation.
template <class A, class B>
bool before(const A& a, const B& b) {
  return precedes(interval_of(a), interval_of(b));
}

/// Whether the call may have created or joined an execution: every call that was not refused.
bool may_be_accepted(const RecordedCall& invoke);

/// Whether a status query made the observation.
bool is_query(const StatusObservation& observation);

/// The executions of the calls, by id and then by time.
std::vector<ExecutionHistory> split_by_execution(std::span<const RecordedCall> recorded_calls,
                                                 const Policies& policies);

// ---- Violations ---------------------------------------------------------------------------------

/// "call 3 (CancelExecution), sent at 10ms".
std::string cite(const RecordedCall& recorded);

/// A call or an observation that a violation cites, and what to add to its citation. The citation
/// of an observation is "call 3 (GetExecutionStatus), sent at 10ms, returned RUNNING at 12ms".
struct Citation {
  // Implicit, so that checks can pass calls and observations in a list.
  Citation(const RecordedCall& recorded, std::string_view addition = {});
  Citation(const StatusObservation& observation, std::string_view addition = {});

  const RecordedCall* recorded;
  std::string text;
};

/// A violation that is observed as "'a': <citation>; <citation>". An empty `expected` means the
/// text of the clause.
Violation violation(const ExecutionHistory& execution, std::string expected,
                    std::initializer_list<Citation> citations);

/// A violation by two observations. It also says whether the first ended before the second started,
/// and then `difference` unless that is empty.
Violation contradiction(const ExecutionHistory& execution, std::string expected,
                        const StatusObservation& first, const StatusObservation& second,
                        std::string_view difference = {});

// ---- Checks -------------------------------------------------------------------------------------

/// ASYNC-1 for an answered ASYNC call. Other calls are not judged.
/// Requires: the call was the first one for its execution.
void judge_first_answer(const RecordedCall& invoke, const Policies& policies, Findings& findings);

/// WIRE-5 for calls that wait for an execution, given all executions of a case.
void judge_delays(std::span<const ExecutionHistory> executions, const Policies& policies,
                  Findings& findings);

/// Judges some clauses for one execution.
using HistoryCheck = void (*)(const ExecutionHistory& execution, const Policies& policies,
                              Findings& findings);

/// The order of the observations: STATE-1 to -4, ASYNC-4, STATE-10.
std::span<const HistoryCheck> order_checks();

/// The contents of a record at different times: STATE-2, -6, -9, -13, SYNC-6, LIST-8.
std::span<const HistoryCheck> record_checks();

/// The effects of calls: ASYNC-1, -6, -8, -9, CANCEL-2, -3, -5, IDEM-1 to -4, STATE-11, LIST-9.
std::span<const HistoryCheck> effect_checks();

}  // namespace quintain::conformance
