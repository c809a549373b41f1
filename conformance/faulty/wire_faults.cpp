// Faults of the wire and of the target's descriptor.
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <string_view>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;

constexpr std::string_view kReflectionIsFixed =
    "a server's reflection shows the descriptor that it was built with";

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

// Refuses an invocation with a field that the contract does not have.
class UnknownFieldsRefused final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (!request.GetReflection()->GetUnknownFields(request).empty()) {
      return std::move(answer).refuse(absl::InvalidArgumentError("unknown field"));
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

std::vector<FaultyCore> wire_faults() {
  return {
      {.name = "descriptor-field-missing",
       .about = "The descriptor has no estimated_completion_ms.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = kReflectionIsFixed,
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
       .not_served = kReflectionIsFixed,
       .describe =
           [](FileDescriptorSet& files) {
             constexpr int kWrongNumber = 15;
             auto* const field = find_field(files, "InvokeFunctionRequest", "execution_mode");
             if (field != nullptr) field->set_number(kWrongNumber);
           }},
      {.name = "descriptor-type-changed",
       .about = "The descriptor has timeout_ms as int32.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = kReflectionIsFixed,
       .describe =
           [](FileDescriptorSet& files) {
             auto* const field = find_field(files, "ExecutionContext", "timeout_ms");
             if (field != nullptr) field->set_type(FieldDescriptorProto::TYPE_INT32);
           }},
      {.name = "descriptor-label-changed",
       .about = "The descriptor has parameters as a single field, not a repeated one.",
       .origin = "for WIRE-1",
       .caught_by = {"WIRE-1"},
       .not_served = kReflectionIsFixed,
       .describe =
           [](FileDescriptorSet& files) {
             auto* const field = find_field(files, "InvokeFunctionRequest", "parameters");
             if (field != nullptr) field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
           }},
      {.name = "unknown-fields-refused",
       .about = "A request with an unknown field is refused.",
       .origin = "for WIRE-2",
       .caught_by = {"WIRE-2"},
       .decorate = decorated_by<UnknownFieldsRefused>()},
      {.name = "unknown-methods-answered",
       .about = "A method that is not served is answered with an empty message and OK.",
       .origin = "for WIRE-3",
       .caught_by = {"WIRE-3"},
       .not_served = "a server never passes a call of an unknown method to the service",
       .wire = WireFault::kAnswersUnknownMethods},
      {.name = "deaf-after-malformed",
       .about = "After a malformed message the target answers every call with UNAVAILABLE.",
       .origin = "for WIRE-4",
       .caught_by = {"WIRE-4"},
       .not_served = "a server never passes a malformed message to the service",
       .wire = WireFault::kDeafAfterMalformed},
  };
}

const RegisterFaults kWireFaults(11, wire_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
