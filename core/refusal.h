// Refused calls: the status, with details for people and for programs.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace quintain::core {

/// Why an invocation was refused.
enum class RefusalReason : std::uint8_t {
  kInvalid,        // the request itself is wrong
  kUnknownTask,    // no such task, or no such function of it
  kExists,         // the execution or the task exists already
  kQueueFull,      // as many executions wait as may
  kTaskLimit,      // as many tasks exist as may
  kFunctionLimit,  // a task was called by as many function names as may be
  kMemory,         // the node keeps as many bytes as it may
  kDraining,       // the node takes no new work
  kTooLate,        // the call's deadline has passed
  kCallerGone,     // the caller left before the call was handled
  kStore,          // the node's store can't be written
};

inline constexpr std::size_t kRefusalReasons = 11;

/// The names in metrics, in lower case, and in ErrorInfo, in upper case (AIP-193).
inline constexpr std::array<std::string_view, kRefusalReasons> kRefusalNames = {
    "invalid", "unknown_task", "exists",   "queue_full",  "task_limit", "function_limit",
    "memory",  "draining",     "too_late", "caller_gone", "store"};

/// A limit that was reached: its name in the configuration and its value.
struct ReachedLimit {
  std::string_view name;
  std::int64_t value;
};

/// The status of a refusal. Its payloads, which the transport sends along, are google.rpc.ErrorInfo
/// (reason, limit); google.rpc.RetryInfo if `retry_after` says when another try is worthwhile; and
/// google.rpc.QuotaFailure if there is a `limit`.
absl::Status refusal(RefusalReason reason, std::string_view message,
                     std::optional<ReachedLimit> limit = {},
                     std::optional<Duration> retry_after = {});

/// INVALID_ARGUMENT with all errors, each of the form "field: what is wrong", which are also the
/// violations of a google.rpc.BadRequest.
absl::Status invalid_argument(const std::vector<std::string>& errors);

/// A name or an id from a request, in quotes and short enough for a message.
std::string quoted(std::string_view text);

}  // namespace quintain::core
