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

using Complaints = std::vector<std::string>;

constexpr std::size_t kLongestId = 128;

// An id is a part of the path /status/{id} and must stand there as it is: RFC 3986's pchar, without
// percent-encoding, and not a dot segment, which clients take out of a path.
bool may_stand_in_path(std::string_view id) {
  if (id == "." || id == "..") return false;
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:@";
  for (const char c : id) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && kMarks.find(c) == std::string_view::npos) return false;
  }
  return true;
}

void check_mode(spearlet::ExecutionMode mode, InvocationCall call, Complaints& complaints) {
  if (call == InvocationCall::kStreamFunction) {
    if (mode != spearlet::EXECUTION_MODE_STREAM) {
      complaints.emplace_back("execution_mode: StreamFunction takes EXECUTION_MODE_STREAM only");
    }
  } else if (mode == spearlet::EXECUTION_MODE_STREAM) {
    complaints.emplace_back("execution_mode: EXECUTION_MODE_STREAM goes through StreamFunction");
  } else if (mode != spearlet::EXECUTION_MODE_SYNC && mode != spearlet::EXECUTION_MODE_ASYNC) {
    complaints.emplace_back(fmt::format(
        "execution_mode: {} is neither EXECUTION_MODE_SYNC (1) nor EXECUTION_MODE_ASYNC (2)",
        static_cast<int>(mode)));
  }
}

std::optional<std::string_view> check_execution_id(const spearlet::InvokeFunctionRequest& request,
                                                   Complaints& complaints) {
  const std::string& in_context = request.context().execution_id();
  if (!request.has_execution_id() && in_context.empty()) return std::nullopt;
  const std::string& id = request.has_execution_id() ? request.execution_id() : in_context;
  if (request.has_execution_id() && !in_context.empty() && id != in_context) {
    complaints.emplace_back(fmt::format(
        "execution_id: '{}' differs from context.execution_id '{}'; give one, or the same", id,
        in_context));
  }
  if (id.empty()) {
    complaints.emplace_back("execution_id: given but empty; leave it out to have one made");
  } else if (id.size() > kLongestId || !may_stand_in_path(id)) {
    complaints.emplace_back(
        fmt::format("execution_id: must be 1 to {} characters that may stand in a URL path segment "
                    "(letters, digits, -._~!$&'()*+,;=:@)",
                    kLongestId));
  }
  return id;
}

spearlet::InvocationType check_type(const spearlet::InvokeFunctionRequest& request,
                                    Complaints& complaints) {
  spearlet::InvocationType type = request.invocation_type();
  if (type == spearlet::INVOCATION_TYPE_UNSPECIFIED) {
    if (!request.task_id().empty()) {
      type = spearlet::INVOCATION_TYPE_EXISTING_TASK;
    } else if (request.has_artifact_spec()) {
      type = spearlet::INVOCATION_TYPE_NEW_TASK;
    } else {
      complaints.emplace_back(
          "invocation_type: unspecified, and neither task_id nor artifact_spec says which is "
          "meant");
    }
  } else if (type == spearlet::INVOCATION_TYPE_NEW_TASK) {
    if (!request.has_artifact_spec()) {
      complaints.emplace_back("artifact_spec: NEW_TASK needs one to make the task from");
    }
  } else if (type == spearlet::INVOCATION_TYPE_EXISTING_TASK) {
    if (request.task_id().empty()) {
      complaints.emplace_back("task_id: EXISTING_TASK needs the id of the task");
    }
  } else {
    complaints.emplace_back(
        fmt::format("invocation_type: {} is neither NEW_TASK (1) nor EXISTING_TASK (2)",
                    static_cast<int>(type)));
  }
  return type;
}

std::optional<Duration> check_timeout(std::int64_t timeout_ms, Complaints& complaints) {
  if (timeout_ms == 0) return std::nullopt;
  if (timeout_ms < 0) {
    complaints.emplace_back(fmt::format(
        "context.timeout_ms: {} is negative; give milliseconds, or 0 for the default", timeout_ms));
  }
  return saturating_milliseconds(timeout_ms);
}

constexpr std::uint64_t mix(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;  // FNV-1a
  }
  return hash;
}

}  // namespace

absl::StatusOr<Invocation> parse_invocation(const spearlet::InvokeFunctionRequest& request,
                                            InvocationCall call) {
  Complaints complaints;
  Invocation invocation;
  invocation.mode = request.execution_mode();
  check_mode(invocation.mode, call, complaints);
  invocation.type = check_type(request, complaints);
  invocation.execution_id = check_execution_id(request, complaints);
  invocation.timeout = check_timeout(request.context().timeout_ms(), complaints);
  invocation.max_retries = request.context().max_retries();
  if (invocation.max_retries < 0) {
    complaints.emplace_back(
        fmt::format("context.max_retries: {} is negative", invocation.max_retries));
  }
  if (!stated_priority(request)) {
    complaints.emplace_back("invocation_metadata: 'priority' must be an integer");
  }
  if (!complaints.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(complaints, "; "));
  }
  return invocation;
}

std::array<std::uint64_t, 2> fingerprint(const spearlet::InvokeFunctionRequest& request) {
  spearlet::InvokeFunctionRequest question = request;
  question.clear_execution_id();
  question.mutable_context()->clear_execution_id();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // or the order of a map's entries would count
    question.SerializeToCodedStream(&coded);
  }
  return {mix(0xcbf29ce484222325, bytes), mix(0x84222325cbf29ce4, bytes)};
}

}  // namespace quintain::core
