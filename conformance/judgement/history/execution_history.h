// A history taken apart by execution.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/judgement/history/monotone.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"
#include "conformance/judgement/rules/status_observation.h"

namespace quintain::conformance {

/// Everything that the calls of a case did to one execution and learnt of it.
///
/// An id may name several executions, one after the other, where records expire. What might belong
/// to either of two is in neither.
struct ExecutionHistory {
  std::string_view id{};
  /// The InvokeFunction and StreamFunction calls that named it and may have been accepted, in the
  /// order of sending. Empty: it was begun by somebody else.
  std::vector<const RecordedCall*> invokes{};
  /// Those that named its id and were refused.
  std::vector<const RecordedCall*> refused{};
  /// No record of this id was there when the first of `invokes` was sent.
  bool fresh = true;
  /// The same id named another execution before.
  bool renewed = false;
  /// What was told of it, in the order of sending.
  std::vector<StatusObservation> observations{};
  /// Status queries that did not find it.
  std::vector<const RecordedCall*> misses{};
  /// Cancel calls of its id, whatever came of them. Those without an answer may have meant another
  /// execution of the same id.
  std::vector<const RecordedCall*> cancels{};
  /// From here on its record may be gone. never(): it stays.
  core::Instant may_be_gone = core::Instant::never();
  /// Some task was deleted, which may have ended it and taken it out of lists.
  bool may_be_deleted = false;

  /// The call that is known to have begun it, or nullptr.
  const RecordedCall* beginning() const;
  /// Its mode, where a call of this history began it; UNSPECIFIED otherwise.
  spearlet::ExecutionMode mode() const;
};

/// When the call may have had its effect: while it was under way, or, if nobody knows what became
/// of it, at any time after it was sent.
Read interval_of(const RecordedCall& recorded, int stage = 0);

/// When what is told was true. A stream's message was true when it arrived at the latest.
Read interval_of(const StatusObservation& observation, int stage = 0);

/// Whether the call may have created or joined an execution: all but those that were refused.
bool may_be_accepted(const RecordedCall& invoke);

/// The executions of the history, by id and then by time.
std::vector<ExecutionHistory> split_by_execution(std::span<const RecordedCall> recorded_calls,
                                                 const Policies& policies);

}  // namespace quintain::conformance
