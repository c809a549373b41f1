// Reads messages from JSON, with the place of each error.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/message_kind.h"
#include "scenarios/language/messages.h"

namespace quintain::scenarios {

using json_input::Reader;

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::ordered_json;

void read_enum(const Reader& value, const FieldDescriptor& field, Message& message) {
  const Reflection& reflection = *message.GetReflection();
  if (value.raw().is_number()) {
    reflection.SetEnumValue(&message, &field, value.integer<std::int32_t>());
  } else if (const auto* known = read_enum_value(value, *field.enum_type())) {
    reflection.SetEnum(&message, &field, known);
  }
}

/// Fields that are left to protobuf's own reader: lists, maps, Any and the like.
void read_by_protobuf(const Reader& value, const FieldDescriptor& field, Message& message) {
  ordered_json json = ordered_json::object();
  json[field.name()] = value.raw();
  const std::unique_ptr<Message> read(message.New());
  const auto status =
      google::protobuf::util::JsonStringToMessage(json_input::one_line(json), read.get());
  if (!status.ok()) {
    return value.error(fmt::format("protobuf can't read this as '{}': {}", field.name(),
                                   status.message().as_string()));
  }
  message.GetReflection()->ClearField(&message, &field);
  message.GetReflection()->SwapFields(&message, read.get(), {&field});
}

void read_field(const Reader& value, const FieldDescriptor& field, Message& message) {
  const Reflection& reflection = *message.GetReflection();
  const MessageKind kind(field);
  if (value.raw().is_null()) {
    reflection.ClearField(&message, &field);
  } else if (kind.message() != nullptr && !kind.is_any() && !kind.has_own_json()) {
    read_message(value, *reflection.MutableMessage(&message, &field));
  } else if (kind.enumeration() != nullptr) {
    read_enum(value, field, message);
  } else if (kind.is_text() && field.type() == FieldDescriptor::TYPE_STRING) {
    reflection.SetString(&message, &field, value.string());
  } else if (kind.is_boolean()) {
    reflection.SetBool(&message, &field, value.boolean());
  } else if (kind.is_number() && field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    reflection.SetInt32(&message, &field, value.integer<std::int32_t>());
  } else if (kind.is_number() && field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    reflection.SetInt64(&message, &field, value.integer<std::int64_t>());
  } else {
    read_by_protobuf(value, field, message);
  }
}

}  // namespace

void read_message(const Reader& object, Message& message) {
  json_input::ObjectReader fields = object.object();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const Reader value = fields.optional(type.field(i)->name());
    if (value.present()) read_field(value, *type.field(i), message);
  }
}

}  // namespace quintain::scenarios
