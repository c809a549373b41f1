#include "server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <set>
#include <utility>

#include "grpc_services/reflection.grpc.pb.h"
#include "grpc_services/reflection_v1alpha.grpc.pb.h"

namespace quintain::server {
namespace {

namespace protobuf = google::protobuf;
// Requests of one call. Clients make a handful.
constexpr int kMaxRequests = 100;

constexpr int kMaxOpenCalls = 1000;

// An answer repeats its request, and waits for its reader: with requests of 4 MB, 1000 calls would
// keep gigabytes.
constexpr std::size_t kMaxRequestBytes = 4 << 10;

// Adds the file and those that it imports.
template <class FileResponse>
void add_files(const protobuf::FileDescriptor& file,
               std::set<const protobuf::FileDescriptor*>& seen, FileResponse& response) {
  if (!seen.insert(&file).second) return;
  protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) add_files(*file.dependency(i), seen, response);
}

template <class Response>
void set_error(grpc::StatusCode code, std::string message, Response& response) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(std::move(message));
}

template <class Response>
void set_file(const protobuf::FileDescriptor* file, Response& response) {
  if (file == nullptr) return set_error(grpc::NOT_FOUND, "not found", response);
  std::set<const protobuf::FileDescriptor*> seen;
  add_files(*file, seen, *response.mutable_file_descriptor_response());
}

template <class Request, class Response>
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
template <class Request, class Response>
class Call final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  Call(const std::vector<std::string>& services, std::atomic<int>& open)
      : services_(services), open_(open) {
    if (++open_ > kMaxOpenCalls) {
      finish("too many calls are open");
    } else {
      this->StartRead(&request_);
    }
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    if (++requests_ > kMaxRequests) return finish("too many requests in one call");
    if (request_.ByteSizeLong() > kMaxRequestBytes) {
      request_ = Request();
      return finish("the request is longer than 4096 bytes");
    }
    response_ = answer<Request, Response>(request_, services_);
    this->StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    ok ? this->StartRead(&request_) : this->Finish(grpc::Status::OK);
  }
  void OnDone() override {
    --open_;
    delete this;
  }

  void finish(const char* why) {
    this->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, why));
  }

  const std::vector<std::string>& services_;
  std::atomic<int>& open_;
  Request request_;
  Response response_;
  int requests_ = 0;
};

template <class Base, class Request, class Response>
class ReflectionService final : public Base {
 public:
  explicit ReflectionService(std::vector<std::string> services) : services_(std::move(services)) {}

 private:
  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(
      grpc::CallbackServerContext* /*context*/) override {
    return new Call<Request, Response>(services_, open_);
  }

  const std::vector<std::string> services_;
  std::atomic<int> open_ = 0;
};

namespace v1 = grpc::reflection::v1;
namespace v1alpha = grpc::reflection::v1alpha;
using Version1 = ReflectionService<v1::ServerReflection::CallbackService,
                                   v1::ServerReflectionRequest, v1::ServerReflectionResponse>;
using Version1Alpha =
    ReflectionService<v1alpha::ServerReflection::CallbackService, v1alpha::ServerReflectionRequest,
                      v1alpha::ServerReflectionResponse>;

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> make_reflection_services(
    std::vector<std::string> services) {
  std::vector<std::unique_ptr<grpc::Service>> versions;
  versions.push_back(std::make_unique<Version1>(services));
  versions.push_back(std::make_unique<Version1Alpha>(std::move(services)));
  return versions;
}

}  // namespace quintain::server
