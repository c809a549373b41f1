// PAYLOAD cases: what a function returns reaches its caller unchanged, in answers, status queries
// and streams.
#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Any;

struct Sample {
  std::string name;
  Any value;
};

template <class Wrapper, class Value>
Any wrapped(Value value) {
  Wrapper message;
  message.set_value(std::move(value));
  Any any;
  any.PackFrom(message);
  return any;
}

// Bytes without a pattern that a target could preserve by accident: the high bits of a linear
// congruential generator (Knuth, MMIX).
std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = size;
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

Any structure() {
  google::protobuf::Struct message;
  auto& fields = *message.mutable_fields();
  fields["number"].set_number_value(-0.5);
  fields["nothing"].set_null_value(google::protobuf::NULL_VALUE);
  fields["text"].set_string_value("é");
  auto& list = *fields["list"].mutable_list_value();
  list.add_values()->set_bool_value(true);
  (*list.add_values()->mutable_struct_value()->mutable_fields())["deep"].set_number_value(1e300);
  Any any;
  any.PackFrom(message);
  return any;
}

std::vector<Sample> samples() {
  std::string all_bytes(256, '\0');
  for (std::size_t i = 0; i < all_bytes.size(); ++i) all_bytes[i] = static_cast<char>(i);
  Any unknown;
  unknown.set_type_url("types.example.com/quintain.Unknown");
  unknown.set_value("\x0a\x03not a message \xff\xfe");
  using google::protobuf::BytesValue;
  using google::protobuf::Int64Value;
  using google::protobuf::StringValue;
  return {
      {"a text", wrapped<StringValue>(std::string("a text"))},
      {"a text beyond ASCII",
       wrapped<StringValue>(std::string("Grüße, 世界, e\u0301, \U0001F600,\t\r\n \u00a0\u202e."))},
      {"a text with a NUL", wrapped<StringValue>(std::string("before\0after", 12))},
      {"the empty text", wrapped<StringValue>(std::string())},
      {"all bytes", wrapped<BytesValue>(all_bytes)},
      {"the least integer", wrapped<Int64Value>(std::numeric_limits<std::int64_t>::min())},
      {"zero", wrapped<Int64Value>(std::int64_t{0})},
      {"a Struct", structure()},
      {"a value of an unknown type", unknown},
      {"64 KiB", wrapped<BytesValue>(noise(std::size_t{64} << 10))},
      {"1 MiB", wrapped<BytesValue>(noise(std::size_t{1} << 20))},
  };
}

std::string brief(const Any& value) {
  return fmt::format("{} bytes of {}", value.value().size(),
                     value.type_url().empty() ? "no type" : value.type_url());
}

// Whether `received` is the value that `echo` was called with. A target whose functions return text
// or bytes only returns the contents of a text, of bytes or of a number, and the encoding of any
// other message.
bool is_kept(const CaseRun& run, const Any& sent, const Any& received) {
  if (run.policies().function_output == Policies::FunctionOutput::kText) {
    return text_of(received) == text_of(sent);
  }
  return received.type_url() == sent.type_url() && received.value() == sent.value();
}

void check_kept(CaseRun& run, const Sample& sample, const Any& received, std::string_view where) {
  run.check("PAYLOAD-1", is_kept(run, sample.value, received),
            fmt::format("{} ({}) is in {} as the function returned it", sample.name,
                        brief(sample.value), where),
            "it is " + brief(received));
}

spearlet::InvokeFunctionRequest echo(CaseRun& run, spearlet::ExecutionMode mode, const Any& value) {
  auto request = run.request("echo", mode, {{"value", 0}});
  if (request.parameters_size() == 0) CaseRun::not_judged("the function echo takes no parameters");
  *request.mutable_parameters(0)->mutable_value() = value;
  return request;
}

// `echo` returns the first of its parameters, so their order has to reach it.
spearlet::InvokeFunctionRequest echo_first_of_two(CaseRun& run, spearlet::ExecutionMode mode,
                                                  const Sample& first) {
  auto request = echo(run, mode, first.value);
  spearlet::FunctionParameter& second = *request.add_parameters();
  second.set_name("second");
  *second.mutable_value() = wrapped<google::protobuf::StringValue>(std::string("the second"));
  return request;
}

Sample first_of_two() {
  return {"the first of two parameters",
          wrapped<google::protobuf::StringValue>(std::string("the first"))};
}

void sync(CaseRun& run) {
  const Sample first = first_of_two();
  const InvokeCall of_two =
      call_accepted(run, echo_first_of_two(run, spearlet::EXECUTION_MODE_SYNC, first));
  check_kept(run, first, of_two.answer().result().result(), "the SYNC answer");
  for (const Sample& sample : samples()) {
    const InvokeCall call =
        call_accepted(run, echo(run, spearlet::EXECUTION_MODE_SYNC, sample.value));
    check_kept(run, sample, call.answer().result().result(), "the SYNC answer");
    const StatusCall status = run.read(call.answer().execution_id());
    check_kept(run, sample, status.answer().result().result(), "the status of a SYNC execution");
  }
}

void async(CaseRun& run) {
  for (const Sample& sample : samples()) {
    const std::string id = run.start_async(echo(run, spearlet::EXECUTION_MODE_ASYNC, sample.value));
    run.await_end(id);
    const StatusCall status = run.read(id);
    check_kept(run, sample, status.answer().result().result(), "the status of an ASYNC execution");
  }
}

void stream(CaseRun& run) {
  const Sample first = first_of_two();
  std::vector<std::pair<Sample, spearlet::InvokeFunctionRequest>> requests = {
      {first, echo_first_of_two(run, spearlet::EXECUTION_MODE_STREAM, first)}};
  std::vector<Sample> all = samples();
  for (Sample& sample : all) {
    auto request = echo(run, spearlet::EXECUTION_MODE_STREAM, sample.value);
    requests.emplace_back(std::move(sample), std::move(request));
  }
  for (const auto& [sample, request] : requests) {
    const StreamCall call = run.wait(run.send_stream(request));
    if (!call.recorded().status.ok()) {
      CaseRun::abort("a stream was refused: " + describe(call.recorded()));
    }
    // The value is the data of one message. Text may come in several pieces.
    Any received;
    std::string text;
    for (const auto& message : call.recorded().received) {
      const auto& chunk = static_cast<const spearlet::StreamExecutionResult&>(*message.message);
      if (chunk.has_chunk_data()) received = chunk.chunk_data();
      text += text_of(chunk.chunk_data());
    }
    if (run.policies().function_output == Policies::FunctionOutput::kText) {
      run.check(
          "PAYLOAD-1", text == text_of(sample.value),
          fmt::format("{} is in the messages of a stream as the function returned it", sample.name),
          fmt::format("they have {} bytes", text.size()));
    } else {
      check_kept(run, sample, received, "a message of the stream");
    }
  }
}

void large(CaseRun& run) {
  for (const std::int64_t bytes : {std::int64_t{300'000}, std::int64_t{1} << 20}) {
    const std::string expected(static_cast<std::size_t>(bytes), 'x');
    const auto kept = [&](const Any& any) { return text_of(any) == expected; };
    const InvokeCall call = call_accepted(run, run.sync("flood", {{"bytes", bytes}}));
    run.check("PAYLOAD-1", kept(call.answer().result().result()),
              fmt::format("the SYNC answer has the {} bytes that the function returned", bytes),
              brief(call.answer().result().result()));
    const std::string id = run.start_async(run.async("flood", {{"bytes", bytes}}));
    run.await_end(id);
    for (const std::string& each : {id, call.answer().execution_id()}) {
      const StatusCall status = run.read(each);
      run.check("PAYLOAD-1", kept(status.answer().result().result()),
                fmt::format("a status query has the {} bytes that the function returned", bytes),
                brief(status.answer().result().result()));
    }
  }
}

void concurrent(CaseRun& run) {
  const int at_once = executions_at_once(run, 8);
  const auto value = [](int i) {
    return wrapped<google::protobuf::StringValue>(fmt::format("the result number {}", i));
  };
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<InvokeCall> calls;
    std::vector<std::string> ids;
    for (int i = 0; i < at_once; ++i) {
      const auto mode = i % 2 == 0 ? spearlet::EXECUTION_MODE_SYNC : spearlet::EXECUTION_MODE_ASYNC;
      const auto request = echo(run, mode, value(round * at_once + i));
      ids.push_back(request.execution_id());
      calls.push_back(run.send(request));
    }
    for (int i = 0; i < at_once; ++i) {
      const InvokeCall call = run.wait(calls[static_cast<std::size_t>(i)]);
      const std::string& id = ids[static_cast<std::size_t>(i)];
      if (!call.answered()) CaseRun::abort("a call was refused: " + describe(call.recorded()));
      const std::string expected = text_of(value(round * at_once + i));
      if (i % 2 == 0) {
        run.check("PAYLOAD-2", call, text_of(call.answer().result().result()) == expected,
                  fmt::format("the answer of execution {} has its own result, '{}'", id, expected));
      }
      run.await_end(id);
      const StatusCall status = run.read(id);
      run.check("PAYLOAD-2", status, text_of(status.answer().result().result()) == expected,
                fmt::format("execution {} has its own result, '{}'", id, expected));
    }
  }
}

std::vector<Case> payload_cases() {
  return {
      {.name = "payload/sync",
       .about = "values of many types and sizes come back unchanged in SYNC answers",
       .clauses = {"PAYLOAD-1"},
       .fixtures = {"echo"},
       .run = sync},
      {.name = "payload/async",
       .about = "values of many types and sizes come back unchanged in status queries",
       .clauses = {"PAYLOAD-1"},
       .fixtures = {"echo"},
       .run = async},
      {.name = "payload/stream",
       .about = "values of many types and sizes come back unchanged in streams",
       .clauses = {"PAYLOAD-1"},
       .fixtures = {"echo"},
       .run = stream},
      {.name = "payload/large",
       .about = "a function returns much more than it was called with",
       .clauses = {"PAYLOAD-1"},
       .fixtures = {"flood"},
       .run = large},
      {.name = "payload/concurrent",
       .about = "concurrent calls with different values each get their own",
       .clauses = {"PAYLOAD-2"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = concurrent},
  };
}

const RegisterCases kPayloadCases(16, payload_cases);

}  // namespace
}  // namespace quintain::conformance
