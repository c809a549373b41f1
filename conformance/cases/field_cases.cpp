// FIELD cases: fields of the request that are for the function, and the priority.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using Request = spearlet::InvokeFunctionRequest;

struct Field {
  std::string_view name;
  void (*set)(Request& request);
};

constexpr Field kOpaque[] = {
    {"context", [](Request& r) { r.mutable_context(); }},
    {"session_id", [](Request& r) { r.mutable_context()->set_session_id("session-1"); }},
    {"user_id", [](Request& r) { r.mutable_context()->set_user_id("someone@example.com"); }},
    {"headers",
     [](Request& r) {
       auto& headers = *r.mutable_context()->mutable_headers();
       headers["X-Trace"] = "1-2-3";
       headers["authorization"] = "";
     }},
    {"environment",
     [](Request& r) { (*r.mutable_context()->mutable_environment())["COLOUR"] = "blue"; }},
    {"force_new_instance", [](Request& r) { r.set_force_new_instance(true); }},
    {"invocation_metadata",
     [](Request& r) { (*r.mutable_invocation_metadata())["label"] = "Ω; a=b"; }},
    {"a parameter's type and description",
     [](Request& r) {
       if (r.parameters_size() == 0) return;
       r.mutable_parameters(0)->set_type("int64");
       r.mutable_parameters(0)->set_required(true);
       r.mutable_parameters(0)->set_description("a number");
     }},
    {"task_name and task_description",
     [](Request& r) {
       r.set_task_name("a name");
       r.set_task_description("a description");
     }},
};

void opaque(CaseRun& run) {
  for (const Field& field : kOpaque) {
    for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
      auto request = run.request("echo", mode, {{"value", 31}});
      field.set(request);
      if (!run.profile().expresses(Method::kInvokeFunction, request)) continue;
      const InvokeCall call = run.call(request);
      run.check("FIELD-1", call, call.answered() && call.answer().success(),
                fmt::format("a call with {} is served like one without", field.name));
      run.await_end(request.execution_id());
      const StatusCall status = run.read(request.execution_id());
      run.check(
          "FIELD-1", status,
          status_of(status) == kCompleted && text_of(status.answer().result().result()) == "31",
          fmt::format("its function returns the same with {}", field.name));
    }
  }
}

void priority_is_an_integer(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    const auto with_priority = [&](std::string_view priority) {
      auto request = run.request("echo", mode, {{"value", 1}});
      (*request.mutable_invocation_metadata())["priority"] = std::string(priority);
      return request;
    };
    for (const std::string_view bad : {"high", "1.5", "", "1x"}) {
      const InvokeCall call = run.call(with_priority(bad));
      run.check("FIELD-2", call, refused(run, call, absl::StatusCode::kInvalidArgument),
                fmt::format("the priority '{}' is refused with INVALID_ARGUMENT", bad));
    }
    for (const std::string_view good : {"0", "7", "-7"}) {
      const InvokeCall call = run.call(with_priority(good));
      run.check("FIELD-2", call, call.answered() && call.answer().success(),
                fmt::format("the priority '{}' is accepted", good));
      run.await_end(call.answer().execution_id());
    }
  }
}

void priority_of_a_stream(CaseRun& run) {
  const auto stream = [&](std::string_view priority) {
    auto request = run.request("stream", spearlet::EXECUTION_MODE_STREAM, {{"chunks", 1}});
    (*request.mutable_invocation_metadata())["priority"] = std::string(priority);
    return run.wait(run.send_stream(request));
  };
  for (const std::string_view good : {"0", "7"}) {
    const StreamCall bad = stream("high");
    run.check("FIELD-2", bad, bad.code() == absl::StatusCode::kInvalidArgument,
              "a stream with the priority 'high' is refused with INVALID_ARGUMENT");
    const StreamCall call = stream(good);
    run.check("FIELD-2", call, call.recorded().status.ok(),
              fmt::format("a stream with the priority '{}' is served", good));
  }
}

std::vector<Case> field_cases() {
  return {
      {.name = "field/opaque",
       .about = "fields that are for the function do not change how a call is served",
       .clauses = {"FIELD-1"},
       .fixtures = {"echo"},
       .run = opaque},
      {.name = "field/priority-is-an-integer",
       .about = "a priority that is no integer is refused",
       .clauses = {"FIELD-2"},
       .fixtures = {"echo"},
       .run = priority_is_an_integer},
      {.name = "field/priority-of-a-stream",
       .about = "a stream with a priority that is no integer is refused",
       .clauses = {"FIELD-2"},
       .fixtures = {"stream"},
       .run = priority_of_a_stream},
  };
}

const RegisterCases kFieldCases(20, field_cases);

}  // namespace
}  // namespace quintain::conformance
