// STREAM cases: StreamFunction sends chunks and exactly one final message.
#include <chrono>
#include <string>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using Chunk = spearlet::StreamExecutionResult;

std::size_t count(const StreamCall& call) { return call.recorded().received.size(); }

const Chunk& chunk(const StreamCall& call, std::size_t i) {
  return static_cast<const Chunk&>(*call.recorded().received[i].message);
}

// The last message so far; an empty one if there is none.
const Chunk& last(const StreamCall& call) {
  return count(call) == 0 ? Chunk::default_instance() : chunk(call, count(call) - 1);
}

spearlet::InvokeFunctionRequest streaming(CaseRun& run, std::string_view fixture,
                                          Parameters parameters) {
  return run.request(fixture, spearlet::EXECUTION_MODE_STREAM, parameters);
}

// Starts a stream and waits for its first message.
StreamCall start_streaming(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  const StreamCall call = run.send_stream(request);
  run.wait_until([&] { return count(call) > 0; });
  return call;
}

void chunks(CaseRun& run) {
  const StreamCall call =
      run.wait(run.send_stream(streaming(run, "stream", {{"chunks", 4}, {"ms", 20}})));
  run.require("STREAM-1", count(call) > 0, "the stream has messages", describe(call.recorded()));
  int finals = 0;
  std::string text;
  for (std::size_t i = 0; i < count(call); ++i) {
    finals += chunk(call, i).is_final() ? 1 : 0;
    text += text_of(chunk(call, i).chunk_data());
    run.check("STREAM-2", call,
              chunk(call, i).execution_id() == chunk(call, 0).execution_id() &&
                  !chunk(call, i).execution_id().empty(),
              "all messages have the same execution_id");
  }
  run.check("STREAM-1", call, finals == 1 && last(call).is_final(),
            "exactly one message is final, and it is the last");
  run.check("STREAM-2", call, last(call).status() == kCompleted,
            "the final status is that of the execution, COMPLETED");
  // A target may join chunks that come close together, so only the whole text is judged.
  run.check("STREAM-1", call, text.starts_with("chunk 0chunk 1chunk 2chunk 3"),
            "all chunks come, in order");
}

void client_leaves(CaseRun& run) {
  const auto request = streaming(run, "stream", {{"chunks", 1000}, {"ms", 50}});
  if (run.policies().sync_caller_gone == Policies::SyncCallerGone::kContinues) {
    CaseRun::not_judged(
        "policies.sync_caller_gone is 'continues', which leaves open what a stream does whose "
        "client goes away");
  }
  run.abandon(start_streaming(run, request));
  const auto end = run.await_end(request.execution_id(), 5s + run.slack());
  run.check("STREAM-3", end == kCancelled, "the execution is CANCELLED when the client goes away",
            "its final status is " + status_name(end));
}

void cancelled(CaseRun& run) {
  const auto request = streaming(run, "stream", {{"chunks", 1000}, {"ms", 50}});
  const StreamCall call = start_streaming(run, request);
  run.cancel(request.execution_id());
  run.wait_until([&] { return call.ended(); });
  run.check("STREAM-3", call,
            call.ended() && last(call).is_final() && last(call).status() == kCancelled,
            "the last message of a cancelled stream is final and its status is CANCELLED");
}

void error_once(CaseRun& run) {
  const StreamCall call =
      run.wait(run.send_stream(streaming(run, "fail", {{"ms", at_least(0, 20)}})));
  int errors = 0;
  for (std::size_t i = 0; i < count(call); ++i) {
    errors += chunk(call, i).error_message().empty() ? 0 : 1;
  }
  run.check("STREAM-4", call, call.recorded().status.ok(),
            "the stream of a function that fails ends with OK: its last message has the failure");
  run.check("STREAM-4", call, errors == 1, "the error is reported once");
  run.check("STREAM-2", call, last(call).status() == kFailed, "the final status is FAILED");
}

std::vector<Case> stream_cases() {
  return {
      {.name = "stream/chunks",
       .about = "the chunks come in order, and the final message comes last",
       .clauses = {"STREAM-1", "STREAM-2"},
       .fixtures = {"stream"},
       .run = chunks},
      {.name = "stream/client-leaves",
       .about = "the client goes away in the middle of a stream: the execution is cancelled",
       .clauses = {"STREAM-3"},
       .fixtures = {"stream"},
       .run = client_leaves},
      {.name = "stream/cancelled",
       .about = "another client cancels a stream",
       .clauses = {"STREAM-3"},
       .fixtures = {"stream"},
       .run = cancelled},
      {.name = "stream/error-once",
       .about = "a streaming function fails: the error is reported once",
       .clauses = {"STREAM-4", "STREAM-2"},
       .fixtures = {"fail"},
       .run = error_once},
  };
}

const RegisterCases kStreamCases(8, stream_cases);

}  // namespace
}  // namespace quintain::conformance
