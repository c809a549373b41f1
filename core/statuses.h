// Short names of the statuses of an execution.
#pragma once

#include "spearlet/function.pb.h"

/// Used by `using namespace core::statuses` in code that names statuses in every line.
namespace quintain::core::statuses {

inline constexpr auto kPending = spearlet::EXECUTION_STATUS_PENDING;
inline constexpr auto kRunning = spearlet::EXECUTION_STATUS_RUNNING;
inline constexpr auto kCompleted = spearlet::EXECUTION_STATUS_COMPLETED;
inline constexpr auto kFailed = spearlet::EXECUTION_STATUS_FAILED;
inline constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;
inline constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

}  // namespace quintain::core::statuses
