// Faults of the wire and of what the target says of it.
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <string_view>

#include "conformance/faulty/families.h"
#include "conformance/faulty/forwarding_service.h"

namespace quintain::conformance::faulty {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;

// The message of that name in package spearlet; nullptr if there is none.
DescriptorProto* find_message(FileDescriptorSet& files, std::string_view name) {
  for (auto& file : *files.mutable_file()) {
    if (file.package() != "spearlet") continue;
    for (auto& message : *file.mutable_message_type()) {
      if (message.name() == name) return &message;
    }
  }
  return nullptr;
}

// The field of that name; nullptr if there is none.
FieldDescriptorProto* find_field(FileDescriptorSet& files, std::string_view message,
                                 std::string_view name) {
  DescriptorProto* const found = find_message(files, message);
  if (found == nullptr) return nullptr;
  const auto field = std::ranges::find(*found->mutable_field(), name, &FieldDescriptorProto::name);
  return field == found->mutable_field()->end() ? nullptr : &*field;
}

/// An invocation with a field that the contract does not know is refused.
class UnknownFieldsRefused final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::Answer<spearlet::InvokeFunctionResponse> answer) override {
    if (!request.GetReflection()->GetUnknownFields(request).empty()) {
      return std::move(answer).refuse(absl::InvalidArgumentError("unknown field"));
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

}  // namespace

std::vector<FaultyCore> wire_faults() {
  return {
      {.name = "descriptor-field-missing",
       .about = "The descriptor has no estimated_completion_ms.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = "a server's reflection shows the descriptor that it was built with",
       .describe =
           [](FileDescriptorSet& files) {
             DescriptorProto* const message = find_message(files, "InvokeFunctionResponse");
             if (message == nullptr) return;
             auto& fields = *message->mutable_field();
             fields.erase(
                 std::ranges::find(fields, "estimated_completion_ms", &FieldDescriptorProto::name));
           }},
      {.name = "descriptor-field-moved",
       .about = "The descriptor has execution_mode under number 15.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = "a server's reflection shows the descriptor that it was built with",
       .describe =
           [](FileDescriptorSet& files) {
             auto* const field = find_field(files, "InvokeFunctionRequest", "execution_mode");
             constexpr int kElsewhere = 15;
             if (field != nullptr) field->set_number(kElsewhere);
           }},
      {.name = "descriptor-type-changed",
       .about = "The descriptor has timeout_ms as int32.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = "a server's reflection shows the descriptor that it was built with",
       .describe =
           [](FileDescriptorSet& files) {
             auto* const field = find_field(files, "ExecutionContext", "timeout_ms");
             if (field != nullptr) field->set_type(FieldDescriptorProto::TYPE_INT32);
           }},
      {.name = "descriptor-label-changed",
       .about = "The descriptor has parameters as a single one.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = "a server's reflection shows the descriptor that it was built with",
       .describe =
           [](FileDescriptorSet& files) {
             auto* const field = find_field(files, "InvokeFunctionRequest", "parameters");
             if (field != nullptr) field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
           }},
      {.name = "unknown-fields-refused",
       .about = "A request with a field that the target does not know is refused.",
       .origin = "for WIRE-2",
       .caught_by = {"WIRE-2"},
       .decorate = decorated_by<UnknownFieldsRefused>()},
      {.name = "unknown-methods-answered",
       .about = "A call that is not served is answered with an empty message and OK.",
       .origin = "for WIRE-3",
       .caught_by = {"WIRE-3"},
       .not_served = "a server never hands a call that it does not serve to the service",
       .wire = WireFault::kAnswersUnknownMethods},
      {.name = "deaf-after-malformed",
       .about = "After bytes that are no message the target answers nothing but UNAVAILABLE.",
       .origin = "for WIRE-4",
       .caught_by = {"WIRE-4"},
       .not_served = "a server never hands bytes that are no message to the service",
       .wire = WireFault::kDeafAfterMalformed},
  };
}

}  // namespace quintain::conformance::faulty
