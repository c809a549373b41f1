// The profiles spear-2026-03 and spear-2026-05: they translate field by field between the contract
// and InvocationService and ExecutionService. The messages of both have the same numbers, so those
// of May carry both; only the names, a path and the stream differ.
#include <absl/strings/escaping.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "conformance/judgement/bounded_parse.h"
#include "conformance/judgement/rules/status_observation.h"
#include "conformance/wire/profile.h"
#include "core/base/time.h"
#include "profiles/spear_2026_03.pb.h"
#include "profiles/spear_2026_05.pb.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

namespace march = profile::spear_2026_03;
namespace may = profile::spear_2026_05;

using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;

constexpr std::string_view kNoType = "application/octet-stream";

void copy_unknown_fields(const Message& from, Message& to) {
  to.GetReflection()->MutableUnknownFields(&to)->MergeFrom(
      from.GetReflection()->GetUnknownFields(from));
}

// ---- Requests ----------------------------------------------------------------------------------

// Adds the parameter to `metadata`. The first parameter travels as `input`, and only a number is
// added as well.
void put_parameter(const spearlet::FunctionParameter& parameter, bool first,
                   may::InvokeRequest& to) {
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

may::InvokeRequest translate(const spearlet::InvokeFunctionRequest& from) {
  const spearlet::ExecutionContext& context = from.context();
  may::InvokeRequest to;
  to.set_execution_id(from.has_execution_id() ? from.execution_id() : context.execution_id());
  to.set_task_id(from.task_id());
  to.set_function_name(from.function_name());
  *to.mutable_headers() = context.headers();
  *to.mutable_environment() = context.environment();
  to.set_timeout_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(context.timeout_ms(), 0)));
  to.set_session_id(context.session_id());
  to.set_mode(static_cast<may::ExecutionMode>(from.execution_mode()));
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

may::GetExecutionRequest translate(const spearlet::GetExecutionStatusRequest& from) {
  may::GetExecutionRequest to;
  to.set_execution_id(from.execution_id());
  to.set_include_output(from.include_result());
  copy_unknown_fields(from, to);
  return to;
}

may::TerminateExecutionRequest translate(const spearlet::CancelExecutionRequest& from) {
  may::TerminateExecutionRequest to;
  to.set_execution_id(from.execution_id());
  to.set_reason(from.reason());
  copy_unknown_fields(from, to);
  return to;
}

may::ListExecutionsRequest translate(const spearlet::ListExecutionsRequest& from) {
  may::ListExecutionsRequest to;
  to.set_task_id(from.task_id());
  to.set_limit(static_cast<std::uint32_t>(std::max(from.limit(), 0)));
  to.set_page_token(from.start_after());
  copy_unknown_fields(from, to);
  return to;
}

template <class Request>
std::string encode_as(const Message& request) {
  return translate(static_cast<const Request&>(request)).SerializeAsString();
}

bool expresses_invocation(const Message& message) {
  const auto& request = static_cast<const spearlet::InvokeFunctionRequest&>(message);
  const spearlet::ExecutionContext& context = request.context();
  const bool two_ids = request.has_execution_id() && !context.execution_id().empty() &&
                       request.execution_id() != context.execution_id();
  return !two_ids && context.timeout_ms() >= 0 && context.max_retries() == 0 &&
         context.user_id().empty() && !request.has_artifact_spec() && request.task_name().empty() &&
         request.task_description().empty() && !request.create_if_not_exists() &&
         request.invocation_type() != spearlet::INVOCATION_TYPE_NEW_TASK;
}

// Requested logs are never returned, which changes nothing else.
bool expresses_query(const Message&) { return true; }

bool expresses_cancel(const Message& message) {
  return !static_cast<const spearlet::CancelExecutionRequest&>(message).force();
}

bool expresses_list(const Message& message) {
  const auto& request = static_cast<const spearlet::ListExecutionsRequest&>(message);
  return request.limit() >= 0 && request.status_filter() == spearlet::EXECUTION_STATUS_UNSPECIFIED;
}

// ---- Answers -----------------------------------------------------------------------------------

// The numbers are those of the contract; only the name of CANCELLED differs.
spearlet::ExecutionStatus translate(may::ExecutionStatus status) {
  return static_cast<spearlet::ExecutionStatus>(status);
}

std::int64_t milliseconds_between(const google::protobuf::Timestamp& from,
                                  const google::protobuf::Timestamp& to) {
  return core::floor_milliseconds(time_of(to) - time_of(from));
}

// Some servers always set `output`; without a type and bytes it is none.
bool is_set(const may::Payload& payload) {
  return !payload.data().empty() ||
         (!payload.content_type().empty() && payload.content_type() != kNoType);
}

google::protobuf::Any translate(const may::Payload& from) {
  google::protobuf::Any to;
  if (from.content_type() != kNoType) to.set_type_url(from.content_type());
  to.set_value(from.data());
  return to;
}

// The result from the fields that InvokeResponse and Execution have in common.
template <class Answer>
spearlet::ExecutionResult result_of(const Answer& from) {
  spearlet::ExecutionResult to;
  to.set_status(translate(from.status()));
  if (is_set(from.output())) *to.mutable_result() = translate(from.output());
  to.set_error_code(from.error().code());
  to.set_error_message(from.error().message());
  if (from.has_started_at()) *to.mutable_started_at() = from.started_at();
  if (from.has_completed_at()) *to.mutable_completed_at() = from.completed_at();
  if (from.has_started_at() && from.has_completed_at()) {
    to.set_execution_time_ms(milliseconds_between(from.started_at(), from.completed_at()));
  }
  return to;
}

std::unique_ptr<Message> translate(const may::InvokeResponse& from) {
  auto to = std::make_unique<spearlet::InvokeFunctionResponse>();
  to->set_success(from.status() == may::EXECUTION_STATUS_PENDING ||
                  from.status() == may::EXECUTION_STATUS_RUNNING ||
                  from.status() == may::EXECUTION_STATUS_COMPLETED);
  to->set_message(from.error().message());
  to->set_execution_id(from.execution_id());
  to->set_instance_id(from.instance_id());
  *to->mutable_result() = result_of(from);
  return to;
}

std::unique_ptr<Message> translate(const may::Execution& from) {
  auto to = std::make_unique<spearlet::GetExecutionStatusResponse>();
  to->set_found(true);
  *to->mutable_result() = result_of(from);
  return to;
}

std::unique_ptr<Message> translate(const may::TerminateExecutionResponse& from) {
  auto to = std::make_unique<spearlet::CancelExecutionResponse>();
  to->set_success(from.success());
  to->set_final_status(translate(from.final_status()));
  to->set_message(from.message());
  return to;
}

std::unique_ptr<Message> translate(const may::ListExecutionsResponse& from) {
  auto to = std::make_unique<spearlet::ListExecutionsResponse>();
  for (const may::Execution& execution : from.executions()) {
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

std::unique_ptr<Message> translate(const march::InvokeStreamChunk& from) {
  auto to = std::make_unique<spearlet::StreamExecutionResult>();
  to->set_execution_id(from.execution_id());
  to->set_status(static_cast<spearlet::ExecutionStatus>(from.status()));
  if (is_set(from.chunk())) *to->mutable_chunk_data() = translate(from.chunk());
  to->set_is_final(from.is_final());
  to->set_error_message(from.error().message());
  *to->mutable_metadata() = from.metadata();
  return to;
}

template <class Answer>
absl::StatusOr<std::unique_ptr<Message>> decode_as(std::string_view bytes) {
  Answer answer;
  if (absl::Status parsed = parse_bounded(bytes, answer); !parsed.ok()) return parsed;
  return translate(answer);
}

// ---- Methods -----------------------------------------------------------------------------------

struct ServedMethod {
  Method method;
  std::string_view path;
  bool (*expresses)(const Message& request);
  std::string (*encode)(const Message& request);
  absl::StatusOr<std::unique_ptr<Message>> (*decode)(std::string_view bytes);
};

// What the profiles have in common.
constexpr ServedMethod kInvoke = {Method::kInvokeFunction, "/spearlet.InvocationService/Invoke",
                                  expresses_invocation, encode_as<spearlet::InvokeFunctionRequest>,
                                  decode_as<may::InvokeResponse>};
constexpr ServedMethod kQuery = {
    Method::kGetExecutionStatus, "/spearlet.ExecutionService/GetExecution", expresses_query,
    encode_as<spearlet::GetExecutionStatusRequest>, decode_as<may::Execution>};
constexpr ServedMethod kList = {
    Method::kListExecutions, "/spearlet.ExecutionService/ListExecutions", expresses_list,
    encode_as<spearlet::ListExecutionsRequest>, decode_as<may::ListExecutionsResponse>};

constexpr ServedMethod cancel_at(std::string_view path) {
  return {Method::kCancelExecution, path, expresses_cancel,
          encode_as<spearlet::CancelExecutionRequest>, decode_as<may::TerminateExecutionResponse>};
}

constexpr ServedMethod kServedInMarch[] = {
    kInvoke,
    kQuery,
    kList,
    cancel_at("/spearlet.ExecutionService/CancelExecution"),
    {Method::kStreamFunction, "/spearlet.InvocationService/InvokeStream", expresses_invocation,
     encode_as<spearlet::InvokeFunctionRequest>, decode_as<march::InvokeStreamChunk>}};
constexpr ServedMethod kServedInMay[] = {
    kInvoke, kQuery, kList, cancel_at("/spearlet.ExecutionService/TerminateExecution")};

// The file with the target's package instead of that of the profiles.
FileDescriptorProto with_the_targets_names(FileDescriptorProto file) {
  const auto rename = [](std::string& type) {
    for (const std::string_view own :
         {".quintain.profile.spear_2026_03.", ".quintain.profile.spear_2026_05."}) {
      if (type.starts_with(own)) type.replace(0, own.size(), ".spearlet.");
    }
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

FileDescriptorProto descriptor_of_may() {
  FileDescriptorProto file;
  may::InvokeRequest::descriptor()->file()->CopyTo(&file);
  return with_the_targets_names(std::move(file));
}

// The declarations of March, and those of May that March uses: all messages but those of a cancel.
FileDescriptorProto descriptor_of_march() {
  FileDescriptorProto file;
  march::InvokeStreamChunk::descriptor()->file()->CopyTo(&file);
  FileDescriptorProto shared;
  may::InvokeRequest::descriptor()->file()->CopyTo(&shared);
  for (const google::protobuf::DescriptorProto& message : shared.message_type()) {
    if (!message.name().starts_with("TerminateExecution")) *file.add_message_type() = message;
  }
  return with_the_targets_names(std::move(file));
}

class InvocationProfile final : public Profile {
 public:
  InvocationProfile(std::string_view name, std::span<const ServedMethod> methods,
                    FileDescriptorProto descriptor)
      : name_(name), methods_(methods), descriptor_(std::move(descriptor)) {}

  std::string_view name() const override { return name_; }
  bool serves(Method method) const override { return find(method) != methods_.end(); }
  bool applies(std::string_view clause) const override;
  std::string path(Method method) const override { return std::string(served(method).path); }
  bool expresses(Method method, const Message& request) const override {
    return serves(method) && served(method).expresses(request);
  }
  std::string encode(Method method, const Message& request) const override {
    return served(method).encode(request);
  }
  absl::StatusOr<std::unique_ptr<Message>> decode(Method method,
                                                  std::string_view bytes) const override {
    return served(method).decode(bytes);
  }
  absl::StatusOr<std::unique_ptr<Message>> decode_error(Method method,
                                                        const absl::Status& status) const override;
  FileDescriptorProto descriptor() const override { return descriptor_; }

 private:
  std::span<const ServedMethod>::iterator find(Method method) const {
    return std::ranges::find(methods_, method, &ServedMethod::method);
  }
  // Requires: the method is served.
  const ServedMethod& served(Method method) const {
    assert(serves(method) && "the profile does not serve this method");
    return *find(method);
  }

  std::string_view name_;
  std::span<const ServedMethod> methods_;
  FileDescriptorProto descriptor_;
};

bool InvocationProfile::applies(std::string_view clause) const {
  constexpr std::string_view kWithout[] = {
      "SYNC-1",    // no status_endpoint, no estimate
      "SYNC-5",    // no success of an invocation
      "SYNC-6",    // no task and no function in the answer
      "ASYNC-2",   // no status_endpoint
      "ASYNC-5",   // no estimate
      "STATE-7",   // no execution_time_ms
      "ASYNC-11",  // no success of an invocation
      "MODE-4",    // a stream takes any mode
      "TIME-7",    // no retries
      "IDEM-5",    // one place for an id
      "LIST-2",    // limits are unsigned
      "LIST-3",    // no filter
      "LIST-4",    // no statistics
      "LIST-5",    // no tasks
      "LIST-8",    // no mode in an entry
      "STATE-12",  // no logs
  };
  // Without StreamFunction there is no mode STREAM either.
  const bool of_streams = clause.starts_with("STREAM-") || clause == "MODE-2";
  constexpr std::string_view kWithoutFamilies[] = {"ETA-", "TASK-", "STATS-", "DRAIN-", "RETRY-"};
  return std::ranges::none_of(kWithoutFamilies,
                              [&](auto family) { return clause.starts_with(family); }) &&
         (!of_streams || serves(Method::kStreamFunction)) &&
         std::ranges::find(kWithout, clause) == std::end(kWithout);
}

// An unknown id is found = false in the contract, and NOT_FOUND on this wire. For a cancel the
// manifest declares which of the two it is.
absl::StatusOr<std::unique_ptr<Message>> InvocationProfile::decode_error(
    Method method, const absl::Status& status) const {
  if (method != Method::kGetExecutionStatus || status.code() != absl::StatusCode::kNotFound) {
    return status;
  }
  auto answer = std::make_unique<spearlet::GetExecutionStatusResponse>();
  answer->set_message(std::string(status.message()));
  return answer;
}

}  // namespace

const Profile& spear_2026_03_profile() {
  static const InvocationProfile profile("spear-2026-03", kServedInMarch, descriptor_of_march());
  return profile;
}

const Profile& spear_2026_05_profile() {
  static const InvocationProfile profile("spear-2026-05", kServedInMay, descriptor_of_may());
  return profile;
}

}  // namespace quintain::conformance
