// The states of an execution and the only ways between them.
#pragma once

#include "spearlet/function.pb.h"

namespace quintain::core {

/// Whether an execution may go from one status to another.
///
///   PENDING -> RUNNING                      a slot, an instance, and the function has begun
///   PENDING -> CANCELLED, TIMEOUT, FAILED   cancel; deadline; a start that can't succeed
///   RUNNING -> COMPLETED, FAILED            the outcome
///   RUNNING -> TIMEOUT, CANCELLED           deadline; the end of a cancel
///
/// Nothing leads back to PENDING: a retry is a new attempt inside RUNNING.
bool is_legal_transition(spearlet::ExecutionStatus from, spearlet::ExecutionStatus to);

/// COMPLETED, FAILED, CANCELLED or TIMEOUT: the status will never change again.
bool is_terminal(spearlet::ExecutionStatus status);

}  // namespace quintain::core
