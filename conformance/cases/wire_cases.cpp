// The bytes: descriptor, unknown fields, unknown methods, nonsense.
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"
#include "conformance/wire/descriptor_check.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

// What a call of bytes came to, beneath messages and profiles.
struct RawAnswer {
  std::optional<absl::Status> status;
  int messages = 0;

  std::string text() const {
    return status ? fmt::format("{} with {} messages", status->ToString(), messages) : "no answer";
  }
};

RawAnswer call_raw(CaseRun& run, std::string path, std::string bytes) {
  RawAnswer answer;
  const std::uint64_t call =
      run.arm().start({.path = std::move(path),
                       .request = std::move(bytes),
                       .on_message = [&](const std::string&) { ++answer.messages; },
                       .on_end = [&](absl::Status status) { answer.status = std::move(status); }});
  if (!run.wait_until([&] { return answer.status.has_value(); })) run.arm().abandon(call);
  return answer;
}

void descriptor(CaseRun& run) {
  const auto described = run.arm().describe();
  if (!described.ok()) {
    CaseRun::abort("the target's descriptor can't be had: " +
                   std::string(described.status().message()));
  }
  const auto deviations = descriptor_deviations(*described, run.profile());
  for (const std::string& deviation : deviations) {
    run.check("WIRE-1", false, "the descriptor has every field of the contract", deviation);
  }
  if (deviations.empty()) run.check("WIRE-1", true, "", "");
}

void unknown_fields(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 3}});
  auto& unknown = *request.GetReflection()->MutableUnknownFields(&request);
  unknown.AddLengthDelimited(4000, "from a future version");
  unknown.AddVarint(4001, 7);
  const InvokeCall call = run.call(request);
  run.check("WIRE-2", call, call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
            "fields that are not known are ignored");
}

void unserved_method(CaseRun& run) {
  std::string path = run.profile().path(Method::kInvokeFunction);
  path = path.substr(0, path.rfind('/')) + "/NoSuchMethod";
  const RawAnswer answer = call_raw(run, path, "");
  run.check("WIRE-3", answer.status && absl::IsUnimplemented(*answer.status),
            "a method that is not served answers UNIMPLEMENTED", answer.text());
}

void nonsense(CaseRun& run) {
  const std::string path = run.profile().path(Method::kInvokeFunction);
  const auto request = run.sync("echo", {{"value", 3}});
  const std::string whole = run.profile().encode(Method::kInvokeFunction, request);
  const std::pair<std::string_view, std::string> kinds[] = {
      {"random bytes",
       std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x07 nonsense", 21)},
      {"a truncated message", whole.substr(0, whole.size() - 3)},
      {"a field of the wrong wire type", std::string("\x28\x05\x28\x05", 4) + "\x0f"},
  };
  for (const auto& [kind, bytes] : kinds) {
    const RawAnswer answer = call_raw(run, path, bytes);
    run.check("WIRE-4", answer.status && !answer.status->ok() && answer.messages == 0,
              fmt::format("{} get an error", kind), answer.text());
    run.check("WIRE-4", still_serves(run), fmt::format("the call after {} works", kind),
              "it does not");
  }
}

void wrong_utf8(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 3}});
  constexpr std::string_view kPlaceholder = "~~placeholder~~";
  request.set_function_name(std::string(kPlaceholder));
  std::string bytes = run.profile().encode(Method::kInvokeFunction, request);
  // After the encoder, which would not write it.
  bytes.replace(bytes.find(kPlaceholder), 2, "\xc3\x28");
  const RawAnswer answer =
      call_raw(run, run.profile().path(Method::kInvokeFunction), std::move(bytes));
  run.check("WIRE-4", answer.status && !answer.status->ok(),
            "a string that is no UTF-8 gets an error", answer.text());
  run.check("WIRE-4", still_serves(run), "the call after it works", "it does not");
}

void oversized(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 3}});
  (*request.mutable_invocation_metadata())["ballast"] =
      std::string(static_cast<std::size_t>(*run.node().largest_message), 'x');
  const RawAnswer answer = call_raw(run, run.profile().path(Method::kInvokeFunction),
                                    run.profile().encode(Method::kInvokeFunction, request));
  run.check("WIRE-4", answer.status && absl::IsResourceExhausted(*answer.status),
            "a message larger than the declared limit is refused with RESOURCE_EXHAUSTED",
            answer.text());
  run.check("WIRE-4", still_serves(run), "the call after it works", "it does not");
}

void garbage_on_the_port(CaseRun& run) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(2000, '\xa5'), std::string(1, '\0')}) {
    const absl::Status sent = run.arm().send_raw(bytes);
    if (!sent.ok()) CaseRun::abort("the port takes no bytes: " + std::string(sent.message()));
    run.check("WIRE-4", still_serves(run), "bytes that are not HTTP/2 harm nobody else",
              "the next call does not work");
  }
}

}  // namespace

std::vector<Case> wire_cases() {
  return {
      {.name = "wire/descriptor",
       .about = "the target's descriptor has every field with its number, type and label",
       .clauses = {"WIRE-1"},
       .run = descriptor},
      {.name = "wire/unknown-fields",
       .about = "a request with fields from the future",
       .clauses = {"WIRE-2"},
       .fixtures = {"echo"},
       .run = unknown_fields},
      {.name = "wire/unserved-method",
       .about = "a method that does not exist",
       .clauses = {"WIRE-3"},
       .run = unserved_method},
      {.name = "wire/nonsense",
       .about = "bytes that are no message, and the call after them",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .run = nonsense},
      {.name = "wire/wrong-utf8",
       .about = "a string that is no UTF-8",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .run = wrong_utf8},
      {.name = "wire/oversized",
       .about = "a message that is too large",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .needs = {Need::kLargestMessage},
       .run = oversized},
      {.name = "wire/garbage-on-the-port",
       .about = "bytes on a connection that are no HTTP/2",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .live_only = "virtual time has no port",
       .run = garbage_on_the_port},
  };
}

}  // namespace quintain::conformance
