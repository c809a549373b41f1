// Counts the fields of a message before protobuf allocates memory for them.
#include "conformance/judgement/bounded_parse.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace quintain::conformance {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Protobuf's own limit, beyond which it rejects the message.
constexpr int kMaxDepth = 100;

class FieldCounter {
 public:
  explicit FieldCounter(std::size_t max_fields) : max_fields_(max_fields) {}

  // Returns whether the bytes have at most this number of fields. Bytes that are not a message
  // are counted up to the place where that shows.
  bool within_limit(std::string_view bytes, const Descriptor& type) {
    CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                           static_cast<int>(bytes.size()));
    count(input, &type, 0);
    return count_ <= max_fields_;
  }

 private:
  // Counts up to the end of the message or of its group. Returns false if the bytes are not a
  // message or the limit is exceeded. `type` is nullptr for an unknown group.
  bool count(CodedInputStream& input, const Descriptor* type, int depth) {
    if (depth > kMaxDepth) return false;
    while (const std::uint32_t tag = input.ReadTag()) {
      if (++count_ > max_fields_) return false;
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      const FieldDescriptor* const field =
          type == nullptr ? nullptr : type->FindFieldByNumber(number);
      switch (WireFormatLite::GetTagWireType(tag)) {
        case WireFormatLite::WIRETYPE_END_GROUP:
          return true;
        case WireFormatLite::WIRETYPE_START_GROUP:
          if (!count(input, nullptr, depth + 1)) return false;
          break;
        case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
          if (!count_content(input, field, depth)) return false;
          break;
        default:
          if (!WireFormatLite::SkipField(&input, tag)) return false;
      }
    }
    return true;
  }

  bool count_content(CodedInputStream& input, const FieldDescriptor* field, int depth) {
    int size = 0;
    if (!input.ReadVarintSizeAsInt(&size)) return false;
    if (field == nullptr || field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return input.Skip(size);
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      // Packed numbers: each takes at least a byte.
      count_ += static_cast<std::size_t>(size);
      return count_ <= max_fields_ && input.Skip(size);
    }
    const auto limit = input.PushLimit(size);
    const bool good =
        count(input, field->message_type(), depth + 1) && input.BytesUntilLimit() == 0;
    input.PopLimit(limit);
    return good;
  }

  std::size_t max_fields_;
  std::size_t count_ = 0;
};

}  // namespace

absl::Status parse_bounded(std::string_view bytes, google::protobuf::Message& message,
                           std::size_t max_fields) {
  const std::string& name = message.GetDescriptor()->full_name();
  if (bytes.size() > kMaxMessageBytes) {
    return absl::DataLossError(
        fmt::format("a {} of {} bytes; at most {} are read", name, bytes.size(), kMaxMessageBytes));
  }
  if (!FieldCounter(max_fields).within_limit(bytes, *message.GetDescriptor())) {
    return absl::DataLossError(
        fmt::format("a {} of {} bytes with more than {} fields", name, bytes.size(), max_fields));
  }
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(fmt::format("{} bytes that are not a {}", bytes.size(), name));
  }
  return absl::OkStatus();
}

}  // namespace quintain::conformance
