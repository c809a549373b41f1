// What the contract leaves open and a target declares.
#pragma once

#include <chrono>
#include <string>

#include "core/base/time.h"

namespace quintain::conformance {

/// The choices that a target may make otherwise than the reference core does; the initial values
/// are the reference policies (docs/contract.md).
struct Policies {
  /// Mode 0 or out of range is refused with INVALID_ARGUMENT, or acts as SYNC.
  enum class ModeUnspecified { kRefused, kSync } mode_unspecified = ModeUnspecified::kRefused;
  /// STREAM through InvokeFunction is refused with INVALID_ARGUMENT, or with UNIMPLEMENTED.
  enum class StreamViaInvoke {
    kInvalid,
    kUnimplemented
  } stream_via_invoke = StreamViaInvoke::kInvalid;
  /// What prevents the start is a gRPC status, or an OK answer whose result is FAILED.
  enum class StartErrors { kGrpcStatus, kFailedBody } start_errors = StartErrors::kGrpcStatus;
  /// A SYNC answer's `success` is true exactly when COMPLETED, or whenever the call was served.
  enum class SuccessSync { kCompleted, kServed } success_sync = SuccessSync::kCompleted;
  /// What a timeout counts from.
  enum class TimeoutFrom { kAcceptance, kStart } timeout_from = TimeoutFrom::kAcceptance;
  /// What timeout_ms = 0 means.
  enum class TimeoutZero { kDefault, kUnlimited } timeout_zero = TimeoutZero::kDefault;
  /// At one instant completion comes before cancel before timeout, or nothing is promised.
  enum class SameInstant {
    kCompletionCancelTimeout,
    kUnspecified
  } same_instant = SameInstant::kCompletionCancelTimeout;
  /// A running function is asked to stop and has the grace, or is killed at once.
  enum class CancelRunning {
    kCooperative,
    kImmediate
  } cancel_running = CancelRunning::kCooperative;
  /// Cancelling an unknown id is answered with success = false, or refused with NOT_FOUND.
  enum class CancelUnknown { kAnswered, kNotFound } cancel_unknown = CancelUnknown::kAnswered;
  /// When the caller of a SYNC call goes away, its execution is cancelled, or goes on.
  enum class SyncCallerGone {
    kCancelled,
    kContinues
  } sync_caller_gone = SyncCallerGone::kCancelled;
  /// The same id with the same request names the same record, or is refused with ALREADY_EXISTS.
  enum class DuplicateId { kSameRecord, kRefused } duplicate_id = DuplicateId::kSameRecord;
  /// How long finished records stay; kForever: they are not seen to expire.
  core::Duration retention = core::kForever;
  /// Where status_endpoint is served over HTTP: "http://host:port", put before an endpoint that is
  /// a path. Empty: nowhere.
  std::string status_endpoint_http{};
  /// The quantile of the completion time that estimated_completion_ms stands for.
  double eta_quantile = 0.5;
  /// How far a live target's times may be off. Virtual time has none.
  core::Duration grace = std::chrono::seconds(1);
};

}  // namespace quintain::conformance
