#include "conformance/live/reflection.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "live/standard_services.pb.h"

namespace quintain::conformance {
namespace {

namespace wire = standard_services;

using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

class Reflection {
 public:
  Reflection(Transport& transport, std::string_view version, core::Instant deadline)
      : transport_(transport),
        path_(fmt::format("/grpc.reflection.{}.ServerReflection/ServerReflectionInfo", version)),
        deadline_(deadline) {}

  absl::StatusOr<FileDescriptorSet> all() {
    wire::ServerReflectionRequest list;
    list.set_list_services("");
    const auto services = ask(list);
    if (!services.ok()) return services.status();
    for (const wire::ServiceResponse& service : services->list_services_response().service()) {
      if (begins_with(service.name(), "grpc.")) continue;
      wire::ServerReflectionRequest symbol;
      symbol.set_file_containing_symbol(service.name());
      if (absl::Status added = add(symbol); !added.ok()) return added;
    }
    if (set_.file().empty()) {
      return absl::NotFoundError("the target's reflection lists no service but gRPC's own");
    }
    // The set grows while it is walked.
    for (int i = 0; i < set_.file_size(); ++i) {
      const google::protobuf::RepeatedPtrField<std::string> imports = set_.file(i).dependency();
      for (const std::string& import : imports) {
        if (begins_with(import, "google/protobuf/") || known_.contains(import)) continue;
        wire::ServerReflectionRequest file;
        file.set_file_by_filename(import);
        if (absl::Status added = add(file); !added.ok()) return added;
      }
    }
    return std::move(set_);
  }

 private:
  absl::Status add(const wire::ServerReflectionRequest& request) {
    const auto answer = ask(request);
    if (!answer.ok()) return answer.status();
    for (const std::string& bytes : answer->file_descriptor_response().file_descriptor_proto()) {
      FileDescriptorProto file;
      if (!file.ParseFromString(bytes)) {
        return absl::DataLossError("the target's reflection sent bytes that are no descriptor");
      }
      if (begins_with(file.name(), "google/protobuf/")) continue;
      if (known_.insert(file.name()).second) *set_.add_file() = std::move(file);
    }
    if (!request.file_by_filename().empty()) known_.insert(request.file_by_filename());
    return absl::OkStatus();
  }

  // A stream with one question: what a target answers to the next one could hang on the last.
  absl::StatusOr<wire::ServerReflectionResponse> ask(const wire::ServerReflectionRequest& request) {
    std::optional<std::string> bytes;
    std::optional<absl::Status> end;
    const std::uint64_t call = transport_.start({
        .path = path_,
        .request = request.SerializeAsString(),
        .deadline = deadline_,
        .streaming = true,
        .on_message = [&bytes](std::string message) { bytes = std::move(message); },
        .on_end = [&end](absl::Status status) { end = std::move(status); },
    });
    transport_.run_until(deadline_, [&] { return bytes || end; });
    if (!end) transport_.abandon(call);
    if (!bytes) {
      if (end && !end->ok()) return *std::move(end);
      return absl::DeadlineExceededError("the target's reflection does not answer");
    }
    wire::ServerReflectionResponse answer;
    if (!answer.ParseFromString(*bytes)) {
      return absl::DataLossError("the target's reflection sent bytes that are no answer");
    }
    if (answer.has_error_response()) {
      return absl::Status(
          static_cast<absl::StatusCode>(answer.error_response().error_code()),
          fmt::format("the target's reflection has no answer to {{ {} }}: {}",
                      request.ShortDebugString(), answer.error_response().error_message()));
    }
    return answer;
  }

  Transport& transport_;
  std::string path_;
  core::Instant deadline_;
  FileDescriptorSet set_;
  std::set<std::string> known_;
};

}  // namespace

absl::StatusOr<FileDescriptorSet> reflect(Transport& transport, core::Duration patience) {
  const core::Instant deadline = transport.now() + patience;
  for (const std::string_view version : {"v1alpha", "v1"}) {
    auto set = Reflection(transport, version, deadline).all();
    if (!absl::IsUnimplemented(set.status())) return set;
  }
  return absl::UnimplementedError(
      "the target has no server reflection; say what it serves by --proto or --descriptor-set");
}

}  // namespace quintain::conformance
