// A message that says something in every field.
#pragma once

#include <google/protobuf/message.h>

#include <cassert>
#include <string>

namespace quintain::core::testing {

/// Sets every field of a message, those of the messages within it too, by reflection, so that a
/// field that is added to a contract is not forgotten. `text` is what its strings say.
inline void fill(google::protobuf::Message& message, const std::string& text) {
  using google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const bool repeated = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        repeated ? reflection.AddString(&message, field, text)
                 : reflection.SetString(&message, field, text);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        repeated ? reflection.AddBool(&message, field, true)
                 : reflection.SetBool(&message, field, true);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        repeated ? reflection.AddInt32(&message, field, 7)
                 : reflection.SetInt32(&message, field, 7);
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        repeated ? reflection.AddInt64(&message, field, 7)
                 : reflection.SetInt64(&message, field, 7);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        repeated ? reflection.AddDouble(&message, field, 7)
                 : reflection.SetDouble(&message, field, 7);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        repeated ? reflection.AddEnumValue(&message, field, 1)
                 : reflection.SetEnumValue(&message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        fill(repeated ? *reflection.AddMessage(&message, field)
                      : *reflection.MutableMessage(&message, field),
             text);
        break;
      default:
        assert(false && "a type that no contract has used so far");
    }
  }
}

}  // namespace quintain::core::testing
