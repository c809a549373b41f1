// Conversions between an attempt and its process: environment and document from the request,
// outcome and payload from the end and the output.
#include "server/process/attempt_io.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "server/process/text.h"

namespace quintain::server {
namespace {

using nlohmann::ordered_json;
namespace protobuf = google::protobuf;

constexpr std::string_view kOwnPrefix = "QUINTAIN_";

// Variables that control the loader, shells and common interpreters. The list cannot be complete,
// so a function gets only what it accepts; this protects functions that accept too much.
constexpr std::string_view kRefusedNames[] = {
    "BASHOPTS", "ENV",     "GCONV_PATH",     "HOME", "IFS",   "LOCPATH",   "NLSPATH",
    "PATH",     "PERLLIB", "PROMPT_COMMAND", "PS4",  "SHELL", "SHELLOPTS", "TMPDIR",
};
constexpr std::string_view kRefusedPrefixes[] = {
    "BASH_", "DOTNET_", "GIT_",  "GLIBC_", "JAVA_",    "JDK_", "LD_",    "MALLOC_",
    "NODE_", "NPM_",    "PERL5", "PYTHON", kOwnPrefix, "RUBY", "_JAVA_",
};

// The bytes of a wrapper around its value.
constexpr std::size_t kMaxWrapperBytes = 16;

bool is_alphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

template <class Wrapper>
bool unwrap(const protobuf::Any& any, ordered_json& value) {
  Wrapper wrapper;
  if (!any.Is<Wrapper>() || !wrapper.ParseFromString(any.value())) return false;
  value = wrapper.value();
  return true;
}

// Returns a wrapped number, text or truth value, or nullopt for any other type.
std::optional<ordered_json> scalar(const protobuf::Any& any) {
  ordered_json value;
  const bool is_scalar =
      unwrap<protobuf::StringValue>(any, value) || unwrap<protobuf::Int64Value>(any, value) ||
      unwrap<protobuf::Int32Value>(any, value) || unwrap<protobuf::DoubleValue>(any, value) ||
      unwrap<protobuf::BoolValue>(any, value) || unwrap<protobuf::UInt64Value>(any, value) ||
      unwrap<protobuf::UInt32Value>(any, value) || unwrap<protobuf::FloatValue>(any, value);
  if (!is_scalar) return std::nullopt;
  // JSON has no such numbers. Their names follow protobuf's JSON mapping.
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
    name += is_alphanumeric(c) ? absl::ascii_toupper(static_cast<unsigned char>(c)) : '_';
  }
  return name;
}

void add_parameters(const spearlet::InvokeFunctionRequest& request,
                    std::map<std::string, std::string>& environment) {
  std::size_t count = 0;
  for (const auto& parameter : request.parameters()) {
    // Not even parsed, because that could take long.
    if (parameter.value().value().size() > kMaxParameterBytes + kMaxWrapperBytes) continue;
    const auto value = scalar(parameter.value());
    if (!value) continue;
    std::string text = value->is_string() ? value->get<std::string>() : value->dump();
    const bool fits = text.size() <= kMaxParameterBytes && text.find('\0') == std::string::npos;
    if (!fits || parameter.name().size() > kMaxParameterBytes) continue;
    if (++count > kMaxParameterVariables) return;
    // The first of several parameters with the same variable wins.
    environment.try_emplace(variable_of(parameter.name()), std::move(text));
  }
}

ordered_json json_of(const spearlet::FunctionParameter& parameter) {
  ordered_json json{{"name", parameter.name()}, {"type", parameter.type()}};
  if (auto value = scalar(parameter.value())) {
    json["value"] = *std::move(value);
  } else if (parameter.has_value()) {
    protobuf::BytesValue bytes;
    const bool wrapped = parameter.value().Is<protobuf::BytesValue>() &&
                         bytes.ParseFromString(parameter.value().value());
    json["type_url"] = parameter.value().type_url();
    json["base64"] = base64(wrapped ? bytes.value() : parameter.value().value());
  }
  return json;
}

// Sorted by name, because a protobuf map has no defined order.
ordered_json json_of(const protobuf::Map<std::string, std::string>& map) {
  ordered_json json = ordered_json::object();
  for (const auto& [name, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
    json[name] = value;
  }
  return json;
}

bool accepts(const ProcessFunction& function, std::string_view variable) {
  return std::ranges::any_of(function.caller_environment, [variable](std::string_view accepted) {
    if (!accepted.ends_with('*')) return variable == accepted;
    accepted.remove_suffix(1);
    return variable.starts_with(accepted);
  });
}

// The last line on standard error that sets an error code begins with this.
constexpr std::string_view kCodeMark = "error_code: ";
constexpr std::size_t kMaxCodeLength = 64;

std::string signal_name(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? name : std::to_string(signal);
}

bool is_code(std::string_view code) {
  const auto is_upper = [](char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)); };
  return !code.empty() && code.size() <= kMaxCodeLength && is_upper(code.front()) &&
         std::ranges::all_of(
             code, [&](char c) { return is_upper(c) || (c >= '0' && c <= '9') || c == '_'; });
}

template <class Wrapper>
core::Payload wrap(std::string bytes) {
  Wrapper wrapper;
  wrapper.set_value(std::move(bytes));
  return {.type_url = "type.googleapis.com/" + Wrapper::descriptor()->full_name(),
          .value = wrapper.SerializeAsString()};
}

}  // namespace

bool is_variable_name(std::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name.front())) &&
         std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '_'; });
}

bool is_refused_variable(std::string_view name) {
  return std::ranges::find(kRefusedNames, name) != std::end(kRefusedNames) ||
         std::ranges::any_of(kRefusedPrefixes,
                             [name](auto prefix) { return name.starts_with(prefix); });
}

std::vector<std::string> environment_problems(const spearlet::InvokeFunctionRequest& request) {
  std::vector<std::string> problems;
  for (const auto& [name, value] : request.context().environment()) {
    if (!is_variable_name(name)) {
      problems.push_back(fmt::format("'{}' is not a variable name; use letters, digits and '_'",
                                     absl::CHexEscape(name)));
    } else if (is_refused_variable(name)) {
      problems.push_back(fmt::format("'{}' can't be set by a caller", name));
    } else if (value.find('\0') != std::string::npos) {
      problems.push_back(fmt::format("the value of '{}' contains a NUL", name));
    }
  }
  std::ranges::sort(problems);
  return problems;
}

std::map<std::string, std::string> environment_of(const core::AttemptSpec& attempt,
                                                  const ProcessFunction& function,
                                                  const std::string& working_directory) {
  std::map<std::string, std::string> environment{{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  for (const char* name : {"PATH", "LANG", "LC_ALL", "TZ"}) {
    if (const char* const value = std::getenv(name)) environment[name] = value;
  }
  for (const auto& [name, value] : function.inherited_environment) environment[name] = value;
  environment["HOME"] = working_directory;
  environment["TMPDIR"] = working_directory;
  for (const auto& [name, value] : attempt.request.context().environment()) {
    if (accepts(function, name)) environment[name] = value;
  }
  for (const auto& [name, value] : function.environment) environment[name] = value;
  std::map<std::string, std::string> own{
      {"QUINTAIN_EXECUTION_ID", std::string(attempt.execution_id)},
      {"QUINTAIN_TASK_ID", std::string(attempt.task_id)},
      {"QUINTAIN_FUNCTION_NAME", std::string(attempt.function_name)},
      {"QUINTAIN_ATTEMPT", std::to_string(attempt.number)},
  };
  add_parameters(attempt.request, own);
  // The names of tasks and functions may contain a NUL, where the variable ends.
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

core::Outcome failure(std::string code, std::string message) {
  core::Outcome outcome;
  outcome.kind = core::Outcome::Kind::kFailed;
  outcome.error_code = std::move(code);
  outcome.error_message = std::move(message);
  return outcome;
}

core::Outcome outcome_of(const ProcessEnd& end) {
  core::Outcome outcome;
  if (!end.by_signal && end.number == 0) return outcome;
  if (end.stop_signal != 0 &&
      end.number == (end.by_signal ? end.stop_signal : 128 + end.stop_signal)) {
    outcome.kind = core::Outcome::Kind::kStopped;
    return outcome;
  }
  std::string_view message = end.last_line;
  if (end.by_signal) {
    const std::string name = signal_name(end.number);
    return failure("SIGNAL_" + name, message.empty() ? fmt::format("ended by signal {}", name)
                                                     : std::string(message));
  }
  std::string code = fmt::format("EXIT_{}", end.number);
  if (message.starts_with(kCodeMark)) {
    const std::string_view rest = message.substr(kCodeMark.size());
    const std::string_view named = rest.substr(0, rest.find(' '));
    if (is_code(named)) {
      code = named;
      message = rest.substr(std::min(rest.size(), named.size() + 1));
    }
  }
  return failure(std::move(code),
                 message.empty() ? fmt::format("exit code {}", end.number) : std::string(message));
}

core::Payload payload_of(std::string bytes) {
  return is_utf8(bytes) ? wrap<google::protobuf::StringValue>(std::move(bytes))
                        : wrap<google::protobuf::BytesValue>(std::move(bytes));
}

}  // namespace quintain::server
