// A client of gRPC server reflection: lists the services and collects the files that declare them.
#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "conformance/judgement/bounded_parse.h"
#include "conformance/live/side_channels.h"
#include "live/standard_services.pb.h"

namespace quintain::conformance {
namespace {

namespace wire = standard_services;

using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

// The contract's own file takes some 100 KiB in memory.
constexpr int kMaxFiles = 500;
constexpr std::size_t kMaxSize = std::size_t{32} << 20;

// One query of all services with one version of the reflection service.
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
      if (service.name().starts_with("grpc.")) continue;
      wire::ServerReflectionRequest symbol;
      symbol.set_file_containing_symbol(service.name());
      if (absl::Status added = add(symbol); !added.ok()) return added;
    }
    if (set_.file().empty()) {
      return absl::NotFoundError("the target's reflection lists no service except gRPC's own");
    }
    // The set grows during the loop.
    for (int i = 0; i < set_.file_size(); ++i) {
      const google::protobuf::RepeatedPtrField<std::string> imports = set_.file(i).dependency();
      for (const std::string& import : imports) {
        if (import.starts_with("google/protobuf/") || known_.contains(import)) continue;
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
      if (absl::Status parsed = parse_bounded(bytes, file); !parsed.ok()) {
        return absl::DataLossError(
            fmt::format("the target's reflection sent {}", std::string(parsed.message())));
      }
      if (file.name().starts_with("google/protobuf/")) continue;
      if (!known_.insert(file.name()).second) continue;
      size_ += file.SpaceUsedLong();
      if (size_ > kMaxSize || set_.file_size() == kMaxFiles) {
        return absl::DataLossError(
            fmt::format("the target's reflection sent more than {} files or {} MiB of descriptors",
                        kMaxFiles, kMaxSize >> 20));
      }
      *set_.add_file() = std::move(file);
    }
    if (!request.file_by_filename().empty()) known_.insert(request.file_by_filename());
    return absl::OkStatus();
  }

  // One request per stream, so that answers cannot depend on earlier requests.
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
    if (absl::Status parsed = parse_bounded(*bytes, answer); !parsed.ok()) {
      return absl::DataLossError(
          fmt::format("the target's reflection sent {}", std::string(parsed.message())));
    }
    if (answer.has_error_response()) {
      return absl::Status(
          static_cast<absl::StatusCode>(answer.error_response().error_code()),
          fmt::format("the target's reflection cannot answer {{ {} }}: {}",
                      request.ShortDebugString(), answer.error_response().error_message()));
    }
    return answer;
  }

  Transport& transport_;
  std::string path_;
  core::Instant deadline_;
  FileDescriptorSet set_;
  std::size_t size_ = 0;  // of the set in memory
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
      "the target has no server reflection; describe its interface with --proto or "
      "--descriptor-set");
}

}  // namespace quintain::conformance
