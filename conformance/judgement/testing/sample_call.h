// Sample calls for tests.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "conformance/judgement/recorded_call.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {

inline core::Instant at_ms(std::int64_t ms) { return core::Instant(std::chrono::milliseconds(ms)); }

inline void set_time_ms(google::protobuf::Timestamp* timestamp, std::int64_t ms) {
  timestamp->set_seconds(1'700'000'000 + ms / 1000);
  timestamp->set_nanos(static_cast<std::int32_t>(ms % 1000 * 1'000'000));
}

/// An open call. All times here are in milliseconds.
template <class Request>
RecordedCall sent_call(Method method, Request request, std::int64_t sent = 0) {
  RecordedCall recorded;
  recorded.number = 1;
  recorded.method = method;
  recorded.request = std::make_shared<Request>(std::move(request));
  recorded.sent = at_ms(sent);
  return recorded;
}

template <class Response>
void receive(RecordedCall& recorded, Response response, std::int64_t at) {
  recorded.received.push_back({at_ms(at), std::make_shared<Response>(std::move(response))});
}

inline void end_call(RecordedCall& recorded, std::int64_t returned,
                     absl::Status status = absl::OkStatus()) {
  recorded.returned = at_ms(returned);
  recorded.status = std::move(status);
}

/// An answered call.
template <class Request, class Response>
RecordedCall answered_call(Method method, Request request, Response response, std::int64_t sent = 0,
                           std::int64_t returned = 10) {
  RecordedCall recorded = sent_call(method, std::move(request), sent);
  receive(recorded, std::move(response), returned);
  end_call(recorded, returned);
  return recorded;
}

/// A call that ended with an error.
template <class Request>
RecordedCall refused_call(Method method, Request request, absl::Status status,
                          std::int64_t sent = 0, std::int64_t returned = 10) {
  RecordedCall recorded = sent_call(method, std::move(request), sent);
  end_call(recorded, returned, std::move(status));
  return recorded;
}

inline spearlet::InvokeFunctionRequest invoke_request(spearlet::ExecutionMode mode,
                                                      const std::string& id = "") {
  spearlet::InvokeFunctionRequest request;
  request.set_execution_mode(mode);
  request.set_task_id("fixtures");
  request.set_function_name("echo");
  if (!id.empty()) request.set_execution_id(id);
  return request;
}

/// The result that a conforming target reports for this status; the execution starts at 100 ms and
/// ends at 300 ms.
inline spearlet::ExecutionResult good_result(spearlet::ExecutionStatus status) {
  spearlet::ExecutionResult result;
  result.set_status(status);
  if (status != spearlet::EXECUTION_STATUS_PENDING) set_time_ms(result.mutable_started_at(), 100);
  if (status <= spearlet::EXECUTION_STATUS_RUNNING) {
    (*result.mutable_metrics())["eta_p50_ms"] = "20";
    (*result.mutable_metrics())["eta_p90_ms"] = "40";
    return result;
  }
  set_time_ms(result.mutable_completed_at(), 300);
  result.set_execution_time_ms(200);
  if (status == spearlet::EXECUTION_STATUS_COMPLETED) {
    result.mutable_result()->set_type_url("type.googleapis.com/google.protobuf.StringValue");
    result.mutable_result()->set_value("\n\005hello");
  } else {
    result.set_error_code("CODE");
    result.set_error_message("why");
  }
  return result;
}

inline spearlet::InvokeFunctionResponse sync_answer(spearlet::ExecutionStatus status,
                                                    const std::string& id = "a") {
  spearlet::InvokeFunctionResponse answer;
  answer.set_execution_id(id);
  answer.set_task_id("fixtures");
  answer.set_success(status == spearlet::EXECUTION_STATUS_COMPLETED);
  *answer.mutable_result() = good_result(status);
  return answer;
}

inline spearlet::InvokeFunctionResponse async_answer(const std::string& id = "a") {
  spearlet::InvokeFunctionResponse answer;
  answer.set_success(true);
  answer.set_execution_id(id);
  answer.set_task_id("fixtures");
  answer.set_status_endpoint("/status/" + id);
  answer.set_estimated_completion_ms(50);
  answer.mutable_result()->set_status(spearlet::EXECUTION_STATUS_PENDING);
  (*answer.mutable_result()->mutable_metrics())["eta_p90_ms"] = "90";
  (*answer.mutable_result()->mutable_metrics())["eta_estimator"] = "constant";
  return answer;
}

inline spearlet::GetExecutionStatusRequest status_request(const std::string& id,
                                                          bool include_result = true) {
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id(id);
  request.set_include_result(include_result);
  return request;
}

inline spearlet::GetExecutionStatusResponse status_answer(spearlet::ExecutionResult result) {
  spearlet::GetExecutionStatusResponse answer;
  answer.set_found(true);
  *answer.mutable_result() = std::move(result);
  return answer;
}

inline spearlet::CancelExecutionRequest cancel_request(const std::string& id,
                                                       const std::string& reason = "") {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(id);
  request.set_reason(reason);
  return request;
}

inline spearlet::CancelExecutionResponse cancel_answer(bool success,
                                                       spearlet::ExecutionStatus status) {
  spearlet::CancelExecutionResponse answer;
  answer.set_success(success);
  answer.set_final_status(status);
  return answer;
}

}  // namespace quintain::conformance
