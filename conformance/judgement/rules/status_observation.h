// What answers of all methods show of executions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {

/// The status of one execution as one answer reported it. Refers to the recorded call, which must
/// outlive it.
struct StatusObservation {
  const RecordedCall* recorded = nullptr;
  /// When the answer, or the message of the stream, arrived.
  core::Instant at{};
  /// Empty if the answer has no execution id.
  std::string_view execution_id{};
  spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  /// The source, at most one: an ExecutionResult (InvokeFunction, GetExecutionStatus), an entry of
  /// a list (ListExecutions, GetTask), or a message of a stream. All null: a bare status
  /// (CancelExecution).
  const spearlet::ExecutionResult* result = nullptr;
  const spearlet::ExecutionInfo* info = nullptr;
  const spearlet::StreamExecutionResult* chunk = nullptr;

  /// nullptr if the answer does not contain it.
  const google::protobuf::Timestamp* started_at() const;
  const google::protobuf::Timestamp* completed_at() const;
  std::string_view error_message() const;
  /// 0 if the answer does not contain it.
  std::int64_t execution_time_ms() const;
  std::int64_t memory_used_bytes() const;
  bool has_payload() const;
};

/// All observations in the answer, in its order. A cancel's final_status UNSPECIFIED is not one.
std::vector<StatusObservation> observations_of(const RecordedCall& recorded);

/// Whether a result has a payload. An Any without type and bytes is none: some servers always set
/// the field.
bool has_payload(const spearlet::ExecutionResult& result);

/// "COMPLETED", or the number of a status that the contract does not have.
std::string status_name(spearlet::ExecutionStatus status);

/// PENDING or RUNNING.
bool is_live(spearlet::ExecutionStatus status);

/// The number in an entry of the metrics; nullopt if there is no such entry or it is not a number.
std::optional<double> metric(const spearlet::ExecutionResult& result, const std::string& name);

/// Nanoseconds since the Unix epoch, clamped to some 146 years, so that the difference of two fits
/// into a Duration.
core::Duration time_of(const google::protobuf::Timestamp& timestamp);

/// The latest wall-clock time, since the Unix epoch, that a conforming target can put into an
/// answer that arrived at `at`; nullopt if the client's wall clock is not known.
std::optional<core::Duration> wall_clock_limit(const RecordedCall& recorded, core::Instant at);

/// Whether `part` occurs in the text. Takes linear time, unlike std::string::find(), for which a
/// target could choose texts of megabytes that take hours.
bool contains(std::string_view text, std::string_view part);

/// The execution id in the request, from execution_id or else from the context. Empty: none.
std::string_view given_id(const spearlet::InvokeFunctionRequest& request);

/// Whether the request has to be served as SYNC: an unspecified or unknown mode depends on the
/// policy.
bool wants_sync(const spearlet::InvokeFunctionRequest& request, const Policies& policies);
bool wants_async(const spearlet::InvokeFunctionRequest& request);

/// Whether an answered InvokeFunction may be a refusal: an OK answer with FAILED, if the target
/// declares that it reports errors that prevent the start in this way (start_errors).
bool may_be_refusal(const RecordedCall& recorded, const Policies& policies);

/// Whether such an answer is a refusal for certain, because nothing was started. It is not about an
/// execution then, also if it has the id of one.
bool is_refusal_by_answer(const RecordedCall& recorded, const Policies& policies);

}  // namespace quintain::conformance
