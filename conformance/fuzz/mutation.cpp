// Mutates messages by fields, through reflection, and by bytes.
#include "conformance/fuzz/mutation.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "spearlet/function.pb.h"

namespace quintain::conformance::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kMaxRemembered = 500;

// An Any within an Any within ..., around these bytes.
std::string nested_any(std::string bytes, std::size_t depth) {
  for (std::size_t i = 0; i < depth; ++i) {
    google::protobuf::Any any;
    any.set_type_url("type.googleapis.com/google.protobuf.Any");
    any.set_value(std::move(bytes));
    bytes = any.SerializeAsString();
  }
  return bytes;
}

}  // namespace

std::int64_t Mutator::integer() {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const std::int64_t values[] = {0,          1,         -1,           2,          3,
                                 5,          17,        1'000,        -1'000'000, 999999999,
                                 INT32_MAX,  INT32_MIN, kMost,        kMost - 1,  kLeast,
                                 kLeast + 1, kMost / 2, kMost / 1000, 1 << 20};
  if (chance(0.1)) return static_cast<std::int64_t>(random_());
  return values[below(std::size(values))];
}

std::string Mutator::text() {
  // proto3 texts are UTF-8; other bytes come from mutate_bytes().
  const std::string pieces[] = {"",
                                "a",
                                std::string(1, '\0'),
                                "\x1b[31m\x1b]0;title\x07",
                                "\x08\x0b\x7f\r\n\t",
                                "\xc2\x9b\xc2\x80",
                                "]]> <![CDATA[ &amp; <script>\"'\\",
                                "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xef\xbb\xbf",
                                "\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\x98\x80\xf3\xa0\x81\x81",
                                "/status/",
                                "http://127.0.0.1:1/",
                                "http://" + std::string(20'000, 'a') + ".example:80/",
                                "%s%n%d{}{0}{:>999999}",
                                "attempt 1 of ",
                                "attempt 99999999999999999999 of "};
  std::string text = pieces[below(std::size(pieces))];
  if (chance(0.3)) text += pieces[below(std::size(pieces))];
  if (chance(0.05)) {
    const std::string once = text.empty() ? "x" : text;
    const std::size_t size = std::size_t{1} << below(18);
    while (text.size() < size) text += once;
  }
  return text;
}

void Mutator::set_any(Message& message) {
  auto& any = static_cast<google::protobuf::Any&>(message);
  switch (below(5)) {
    case 0:
      any.set_type_url(text());
      break;
    case 1:
      any.set_type_url("type.googleapis.com/google.protobuf.Any");
      any.set_value(nested_any(any.value(), std::size_t{1} << below(8)));
      break;
    case 2: {
      const char* const types[] = {
          "google.protobuf.Timestamp",         "google.protobuf.BytesValue",
          "google.protobuf.DoubleValue",       "spearlet.ListExecutionsResponse",
          "google.protobuf.FileDescriptorSet", "spearlet.TaskInfo"};
      any.set_type_url(std::string("type.googleapis.com/") + types[below(std::size(types))]);
      if (!remembered_.empty()) any.set_value(remembered_[below(remembered_.size())]);
      break;
    }
    case 3: {
      google::protobuf::StringValue value;
      value.set_value(text());
      any.PackFrom(value);
      break;
    }
    default:
      mutate_bytes(*any.mutable_value());
  }
}

void Mutator::set_field(Message& message, const FieldDescriptor& field, int depth) {
  const auto& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    const int size = reflection.FieldSize(message, &field);
    const auto last = [&] {
      const int at = reflection.FieldSize(message, &field) - 1;
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        mutate_fields(*reflection.MutableRepeatedMessage(&message, &field, at), depth + 1);
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        reflection.SetRepeatedString(&message, &field, at, text());
      }
    };
    const std::size_t choice = below(4);
    if (choice == 0 && size > 0) {
      reflection.RemoveLast(&message, &field);
    } else if (choice == 1 && size > 1) {
      reflection.SwapElements(&message, &field, 0, size - 1);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const std::size_t count = chance(0.1) ? std::size_t{1} << below(12) : 1;
      for (std::size_t i = 0; i < count; ++i) {
        Message& added = *reflection.AddMessage(&message, &field);
        if (size > 0 && !field.is_map()) {
          added.CopyFrom(reflection.GetRepeatedMessage(message, &field, 0));
        }
      }
      last();
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection.AddString(&message, &field, "");
      last();
    }
    return;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(&message, &field, static_cast<std::int32_t>(integer()));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(&message, &field, integer());
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(&message, &field, static_cast<std::uint32_t>(integer()));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, &field, static_cast<std::uint64_t>(integer()));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(
          &message, &field, chance(0.5) ? std::numeric_limits<double>::infinity() : std::nan(""));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(&message, &field, static_cast<float>(integer()));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(&message, &field, chance(0.5));
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnumValue(
          &message, &field, chance(0.8) ? static_cast<int>(below(8)) : static_cast<int>(integer()));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(&message, &field, text());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return mutate_fields(*reflection.MutableMessage(&message, &field), depth + 1);
  }
}

void Mutator::mutate_fields(Message& message, int depth) {
  if (message.GetDescriptor() == google::protobuf::Any::descriptor()) return set_any(message);
  const auto& type = *message.GetDescriptor();
  if (type.field_count() == 0 || depth > 5) return;
  const std::size_t count = 1 + below(3);
  for (std::size_t i = 0; i < count; ++i) {
    const FieldDescriptor& field =
        *type.field(static_cast<int>(below(static_cast<std::size_t>(type.field_count()))));
    if (chance(0.25)) {
      message.GetReflection()->ClearField(&message, &field);
    } else {
      set_field(message, field, depth);
    }
  }
}

void Mutator::mutate_bytes(std::string& bytes) {
  const auto position = [&] { return bytes.empty() ? 0 : below(bytes.size()); };
  switch (below(7)) {
    case 0:
      if (!bytes.empty()) bytes[position()] ^= static_cast<char>(1 << below(8));
      break;
    case 1:
      if (!bytes.empty()) bytes[position()] = static_cast<char>(random_());
      break;
    case 2:
      bytes.resize(position());
      break;
    case 3:
      bytes.insert(position(), std::string(1 + below(16), static_cast<char>(random_())));
      break;
    case 4:
      bytes.insert(position(), bytes.substr(position(), 1 + below(64)));
      break;
    case 5:
      if (!remembered_.empty()) {
        const std::string& other = remembered_[below(remembered_.size())];
        bytes.replace(position(), below(64), other.substr(0, 1 + below(other.size() + 1)));
      }
      break;
    default:
      // Protobuf merges concatenated messages, and appends their repeated fields.
      for (std::size_t i = below(6); i > 0 && bytes.size() < 100'000; --i) bytes += bytes;
  }
}

std::string Mutator::mutate(const std::string& bytes, const Message& type) {
  if (remembered_.size() < kMaxRemembered) {
    remembered_.push_back(bytes);
  } else {
    remembered_[below(kMaxRemembered)] = bytes;
  }
  const std::unique_ptr<Message> message(type.New());
  if (!message->ParseFromString(bytes) || chance(0.2)) {
    std::string changed = bytes;
    for (std::size_t i = 1 + below(4); i > 0; --i) mutate_bytes(changed);
    return changed;
  }
  mutate_fields(*message, 0);
  std::string changed = message->SerializePartialAsString();
  if (chance(0.1)) mutate_bytes(changed);
  return changed;
}

}  // namespace quintain::conformance::fuzz
