// What an InvokeFunctionRequest asks for, once it is known to make sense.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

/// The parts of a request that the node decides by; the rest concerns the function alone.
struct Invocation {
  spearlet::ExecutionMode mode;
  /// NEW_TASK or EXISTING_TASK.
  spearlet::InvocationType type;
  /// The caller's id for the execution, as it stands in the request.
  std::optional<std::string_view> execution_id;
  /// What the caller asked for; none: the mode's default.
  std::optional<Duration> timeout;
  int max_retries;
};

/// Which call a request came through: modes belong to calls.
enum class InvocationCall { kInvokeFunction, kStreamFunction };

/// Checks a request by itself, without the node's state. INVALID_ARGUMENT names everything that is
/// wrong with it at once.
absl::StatusOr<Invocation> parse_invocation(const spearlet::InvokeFunctionRequest& request,
                                            InvocationCall call);

/// A digest of what is asked, without the id it is asked under: two requests of one id are the same
/// request if it is equal.
std::array<std::uint64_t, 2> fingerprint(const spearlet::InvokeFunctionRequest& request);

}  // namespace quintain::core
