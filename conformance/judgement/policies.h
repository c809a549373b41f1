// What the contract leaves open and a target declares.
#pragma once

#include <chrono>
#include <string>

#include "core/base/time.h"

namespace quintain::conformance {

/// What happens at once happens within this time, plus the tolerance of the target (grace).
inline constexpr core::Duration kPromptly = std::chrono::seconds(1);

/// The choices that the contract leaves to a target. The initial values are those of the reference
/// core (docs/contract.md); a target's manifest declares others.
struct Policies {
  /// An unspecified or unknown mode is refused with INVALID_ARGUMENT, or served as SYNC.
  enum class ModeUnspecified { kRefused, kSync } mode_unspecified = ModeUnspecified::kRefused;
  /// STREAM through InvokeFunction is refused with INVALID_ARGUMENT, or with UNIMPLEMENTED.
  enum class StreamViaInvoke {
    kInvalid,
    kUnimplemented
  } stream_via_invoke = StreamViaInvoke::kInvalid;
  /// An error that prevents the start is a gRPC status, or an OK answer whose result is FAILED.
  enum class StartErrors { kGrpcStatus, kFailedBody } start_errors = StartErrors::kGrpcStatus;
  /// `success` of a SYNC answer is true exactly when COMPLETED, or whenever the call was served.
  enum class SuccessSync { kCompleted, kServed } success_sync = SuccessSync::kCompleted;
  /// The time from which a timeout counts.
  enum class TimeoutFrom { kAcceptance, kStart } timeout_from = TimeoutFrom::kAcceptance;
  /// The meaning of timeout_ms = 0.
  enum class TimeoutZero { kDefault, kUnlimited } timeout_zero = TimeoutZero::kDefault;
  /// At one instant, completion comes before cancel and cancel before timeout; or the order is
  /// unspecified.
  enum class SameInstant {
    kCompletionCancelTimeout,
    kUnspecified
  } same_instant = SameInstant::kCompletionCancelTimeout;
  /// A cancelled running function is asked to stop and killed after the grace period, or is killed
  /// at once.
  enum class CancelRunning {
    kCooperative,
    kImmediate
  } cancel_running = CancelRunning::kCooperative;
  /// A cancel of an unknown id is answered with success = false, or refused with NOT_FOUND.
  enum class CancelUnknown { kAnswered, kNotFound } cancel_unknown = CancelUnknown::kAnswered;
  /// When the caller of a SYNC call disconnects, its execution is cancelled, or goes on.
  enum class SyncCallerGone {
    kCancelled,
    kContinues
  } sync_caller_gone = SyncCallerGone::kCancelled;
  /// A repeated id with an equal request returns the existing record, or is refused with
  /// ALREADY_EXISTS.
  enum class DuplicateId { kSameRecord, kRefused } duplicate_id = DuplicateId::kSameRecord;
  /// Whether what was acknowledged survives a crash of the target.
  enum class Durability { kNone, kAcknowledged } durability = Durability::kNone;
  /// What functions can return: any value, or, if they are processes, only text and bytes. Then
  /// `echo` returns a text, a number and bytes by their contents and other messages as bytes.
  enum class FunctionOutput { kAny, kText } function_output = FunctionOutput::kAny;
  /// How long finished records are kept. kForever: no expiry is expected.
  core::Duration retention = core::kForever;
  /// The base URL ("http://host:port") of a status_endpoint that is a path. Empty: endpoints are
  /// not served over HTTP.
  std::string status_endpoint_http{};
  /// The quantile of the completion time that estimated_completion_ms represents, in (0, 1).
  double eta_quantile = 0.5;
  /// Tolerance for times measured on a live target. Not used in virtual time.
  core::Duration grace = std::chrono::seconds(1);
};

}  // namespace quintain::conformance
