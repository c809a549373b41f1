// The profiles that serve spearlet.FunctionService: the contract's own, and that of January 2026.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <string>
#include <string_view>

#include "conformance/judgement/bounded_parse.h"
#include "conformance/wire/profile.h"
#include "profiles/spear_2026_01.pb.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

namespace january = profile::spear_2026_01;

using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;

// Method has the order of the contract's file (core/method_test.cpp).
const google::protobuf::MethodDescriptor& descriptor_of(Method method) {
  static const google::protobuf::ServiceDescriptor* const service =
      spearlet::InvokeFunctionRequest::descriptor()->file()->FindServiceByName("FunctionService");
  return *service->method(static_cast<int>(method));
}

class ContractProfile : public Profile {
 public:
  std::string_view name() const override { return "contract"; }
  bool serves(Method) const override { return true; }
  bool applies(std::string_view) const override { return true; }
  bool expresses(Method, const Message&) const override { return true; }

  std::string path(Method method) const override {
    const google::protobuf::MethodDescriptor& call = descriptor_of(method);
    return fmt::format("/{}/{}", call.service()->full_name(), call.name());
  }

  std::string encode(Method, const Message& request) const override {
    return request.SerializeAsString();
  }

  absl::StatusOr<std::unique_ptr<Message>> decode(Method method,
                                                  std::string_view bytes) const override {
    const google::protobuf::Descriptor* type = descriptor_of(method).output_type();
    std::unique_ptr<Message> answer(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    if (absl::Status parsed = parse_bounded(bytes, *answer); !parsed.ok()) return parsed;
    return answer;
  }

  absl::StatusOr<std::unique_ptr<Message>> decode_error(Method,
                                                        const absl::Status& status) const override {
    return status;
  }

  FileDescriptorProto descriptor() const override {
    FileDescriptorProto file;
    spearlet::InvokeFunctionRequest::descriptor()->file()->CopyTo(&file);
    return file;
  }
};

// Spear's own caller always sends `wait` and an artifact; without them every call fails.
january::InvokeFunctionRequest translate(const spearlet::InvokeFunctionRequest& from) {
  january::InvokeFunctionRequest to;
  to.set_invocation_type(from.invocation_type());
  to.set_task_name(from.task_name());
  to.set_task_description(from.task_description());
  if (from.has_artifact_spec()) {
    *to.mutable_artifact_spec() = from.artifact_spec();
  } else if (!from.task_id().empty()) {
    to.mutable_artifact_spec()->set_artifact_id("sms:" + from.task_id());
    to.mutable_artifact_spec()->set_artifact_type("sms");
  }
  to.set_task_id(from.task_id());
  to.set_function_name(from.function_name());
  *to.mutable_parameters() = from.parameters();
  to.set_execution_mode(from.execution_mode());
  if (from.has_context()) *to.mutable_context() = from.context();
  to.set_create_if_not_exists(from.create_if_not_exists());
  to.set_force_new_instance(from.force_new_instance());
  *to.mutable_invocation_metadata() = from.invocation_metadata();
  to.set_wait(from.execution_mode() == spearlet::EXECUTION_MODE_SYNC);
  if (from.has_execution_id()) to.set_execution_id(from.execution_id());
  to.GetReflection()->MutableUnknownFields(&to)->MergeFrom(
      from.GetReflection()->GetUnknownFields(from));
  return to;
}

class Spear202601Profile final : public ContractProfile {
 public:
  std::string_view name() const override { return "spear-2026-01"; }

  std::string encode(Method method, const Message& request) const override {
    if (method != Method::kInvokeFunction && method != Method::kStreamFunction) {
      return ContractProfile::encode(method, request);
    }
    return translate(static_cast<const spearlet::InvokeFunctionRequest&>(request))
        .SerializeAsString();
  }

  FileDescriptorProto descriptor() const override {
    FileDescriptorProto file = ContractProfile::descriptor();
    for (google::protobuf::DescriptorProto& message : *file.mutable_message_type()) {
      if (message.name() != "InvokeFunctionRequest") continue;
      message.Clear();
      january::InvokeFunctionRequest::descriptor()->CopyTo(&message);
      // The type of its map field is nested in the message, so the type's name includes the
      // package.
      for (google::protobuf::FieldDescriptorProto& field : *message.mutable_field()) {
        constexpr std::string_view kOwn = ".quintain.profile.spear_2026_01.";
        if (field.type_name().starts_with(kOwn)) {
          field.set_type_name(".spearlet." + field.type_name().substr(kOwn.size()));
        }
      }
    }
    for (google::protobuf::EnumDescriptorProto& type : *file.mutable_enum_type()) {
      constexpr std::string_view kContract = "UNSPECIFIED";
      std::string& zero = *type.mutable_value(0)->mutable_name();
      zero.replace(zero.size() - kContract.size(), kContract.size(), "UNKNOWN");
    }
    return file;
  }
};

}  // namespace

const Profile& contract_profile() {
  static const ContractProfile profile;
  return profile;
}

const Profile& spear_2026_01_profile() {
  static const Spear202601Profile profile;
  return profile;
}

}  // namespace quintain::conformance
