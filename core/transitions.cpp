#include "core/transitions.h"

#include "core/base/planted_fault.h"

namespace quintain::core {
namespace {

constexpr unsigned bit(spearlet::ExecutionStatus status) { return 1U << status; }

// By status: the set of statuses that may follow.
constexpr unsigned kSuccessors[] = {
    /* UNSPECIFIED */ 0,
    /* PENDING */ bit(spearlet::EXECUTION_STATUS_RUNNING) |
        bit(spearlet::EXECUTION_STATUS_CANCELLED) | bit(spearlet::EXECUTION_STATUS_TIMEOUT) |
        bit(spearlet::EXECUTION_STATUS_FAILED),
    /* RUNNING */ bit(spearlet::EXECUTION_STATUS_COMPLETED) |
        bit(spearlet::EXECUTION_STATUS_FAILED) | bit(spearlet::EXECUTION_STATUS_TIMEOUT) |
        bit(spearlet::EXECUTION_STATUS_CANCELLED),
    /* COMPLETED */ 0,
    /* FAILED */ 0,
    /* CANCELLED */ 0,
    /* TIMEOUT */ 0,
};

}  // namespace

bool is_legal_transition(spearlet::ExecutionStatus from, spearlet::ExecutionStatus to) {
  if (planted("completes-while-pending") && from == spearlet::EXECUTION_STATUS_PENDING) return true;
  return spearlet::ExecutionStatus_IsValid(from) && spearlet::ExecutionStatus_IsValid(to) &&
         (kSuccessors[from] & bit(to)) != 0;
}

bool is_terminal(spearlet::ExecutionStatus status) {
  return spearlet::ExecutionStatus_IsValid(status) &&
         status != spearlet::EXECUTION_STATUS_UNSPECIFIED && kSuccessors[status] == 0;
}

}  // namespace quintain::core
