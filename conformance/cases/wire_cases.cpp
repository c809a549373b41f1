// WIRE cases: the target's descriptor, unknown fields, unknown methods and malformed bytes.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "conformance/cases/case_setup.h"
#include "conformance/wire/descriptor.h"

namespace quintain::conformance {
namespace {

// The outcome of a call that was sent as bytes, without messages or profiles.
struct RawAnswer {
  std::optional<absl::Status> status;
  int messages = 0;

  std::string text() const {
    return status ? fmt::format("{} with {} messages", status->ToString(), messages) : "no answer";
  }
  bool is_error() const { return status && !status->ok() && messages == 0; }
};

RawAnswer call_raw(CaseRun& run, std::string path, std::string bytes) {
  RawAnswer answer;
  const std::uint64_t call = run.transport().start(
      {.path = std::move(path),
       .request = std::move(bytes),
       .on_message = [&](const std::string&) { ++answer.messages; },
       .on_end = [&](absl::Status status) { answer.status = std::move(status); }});
  if (!run.wait_until([&] { return answer.status.has_value(); })) run.transport().abandon(call);
  return answer;
}

RawAnswer invoke_raw(CaseRun& run, std::string bytes) {
  return call_raw(run, run.profile().path(Method::kInvokeFunction), std::move(bytes));
}

std::string encoded(const CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  return run.profile().encode(Method::kInvokeFunction, request);
}

void check_still_serves(CaseRun& run, std::string_view after) {
  run.check("WIRE-4", still_serves(run), fmt::format("the call after {} works", after),
            "it does not");
}

void descriptor(CaseRun& run) {
  const auto described = run.transport().describe();
  if (!described.ok()) {
    CaseRun::abort(fmt::format("the target's descriptor is not available: {}",
                               std::string(described.status().message())));
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
  run.check("WIRE-2", call, status_of(call) == kCompleted, "unknown fields are ignored");
}

void unserved_method(CaseRun& run) {
  std::string path = run.profile().path(Method::kInvokeFunction);
  path = path.substr(0, path.rfind('/')) + "/NoSuchMethod";
  const RawAnswer answer = call_raw(run, path, "");
  run.check("WIRE-3", answer.status && absl::IsUnimplemented(*answer.status),
            "a method that is not served answers UNIMPLEMENTED", answer.text());
}

void nonsense(CaseRun& run) {
  const std::string whole = encoded(run, run.sync("echo", {{"value", 3}}));
  const std::pair<std::string_view, std::string> kinds[] = {
      {"random bytes",
       std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x07 nonsense", 21)},
      {"a truncated message", whole.substr(0, whole.size() - 3)},
      {"a field of the wrong wire type", std::string("\x28\x05\x28\x05", 4) + "\x0f"},
  };
  for (const auto& [kind, bytes] : kinds) {
    const RawAnswer answer = invoke_raw(run, bytes);
    run.check("WIRE-4", answer.is_error(), fmt::format("the answer to {} is an error", kind),
              answer.text());
    check_still_serves(run, kind);
  }
}

void wrong_utf8(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 3}});
  constexpr std::string_view kPlaceholder = "~~placeholder~~";
  request.set_function_name(std::string(kPlaceholder));
  std::string bytes = encoded(run, request);
  // The encoder refuses such a string, so it is put into the encoded bytes.
  bytes.replace(bytes.find(kPlaceholder), 2, "\xc3\x28");
  const RawAnswer answer = invoke_raw(run, std::move(bytes));
  run.check("WIRE-4", answer.status && !answer.status->ok(),
            "the answer to a string that is not UTF-8 is an error", answer.text());
  check_still_serves(run, "it");
}

void oversized(CaseRun& run) {
  auto request = run.sync("echo", {{"value", 3}});
  (*request.mutable_invocation_metadata())["ballast"] =
      std::string(static_cast<std::size_t>(*run.node().largest_message), 'x');
  const RawAnswer answer = invoke_raw(run, encoded(run, request));
  run.check("WIRE-4", answer.status && absl::IsResourceExhausted(*answer.status),
            "a message larger than the declared limit is refused with RESOURCE_EXHAUSTED",
            answer.text());
  check_still_serves(run, "it");
}

void garbage_on_the_port(CaseRun& run) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(2000, '\xa5'), std::string(1, '\0')}) {
    const absl::Status sent = run.transport().send_raw(bytes);
    if (!sent.ok())
      CaseRun::abort(fmt::format("no bytes could be sent: {}", std::string(sent.message())));
    run.check("WIRE-4", still_serves(run), "bytes that are not HTTP/2 harm no other client",
              "the next call does not work");
  }
}

std::vector<Case> wire_cases() {
  return {
      {.name = "wire/descriptor",
       .about = "the target's descriptor has every field with its number, type and label",
       .clauses = {"WIRE-1"},
       .run = descriptor},
      {.name = "wire/unknown-fields",
       .about = "unknown fields in a request are ignored",
       .clauses = {"WIRE-2"},
       .fixtures = {"echo"},
       .run = unknown_fields},
      {.name = "wire/unserved-method",
       .about = "a method that does not exist is UNIMPLEMENTED",
       .clauses = {"WIRE-3"},
       .run = unserved_method},
      {.name = "wire/nonsense",
       .about = "malformed messages get an error, and the call after each works",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .run = nonsense},
      {.name = "wire/wrong-utf8",
       .about = "a string that is not UTF-8 gets an error",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .run = wrong_utf8},
      {.name = "wire/oversized",
       .about = "a message that is too large is refused",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .needs = {Need::kLargestMessage},
       .run = oversized},
      {.name = "wire/garbage-on-the-port",
       .about = "bytes that are not HTTP/2 on a connection of their own harm no other client",
       .clauses = {"WIRE-4"},
       .fixtures = {"echo"},
       .live_only = "virtual time has no port",
       .run = garbage_on_the_port},
  };
}

const RegisterCases kWireCases(14, wire_cases);

}  // namespace
}  // namespace quintain::conformance
