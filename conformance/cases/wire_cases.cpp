// The bytes: descriptor, unknown fields, unknown methods, nonsense.
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "conformance/cases/families.h"
#include "conformance/cases/scenes.h"
#include "conformance/trial.h"
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

RawAnswer call_raw(Trial& trial, std::string path, std::string bytes) {
  RawAnswer answer;
  const std::uint64_t call = trial.arm().start(
      {.path = std::move(path),
       .request = std::move(bytes),
       .on_message = [&](const std::string&) { ++answer.messages; },
       .on_end = [&](absl::Status status) { answer.status = std::move(status); }});
  if (!trial.wait_until([&] { return answer.status.has_value(); })) trial.arm().abandon(call);
  return answer;
}

void descriptor(Trial& trial) {
  const auto described = trial.arm().describe();
  if (!described.ok()) {
    Trial::give_up("the target's descriptor can't be had: " +
                   std::string(described.status().message()));
  }
  const auto deviations = descriptor_deviations(*described, trial.profile());
  for (const std::string& deviation : deviations) {
    trial.check("WIRE-1", false, "the descriptor has every field of the contract", deviation);
  }
  if (deviations.empty()) trial.check("WIRE-1", true, "", "");
}

void unknown_fields(Trial& trial) {
  auto request = trial.sync("echo", {{"value", 3}});
  auto& unknown = *request.GetReflection()->MutableUnknownFields(&request);
  unknown.AddLengthDelimited(4000, "from a future version");
  unknown.AddVarint(4001, 7);
  const InvokeCall call = trial.call(request);
  trial.check("WIRE-2", call,
              call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
              "fields that are not known are ignored");
}

void unserved_method(Trial& trial) {
  std::string path = trial.profile().path(Method::kInvokeFunction);
  path = path.substr(0, path.rfind('/')) + "/NoSuchMethod";
  const RawAnswer answer = call_raw(trial, path, "");
  trial.check("WIRE-3", answer.status && absl::IsUnimplemented(*answer.status),
              "a method that is not served answers UNIMPLEMENTED", answer.text());
}

void nonsense(Trial& trial) {
  const std::string path = trial.profile().path(Method::kInvokeFunction);
  const auto request = trial.sync("echo", {{"value", 3}});
  const std::string whole = trial.profile().encode(Method::kInvokeFunction, request);
  const std::pair<std::string_view, std::string> kinds[] = {
      {"random bytes",
       std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x07 nonsense", 21)},
      {"a truncated message", whole.substr(0, whole.size() - 3)},
      {"a field of the wrong wire type", std::string("\x28\x05\x28\x05", 4) + "\x0f"},
  };
  for (const auto& [kind, bytes] : kinds) {
    const RawAnswer answer = call_raw(trial, path, bytes);
    trial.check("WIRE-4", answer.status && !answer.status->ok() && answer.messages == 0,
                fmt::format("{} get an error", kind), answer.text());
    trial.check("WIRE-4", still_serves(trial), fmt::format("the call after {} works", kind),
                "it does not");
  }
}

void wrong_utf8(Trial& trial) {
  auto request = trial.sync("echo", {{"value", 3}});
  constexpr std::string_view kPlaceholder = "~~placeholder~~";
  request.set_function_name(std::string(kPlaceholder));
  std::string bytes = trial.profile().encode(Method::kInvokeFunction, request);
  // After the encoder, which would not write it.
  bytes.replace(bytes.find(kPlaceholder), 2, "\xc3\x28");
  const RawAnswer answer =
      call_raw(trial, trial.profile().path(Method::kInvokeFunction), std::move(bytes));
  trial.check("WIRE-4", answer.status && !answer.status->ok(),
              "a string that is no UTF-8 gets an error", answer.text());
  trial.check("WIRE-4", still_serves(trial), "the call after it works", "it does not");
}

void oversized(Trial& trial) {
  auto request = trial.sync("echo", {{"value", 3}});
  (*request.mutable_invocation_metadata())["ballast"] =
      std::string(static_cast<std::size_t>(*trial.node().largest_message), 'x');
  const RawAnswer answer = call_raw(trial, trial.profile().path(Method::kInvokeFunction),
                                    trial.profile().encode(Method::kInvokeFunction, request));
  trial.check("WIRE-4", answer.status && absl::IsResourceExhausted(*answer.status),
              "a message larger than the declared limit is refused with RESOURCE_EXHAUSTED",
              answer.text());
  trial.check("WIRE-4", still_serves(trial), "the call after it works", "it does not");
}

void garbage_on_the_port(Trial& trial) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(2000, '\xa5'), std::string(1, '\0')}) {
    const absl::Status sent = trial.arm().send_raw(bytes);
    if (!sent.ok()) Trial::give_up("the port takes no bytes: " + std::string(sent.message()));
    trial.check("WIRE-4", still_serves(trial), "bytes that are not HTTP/2 harm nobody else",
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
