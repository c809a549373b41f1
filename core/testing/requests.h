// Short words for what tests ask of a node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/task_registry.h"
#include "spearlet/function.pb.h"

namespace quintain::core::testing {

inline TaskSpec task_spec(std::string id, std::vector<std::string> functions = {},
                          int instance_limit = 0) {
  TaskSpec spec;
  spec.task_id = std::move(id);
  spec.functions = std::move(functions);
  spec.instance_limit = instance_limit;
  return spec;
}

/// What a test wants to say in an invocation; the rest is left out of the request.
struct Ask {
  std::string id{};
  std::string task = "task";
  std::string function = "f";
  std::int64_t timeout_ms = 0;
  int retries = 0;
  std::optional<int> priority{};
  bool fresh = false;
};

inline spearlet::InvokeFunctionRequest request(spearlet::ExecutionMode mode, const Ask& ask = {}) {
  spearlet::InvokeFunctionRequest request;
  request.set_execution_mode(mode);
  request.set_task_id(ask.task);
  request.set_function_name(ask.function);
  if (!ask.id.empty()) request.set_execution_id(ask.id);
  if (ask.timeout_ms != 0) request.mutable_context()->set_timeout_ms(ask.timeout_ms);
  if (ask.retries != 0) request.mutable_context()->set_max_retries(ask.retries);
  if (ask.priority) {
    (*request.mutable_invocation_metadata())["priority"] = std::to_string(*ask.priority);
  }
  request.set_force_new_instance(ask.fresh);
  return request;
}

inline spearlet::InvokeFunctionRequest sync_request(const Ask& ask = {}) {
  return request(spearlet::EXECUTION_MODE_SYNC, ask);
}
inline spearlet::InvokeFunctionRequest async_request(const Ask& ask = {}) {
  return request(spearlet::EXECUTION_MODE_ASYNC, ask);
}
inline spearlet::InvokeFunctionRequest stream_request(const Ask& ask = {}) {
  return request(spearlet::EXECUTION_MODE_STREAM, ask);
}

}  // namespace quintain::core::testing
