#include "server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <set>
#include <utility>

#include "grpc_services/health.pb.h"
#include "grpc_services/reflection.grpc.pb.h"

namespace quintain::server {
namespace {

namespace protobuf = google::protobuf;
using Request = grpc::reflection::v1::ServerReflectionRequest;
using Response = grpc::reflection::v1::ServerReflectionResponse;

// Requests of one call. Clients make a handful.
constexpr int kMaxRequests = 100;

// Adds the file and those that it imports.
void add_files(const protobuf::FileDescriptor& file,
               std::set<const protobuf::FileDescriptor*>& seen,
               grpc::reflection::v1::FileDescriptorResponse& response) {
  if (!seen.insert(&file).second) return;
  protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) add_files(*file.dependency(i), seen, response);
}

void set_error(grpc::StatusCode code, std::string message, Response& response) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(std::move(message));
}

void set_file(const protobuf::FileDescriptor* file, Response& response) {
  if (file == nullptr) return set_error(grpc::NOT_FOUND, "not found", response);
  std::set<const protobuf::FileDescriptor*> seen;
  add_files(*file, seen, *response.mutable_file_descriptor_response());
}

Response answer(const Request& request, const std::vector<std::string>& services) {
  const protobuf::DescriptorPool& pool = *protobuf::DescriptorPool::generated_pool();
  Response response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      set_file(pool.FindFileByName(request.file_by_filename()), response);
      break;
    case Request::kFileContainingSymbol:
      set_file(pool.FindFileContainingSymbol(request.file_containing_symbol()), response);
      break;
    case Request::kListServices:
      for (const std::string& service : services) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case Request::kAllExtensionNumbersOfType:
      if (pool.FindMessageTypeByName(request.all_extension_numbers_of_type()) == nullptr) {
        set_error(grpc::NOT_FOUND, "not found", response);
      } else {
        response.mutable_all_extension_numbers_response()->set_base_type_name(
            request.all_extension_numbers_of_type());
      }
      break;
    case Request::kFileContainingExtension:
      set_error(grpc::NOT_FOUND, "the messages of this server have no extensions", response);
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      set_error(grpc::INVALID_ARGUMENT, "the request asks for nothing", response);
      break;
  }
  return response;
}

// One call: reads a request, writes its answer, and so on. gRPC calls the functions one at a time.
class Call final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit Call(const std::vector<std::string>& services) : services_(services) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    if (++requests_ > kMaxRequests) {
      return Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests in one call"});
    }
    response_ = answer(request_, services_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override { ok ? StartRead(&request_) : Finish(grpc::Status::OK); }
  void OnDone() override { delete this; }

  const std::vector<std::string>& services_;
  Request request_;
  Response response_;
  int requests_ = 0;
};

class ReflectionService final : public grpc::reflection::v1::ServerReflection::CallbackService {
 public:
  explicit ReflectionService(std::vector<std::string> services) : services_(std::move(services)) {
    // Without a use, the linker would leave out the description of the health service.
    static_cast<void>(grpc::health::v1::HealthCheckRequest::descriptor());
  }

 private:
  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(
      grpc::CallbackServerContext* /*context*/) override {
    return new Call(services_);
  }

  const std::vector<std::string> services_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_reflection_service(std::vector<std::string> services) {
  return std::make_unique<ReflectionService>(std::move(services));
}

}  // namespace quintain::server
