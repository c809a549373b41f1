// What the service layer knows of the messages of each method.
#pragma once

#include <string>
#include <type_traits>

#include "spearlet/function.pb.h"

namespace quintain::core::service {

/// Whether the answer may be large, so that it is not worth making while no more bytes may wait.
template <class Request>
bool may_have_large_answer(const Request& request) {
  if constexpr (std::is_same_v<Request, spearlet::GetExecutionStatusRequest>) {
    return request.include_result() || request.include_logs();
  } else if constexpr (std::is_same_v<Request, spearlet::GetTaskRequest>) {
    return request.include_executions();
  } else if constexpr (std::is_same_v<Request, spearlet::GetStatsRequest>) {
    return request.include_task_stats() || request.include_execution_stats();
  } else {
    return std::is_same_v<Request, spearlet::ListTasksRequest> ||
           std::is_same_v<Request, spearlet::ListExecutionsRequest>;
  }
}

/// The status of the execution in an answer; UNSPECIFIED for answers without one.
template <class Response>
spearlet::ExecutionStatus outcome_of(const Response& response) {
  if constexpr (std::is_same_v<Response, spearlet::InvokeFunctionResponse>) {
    return response.result().status();
  } else {
    return spearlet::EXECUTION_STATUS_UNSPECIFIED;
  }
}

/// Completes the URL in an answer that has one.
template <class Response>
void add_public_url(const std::string& url, Response& response) {
  if constexpr (std::is_same_v<Response, spearlet::InvokeFunctionResponse>) {
    if (!url.empty() && !response.status_endpoint().empty()) {
      response.mutable_status_endpoint()->insert(0, url);
    }
  }
}

}  // namespace quintain::core::service
