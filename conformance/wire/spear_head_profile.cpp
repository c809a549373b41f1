#include "conformance/wire/spear_head_profile.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <string>
#include <utility>

#include "profiles/spear_head.pb.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

namespace wire = profile::spear_head;

using google::protobuf::Message;

constexpr std::string_view kNoType = "application/octet-stream";

void copy_unknown_fields(const Message& from, Message& to) {
  to.GetReflection()->MutableUnknownFields(&to)->MergeFrom(
      from.GetReflection()->GetUnknownFields(from));
}

// ---- Requests ----------------------------------------------------------------------------------

// What names a parameter's value in `metadata`; nothing for a first one that is no number.
void put_parameter(const spearlet::FunctionParameter& parameter, bool first,
                   wire::InvokeRequest& to) {
  std::string& text = (*to.mutable_metadata())["parameter." + parameter.name()];
  google::protobuf::Int64Value number;
  google::protobuf::StringValue string;
  if (parameter.value().UnpackTo(&number)) {
    text = std::to_string(number.value());
  } else if (first) {
    to.mutable_metadata()->erase("parameter." + parameter.name());
  } else if (parameter.value().UnpackTo(&string)) {
    text = string.value();
  } else {
    text = absl::Base64Escape(parameter.value().value());
  }
}

wire::InvokeRequest translate(const spearlet::InvokeFunctionRequest& from) {
  const spearlet::ExecutionContext& context = from.context();
  wire::InvokeRequest to;
  to.set_execution_id(from.has_execution_id() ? from.execution_id() : context.execution_id());
  to.set_task_id(from.task_id());
  to.set_function_name(from.function_name());
  *to.mutable_headers() = context.headers();
  *to.mutable_environment() = context.environment();
  to.set_timeout_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(context.timeout_ms(), 0)));
  to.set_session_id(context.session_id());
  to.set_mode(static_cast<wire::ExecutionMode>(from.execution_mode()));
  to.set_force_new_instance(from.force_new_instance());
  *to.mutable_metadata() = from.invocation_metadata();
  for (int i = 0; i < from.parameters_size(); ++i) {
    put_parameter(from.parameters(i), i == 0, to);
  }
  if (from.parameters_size() > 0) {
    const google::protobuf::Any& value = from.parameters(0).value();
    to.mutable_input()->set_content_type(value.type_url().empty() ? std::string(kNoType)
                                                                  : value.type_url());
    to.mutable_input()->set_data(value.value());
  }
  copy_unknown_fields(from, to);
  return to;
}

wire::GetExecutionRequest translate(const spearlet::GetExecutionStatusRequest& from) {
  wire::GetExecutionRequest to;
  to.set_execution_id(from.execution_id());
  to.set_include_output(from.include_result());
  copy_unknown_fields(from, to);
  return to;
}

wire::TerminateExecutionRequest translate(const spearlet::CancelExecutionRequest& from) {
  wire::TerminateExecutionRequest to;
  to.set_execution_id(from.execution_id());
  to.set_reason(from.reason());
  copy_unknown_fields(from, to);
  return to;
}

wire::ListExecutionsRequest translate(const spearlet::ListExecutionsRequest& from) {
  wire::ListExecutionsRequest to;
  to.set_task_id(from.task_id());
  to.set_limit(static_cast<std::uint32_t>(std::max(from.limit(), 0)));
  to.set_page_token(from.start_after());
  copy_unknown_fields(from, to);
  return to;
}

bool expressible(const spearlet::InvokeFunctionRequest& request) {
  const spearlet::ExecutionContext& context = request.context();
  const bool two_ids = request.has_execution_id() && !context.execution_id().empty() &&
                       request.execution_id() != context.execution_id();
  return !two_ids && context.timeout_ms() >= 0 && context.max_retries() == 0 &&
         context.user_id().empty() && !request.has_artifact_spec() && request.task_name().empty() &&
         request.task_description().empty() && !request.create_if_not_exists() &&
         request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK;
}

// ---- Answers -----------------------------------------------------------------------------------

// The numbers are the contract's: only the name of CANCELLED differs.
spearlet::ExecutionStatus translate(wire::ExecutionStatus status) {
  return static_cast<spearlet::ExecutionStatus>(status);
}

std::int64_t milliseconds_between(const google::protobuf::Timestamp& from,
                                  const google::protobuf::Timestamp& to) {
  using google::protobuf::util::TimeUtil;
  return TimeUtil::DurationToMilliseconds(to - from);
}

// What an InvokeResponse and an Execution say of an execution by the same names.
template <class Answer>
spearlet::ExecutionResult result_of(const Answer& from) {
  spearlet::ExecutionResult to;
  to.set_status(translate(from.status()));
  if (from.has_output()) {
    const wire::Payload& output = from.output();
    if (output.content_type() != kNoType) {
      to.mutable_result()->set_type_url(output.content_type());
    }
    to.mutable_result()->set_value(output.data());
  }
  to.set_error_code(from.error().code());
  to.set_error_message(from.error().message());
  if (from.has_started_at()) *to.mutable_started_at() = from.started_at();
  if (from.has_completed_at()) *to.mutable_completed_at() = from.completed_at();
  if (from.has_started_at() && from.has_completed_at()) {
    to.set_execution_time_ms(milliseconds_between(from.started_at(), from.completed_at()));
  }
  return to;
}

std::unique_ptr<Message> translate(const wire::InvokeResponse& from) {
  auto to = std::make_unique<spearlet::InvokeFunctionResponse>();
  to->set_success(from.status() == wire::EXECUTION_STATUS_PENDING ||
                  from.status() == wire::EXECUTION_STATUS_RUNNING ||
                  from.status() == wire::EXECUTION_STATUS_COMPLETED);
  to->set_message(from.error().message());
  to->set_execution_id(from.execution_id());
  to->set_instance_id(from.instance_id());
  *to->mutable_result() = result_of(from);
  return to;
}

std::unique_ptr<Message> translate(const wire::Execution& from) {
  auto to = std::make_unique<spearlet::GetExecutionStatusResponse>();
  to->set_found(true);
  *to->mutable_result() = result_of(from);
  return to;
}

std::unique_ptr<Message> translate(const wire::TerminateExecutionResponse& from) {
  auto to = std::make_unique<spearlet::CancelExecutionResponse>();
  to->set_success(from.success());
  to->set_final_status(translate(from.final_status()));
  to->set_message(from.message());
  return to;
}

std::unique_ptr<Message> translate(const wire::ListExecutionsResponse& from) {
  auto to = std::make_unique<spearlet::ListExecutionsResponse>();
  for (const wire::Execution& execution : from.executions()) {
    const spearlet::ExecutionResult result = result_of(execution);
    spearlet::ExecutionInfo& info = *to->add_executions();
    info.set_execution_id(execution.execution_id());
    info.set_task_id(execution.task_id());
    info.set_function_name(execution.function_name());
    info.set_status(result.status());
    if (result.has_started_at()) *info.mutable_started_at() = result.started_at();
    if (result.has_completed_at()) *info.mutable_completed_at() = result.completed_at();
    info.set_execution_time_ms(result.execution_time_ms());
    info.set_error_message(result.error_message());
  }
  to->set_has_more(!from.next_page_token().empty());
  to->set_next_start_after(from.next_page_token());
  return to;
}

template <class Answer>
absl::StatusOr<std::unique_ptr<Message>> read(std::string_view bytes) {
  Answer answer;
  if (!answer.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(fmt::format("{} bytes that are no {} of profile spear-head",
                                           bytes.size(), Answer::descriptor()->name()));
  }
  return translate(answer);
}

}  // namespace

bool SpearHeadProfile::serves(Method method) const {
  switch (method) {
    case Method::kInvokeFunction:
    case Method::kGetExecutionStatus:
    case Method::kCancelExecution:
    case Method::kListExecutions:
      return true;
    default:
      return false;
  }
}

bool SpearHeadProfile::applies(std::string_view clause) const {
  constexpr std::string_view kWithout[] = {
      "SYNC-1",   // no status_endpoint, no estimate
      "SYNC-5",   // no success of an invocation
      "SYNC-6",   // its answer names neither task nor function
      "ASYNC-2",  // no status_endpoint
      "ASYNC-5",  // no estimate
      "STATE-7",  // no execution_time_ms
      "TIME-7",   // no retries
      "LIST-2",   // a limit has no sign
      "LIST-3",   // no filter
      "LIST-4",   // no statistics
      "LIST-5",   // no tasks
  };
  return clause.rfind("ETA-", 0) != 0 && clause.rfind("STREAM-", 0) != 0 &&
         std::find(std::begin(kWithout), std::end(kWithout), clause) == std::end(kWithout);
}

std::string SpearHeadProfile::path(Method method) const {
  switch (method) {
    case Method::kInvokeFunction:
      return "/spearlet.InvocationService/Invoke";
    case Method::kGetExecutionStatus:
      return "/spearlet.ExecutionService/GetExecution";
    case Method::kCancelExecution:
      return "/spearlet.ExecutionService/TerminateExecution";
    case Method::kListExecutions:
      return "/spearlet.ExecutionService/ListExecutions";
    default:
      assert(false && "a call that the profile does not have");
      return {};
  }
}

bool SpearHeadProfile::expresses(Method method, const Message& request) const {
  switch (method) {
    case Method::kInvokeFunction:
      return expressible(static_cast<const spearlet::InvokeFunctionRequest&>(request));
    case Method::kGetExecutionStatus:
      return true;  // logs that are asked for never come
    case Method::kCancelExecution:
      return !static_cast<const spearlet::CancelExecutionRequest&>(request).force();
    case Method::kListExecutions: {
      const auto& list = static_cast<const spearlet::ListExecutionsRequest&>(request);
      return list.limit() >= 0 && list.status_filter() == spearlet::EXECUTION_STATUS_UNSPECIFIED;
    }
    default:
      return false;
  }
}

std::string SpearHeadProfile::encode(Method method, const Message& request) const {
  switch (method) {
    case Method::kInvokeFunction:
      return translate(static_cast<const spearlet::InvokeFunctionRequest&>(request))
          .SerializeAsString();
    case Method::kGetExecutionStatus:
      return translate(static_cast<const spearlet::GetExecutionStatusRequest&>(request))
          .SerializeAsString();
    case Method::kCancelExecution:
      return translate(static_cast<const spearlet::CancelExecutionRequest&>(request))
          .SerializeAsString();
    case Method::kListExecutions:
      return translate(static_cast<const spearlet::ListExecutionsRequest&>(request))
          .SerializeAsString();
    default:
      assert(false && "a call that the profile does not have");
      return {};
  }
}

absl::StatusOr<std::unique_ptr<Message>> SpearHeadProfile::decode(Method method,
                                                                  std::string_view bytes) const {
  switch (method) {
    case Method::kInvokeFunction:
      return read<wire::InvokeResponse>(bytes);
    case Method::kGetExecutionStatus:
      return read<wire::Execution>(bytes);
    case Method::kCancelExecution:
      return read<wire::TerminateExecutionResponse>(bytes);
    case Method::kListExecutions:
      return read<wire::ListExecutionsResponse>(bytes);
    default:
      assert(false && "a call that the profile does not have");
      return absl::UnimplementedError("profile spear-head does not have this call");
  }
}

absl::StatusOr<std::unique_ptr<Message>> SpearHeadProfile::decode_error(
    Method method, const absl::Status& status) const {
  if (status.code() != absl::StatusCode::kNotFound) return status;
  if (method == Method::kGetExecutionStatus) {
    auto answer = std::make_unique<spearlet::GetExecutionStatusResponse>();
    answer->set_message(std::string(status.message()));
    return answer;
  }
  if (method == Method::kCancelExecution) {
    auto answer = std::make_unique<spearlet::CancelExecutionResponse>();
    answer->set_message(std::string(status.message()));
    return answer;
  }
  return status;
}

google::protobuf::FileDescriptorProto SpearHeadProfile::descriptor() const {
  google::protobuf::FileDescriptorProto file;
  wire::InvokeRequest::descriptor()->file()->CopyTo(&file);
  // The target's package is the contract's; every name that refers to this file follows.
  const std::string own = "." + file.package() + ".";
  const auto rename = [&own](std::string& type) {
    if (type.rfind(own, 0) == 0) type.replace(0, own.size(), ".spearlet.");
  };
  file.set_package("spearlet");
  for (google::protobuf::DescriptorProto& message : *file.mutable_message_type()) {
    for (google::protobuf::FieldDescriptorProto& field : *message.mutable_field()) {
      rename(*field.mutable_type_name());
    }
  }
  for (google::protobuf::ServiceDescriptorProto& service : *file.mutable_service()) {
    for (google::protobuf::MethodDescriptorProto& method : *service.mutable_method()) {
      rename(*method.mutable_input_type());
      rename(*method.mutable_output_type());
    }
  }
  return file;
}

}  // namespace quintain::conformance
