// What a message's type says of the values inside of it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::scenarios {

/// What is known of one value: it is a message, a field, or one element of a repeated field or map.
/// The default is a value of which nothing is known, as inside a google.protobuf.Struct.
class MessageKind {
 public:
  MessageKind() = default;
  explicit MessageKind(const google::protobuf::Descriptor& message) : message_(&message) {}
  explicit MessageKind(const google::protobuf::FieldDescriptor& field, bool is_element = false);

  bool is_map() const { return repeated() && field_->is_map(); }
  bool is_array() const { return repeated() && !field_->is_map(); }

  /// Of an array's elements, or of a map's values.
  MessageKind element() const;

  /// The type of a message, of a field or element that is one, else null.
  const google::protobuf::Descriptor* message() const { return message_; }

  /// The type of a field or element that is an enum, else null.
  const google::protobuf::EnumDescriptor* enumeration() const;

  bool is_any() const;
  bool is_timestamp() const;
  /// One of the types whose protobuf JSON is not an object of their fields; Any is not among them.
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

/// The message type that an Any's URL, or a bare full name, speaks of; null if this program lacks
/// it.
const google::protobuf::Descriptor* type_of_any(std::string_view url);

/// The enum's value of that name, with or without the enum's prefix (EXECUTION_STATUS_ for
/// ExecutionStatus); null if there is none.
const google::protobuf::EnumValueDescriptor* enum_value(
    const google::protobuf::EnumDescriptor& type, std::string_view name);

/// The enum's names without its prefix.
std::vector<std::string_view> short_names(const google::protobuf::EnumDescriptor& type);

/// A message as JSON: protobuf's own mapping with the proto file's field names, except that every
/// field is there, one that is not set being null, and that 64-bit integers are numbers. An Any
/// whose type this program lacks, or whose bytes are malformed, is its "@type" and its bytes as
/// "value".
nlohmann::ordered_json to_json(const google::protobuf::Message& message);

}  // namespace quintain::scenarios
