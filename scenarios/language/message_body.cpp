#include "scenarios/language/message_body.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "reports/json_input/wording.h"
#include "scenarios/language/message_kind.h"

namespace quintain::scenarios {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::ordered_json;

void read_enum(const json_input::Reader& value, const FieldDescriptor& field, Message& message) {
  const Reflection& reflection = *message.GetReflection();
  if (value.raw().is_number()) {
    return reflection.SetEnumValue(&message, &field, value.integer<std::int32_t>());
  }
  const std::string name = value.raw().is_string() ? value.raw().get<std::string>() : "";
  if (const auto* known = enum_value(*field.enum_type(), name)) {
    return reflection.SetEnum(&message, &field, known);
  }
  const auto names = short_names(*field.enum_type());
  value.error(fmt::format("expected a value of {}, got {}{}", field.enum_type()->name(),
                          json_input::described(value.raw()),
                          json_input::alternatives(name, names, "known", names)));
}

/// What protobuf reads better by itself: lists, maps, Any and the like.
void read_by_protobuf(const json_input::Reader& value, const FieldDescriptor& field,
                      Message& message) {
  ordered_json json = ordered_json::object();
  json[field.name()] = value.raw();
  const std::unique_ptr<Message> read(message.New());
  const auto status = google::protobuf::util::JsonStringToMessage(
      json.dump(-1, ' ', false, ordered_json::error_handler_t::replace), read.get());
  if (!status.ok()) {
    return value.error(fmt::format("protobuf can't read this as '{}': {}", field.name(),
                                   status.message().as_string()));
  }
  message.GetReflection()->ClearField(&message, &field);
  message.GetReflection()->SwapFields(&message, read.get(), {&field});
}

void read_field(const json_input::Reader& value, const FieldDescriptor& field, Message& message) {
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

void read_message(const json_input::Reader& object, Message& message) {
  json_input::ObjectReader fields = object.object();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const json_input::Reader value = fields.optional(type.field(i)->name());
    if (value.present()) read_field(value, *type.field(i), message);
  }
}

}  // namespace quintain::scenarios
