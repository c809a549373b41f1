// Validates requests field by field, collecting all errors, and copies and clears requests without
// freeing their memory.
#include "core/invocation.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/refusal.h"
#include "core/scheduling.h"

namespace quintain::core {
namespace {

using Errors = std::vector<std::string>;

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
    errors.emplace_back(
        fmt::format("execution_id: {} differs from context.execution_id {}; give one, or the same",
                    quoted(id), quoted(in_context)));
  }
  if (id.empty()) {
    errors.emplace_back("execution_id: given but empty; leave it out to have one made");
  } else if (id.size() > RequestLimits::kExecutionId || !is_path_segment(id)) {
    errors.emplace_back(fmt::format(
        "execution_id: must be 1 to {} characters that are allowed in a URL path segment "
        "(letters, digits, -._~!$&'()*+,;=:@)",
        RequestLimits::kExecutionId));
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

// Adds up the sizes of a request's parts and checks them against their limits.
class Sizes {
 public:
  explicit Sizes(Errors& errors) : errors_(errors) {}

  void text(const std::string& text, std::size_t limit, const char* field) {
    bytes_ += text.size();
    if (text.size() > limit) too_long(field, text.size(), limit);
  }

  void map(const google::protobuf::Map<std::string, std::string>& map, const char* field) {
    if (map.empty()) return;
    if (map.size() > RequestLimits::kMapEntries) {
      errors_.push_back(fmt::format("{}: has {} entries; at most {} are allowed", field, map.size(),
                                    RequestLimits::kMapEntries));
      return;
    }
    std::size_t sum = 0;
    for (const auto& [key, value] : map) {
      if (key.size() > RequestLimits::kName) {
        return too_long(fmt::format("{}: a key", field), key.size(), RequestLimits::kName);
      }
      if (value.size() > RequestLimits::kMapValue) {
        return too_long(fmt::format("{}: the value of {}", field, quoted(key)), value.size(),
                        RequestLimits::kMapValue);
      }
      sum += key.size() + value.size();
    }
    if (sum > RequestLimits::kMap) too_long(field, sum, RequestLimits::kMap);
    bytes_ += sum + kEntryBytes * map.size();
  }

  void parameters(const spearlet::InvokeFunctionRequest& request) {
    const int count = request.parameters_size();
    if (count > RequestLimits::kParameters) {
      errors_.push_back(fmt::format("parameters: {} are given; at most {} are allowed", count,
                                    RequestLimits::kParameters));
      return;
    }
    for (const auto& parameter : request.parameters()) {
      text(parameter.name(), RequestLimits::kName, "parameters.name");
      text(parameter.type(), RequestLimits::kName, "parameters.type");
      text(parameter.description(), RequestLimits::kText, "parameters.description");
      text(parameter.value().type_url(), RequestLimits::kText, "parameters.value.type_url");
      bytes_ += parameter.value().value().size() + kParameterBytes;
    }
  }

  std::size_t bytes() const { return bytes_; }

 private:
  // The objects around the contents.
  static constexpr std::size_t kEntryBytes = 96;
  static constexpr std::size_t kParameterBytes = 256;

  void too_long(std::string_view field, std::size_t size, std::size_t limit) {
    errors_.push_back(fmt::format("{}: has {} bytes; at most {} are allowed", field, size, limit));
  }

  Errors& errors_;
  std::size_t bytes_ = 0;
};

void check_sizes(const spearlet::InvokeFunctionRequest& request, Sizes& sizes) {
  constexpr std::size_t kName = RequestLimits::kName;
  constexpr std::size_t kText = RequestLimits::kText;
  sizes.text(request.task_id(), kName, "task_id");
  sizes.text(request.task_name(), kName, "task_name");
  sizes.text(request.task_description(), kText, "task_description");
  sizes.text(request.function_name(), kName, "function_name");
  sizes.map(request.invocation_metadata(), "invocation_metadata");
  sizes.parameters(request);
  if (request.has_context()) {
    const spearlet::ExecutionContext& context = request.context();
    sizes.text(context.session_id(), kName, "context.session_id");
    sizes.text(context.user_id(), kName, "context.user_id");
    sizes.map(context.environment(), "context.environment");
    sizes.map(context.headers(), "context.headers");
  }
  if (request.has_artifact_spec()) {
    const spearlet::ArtifactSpec& artifact = request.artifact_spec();
    sizes.text(artifact.artifact_id(), kName, "artifact_spec.artifact_id");
    sizes.text(artifact.artifact_type(), kName, "artifact_spec.artifact_type");
    sizes.text(artifact.location(), kText, "artifact_spec.location");
    sizes.text(artifact.version(), kName, "artifact_spec.version");
    sizes.text(artifact.checksum(), kText, "artifact_spec.checksum");
    sizes.map(artifact.metadata(), "artifact_spec.metadata");
  }
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
  Sizes sizes(errors);
  check_sizes(request, sizes);
  invocation.bytes = static_cast<std::int64_t>(sizes.bytes());
  if (!errors.empty()) return invalid_argument(errors);
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
