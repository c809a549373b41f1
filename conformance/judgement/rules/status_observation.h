// What answers tell about executions, whichever call they answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {

/// What one answer tells of one execution. Refers to the recorded, which must outlive it.
struct StatusObservation {
  const RecordedCall* recorded = nullptr;
  /// When it arrived.
  core::Instant at{};
  /// Empty if the answer names no execution.
  std::string_view execution_id{};
  spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  /// Where it comes from: an ExecutionResult (answers to InvokeFunction and GetExecutionStatus), an
  /// entry of a list, a message of a stream, or nothing but a status (CancelExecution).
  const spearlet::ExecutionResult* result = nullptr;
  const spearlet::ExecutionInfo* info = nullptr;
  const spearlet::StreamExecutionResult* chunk = nullptr;

  /// nullptr: not told, or not there yet.
  const google::protobuf::Timestamp* started_at() const;
  const google::protobuf::Timestamp* completed_at() const;
  std::string_view error_message() const;
  bool has_payload() const;
};

/// All that the answer tells, in its order. A cancel's UNSPECIFIED is no status of an execution.
std::vector<StatusObservation> accounts_of(const RecordedCall& recorded);

/// "COMPLETED", or the number where the contract has no such status.
std::string status_name(spearlet::ExecutionStatus status);

/// PENDING or RUNNING.
bool is_live(spearlet::ExecutionStatus status);

/// The time as nanoseconds since the Unix epoch, held within what a Duration can express.
core::Duration time_of(const google::protobuf::Timestamp& timestamp);

/// The execution id that the caller gave, by field 14 or in the context; empty: none.
std::string_view given_id(const spearlet::InvokeFunctionRequest& request);

/// The mode that the request has to be served in: an unspecified or unknown one may stand for SYNC.
bool wants_sync(const spearlet::InvokeFunctionRequest& request, const Policies& policies);
bool wants_async(const spearlet::InvokeFunctionRequest& request);

/// An answered InvokeFunction that may stand for a refusal: an OK answer with FAILED where the
/// target declares that it reports what prevents a start so.
bool may_be_refusal(const RecordedCall& recorded, const Policies& policies);

}  // namespace quintain::conformance
