#include "core/message_reuse.h"

namespace quintain::core {
namespace {

// What is empty and stays so is left alone: a protobuf map walks its whole table to be cleared, and
// even an empty string costs a call into the library.
template <class Content, class Field>
void copy_field(const Content& from, const Content& present, const Field& field) {
  if (from.empty() && present.empty()) return;
  *field() = from;
}

void copy_context(const spearlet::ExecutionContext& from, spearlet::ExecutionContext& to) {
  copy_field(from.execution_id(), to.execution_id(), [&] { return to.mutable_execution_id(); });
  copy_field(from.session_id(), to.session_id(), [&] { return to.mutable_session_id(); });
  copy_field(from.user_id(), to.user_id(), [&] { return to.mutable_user_id(); });
  copy_field(from.environment(), to.environment(), [&] { return to.mutable_environment(); });
  copy_field(from.headers(), to.headers(), [&] { return to.mutable_headers(); });
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
  copy_field(from.task_name(), to.task_name(), [&] { return to.mutable_task_name(); });
  copy_field(from.task_description(), to.task_description(),
             [&] { return to.mutable_task_description(); });
  if (from.has_artifact_spec()) {
    *to.mutable_artifact_spec() = from.artifact_spec();
  } else {
    to.clear_artifact_spec();
  }
  copy_field(from.task_id(), to.task_id(), [&] { return to.mutable_task_id(); });
  to.set_execution_mode(from.execution_mode());
  copy_field(from.function_name(), to.function_name(), [&] { return to.mutable_function_name(); });
  copy_field(from.parameters(), to.parameters(), [&] { return to.mutable_parameters(); });
  if (from.has_context()) {
    copy_context(from.context(), *to.mutable_context());
  } else {
    to.clear_context();
  }
  to.set_create_if_not_exists(from.create_if_not_exists());
  to.set_force_new_instance(from.force_new_instance());
  copy_field(from.invocation_metadata(), to.invocation_metadata(),
             [&] { return to.mutable_invocation_metadata(); });
  if (from.has_execution_id()) {
    to.set_execution_id(from.execution_id());
  } else {
    to.clear_execution_id();
  }
}

}  // namespace quintain::core
