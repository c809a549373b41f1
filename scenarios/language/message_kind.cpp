// Types of values in messages, and messages as JSON.
#include "scenarios/language/message_kind.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/json_input/diagnostics.h"

namespace quintain::scenarios {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::ordered_json;

/// EXECUTION_STATUS_ for ExecutionStatus.
std::string prefix_of(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isupper(byte) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(byte);
  }
  return prefix + "_";
}

bool is_wrapper(const Descriptor& type) {
  const auto known = type.well_known_type();
  return known >= Descriptor::WELLKNOWNTYPE_DOUBLEVALUE &&
         known <= Descriptor::WELLKNOWNTYPE_BOOLVALUE;
}

ordered_json floating(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

/// A float as the shortest decimal number that is read as the same float: 0.1, not 0.10000000149.
ordered_json floating(float value) {
  if (!std::isfinite(value)) return floating(static_cast<double>(value));
  return std::strtod(fmt::format("{}", value).c_str(), nullptr);
}

std::string map_key(const ordered_json& key) {
  return key.is_string() ? key.get<std::string>() : key.dump();
}

/// One value of a field: element `index` of a repeated field, or the value itself if index is -1.
ordered_json value_json(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? r.GetUInt32(message, &field) : r.GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r.GetUInt64(message, &field) : r.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return floating(one ? r.GetDouble(message, &field)
                          : r.GetRepeatedDouble(message, &field, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return floating(one ? r.GetFloat(message, &field)
                          : r.GetRepeatedFloat(message, &field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number =
          one ? r.GetEnumValue(message, &field) : r.GetRepeatedEnumValue(message, &field, index);
      const EnumValueDescriptor* value = field.enum_type()->FindValueByNumber(number);
      return value == nullptr ? ordered_json(number) : ordered_json(value->name());
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text =
          one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
      return field.type() == FieldDescriptor::TYPE_BYTES ? absl::Base64Escape(text) : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return to_json(one ? r.GetMessage(message, &field)
                         : r.GetRepeatedMessage(message, &field, index));
  }
  return nullptr;  // no other type exists
}

ordered_json map_json(const Message& message, const FieldDescriptor& field) {
  const Reflection& r = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  // Sorted, since the order of a protobuf map may differ between runs.
  std::map<std::string, ordered_json> entries;
  for (int i = 0; i < r.FieldSize(message, &field); ++i) {
    const Message& entry = r.GetRepeatedMessage(message, &field, i);
    entries.emplace(map_key(value_json(entry, key, -1)), value_json(entry, value, -1));
  }
  ordered_json object = ordered_json::object();
  for (auto& [name, json] : entries) object[name] = std::move(json);
  return object;
}

ordered_json field_json(const Message& message, const FieldDescriptor& field) {
  const Reflection& r = *message.GetReflection();
  if (field.is_map()) return map_json(message, field);
  if (field.is_repeated()) {
    ordered_json array = ordered_json::array();
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
      array.push_back(value_json(message, field, i));
    }
    return array;
  }
  if (field.has_presence() && !r.HasField(message, &field)) return nullptr;
  return value_json(message, field, -1);
}

ordered_json fields_json(const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  ordered_json object = ordered_json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    object[type.field(i)->name()] = field_json(message, *type.field(i));
  }
  return object;
}

ordered_json any_json(const Message& message) {
  const Reflection& r = *message.GetReflection();
  const Descriptor& any = *message.GetDescriptor();
  const std::string url = r.GetString(message, any.FindFieldByNumber(1));
  const std::string bytes = r.GetString(message, any.FindFieldByNumber(2));
  ordered_json object = ordered_json::object();
  object["@type"] = url;

  const Descriptor* type = type_of_any(url);
  std::unique_ptr<Message> content;
  if (type != nullptr) {
    content.reset(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  }
  if (content == nullptr || !content->ParseFromString(bytes)) {
    object["value"] = absl::Base64Escape(bytes);
  } else if (MessageKind(*type).has_own_json() || MessageKind(*type).is_any()) {
    object["value"] = to_json(*content);
  } else {
    object.update(fields_json(*content));
  }
  return object;
}

}  // namespace

MessageKind::MessageKind(const FieldDescriptor& field, bool is_element)
    : field_(&field), is_element_(is_element) {
  const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (is_message && !repeated()) message_ = field.message_type();
}

MessageKind MessageKind::element() const {
  if (is_map()) return MessageKind(*field_->message_type()->map_value(), true);
  return is_array() ? MessageKind(*field_, true) : MessageKind();
}

const EnumDescriptor* MessageKind::enumeration() const {
  return is_single(FieldDescriptor::CPPTYPE_ENUM) ? field_->enum_type() : nullptr;
}

bool MessageKind::is_single(FieldDescriptor::CppType type) const {
  return field_ != nullptr && !repeated() && field_->cpp_type() == type;
}

bool MessageKind::is_any() const {
  return message_ != nullptr && message_->well_known_type() == Descriptor::WELLKNOWNTYPE_ANY;
}

bool MessageKind::is_timestamp() const {
  return message_ != nullptr && message_->well_known_type() == Descriptor::WELLKNOWNTYPE_TIMESTAMP;
}

bool MessageKind::has_own_json() const {
  return message_ != nullptr && !is_any() &&
         message_->well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED;
}

bool MessageKind::is_text() const { return is_single(FieldDescriptor::CPPTYPE_STRING); }
bool MessageKind::is_boolean() const { return is_single(FieldDescriptor::CPPTYPE_BOOL); }

bool MessageKind::is_number() const {
  return field_ != nullptr && !repeated() && message_ == nullptr && !is_text() && !is_boolean() &&
         enumeration() == nullptr;
}

bool MessageKind::has_presence() const {
  if (field_ == nullptr) return message_ != nullptr;
  return is_element_ || (!repeated() && field_->has_presence());
}

const Descriptor* type_of_any(std::string_view url) {
  const std::string name(url.substr(url.rfind('/') + 1));  // npos + 1 is 0
  return google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
}

const EnumValueDescriptor* enum_value(const EnumDescriptor& type, std::string_view name) {
  const EnumValueDescriptor* value = type.FindValueByName(std::string(name));
  return value != nullptr ? value : type.FindValueByName(prefix_of(type) + std::string(name));
}

std::vector<std::string_view> short_names(const EnumDescriptor& type) {
  const std::string prefix = prefix_of(type);
  std::vector<std::string_view> names;
  for (int i = 0; i < type.value_count(); ++i) {
    std::string_view name = type.value(i)->name();
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    names.push_back(name);
  }
  return names;
}

const EnumValueDescriptor* read_enum_value(const json_input::Reader& reader,
                                           const EnumDescriptor& type) {
  const std::string name = reader.raw().is_string() ? reader.raw().get<std::string>() : "";
  if (const EnumValueDescriptor* value = enum_value(type, name)) return value;
  const auto names = short_names(type);
  reader.error(fmt::format("expected a value of {}, got {}{}", type.full_name(),
                           json_input::described(reader.raw()),
                           json_input::alternatives(name, names, "known", names)));
  return nullptr;
}

ordered_json to_json(const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  const MessageKind kind(type);
  if (kind.is_any()) return any_json(message);
  if (is_wrapper(type)) return value_json(message, *type.FindFieldByNumber(1), -1);
  if (!kind.has_own_json()) return fields_json(message);
  std::string text;
  const bool expressible = google::protobuf::util::MessageToJsonString(message, &text).ok();
  // A Timestamp after the year 9999 has no JSON form; its fields are used then.
  ordered_json json =
      expressible ? ordered_json::parse(text, nullptr, false) : fields_json(message);
  return json.is_discarded() ? fields_json(message) : json;
}

}  // namespace quintain::scenarios
