#include "conformance/wire/contract_profile.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

// The calls stand in the contract's file in the order of Method.
const google::protobuf::MethodDescriptor& descriptor_of(Method method) {
  static const google::protobuf::ServiceDescriptor* const service =
      spearlet::InvokeFunctionRequest::descriptor()->file()->FindServiceByName("FunctionService");
  return *service->method(static_cast<int>(method));
}

}  // namespace

std::string AnalysisProfile::path(Method method) const {
  const google::protobuf::MethodDescriptor& call = descriptor_of(method);
  return fmt::format("/{}/{}", call.service()->full_name(), call.name());
}

std::string AnalysisProfile::encode(Method, const google::protobuf::Message& request) const {
  return request.SerializeAsString();
}

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> AnalysisProfile::decode(
    Method method, std::string_view bytes) const {
  const google::protobuf::Descriptor* type = descriptor_of(method).output_type();
  std::unique_ptr<google::protobuf::Message> answer(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!answer->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(
        fmt::format("{} bytes that are no {}", bytes.size(), type->full_name()));
  }
  return answer;
}

google::protobuf::FileDescriptorProto AnalysisProfile::descriptor() const {
  google::protobuf::FileDescriptorProto file;
  spearlet::InvokeFunctionRequest::descriptor()->file()->CopyTo(&file);
  return file;
}

}  // namespace quintain::conformance
