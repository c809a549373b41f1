// The states of an execution and the legal transitions between them.
#pragma once

#include "spearlet/function.pb.h"

namespace quintain::core {

/// Whether an execution may go from one status to another.
///
///   PENDING -> RUNNING                      it has a slot and an instance, and the function
///   started PENDING -> CANCELLED, TIMEOUT, FAILED   cancel; deadline; failed start RUNNING ->
///   COMPLETED, FAILED            the outcome RUNNING -> TIMEOUT, CANCELLED           deadline;
///   cancel
///
/// No transition leads back to PENDING: a retry is a new attempt within RUNNING.
bool is_legal_transition(spearlet::ExecutionStatus from, spearlet::ExecutionStatus to);

/// COMPLETED, FAILED, CANCELLED or TIMEOUT: the status is final.
bool is_terminal(spearlet::ExecutionStatus status);

}  // namespace quintain::core
