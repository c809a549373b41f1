// Compares descriptors as the messages that they are, not in a descriptor pool: a pool rejects
// files whose imports are missing, and then nothing could be reported. The offered descriptor comes
// from the target, so its types may contain themselves and its names may have any length.
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "conformance/wire/descriptor.h"

namespace quintain::conformance {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptorProto;
using google::protobuf::ServiceDescriptorProto;

// Declarations with a longer full name are left out: no profile has them, and a deep nesting of
// long names would take memory in their product.
constexpr std::size_t kMaxName = 512;

// Names in deviations are truncated to this length.
constexpr std::size_t kMaxShown = 120;

std::string shown(std::string_view name) {
  if (name.size() <= kMaxShown) return std::string(name);
  return fmt::format("{}... ({} bytes)", name.substr(0, kMaxShown), name.size());
}

// Everything that some files declare, by full name with a leading dot (".a.B"), which is how type
// names are written in descriptors.
class Declarations {
 public:
  void add(const FileDescriptorProto& file) {
    if (file.package().size() > kMaxName) return;
    const std::string scope = file.package().empty() ? "" : "." + file.package();
    for (const DescriptorProto& message : file.message_type()) add(scope, message);
    for (const EnumDescriptorProto& type : file.enum_type()) add(scope, type);
    for (const ServiceDescriptorProto& service : file.service()) {
      if (service.name().size() <= kMaxName) services_[scope + "." + service.name()] = &service;
    }
  }

  const std::map<std::string, const DescriptorProto*>& messages() const { return messages_; }
  const std::map<std::string, const EnumDescriptorProto*>& enums() const { return enums_; }
  const std::map<std::string, const ServiceDescriptorProto*>& services() const { return services_; }

  // The entry type of a map field; nullptr for other fields.
  const DescriptorProto* map_entry(const FieldDescriptorProto& field) const {
    const auto message = messages_.find(field.type_name());
    return message != messages_.end() && message->second->options().map_entry() ? message->second
                                                                                : nullptr;
  }

 private:
  void add(const std::string& scope, const DescriptorProto& message) {
    if (scope.size() + message.name().size() > kMaxName) return;
    const std::string name = scope + "." + message.name();
    messages_[name] = &message;
    for (const DescriptorProto& nested : message.nested_type()) add(name, nested);
    for (const EnumDescriptorProto& type : message.enum_type()) add(name, type);
  }
  void add(const std::string& scope, const EnumDescriptorProto& type) {
    if (scope.size() + type.name().size() > kMaxName) return;
    enums_[scope + "." + type.name()] = &type;
  }

  std::map<std::string, const DescriptorProto*> messages_;
  std::map<std::string, const EnumDescriptorProto*> enums_;
  std::map<std::string, const ServiceDescriptorProto*> services_;
};

std::string_view without_dot(std::string_view name) {
  return name.substr(!name.empty() && name.front() == '.' ? 1 : 0);
}

// The type as a .proto file writes it, without regard to maps.
std::string plain_type_of(const FieldDescriptorProto& field) {
  if (!field.type_name().empty()) return shown(without_dot(field.type_name()));
  // "int64" from TYPE_INT64.
  std::string name = FieldDescriptorProto::Type_Name(field.type()).substr(5);
  absl::AsciiStrToLower(&name);
  return name;
}

// The same with maps as such. The key and the value of a map are no maps, whatever a descriptor
// says, so this ends.
std::string type_of(const FieldDescriptorProto& field, const Declarations& declarations) {
  const DescriptorProto* const entry = declarations.map_entry(field);
  if (entry == nullptr) return plain_type_of(field);
  std::string key = "?";
  std::string value = "?";
  for (const FieldDescriptorProto& part : entry->field()) {
    if (part.number() == 1) key = plain_type_of(part);
    if (part.number() == 2) value = plain_type_of(part);
  }
  return fmt::format("map<{}, {}>", key, value);
}

std::string label_of(const FieldDescriptorProto& field, const Declarations& declarations) {
  if (declarations.map_entry(field) != nullptr) return "a map";
  switch (field.label()) {
    case FieldDescriptorProto::LABEL_REPEATED:
      return "repeated";
    case FieldDescriptorProto::LABEL_REQUIRED:
      return "required";
    case FieldDescriptorProto::LABEL_OPTIONAL:
      break;
  }
  if (field.proto3_optional()) return "optional";
  return field.has_oneof_index() ? "in a oneof" : "singular";
}

template <class Parts>
auto find_name(const Parts& parts, const std::string& name) {
  return std::find_if(parts.begin(), parts.end(),
                      [&](const auto& part) { return part.name() == name; });
}

template <class Parts>
auto find_number(const Parts& parts, int number) {
  return std::find_if(parts.begin(), parts.end(),
                      [&](const auto& part) { return part.number() == number; });
}

class Comparison {
 public:
  Comparison(const FileDescriptorSet& offered, const FileDescriptorProto& required) {
    for (const FileDescriptorProto& file : offered.file()) offered_.add(file);
    required_.add(required);
  }

  std::vector<std::string> run() && {
    for (const auto& [name, service] : required_.services()) compare(name, *service);
    for (const auto& [name, message] : required_.messages()) {
      if (!message->options().map_entry()) compare(name, *message);
    }
    for (const auto& [name, type] : required_.enums()) compare(name, *type);
    return std::move(deviations_);
  }

 private:
  template <class... Parts>
  void deviation(fmt::format_string<Parts...> format, Parts&&... parts) {
    deviations_.push_back(fmt::format(format, std::forward<Parts>(parts)...));
  }

  void compare(const std::string& full_name, const ServiceDescriptorProto& required) {
    const std::string_view name = without_dot(full_name);
    const auto found = offered_.services().find(full_name);
    if (found == offered_.services().end()) return deviation("service {} is missing", name);
    for (const MethodDescriptorProto& method : required.method()) {
      const auto& methods = found->second->method();
      const auto same = find_name(methods, method.name());
      if (same == methods.end()) {
        deviation("method {}.{} is missing", name, method.name());
        continue;
      }
      const auto differs = [&](std::string_view what, const std::string& is,
                               const std::string& should) {
        if (is == should) return;
        deviation("method {}.{} {} {}, not {}", name, method.name(), what, shown(without_dot(is)),
                  without_dot(should));
      };
      const auto count = [](bool streaming) { return streaming ? "a stream" : "one message"; };
      differs("takes", same->input_type(), method.input_type());
      differs("returns", same->output_type(), method.output_type());
      differs("takes", count(same->client_streaming()), count(method.client_streaming()));
      differs("returns", count(same->server_streaming()), count(method.server_streaming()));
    }
  }

  void compare(const std::string& full_name, const DescriptorProto& required) {
    const std::string_view name = without_dot(full_name);
    const auto found = offered_.messages().find(full_name);
    if (found == offered_.messages().end()) return deviation("message {} is missing", name);
    const auto& fields = found->second->field();
    for (const FieldDescriptorProto& field : required.field()) {
      auto same = find_name(fields, field.name());
      if (same == fields.end()) {
        same = find_number(fields, field.number());
        if (same == fields.end()) {
          deviation("field {}.{} = {} is missing", name, field.name(), field.number());
          continue;
        }
        deviation("field {} of {} is called {}, not {}", field.number(), name, shown(same->name()),
                  field.name());
      }
      compare(fmt::format("field {}.{}", name, field.name()), *same, field);
    }
  }

  void compare(const std::string& where, const FieldDescriptorProto& offered,
               const FieldDescriptorProto& required) {
    const auto differs = [&](std::string_view what, const std::string& is,
                             const std::string& should) {
      if (is != should) deviation("{} {} {}, not {}", where, what, is, should);
    };
    differs("has number", std::to_string(offered.number()), std::to_string(required.number()));
    differs("has type", type_of(offered, offered_), type_of(required, required_));
    differs("is", label_of(offered, offered_), label_of(required, required_));
  }

  void compare(const std::string& full_name, const EnumDescriptorProto& required) {
    const std::string_view name = without_dot(full_name);
    const auto found = offered_.enums().find(full_name);
    if (found == offered_.enums().end()) return deviation("enum {} is missing", name);
    const auto& values = found->second->value();
    for (const auto& value : required.value()) {
      auto same = find_name(values, value.name());
      if (same != values.end()) {
        if (same->number() != value.number()) {
          deviation("value {} of enum {} has number {}, not {}", value.name(), name, same->number(),
                    value.number());
        }
        continue;
      }
      same = find_number(values, value.number());
      if (same == values.end()) {
        deviation("value {} = {} of enum {} is missing", value.name(), value.number(), name);
      } else {
        deviation("value {} of enum {} is called {}, not {}", value.number(), name,
                  shown(same->name()), value.name());
      }
    }
  }

  Declarations offered_;
  Declarations required_;
  std::vector<std::string> deviations_;
};

}  // namespace

std::vector<std::string> descriptor_deviations(const FileDescriptorSet& offered,
                                               const Profile& profile) {
  const FileDescriptorProto required = profile.descriptor();
  return Comparison(offered, required).run();
}

}  // namespace quintain::conformance
