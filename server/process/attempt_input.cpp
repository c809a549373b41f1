#include "server/process/attempt_input.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace quintain::server {
namespace {

using nlohmann::ordered_json;
namespace wrappers = google::protobuf;

constexpr std::string_view kOwnPrefix = "QUINTAIN_";

// What the loader, shells and common interpreters take orders from. The list can't be complete: a
// function whose program obeys further variables sets them itself, and its own stand.
constexpr std::string_view kRefusedNames[] = {
    "BASHOPTS", "ENV",     "GCONV_PATH",     "HOME", "IFS",   "LOCPATH",   "NLSPATH",
    "PATH",     "PERLLIB", "PROMPT_COMMAND", "PS4",  "SHELL", "SHELLOPTS", "TMPDIR",
};
constexpr std::string_view kRefusedPrefixes[] = {
    "BASH_", "DOTNET_", "GIT_",  "GLIBC_", "JAVA_",    "JDK_", "LD_",    "MALLOC_",
    "NODE_", "NPM_",    "PERL5", "PYTHON", kOwnPrefix, "RUBY", "_JAVA_",
};

bool is_variable_name(std::string_view name) {
  const auto fits = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), fits);
}

bool is_refused(std::string_view name) {
  return std::find(std::begin(kRefusedNames), std::end(kRefusedNames), name) !=
             std::end(kRefusedNames) ||
         std::any_of(std::begin(kRefusedPrefixes), std::end(kRefusedPrefixes),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

template <class Wrapper>
bool unwrap(const wrappers::Any& any, ordered_json& value) {
  Wrapper wrapper;
  if (!any.Is<Wrapper>() || !wrapper.ParseFromString(any.value())) return false;
  value = wrapper.value();
  return true;
}

/// A wrapped number, text or truth value; nothing if it is anything else.
std::optional<ordered_json> scalar(const wrappers::Any& any) {
  ordered_json value;
  const bool is_scalar =
      unwrap<wrappers::StringValue>(any, value) || unwrap<wrappers::Int64Value>(any, value) ||
      unwrap<wrappers::Int32Value>(any, value) || unwrap<wrappers::DoubleValue>(any, value) ||
      unwrap<wrappers::BoolValue>(any, value) || unwrap<wrappers::UInt64Value>(any, value) ||
      unwrap<wrappers::UInt32Value>(any, value) || unwrap<wrappers::FloatValue>(any, value);
  if (!is_scalar) return std::nullopt;
  // JSON has no such numbers; the names are those of protobuf's JSON form.
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const auto number = value.get<double>();
    value = std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
  }
  return value;
}

std::string base64(std::string_view bytes) {
  return absl::Base64Escape({bytes.data(), bytes.size()});
}

std::string variable_of(std::string_view parameter) {
  std::string name = fmt::format("{}PARAM_", kOwnPrefix);
  for (const char c : parameter) {
    const auto byte = static_cast<unsigned char>(c);
    name += absl::ascii_isalnum(byte) ? static_cast<char>(absl::ascii_toupper(byte)) : '_';
  }
  return name;
}

void add_parameters(const spearlet::InvokeFunctionRequest& request,
                    std::map<std::string, std::string>& environment) {
  std::size_t count = 0;
  for (const auto& parameter : request.parameters()) {
    const auto value = scalar(parameter.value());
    if (!value) continue;
    std::string text = value->is_string() ? value->get<std::string>() : value->dump();
    const bool fits = text.size() <= kMaxParameterBytes && text.find('\0') == std::string::npos;
    if (!fits || parameter.name().size() > kMaxParameterBytes) continue;
    if (++count > kMaxParameterVariables) return;
    // Of two names that give the same variable the first stands.
    environment.try_emplace(variable_of(parameter.name()), std::move(text));
  }
}

ordered_json json_of(const spearlet::FunctionParameter& parameter) {
  ordered_json json{{"name", parameter.name()}, {"type", parameter.type()}};
  if (auto value = scalar(parameter.value())) {
    json["value"] = *std::move(value);
  } else if (parameter.has_value()) {
    wrappers::BytesValue bytes;
    const bool wrapped = parameter.value().Is<wrappers::BytesValue>() &&
                         bytes.ParseFromString(parameter.value().value());
    json["type_url"] = parameter.value().type_url();
    json["base64"] = base64(wrapped ? bytes.value() : parameter.value().value());
  }
  return json;
}

// Sorted: a protobuf map has no order of its own.
ordered_json json_of(const google::protobuf::Map<std::string, std::string>& map) {
  ordered_json json = ordered_json::object();
  for (const auto& [name, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
    json[name] = value;
  }
  return json;
}

}  // namespace

std::vector<std::string> environment_problems(const spearlet::InvokeFunctionRequest& request) {
  std::vector<std::string> problems;
  for (const auto& [name, value] : request.context().environment()) {
    if (!is_variable_name(name)) {
      problems.push_back(fmt::format("'{}' is no name of a variable; use letters, digits and '_'",
                                     absl::CHexEscape(name)));
    } else if (is_refused(name)) {
      problems.push_back(fmt::format("'{}' can't be set by a caller", name));
    } else if (value.find('\0') != std::string::npos) {
      problems.push_back(fmt::format("the value of '{}' has a NUL in it", name));
    }
  }
  std::sort(problems.begin(), problems.end());
  return problems;
}

std::map<std::string, std::string> environment_of(const core::AttemptSpec& attempt,
                                                  const ProcessFunction& function,
                                                  const std::string& working_directory) {
  const char* const path = std::getenv("PATH");
  std::map<std::string, std::string> environment{
      {"PATH", path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"},
      {"HOME", working_directory},
      {"TMPDIR", working_directory},
  };
  for (const auto& [name, value] : attempt.request.context().environment()) {
    environment[name] = value;
  }
  for (const auto& [name, value] : function.environment) environment[name] = value;
  std::map<std::string, std::string> own{
      {"QUINTAIN_EXECUTION_ID", std::string(attempt.execution_id)},
      {"QUINTAIN_TASK_ID", std::string(attempt.task_id)},
      {"QUINTAIN_FUNCTION_NAME", std::string(attempt.function_name)},
      {"QUINTAIN_ATTEMPT", std::to_string(attempt.number)},
  };
  add_parameters(attempt.request, own);
  // A NUL, which the names of tasks and functions may have, would end the variable early.
  for (auto& [name, value] : own) environment[name] = value.substr(0, value.find('\0'));
  return environment;
}

std::string document_of(const core::AttemptSpec& attempt) {
  const spearlet::ExecutionContext& context = attempt.request.context();
  ordered_json parameters = ordered_json::array();
  for (const auto& parameter : attempt.request.parameters()) {
    parameters.push_back(json_of(parameter));
  }
  const ordered_json document{
      {"execution_id", attempt.execution_id},
      {"task_id", attempt.task_id},
      {"function_name", attempt.function_name},
      {"attempt", attempt.number},
      {"parameters", std::move(parameters)},
      {"context",
       {{"session_id", context.session_id()},
        {"user_id", context.user_id()},
        {"environment", json_of(context.environment())},
        {"headers", json_of(context.headers())},
        {"timeout_ms", context.timeout_ms()},
        {"max_retries", context.max_retries()}}},
  };
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace quintain::server
