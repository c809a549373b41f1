// Renders recorded calls and their messages as text for reports: one line per call, messages as
// compact JSON with long values truncated. A target chooses the content, so depth, length and time
// are limited.
#include "conformance/judgement/recorded_call.h"

#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "conformance/judgement/bounded_parse.h"
#include "core/base/duration_text.h"

namespace quintain::conformance {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Json = nlohmann::ordered_json;

// Longer strings and lists are truncated, so that a line stays readable.
constexpr std::size_t kMaxText = 120;
constexpr int kMaxEntries = 20;

// The bytes of a whole message, and of a call with all of its messages.
constexpr std::size_t kMaxMessageText = 4096;
constexpr std::size_t kMaxCallText = 8192;

// An Any within an Any is decoded down to this depth, and a content up to this size.
constexpr int kMaxAnyDepth = 3;
constexpr std::size_t kMaxAnyBytes = std::size_t{64} << 10;

std::string truncated(const std::string& text, std::size_t most = kMaxText) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  // Do not split a UTF-8 character, which has at most 3 bytes after its first. Other text may
  // consist of such bytes alone.
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

// "CANCELLED" for EXECUTION_STATUS_CANCELLED of ExecutionStatus.
Json enum_name(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* const value = type.FindValueByNumber(number);
  if (value == nullptr) return number;
  std::string prefix;
  for (const char c : type.name()) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  prefix += '_';
  const std::string& name = value->name();
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

// `depth` is the number of Anys around the message; -1 for the outermost message.
Json to_json(const Message& message, int depth);
Json value_of(const Message& message, const FieldDescriptor& field, int index, int depth);

Json any_to_json(const google::protobuf::Any& any, int depth) {
  const std::string type = any.type_url().substr(any.type_url().rfind('/') + 1);
  const auto* const descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor != nullptr && depth < kMaxAnyDepth && any.value().size() <= kMaxAnyBytes) {
    const std::unique_ptr<Message> content(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
    if (parse_bounded(any.value(), *content).ok()) {
      Json json = {{"@type", truncated(type)}};
      const Json fields = to_json(*content, depth + 1);
      // A few types of protobuf have a form of their own; that of an Any has a type, too.
      if (!fields.is_object() || fields.contains("@type")) {
        json["value"] = fields;
        return json;
      }
      json.update(fields);
      // In a wrapper a default value is information.
      if (descriptor->file()->name() == "google/protobuf/wrappers.proto") {
        json["value"] = value_of(*content, *descriptor->field(0), 0, depth + 1);
      }
      return json;
    }
  }
  return {{"@type", truncated(any.type_url())}, {"bytes", any.value().size()}};
}

// The value of a singular field, or of one entry of a repeated field.
Json value_of(const Message& message, const FieldDescriptor& field, int index, int depth) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
#define QUINTAIN_CASE(TYPE, NAME)                                          \
  case FieldDescriptor::TYPE:                                              \
    return repeated ? reflection.GetRepeated##NAME(message, &field, index) \
                    : reflection.Get##NAME(message, &field)
    QUINTAIN_CASE(CPPTYPE_INT32, Int32);
    QUINTAIN_CASE(CPPTYPE_INT64, Int64);
    QUINTAIN_CASE(CPPTYPE_UINT32, UInt32);
    QUINTAIN_CASE(CPPTYPE_UINT64, UInt64);
    QUINTAIN_CASE(CPPTYPE_DOUBLE, Double);
    QUINTAIN_CASE(CPPTYPE_FLOAT, Float);
    QUINTAIN_CASE(CPPTYPE_BOOL, Bool);
#undef QUINTAIN_CASE
    case FieldDescriptor::CPPTYPE_ENUM:
      return enum_name(*field.enum_type(),
                       repeated ? reflection.GetRepeatedEnumValue(message, &field, index)
                                : reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text =
          repeated ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
                   : reflection.GetStringReference(message, &field, &scratch);
      if (field.type() == FieldDescriptor::TYPE_BYTES)
        return fmt::format("({} bytes)", text.size());
      return truncated(text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return to_json(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                          : reflection.GetMessage(message, &field),
                 std::max(depth, 0));
}

Json map_to_json(const Message& message, const FieldDescriptor& field, int depth) {
  const auto& reflection = *message.GetReflection();
  // Sorted, because the order of a hash map differs between runs.
  std::map<std::string, const Message*> entries;
  const int size = reflection.FieldSize(message, &field);
  for (int i = 0; i < size; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const Json key = value_of(entry, *entry.GetDescriptor()->map_key(), 0, depth);
    entries.emplace(key.is_string() ? key.get<std::string>() : key.dump(), &entry);
  }
  Json json = Json::object();
  for (const auto& [key, entry] : entries) {
    if (json.size() == kMaxEntries) {
      json["..."] = fmt::format("and {} more", size - kMaxEntries);
      break;
    }
    json[key] = value_of(*entry, *entry->GetDescriptor()->map_value(), 0, depth);
  }
  return json;
}

Json field_to_json(const Message& message, const FieldDescriptor& field, int depth) {
  if (field.is_map()) return map_to_json(message, field, depth);
  if (!field.is_repeated()) return value_of(message, field, 0, depth);
  Json entries = Json::array();
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < std::min(size, kMaxEntries); ++i) {
    entries.push_back(value_of(message, field, i, depth));
  }
  if (size > kMaxEntries) entries.push_back(fmt::format("and {} more", size - kMaxEntries));
  return entries;
}

// Whether a field of an answer is shown even if it has its default value.
bool always_shown(const FieldDescriptor& field) {
  return !field.is_repeated() && (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM);
}

Json to_json(const Message& message, int depth) {
  if (message.GetDescriptor() == google::protobuf::Any::descriptor()) {
    return any_to_json(static_cast<const google::protobuf::Any&>(message), std::max(depth, 0));
  }
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return google::protobuf::util::TimeUtil::ToString(
        static_cast<const google::protobuf::Timestamp&>(message));
  }
  const auto& type = *message.GetDescriptor();
  const bool is_answer = depth < 0 && type.name().ends_with("Response");
  Json json = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto& reflection = *message.GetReflection();
    const bool has_value = field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                                               : reflection.HasField(message, &field);
    if (has_value || (is_answer && always_shown(field))) {
      json[field.name()] = field_to_json(message, field, depth);
    }
  }
  return json;
}

std::string time_text(core::Instant t) { return core::format_duration(t.since_start()); }

std::string describe_end(const RecordedCall& recorded) {
  if (!recorded.ended()) return "no end yet";
  if (recorded.abandoned)
    return fmt::format("abandoned by the client at {}", time_text(recorded.returned));
  if (recorded.status.ok()) return fmt::format("OK at {}", time_text(recorded.returned));
  return fmt::format(
      "{} at {}: {}", absl::StatusCodeToString(recorded.status.code()),
      time_text(recorded.returned),
      truncated(std::string(recorded.status.message().data(), recorded.status.message().size())));
}

}  // namespace

bool RecordedCall::ambiguous() const {
  if (abandoned) return true;
  if (!ended()) return false;
  switch (status.code()) {
    // The client's side itself reports these when the deadline passes, the connection breaks or
    // the answer cannot be used, so they may not come from the target.
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    // An answer that could not be read, or was too large to be.
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

std::string brief_json(const Message& message) {
  return truncated(
      to_json(message, -1).dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace),
      kMaxMessageText);
}

std::string describe(const RecordedCall& recorded) {
  std::string line =
      fmt::format("#{} {} {} {}", recorded.number, time_text(recorded.sent),
                  name_of(recorded.method), recorded.request ? brief_json(*recorded.request) : "?");
  if (!recorded.deadline.is_never()) {
    line += fmt::format(" (deadline {})", time_text(recorded.deadline));
  }
  line += " ->";
  if (recorded.method != Method::kStreamFunction && recorded.answered()) {
    return line + fmt::format(" {} {}", time_text(recorded.returned),
                              brief_json(*recorded.received.front().message));
  }
  std::size_t shown = 0;
  for (const RecordedCall::Received& received : recorded.received) {
    if (shown == kMaxEntries || line.size() > kMaxCallText) {
      line += fmt::format(" and {} more,", recorded.received.size() - shown);
      break;
    }
    ++shown;
    line += fmt::format(" {} {},", time_text(received.at), brief_json(*received.message));
  }
  return line + " " + describe_end(recorded);
}

}  // namespace quintain::conformance
