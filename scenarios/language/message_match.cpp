// Compares messages with patterns (Matcher), and checks patterns against message types (check).
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/language/message_kind.h"
#include "scenarios/language/messages.h"

namespace quintain::scenarios {

using json_input::Reader;

namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;
using nlohmann::ordered_json;

constexpr std::string_view kType = "@type";
constexpr std::array<std::string_view, 6> kConditions = {"$at_least", "$at_most", "$contains",
                                                         "$length",   "$not",     "$set"};

bool is_condition(const ordered_json& expected) {
  if (!expected.is_object() || expected.empty()) return false;
  const auto& members = expected.get_ref<const ordered_json::object_t&>();
  return std::all_of(members.begin(), members.end(),
                     [](const auto& member) { return member.first.starts_with('$'); });
}

/// long double represents every 64-bit integer and every double exactly.
std::optional<long double> number_of(const ordered_json& json) {
  if (json.is_number_unsigned()) return static_cast<long double>(json.get<std::uint64_t>());
  if (json.is_number_integer()) return static_cast<long double>(json.get<std::int64_t>());
  if (json.is_number_float()) return static_cast<long double>(json.get<double>());
  return std::nullopt;
}

/// A number, or a string that contains one, as in a map<string, string>.
std::optional<long double> quantity_of(const ordered_json& json) {
  if (!json.is_string()) return number_of(json);
  const auto& text = json.get_ref<const std::string&>();
  std::int64_t whole = 0;
  if (absl::SimpleAtoi(text, &whole)) return static_cast<long double>(whole);
  double number = 0;
  if (absl::SimpleAtod(text, &number)) return static_cast<long double>(number);
  return std::nullopt;
}

std::optional<std::size_t> length_of(const ordered_json& json) {
  if (json.is_string()) return json.get_ref<const std::string&>().size();
  if (json.is_structured()) return json.size();
  return std::nullopt;
}

/// True if null matches `observed`.
bool is_unset(const ordered_json& observed, const MessageKind& kind) {
  if (observed.is_null()) return true;
  if (kind.has_presence()) return false;
  if (kind.enumeration() != nullptr) {
    return observed == kind.enumeration()->FindValueByNumber(0)->name();
  }
  const auto number = number_of(observed);
  return observed == false || observed == "" || (number && *number == 0) ||
         (observed.is_structured() && observed.empty());
}

bool equal(const ordered_json& observed, const ordered_json& expected, const MessageKind& kind) {
  if (const EnumDescriptor* type = kind.enumeration(); type != nullptr && expected.is_string()) {
    const auto* value = enum_value(*type, expected.get_ref<const std::string&>());
    return value != nullptr && observed == value->name();
  }
  if (const EnumDescriptor* type = kind.enumeration(); type != nullptr && observed.is_string()) {
    const auto* value = type->FindValueByName(observed.get_ref<const std::string&>());
    return value != nullptr && number_of(expected) == value->number();
  }
  if (kind.is_timestamp() && observed.is_string() && expected.is_string()) {
    Timestamp a, b;
    return TimeUtil::FromString(observed.get<std::string>(), &a) &&
           TimeUtil::FromString(expected.get<std::string>(), &b) && a == b;
  }
  const auto number = number_of(expected);
  return number ? number_of(observed) == number : observed == expected;
}

/// The kind of a message's or map's member; nullopt if the message does not have such a field.
std::optional<MessageKind> member_kind(const MessageKind& kind, const std::string& key) {
  if (kind.is_map()) return kind.element();
  if (kind.message() == nullptr || kind.has_own_json()) return MessageKind();
  const FieldDescriptor* field = kind.message()->FindFieldByName(key);
  return field == nullptr ? std::nullopt : std::optional(MessageKind(*field));
}

/// The kind of an Any's member. `content`: the type in the Any, null if unknown.
std::optional<MessageKind> any_member_kind(const Descriptor* content, const std::string& key) {
  if (content == nullptr || key == kType) return MessageKind();
  const MessageKind kind(*content);
  if (!kind.has_own_json() && !kind.is_any()) return member_kind(kind, key);
  return key == "value" ? std::optional(kind) : std::nullopt;
}

/// Compares one message with one pattern and collects the mismatches. Used once.
class Matcher {
 public:
  std::vector<Mismatch> take() && { return std::move(mismatches_); }

  void compare(const ordered_json& observed, const ordered_json& expected, const MessageKind& kind,
               const std::string& at) {
    if (is_condition(expected)) {
      for (const auto& [name, operand] : expected.items()) {
        compare_condition(observed, name, operand, kind, at);
      }
    } else if (expected.is_null()) {
      if (!is_unset(observed, kind)) add(at, "nothing", observed);
    } else if (expected.is_object() && observed.is_object()) {
      compare_members(observed, expected, kind, at);
    } else if (expected.is_array() && observed.is_array()) {
      if (observed.size() != expected.size()) {
        return add_text(
            at, absl::StrCat("an array of ", expected.size()),
            absl::StrCat("an array of ", observed.size(), ": ", json_input::shown(observed)));
      }
      for (std::size_t i = 0; i < expected.size(); ++i) {
        compare(observed[i], expected[i], kind.element(), absl::StrCat(at, "/", i));
      }
    } else if (!equal(observed, expected, kind)) {
      add(at, json_input::shown(expected), observed);
    }
  }

 private:
  static bool matches(const ordered_json& observed, const ordered_json& expected,
                      const MessageKind& kind) {
    Matcher matcher;
    matcher.compare(observed, expected, kind, "");
    return matcher.mismatches_.empty();
  }

  void compare_members(const ordered_json& observed, const ordered_json& expected,
                       const MessageKind& kind, const std::string& at) {
    const Descriptor* content =
        kind.is_any() ? type_of_any(observed.value(std::string(kType), "")) : nullptr;
    for (const auto& [key, value] : expected.items()) {
      const std::string member_at = at + json_input::pointer_token(key);
      const auto found = observed.find(key);
      if (kind.is_any() && key == kType && value.is_string()) {
        if (type_of_any(value.get<std::string>()) != content || content == nullptr) {
          if (*found != value) add(member_at, json_input::shown(value), *found);
        }
        continue;
      }
      const auto member = kind.is_any() ? any_member_kind(content, key) : member_kind(kind, key);
      if (!member) {
        add_text(member_at, json_input::shown(value), "no such field");
      } else if (found == observed.end()) {
        // A map does not have this key.
        compare(nullptr, value, MessageKind(), member_at);
      } else {
        compare(*found, value, *member, member_at);
      }
    }
  }

  void compare_condition(const ordered_json& observed, const std::string& name,
                         const ordered_json& operand, const MessageKind& kind,
                         const std::string& at) {
    const std::string expected = absl::StrCat(name.substr(1), " ", json_input::shown(operand));
    const auto require = [&](bool holds) {
      if (!holds) add(at, expected, observed);
    };
    if (name == "$at_least" || name == "$at_most") {
      const auto value = quantity_of(observed);
      const auto bound = number_of(operand);
      require(value && bound && (name == "$at_least" ? *value >= *bound : *value <= *bound));
    } else if (name == "$contains") {
      if (observed.is_array()) {
        require(std::any_of(observed.begin(), observed.end(), [&](const ordered_json& element) {
          return matches(element, operand, kind.element());
        }));
      } else {
        require(observed.is_string() && operand.is_string() &&
                observed.get_ref<const std::string&>().find(
                    operand.get_ref<const std::string&>()) != std::string::npos);
      }
    } else if (name == "$length") {
      const auto length = length_of(observed);
      require(length && number_of(operand) == static_cast<long double>(*length));
    } else if (name == "$not") {
      require(!matches(observed, operand, kind));
    } else if (name == "$set") {
      require(operand.is_boolean() && operand.get<bool>() != is_unset(observed, kind));
    } else {
      add(at, "a known condition instead of " + name, observed);
    }
  }

  void add(const std::string& at, std::string expected, const ordered_json& observed) {
    add_text(at, std::move(expected), observed.is_null() ? "nothing" : json_input::shown(observed));
  }
  void add_text(const std::string& at, std::string expected, std::string observed) {
    mismatches_.push_back({at, std::move(expected), std::move(observed)});
  }

  std::vector<Mismatch> mismatches_;
};

void check(const Reader& expected, const MessageKind& kind);

void reject_condition(const Reader& operand, std::string_view name, std::string_view kinds) {
  operand.error(fmt::format("{} is a condition on {}", name, kinds));
}

void check_condition(const Reader& operand, const std::string& name, const MessageKind& kind) {
  const bool any_type = !kind.is_known();
  if (name == "$at_least" || name == "$at_most") {
    if (!any_type && !kind.is_number() && !kind.is_text()) {
      reject_condition(operand, name, "numbers and on strings that contain one");
    }
    operand.number();
  } else if (name == "$contains") {
    if (kind.is_array()) return check(operand, kind.element());
    if (!any_type && !kind.is_text()) reject_condition(operand, name, "strings and arrays");
    if (kind.is_text()) operand.string();
  } else if (name == "$length") {
    if (!any_type && !kind.is_text() && !kind.is_array() && !kind.is_map()) {
      reject_condition(operand, name, "strings, arrays and maps");
    }
    operand.integer({.min = 0});
  } else if (name == "$not") {
    check(operand, kind);
  } else if (name == "$set") {
    operand.boolean();
  } else {
    operand.error(fmt::format("unknown condition '{}'{}", name,
                              json_input::alternatives(name, kConditions, "known", kConditions)));
  }
}

void check_members(const Reader& expected, const MessageKind& kind) {
  const Descriptor* content = nullptr;
  const ordered_json& json = expected.raw();
  if (kind.is_any() && json.is_object() && json.contains(kType) && json[kType].is_string()) {
    content = type_of_any(json[kType].get<std::string>());
  }
  for (const auto& [key, member] : expected.members()) {
    if (kind.is_any() && key == kType) {
      if (!member.string().empty() && content == nullptr) {
        member.error(fmt::format("there is no message type {}", json_input::shown(member.raw())));
      }
      continue;
    }
    const auto known = kind.is_any() ? any_member_kind(content, key) : member_kind(kind, key);
    if (known) {
      check(member, *known);
      continue;
    }
    const Descriptor& type = kind.is_any() ? *content : *kind.message();
    std::vector<std::string_view> fields;
    for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i)->name());
    member.error(fmt::format("no field '{}' in {}{}", key, type.full_name(),
                             json_input::suggestion(key, fields)));
  }
}

void check(const Reader& expected, const MessageKind& kind) {
  const ordered_json& json = expected.raw();
  if (json.is_null() || !expected.present()) return;
  if (is_condition(json)) {
    for (const auto& [name, operand] : expected.members()) check_condition(operand, name, kind);
  } else if (kind.is_array()) {
    for (const Reader& element : expected.elements()) check(element, kind.element());
  } else if (kind.is_timestamp()) {
    Timestamp ignored;
    if (!json.is_string() || !TimeUtil::FromString(json.get<std::string>(), &ignored)) {
      expected.error(fmt::format("expected a time such as \"2000-01-01T00:00:00.150Z\", got {}",
                                 json_input::described(json)));
    }
  } else if (kind.is_map() || (kind.message() != nullptr && !kind.has_own_json())) {
    check_members(expected, kind);
  } else if (const EnumDescriptor* type = kind.enumeration()) {
    if (!json.is_number_integer()) read_enum_value(expected, *type);
  } else if (kind.is_text()) {
    expected.string();
  } else if (kind.is_boolean()) {
    expected.boolean();
  } else if (kind.is_number()) {
    expected.number();
  }
}

}  // namespace

std::vector<Mismatch> match(const google::protobuf::Message& message,
                            const ordered_json& expected) {
  Matcher matcher;
  matcher.compare(to_json(message), expected, MessageKind(*message.GetDescriptor()), "");
  return std::move(matcher).take();
}

void check_pattern(const Descriptor& type, const Reader& pattern) {
  check(pattern, MessageKind(type));
}

}  // namespace quintain::scenarios
