#include "conformance/wire/descriptor_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace quintain::conformance {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptorProto;
using google::protobuf::ServiceDescriptorProto;

// Everything that some files declare, by full name, as type names in descriptors have it: ".a.B".
// Descriptors are compared as the messages they come in, not as a pool: a pool refuses files whose
// imports are missing, and what is refused can't be judged.
class Declarations {
 public:
  void add(const FileDescriptorProto& file) {
    const std::string scope = file.package().empty() ? "" : "." + file.package();
    for (const DescriptorProto& message : file.message_type()) add(scope, message);
    for (const EnumDescriptorProto& type : file.enum_type()) add(scope, type);
    for (const ServiceDescriptorProto& service : file.service()) {
      services_[scope + "." + service.name()] = &service;
    }
  }

  const std::map<std::string, const DescriptorProto*>& messages() const { return messages_; }
  const std::map<std::string, const EnumDescriptorProto*>& enums() const { return enums_; }
  const std::map<std::string, const ServiceDescriptorProto*>& services() const { return services_; }

  /// The entry of a map field; nullptr for any other field.
  const DescriptorProto* map_entry(const FieldDescriptorProto& field) const {
    const auto message = messages_.find(field.type_name());
    return message != messages_.end() && message->second->options().map_entry() ? message->second
                                                                                : nullptr;
  }

 private:
  void add(const std::string& scope, const DescriptorProto& message) {
    const std::string name = scope + "." + message.name();
    messages_[name] = &message;
    for (const DescriptorProto& nested : message.nested_type()) add(name, nested);
    for (const EnumDescriptorProto& type : message.enum_type()) add(name, type);
  }
  void add(const std::string& scope, const EnumDescriptorProto& type) {
    enums_[scope + "." + type.name()] = &type;
  }

  std::map<std::string, const DescriptorProto*> messages_;
  std::map<std::string, const EnumDescriptorProto*> enums_;
  std::map<std::string, const ServiceDescriptorProto*> services_;
};

std::string_view without_dot(std::string_view name) {
  return name.substr(!name.empty() && name.front() == '.' ? 1 : 0);
}

// As a .proto file writes it.
std::string type_of(const FieldDescriptorProto& field, const Declarations& declarations) {
  if (const DescriptorProto* entry = declarations.map_entry(field)) {
    std::string key = "?";
    std::string value = "?";
    for (const FieldDescriptorProto& part : entry->field()) {
      (part.number() == 1 ? key : value) = type_of(part, declarations);
    }
    return fmt::format("map<{}, {}>", key, value);
  }
  if (!field.type_name().empty()) return std::string(without_dot(field.type_name()));
  // TYPE_INT64
  std::string name = FieldDescriptorProto::Type_Name(field.type()).substr(5);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
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

class Comparison {
 public:
  Comparison(const FileDescriptorSet& offered, const FileDescriptorProto& demanded) {
    for (const FileDescriptorProto& file : offered.file()) offered_.add(file);
    demanded_.add(demanded);
  }

  std::vector<std::string> run() && {
    for (const auto& [name, service] : demanded_.services()) compare(name, *service);
    for (const auto& [name, message] : demanded_.messages()) {
      if (!message->options().map_entry()) compare(name, *message);
    }
    for (const auto& [name, type] : demanded_.enums()) compare(name, *type);
    return std::move(deviations_);
  }

 private:
  template <class... Parts>
  void deviation(fmt::format_string<Parts...> format, Parts&&... parts) {
    deviations_.push_back(fmt::format(format, std::forward<Parts>(parts)...));
  }

  void compare(const std::string& full_name, const ServiceDescriptorProto& demanded) {
    const std::string_view name = without_dot(full_name);
    const auto found = offered_.services().find(full_name);
    if (found == offered_.services().end()) return deviation("service {} is missing", name);
    for (const MethodDescriptorProto& method : demanded.method()) {
      const auto& methods = found->second->method();
      const auto same = std::find_if(methods.begin(), methods.end(), [&](const auto& candidate) {
        return candidate.name() == method.name();
      });
      if (same == methods.end()) {
        deviation("method {}.{} is missing", name, method.name());
        continue;
      }
      const auto differs = [&](std::string_view what, const std::string& is,
                               const std::string& should) {
        if (is == should) return;
        deviation("method {}.{} {} {}, not {}", name, method.name(), what, without_dot(is),
                  without_dot(should));
      };
      const auto count = [](bool streaming) { return streaming ? "a stream" : "one message"; };
      differs("takes", same->input_type(), method.input_type());
      differs("returns", same->output_type(), method.output_type());
      differs("takes", count(same->client_streaming()), count(method.client_streaming()));
      differs("returns", count(same->server_streaming()), count(method.server_streaming()));
    }
  }

  void compare(const std::string& full_name, const DescriptorProto& demanded) {
    const std::string_view name = without_dot(full_name);
    const auto found = offered_.messages().find(full_name);
    if (found == offered_.messages().end()) return deviation("message {} is missing", name);
    const auto& fields = found->second->field();
    const auto find = [&fields](const auto& matches) {
      return std::find_if(fields.begin(), fields.end(), matches);
    };
    for (const FieldDescriptorProto& field : demanded.field()) {
      auto same = find([&](const auto& other) { return other.name() == field.name(); });
      if (same == fields.end()) {
        same = find([&](const auto& other) { return other.number() == field.number(); });
        if (same == fields.end()) {
          deviation("field {}.{} = {} is missing", name, field.name(), field.number());
          continue;
        }
        deviation("field {} of {} is called {}, not {}", field.number(), name, same->name(),
                  field.name());
      }
      compare(fmt::format("field {}.{}", name, field.name()), *same, field);
    }
  }

  void compare(const std::string& where, const FieldDescriptorProto& offered,
               const FieldDescriptorProto& demanded) {
    const auto differs = [&](std::string_view what, const std::string& is,
                             const std::string& should) {
      if (is != should) deviation("{} {} {}, not {}", where, what, is, should);
    };
    differs("has number", std::to_string(offered.number()), std::to_string(demanded.number()));
    differs("has type", type_of(offered, offered_), type_of(demanded, demanded_));
    differs("is", label_of(offered, offered_), label_of(demanded, demanded_));
  }

  void compare(const std::string& full_name, const EnumDescriptorProto& demanded) {
    const std::string_view name = without_dot(full_name);
    const auto found = offered_.enums().find(full_name);
    if (found == offered_.enums().end()) return deviation("enum {} is missing", name);
    const auto& values = found->second->value();
    for (const auto& value : demanded.value()) {
      auto same = std::find_if(values.begin(), values.end(),
                               [&](const auto& other) { return other.name() == value.name(); });
      if (same != values.end()) {
        if (same->number() != value.number()) {
          deviation("value {} of enum {} has number {}, not {}", value.name(), name, same->number(),
                    value.number());
        }
        continue;
      }
      same = std::find_if(values.begin(), values.end(),
                          [&](const auto& other) { return other.number() == value.number(); });
      if (same == values.end()) {
        deviation("value {} = {} of enum {} is missing", value.name(), value.number(), name);
      } else {
        deviation("value {} of enum {} is called {}, not {}", value.number(), name, same->name(),
                  value.name());
      }
    }
  }

  Declarations offered_;
  Declarations demanded_;
  std::vector<std::string> deviations_;
};

}  // namespace

std::vector<std::string> descriptor_deviations(const FileDescriptorSet& offered,
                                               const Profile& profile) {
  const FileDescriptorProto demanded = profile.descriptor();
  return Comparison(offered, demanded).run();
}

}  // namespace quintain::conformance
