// Validates requests field by field, collecting all errors, and copies and clears requests without
// freeing their memory.
#include "core/invocation.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/scheduling.h"

namespace quintain::core {
namespace {

using Errors = std::vector<std::string>;

constexpr std::size_t kMaxIdSize = 128;

// An id is a segment of the path /status/{id} and must be valid there unchanged: RFC 3986's pchar
// without percent-encoding, and not a dot segment, which clients remove from a path.
bool is_path_segment(std::string_view id) {
  if (id == "." || id == "..") return false;
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:@";
  for (const char c : id) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && kMarks.find(c) == std::string_view::npos) return false;
  }
  return true;
}

void check_mode(spearlet::ExecutionMode mode, InvocationCall call, Errors& errors) {
  if (call == InvocationCall::kStreamFunction) {
    if (mode != spearlet::EXECUTION_MODE_STREAM) {
      errors.emplace_back("execution_mode: StreamFunction takes EXECUTION_MODE_STREAM only");
    }
  } else if (mode == spearlet::EXECUTION_MODE_STREAM) {
    errors.emplace_back("execution_mode: EXECUTION_MODE_STREAM goes through StreamFunction");
  } else if (mode != spearlet::EXECUTION_MODE_SYNC && mode != spearlet::EXECUTION_MODE_ASYNC) {
    errors.emplace_back(fmt::format(
        "execution_mode: {} is neither EXECUTION_MODE_SYNC (1) nor EXECUTION_MODE_ASYNC (2)",
        static_cast<int>(mode)));
  }
}

std::optional<std::string_view> check_execution_id(const spearlet::InvokeFunctionRequest& request,
                                                   Errors& errors) {
  const std::string& in_context = request.context().execution_id();
  if (!request.has_execution_id() && in_context.empty()) return std::nullopt;
  const std::string& id = request.has_execution_id() ? request.execution_id() : in_context;
  if (request.has_execution_id() && !in_context.empty() && id != in_context) {
    errors.emplace_back(fmt::format(
        "execution_id: '{}' differs from context.execution_id '{}'; give one, or the same", id,
        in_context));
  }
  if (id.empty()) {
    errors.emplace_back("execution_id: given but empty; leave it out to have one made");
  } else if (id.size() > kMaxIdSize || !is_path_segment(id)) {
    errors.emplace_back(fmt::format(
        "execution_id: must be 1 to {} characters that are allowed in a URL path segment "
        "(letters, digits, -._~!$&'()*+,;=:@)",
        kMaxIdSize));
  }
  return id;
}

spearlet::InvocationType check_type(const spearlet::InvokeFunctionRequest& request,
                                    Errors& errors) {
  spearlet::InvocationType type = request.invocation_type();
  if (type == spearlet::INVOCATION_TYPE_UNSPECIFIED) {
    if (!request.task_id().empty()) {
      type = spearlet::INVOCATION_TYPE_EXISTING_TASK;
    } else if (request.has_artifact_spec()) {
      type = spearlet::INVOCATION_TYPE_NEW_TASK;
    } else {
      errors.emplace_back(
          "invocation_type: unspecified, and neither task_id nor artifact_spec says which is "
          "meant");
    }
  } else if (type == spearlet::INVOCATION_TYPE_NEW_TASK) {
    if (!request.has_artifact_spec()) {
      errors.emplace_back("artifact_spec: NEW_TASK needs one to make the task from");
    }
  } else if (type == spearlet::INVOCATION_TYPE_EXISTING_TASK) {
    if (request.task_id().empty()) {
      errors.emplace_back("task_id: EXISTING_TASK needs the id of the task");
    }
  } else {
    errors.emplace_back(
        fmt::format("invocation_type: {} is neither NEW_TASK (1) nor EXISTING_TASK (2)",
                    static_cast<int>(type)));
  }
  return type;
}

std::optional<Duration> check_timeout(std::int64_t timeout_ms, Errors& errors) {
  if (timeout_ms == 0) return std::nullopt;
  if (timeout_ms < 0) {
    errors.emplace_back(fmt::format(
        "context.timeout_ms: {} is negative; give milliseconds, or 0 for the default", timeout_ms));
  }
  return saturating_milliseconds(timeout_ms);
}

// FNV-1a.
constexpr std::uint64_t mix(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

// Copies a field unless it is empty and stays so: clearing a protobuf map visits its whole table,
// and even an empty string costs a call into the library.
template <class Content, class Field>
void copy_field(const Content& from, const Content& old, const Field& field) {
  if (from.empty() && old.empty()) return;
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

absl::StatusOr<Invocation> parse_invocation(const spearlet::InvokeFunctionRequest& request,
                                            InvocationCall call) {
  Errors errors;
  Invocation invocation;
  invocation.mode = request.execution_mode();
  check_mode(invocation.mode, call, errors);
  invocation.type = check_type(request, errors);
  invocation.execution_id = check_execution_id(request, errors);
  invocation.timeout = check_timeout(request.context().timeout_ms(), errors);
  invocation.max_retries = request.context().max_retries();
  if (invocation.max_retries < 0) {
    errors.emplace_back(fmt::format("context.max_retries: {} is negative", invocation.max_retries));
  }
  if (!stated_priority(request)) {
    errors.emplace_back("invocation_metadata: 'priority' must be an integer");
  }
  if (!errors.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(errors, "; "));
  }
  return invocation;
}

std::array<std::uint64_t, 2> fingerprint(const spearlet::InvokeFunctionRequest& request) {
  spearlet::InvokeFunctionRequest content = request;
  content.clear_execution_id();
  content.mutable_context()->clear_execution_id();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // otherwise the order of map entries would matter
    content.SerializeToCodedStream(&coded);
  }
  return {mix(0xcbf29ce484222325, bytes), mix(0x84222325cbf29ce4, bytes)};
}

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
