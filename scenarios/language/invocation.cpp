// Reads invocations into requests.

#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/messages.h"
#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using spearlet::InvokeFunctionRequest;
using TextMap = google::protobuf::Map<std::string, std::string>;

void read_target(const Reader& target, const Functions& functions, InvokeFunctionRequest& request) {
  if (target.raw().is_object()) {
    request.set_task_id(target.object().optional("task").string());
  } else if (target.present() && !target.raw().is_string()) {
    target.error(fmt::format("expected the name of a function or {{\"task\": an id}}, got {}",
                             json_input::described(target.raw())));
  } else if (const auto index = functions.names.find(target)) {
    request.set_task_id(functions.models[*index].task);
    request.set_function_name(functions.models[*index].function);
  }
}

/// A name or a number. Numbers of no value are allowed, since a test may send them.
template <class Enum, std::size_t N>
Enum name_or_number(const Reader& value, const json_input::Choice<Enum> (&names)[N]) {
  if (value.raw().is_number()) return static_cast<Enum>(value.integer<int>());
  return value.one_of<Enum>(names);
}

spearlet::ExecutionMode read_mode(ObjectReader& object, Caller caller) {
  using namespace spearlet;
  if (caller == Caller::kLoad) {
    return object.required("mode").one_of<ExecutionMode>({{"sync", EXECUTION_MODE_SYNC},
                                                          {"async", EXECUTION_MODE_ASYNC},
                                                          {"stream", EXECUTION_MODE_STREAM}},
                                                         EXECUTION_MODE_ASYNC);
  }
  if (caller == Caller::kStream && !object.optional("mode").present()) {
    return EXECUTION_MODE_STREAM;
  }
  return name_or_number<ExecutionMode>(object.required("mode"),
                                       {{"sync", EXECUTION_MODE_SYNC},
                                        {"async", EXECUTION_MODE_ASYNC},
                                        {"stream", EXECUTION_MODE_STREAM},
                                        {"unspecified", EXECUTION_MODE_UNSPECIFIED}});
}

void read_timeout(ObjectReader& object, InvokeFunctionRequest& request) {
  using std::chrono::milliseconds;
  const Reader timeout = object.optional("timeout");
  const Reader timeout_ms = object.optional("timeout_ms");
  if (timeout.present()) {
    const core::Duration length = timeout.duration({.min = milliseconds(1)});
    if (length % milliseconds(1) != core::Duration::zero()) {
      timeout.error(
          fmt::format("expected whole milliseconds, got {}", json_input::shown(timeout.raw())));
    }
    request.mutable_context()->set_timeout_ms(core::floor_milliseconds(length));
  }
  if (timeout_ms.present()) {
    request.mutable_context()->set_timeout_ms(timeout_ms.integer<std::int64_t>());
    if (timeout.present()) {
      timeout_ms.error("'timeout' is set already; give one or the other");
    }
  }
}

void read_map(const Reader& value, TextMap& map) {
  for (const auto& [key, text] : value.map_of([](const Reader& v) { return v.string(); })) {
    map[key] = text;
  }
}

void read_context(ObjectReader& object, InvokeFunctionRequest& request) {
  read_timeout(object, request);
  const auto text = [&](std::string_view key, auto setter) {
    const Reader value = object.optional(key);
    if (value.present()) (request.mutable_context()->*setter)(value.string());
  };
  using Context = spearlet::ExecutionContext;
  text("session_id", &Context::set_session_id<const std::string&>);
  text("user_id", &Context::set_user_id<const std::string&>);
  const Reader retries = object.optional("retries");
  if (retries.present()) {
    request.mutable_context()->set_max_retries(retries.integer<std::int32_t>());
  }
  const Reader headers = object.optional("headers");
  if (headers.present()) read_map(headers, *request.mutable_context()->mutable_headers());
  const Reader environment = object.optional("environment");
  if (environment.present()) {
    read_map(environment, *request.mutable_context()->mutable_environment());
  }
}

void read_ids(ObjectReader& object, InvokeFunctionRequest& request) {
  const Reader id = object.optional("execution_id");
  if (id.present()) request.set_execution_id(id.string());
  const Reader in_context = object.optional("context_execution_id");
  if (in_context.present()) request.mutable_context()->set_execution_id(in_context.string());
}

void read_task(ObjectReader& object, InvokeFunctionRequest& request) {
  using namespace spearlet;
  request.set_invocation_type(name_or_number<InvocationType>(
      object.optional("invocation_type"), {{"new-task", INVOCATION_TYPE_NEW_TASK},
                                           {"existing-task", INVOCATION_TYPE_EXISTING_TASK},
                                           {"unspecified", INVOCATION_TYPE_UNSPECIFIED}}));
  request.set_task_name(object.optional("task_name").string());
  const Reader artifact = object.optional("artifact");
  if (artifact.present()) read_message(artifact, *request.mutable_artifact_spec());
  request.set_create_if_not_exists(object.optional("create_if_not_exists").boolean());
  request.set_force_new_instance(object.optional("fresh_instance").boolean());
}

void read_parameters(const Reader& parameters, InvokeFunctionRequest& request) {
  for (const Reader& element : parameters.elements()) {
    ObjectReader object = element.object();
    spearlet::FunctionParameter& parameter = *request.add_parameters();
    parameter.set_name(object.optional("name").string());
    google::protobuf::StringValue text;
    text.set_value(object.required("text").string());
    parameter.mutable_value()->PackFrom(text);
  }
}

void read_metadata(ObjectReader& object, InvokeFunctionRequest& request) {
  TextMap& metadata = *request.mutable_invocation_metadata();
  read_map(object.optional("metadata"), metadata);
  const Reader priority = object.optional("priority");
  if (!priority.present()) return;
  const auto [position, is_new] =
      metadata.insert({"priority", std::to_string(priority.integer<std::int64_t>())});
  if (!is_new) priority.error("'metadata' has a 'priority' already; give one or the other");
}

}  // namespace

InvokeFunctionRequest read_invocation(const Reader& target, ObjectReader& object, Caller caller,
                                      const Functions& functions) {
  InvokeFunctionRequest request;
  read_target(target, functions, request);
  request.set_execution_mode(read_mode(object, caller));
  const Reader function = object.optional("function");
  if (function.present()) request.set_function_name(function.string());
  read_context(object, request);
  if (caller != Caller::kLoad) read_ids(object, request);
  read_task(object, request);
  read_parameters(object.optional("parameters"), request);
  read_metadata(object, request);
  read_message(object.optional("request"), request);
  return request;
}

}  // namespace quintain::scenarios
