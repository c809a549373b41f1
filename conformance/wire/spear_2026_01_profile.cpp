#include "conformance/wire/spear_2026_01_profile.h"

#include <google/protobuf/unknown_field_set.h>

#include <string>
#include <string_view>

#include "profiles/spear_2026_01.pb.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

namespace wire = profile::spear_2026_01;

wire::InvokeFunctionRequest translate(const spearlet::InvokeFunctionRequest& from) {
  wire::InvokeFunctionRequest to;
  to.set_invocation_type(from.invocation_type());
  to.set_task_name(from.task_name());
  to.set_task_description(from.task_description());
  if (from.has_artifact_spec()) *to.mutable_artifact_spec() = from.artifact_spec();
  to.set_task_id(from.task_id());
  to.set_function_name(from.function_name());
  *to.mutable_parameters() = from.parameters();
  to.set_execution_mode(from.execution_mode());
  if (from.has_context()) *to.mutable_context() = from.context();
  to.set_create_if_not_exists(from.create_if_not_exists());
  to.set_force_new_instance(from.force_new_instance());
  *to.mutable_invocation_metadata() = from.invocation_metadata();
  if (from.has_execution_id()) to.set_execution_id(from.execution_id());
  to.GetReflection()->MutableUnknownFields(&to)->MergeFrom(
      from.GetReflection()->GetUnknownFields(from));
  return to;
}

}  // namespace

std::string Spear202601Profile::encode(Method method,
                                       const google::protobuf::Message& request) const {
  if (method != Method::kInvokeFunction && method != Method::kStreamFunction) {
    return AnalysisProfile::encode(method, request);
  }
  return translate(static_cast<const spearlet::InvokeFunctionRequest&>(request))
      .SerializeAsString();
}

google::protobuf::FileDescriptorProto Spear202601Profile::descriptor() const {
  google::protobuf::FileDescriptorProto file = AnalysisProfile::descriptor();
  for (google::protobuf::DescriptorProto& message : *file.mutable_message_type()) {
    if (message.name() != "InvokeFunctionRequest") continue;
    message.Clear();
    wire::InvokeFunctionRequest::descriptor()->CopyTo(&message);
    // Its map's entry is nested in it, so its type's name goes with the package.
    for (google::protobuf::FieldDescriptorProto& field : *message.mutable_field()) {
      constexpr std::string_view kOwn = ".quintain.profile.spear_2026_01.";
      if (field.type_name().rfind(kOwn, 0) == 0) {
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

}  // namespace quintain::conformance
