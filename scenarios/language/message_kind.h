// What a message's type says about the values in it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reports/json_input/reader.h"

namespace quintain::scenarios {

/// The type of one value: of a message, a field, or an element of a repeated field or map. By
/// default nothing is known, as for a value in a google.protobuf.Struct. Immutable.
class MessageKind {
 public:
  MessageKind() = default;
  explicit MessageKind(const google::protobuf::Descriptor& message) : message_(&message) {}
  explicit MessageKind(const google::protobuf::FieldDescriptor& field, bool is_element = false);

  bool is_map() const { return repeated() && field_->is_map(); }
  bool is_array() const { return repeated() && !field_->is_map(); }

  /// The kind of an array's elements or a map's values; unknown for other kinds.
  MessageKind element() const;

  /// The message type, if the value is a message, else null.
  const google::protobuf::Descriptor* message() const { return message_; }

  /// The enum type, if the value is an enum, else null.
  const google::protobuf::EnumDescriptor* enumeration() const;

  bool is_any() const;
  bool is_timestamp() const;
  /// True for the types, except Any, whose protobuf JSON is not an object of their fields.
  bool has_own_json() const;

  bool is_text() const;
  bool is_boolean() const;
  bool is_number() const;
  bool is_known() const { return field_ != nullptr || message_ != nullptr; }

  /// True if an absent value differs from a default one.
  bool has_presence() const;

 private:
  bool repeated() const { return field_ != nullptr && !is_element_ && field_->is_repeated(); }
  bool is_single(google::protobuf::FieldDescriptor::CppType type) const;

  const google::protobuf::FieldDescriptor* field_ = nullptr;
  const google::protobuf::Descriptor* message_ = nullptr;
  bool is_element_ = false;
};

/// The message type that an Any's URL, or a bare full name, refers to; null if this program does
/// not have it.
const google::protobuf::Descriptor* type_of_any(std::string_view url);

/// The enum's value with this name, which may omit the enum's prefix (EXECUTION_STATUS_ for
/// ExecutionStatus); null if there is none.
const google::protobuf::EnumValueDescriptor* enum_value(
    const google::protobuf::EnumDescriptor& type, std::string_view name);

/// The names of the enum's values without its prefix, in the order of the descriptor.
std::vector<std::string_view> short_names(const google::protobuf::EnumDescriptor& type);

/// The enum's value that a string names; null after reporting that there is none.
const google::protobuf::EnumValueDescriptor* read_enum_value(
    const json_input::Reader& name, const google::protobuf::EnumDescriptor& type);

/// A message as JSON: protobuf's own mapping with the proto file's field names, except that every
/// field is present (null if not set) and that 64-bit integers are numbers. An Any whose type this
/// program does not have, or whose bytes are malformed, has its "@type" and its bytes as "value".
nlohmann::ordered_json to_json(const google::protobuf::Message& message);

}  // namespace quintain::scenarios
