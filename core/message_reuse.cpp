#include "core/message_reuse.h"

namespace quintain::core {
namespace {

// A protobuf map walks its whole table to be cleared, even if nothing is in it.
template <class Map>
void copy_map(const Map& from, Map& to) {
  if (from.empty() && to.empty()) return;
  to = from;
}

void copy_context(const spearlet::ExecutionContext& from, spearlet::ExecutionContext& to) {
  to.set_execution_id(from.execution_id());
  to.set_session_id(from.session_id());
  to.set_user_id(from.user_id());
  copy_map(from.environment(), *to.mutable_environment());
  copy_map(from.headers(), *to.mutable_headers());
  to.set_timeout_ms(from.timeout_ms());
  to.set_max_retries(from.max_retries());
}

}  // namespace

void clear_keeping_memory(spearlet::InvokeFunctionRequest& request) {
  request.set_invocation_type(spearlet::INVOCATION_TYPE_UNSPECIFIED);
  request.clear_task_name();
  request.clear_task_description();
  request.clear_artifact_spec();
  request.clear_task_id();
  request.set_execution_mode(spearlet::EXECUTION_MODE_UNSPECIFIED);
  request.clear_function_name();
  request.clear_parameters();
  if (request.has_context()) {
    copy_context(spearlet::ExecutionContext::default_instance(), *request.mutable_context());
  }
  request.set_create_if_not_exists(false);
  request.set_force_new_instance(false);
  if (!request.invocation_metadata().empty()) request.clear_invocation_metadata();
  request.clear_execution_id();
}

void copy_keeping_memory(const spearlet::InvokeFunctionRequest& from,
                         spearlet::InvokeFunctionRequest& to) {
  to.set_invocation_type(from.invocation_type());
  to.set_task_name(from.task_name());
  to.set_task_description(from.task_description());
  if (from.has_artifact_spec()) {
    *to.mutable_artifact_spec() = from.artifact_spec();
  } else {
    to.clear_artifact_spec();
  }
  to.set_task_id(from.task_id());
  to.set_execution_mode(from.execution_mode());
  to.set_function_name(from.function_name());
  *to.mutable_parameters() = from.parameters();
  if (from.has_context()) {
    copy_context(from.context(), *to.mutable_context());
  } else {
    to.clear_context();
  }
  to.set_create_if_not_exists(from.create_if_not_exists());
  to.set_force_new_instance(from.force_new_instance());
  copy_map(from.invocation_metadata(), *to.mutable_invocation_metadata());
  if (from.has_execution_id()) {
    to.set_execution_id(from.execution_id());
  } else {
    to.clear_execution_id();
  }
}

}  // namespace quintain::core
