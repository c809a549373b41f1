#include "core/service/wire_check.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <boost/locale/utf.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "core/refusal.h"

namespace quintain::core::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// The limit of protobuf's parser.
constexpr int kMaxDepth = 100;

bool is_valid_text(std::string_view bytes) {
  namespace utf = boost::locale::utf;
  for (const char* at = bytes.data(); at != bytes.data() + bytes.size();) {
    const auto code = utf::utf_traits<char>::decode(at, bytes.data() + bytes.size());
    if (!utf::is_valid_codepoint(code)) return false;
  }
  return true;
}

class WireCheck {
 public:
  // Returns what is wrong, as "field: problem".
  std::optional<std::string> problem(std::string_view bytes,
                                     const google::protobuf::Descriptor& type,
                                     const std::string& path, int depth) {
    google::protobuf::io::CodedInputStream input(
        reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
    if (depth > kMaxDepth) return fmt::format("{}: is nested too deeply", path);
    while (const std::uint32_t tag = input.ReadTag()) {
      if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!WireFormatLite::SkipField(&input, tag)) return malformed(path);
        continue;
      }
      if (++parts_ > kMaxMessageParts) {
        return fmt::format("{}: has more than {} parts", or_request(path), kMaxMessageParts);
      }
      std::uint32_t size = 0;
      const auto start = static_cast<std::size_t>(input.CurrentPosition());
      if (!input.ReadVarint32(&size)) return malformed(path);
      const auto from = static_cast<std::size_t>(input.CurrentPosition());
      if (from < start || size > bytes.size() - from) return malformed(path);
      const std::string_view content = bytes.substr(from, size);
      if (!input.Skip(static_cast<int>(size))) return malformed(path);
      const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr) continue;
      const std::string name = path.empty() ? field->name() : path + "." + field->name();
      if (field->type() == FieldDescriptor::TYPE_STRING && !is_valid_text(content)) {
        return fmt::format("{}: is not UTF-8", name);
      }
      if (field->message_type() == nullptr) continue;
      if (auto found = problem(content, *field->message_type(), name, depth + 1)) return found;
    }
    if (!input.ConsumedEntireMessage()) return malformed(path);
    return std::nullopt;
  }

 private:
  static std::string or_request(const std::string& path) { return path.empty() ? "request" : path; }
  static std::string malformed(const std::string& path) {
    return fmt::format("{}: is not a serialized message", or_request(path));
  }

  std::size_t parts_ = 0;
};

}  // namespace

absl::Status check_wire(std::string_view bytes, const google::protobuf::Descriptor& type) {
  auto problem = WireCheck().problem(bytes, type, {}, 0);
  if (!problem) return absl::OkStatus();
  return invalid_argument({*std::move(problem)});
}

}  // namespace quintain::core::service
