// InvokeFunctionRequest: validation, fingerprints, and reuse of its memory.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

/// Limits of a request's parts, in bytes unless stated otherwise. The node keeps these parts, and
/// lists show many of them at once. A parameter's value and the sum of all parts are limited by the
/// transport's limit of a message.
struct RequestLimits {
  static constexpr std::size_t kExecutionId = 128;
  /// Names, ids, types, versions and keys of maps.
  static constexpr std::size_t kName = 256;
  /// Descriptions, locations, type URLs, reasons of cancels.
  static constexpr std::size_t kText = 4096;
  /// The value of an entry of a map.
  static constexpr std::size_t kMapValue = 32 << 10;
  /// All keys and values of a map.
  static constexpr std::size_t kMap = 64 << 10;
  /// Entries of a map.
  static constexpr int kMapEntries = 128;
  /// Parameters.
  static constexpr int kParameters = 1024;
};

/// The parts of a valid request on which the node's decisions depend; the rest is for the function.
/// The request must outlive it.
struct Invocation {
  spearlet::ExecutionMode mode;
  /// NEW_TASK or EXISTING_TASK.
  spearlet::InvocationType type;
  /// The execution's id if the caller chose it; a view of the request.
  std::optional<std::string_view> execution_id;
  /// The requested timeout; nullopt means the mode's default.
  std::optional<Duration> timeout;
  int max_retries;
  /// Bytes that the request occupies, roughly, without fields that the contract does not know.
  std::int64_t bytes;
};

/// The call that carried a request; each accepts other modes.
enum class InvocationCall { kInvokeFunction, kStreamFunction };

/// Validates a request without the node's state. INVALID_ARGUMENT lists all errors at once.
absl::StatusOr<Invocation> parse_invocation(const spearlet::InvokeFunctionRequest& request,
                                            InvocationCall call);

/// A 128-bit digest of a request without its execution id: two requests with the same id are the
/// same request if their fingerprints are equal.
std::array<std::uint64_t, 2> fingerprint(const spearlet::InvokeFunctionRequest& request);

/// Like Clear(), but keeps the memory of nested messages for the next request. The value of
/// has_context() afterwards is unspecified.
void clear_keeping_memory(spearlet::InvokeFunctionRequest& request);

/// Like to.CopyFrom(from), but reuses the memory of `to`: copying a similar request again allocates
/// nothing.
void copy_keeping_memory(const spearlet::InvokeFunctionRequest& from,
                         spearlet::InvokeFunctionRequest& to);

}  // namespace quintain::core
