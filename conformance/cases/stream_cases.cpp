// STREAM cases: StreamFunction sends chunks and exactly one final message.
#include <fmt/format.h>

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

// A target may join chunks that come close together, so their texts are judged, not their number.
void content(CaseRun& run) {
  for (const int chunks : {1, 12, 150}) {
    // A stream with other parameters does not change the next one.
    run.wait(run.send_stream(streaming(run, "stream", {{"ms", 5}})));
    const StreamCall call =
        run.wait(run.send_stream(streaming(run, "stream", {{"chunks", chunks}, {"ms", 2}})));
    std::string expected;
    for (int i = 0; i < chunks; ++i) expected += fmt::format("chunk {}", i);
    std::string text;
    for (std::size_t i = 0; i < count(call); ++i) {
      if (!chunk(call, i).is_final()) text += text_of(chunk(call, i).chunk_data());
    }
    const std::string rest = text_of(last(call).chunk_data());
    // The last message may have the last chunk, or what the function returns at its end.
    run.check("STREAM-6", call, rest == "streamed" ? text == expected : text + rest == expected,
              fmt::format("the chunks are '{}'", expected));
  }
}

// Chunks that come far apart are sent as they come, and not at the end.
void as_they_come(CaseRun& run) {
  const core::Instant sent = run.now();
  const StreamCall call =
      start_streaming(run, streaming(run, "stream", {{"chunks", 4}, {"ms", 400}}));
  const core::Duration first = run.now() - sent;
  run.wait(call);
  const core::Duration all = duration_of(call);
  run.check("STREAM-6", call, count(call) > 1 && all - first >= 800ms,
            "the first of four chunks comes long before the last");
}

void client_leaves(CaseRun& run) {
  if (run.policies().sync_caller_gone == Policies::SyncCallerGone::kContinues) {
    CaseRun::not_judged(
        "policies.sync_caller_gone is 'continues', which leaves open what a stream does whose "
        "client goes away");
  }
  const auto request = streaming(run, "stream", {{"chunks", 1000}, {"ms", 50}});
  const StreamCall call = start_streaming(run, request);
  if (count(call) == 0) CaseRun::abort("a stream has no message: " + describe(call.recorded()));
  run.abandon(call);
  check_end(run, "STREAM-3", request.execution_id(), kCancelled,
            "the execution is CANCELLED when the client goes away", 5s + run.slack());
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
  auto request = streaming(run, "fail", {{"ms", at_least(0, 20)}});
  request.mutable_context()->set_timeout_ms(20'000);
  const StreamCall call = run.wait(run.send_stream(request));
  int errors = 0;
  for (std::size_t i = 0; i < count(call); ++i) {
    run.check("STREAM-6", call, text_of(chunk(call, i).chunk_data()).empty(),
              "a function that sends nothing has no chunks");
    errors += chunk(call, i).error_message().empty() ? 0 : 1;
  }
  run.check("STREAM-4", call, call.recorded().status.ok(),
            "the stream of a function that fails ends with OK: its last message has the failure");
  run.check("STREAM-4", call, errors == 1, "the error is reported once");
  run.check("STREAM-2", call, last(call).status() == kFailed, "the final status is FAILED");
  const StatusCall record = run.read(last(call).execution_id());
  run.check("TIME-7", record, attempts_logged(record.answer()) <= 1,
            "without max_retries the function of a stream is attempted once");
}

void names_its_task(CaseRun& run) {
  auto request = streaming(run, "stream", {{"chunks", 1}});
  const StreamCall existing = run.wait(run.send_stream(request));
  run.check("TASK-2", existing, existing.recorded().status.ok(),
            "a stream of an existing task is served");
  request.set_execution_id(run.fresh_id());
  request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  *request.mutable_artifact_spec() = artifact(request.execution_id());
  const StreamCall taken = run.wait(run.send_stream(request));
  run.check("TASK-2", taken, taken.code() == absl::StatusCode::kAlreadyExists,
            "a stream of a NEW_TASK with the id of an existing task is refused with "
            "ALREADY_EXISTS");
}

std::vector<Case> stream_cases() {
  return {
      {.name = "stream/chunks",
       .about = "the chunks come in order, and the final message comes last",
       .clauses = {"STREAM-1", "STREAM-2"},
       .fixtures = {"stream"},
       .run = chunks},
      {.name = "stream/content",
       .about = "the chunks have what the function sent, in its order",
       .clauses = {"STREAM-5", "STREAM-6"},
       .fixtures = {"stream"},
       .run = content},
      {.name = "stream/names-its-task",
       .about = "a stream of a new task does not take the id of an existing one",
       .clauses = {"TASK-2"},
       .fixtures = {"stream"},
       .run = names_its_task},
      {.name = "stream/as-they-come",
       .about = "chunks are sent when the function sends them",
       .clauses = {"STREAM-5", "STREAM-6"},
       .fixtures = {"stream"},
       .run = as_they_come},
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
       .clauses = {"STREAM-4", "STREAM-2", "STREAM-6", "TIME-7"},
       .fixtures = {"fail"},
       .run = error_once},
  };
}

const RegisterCases kStreamCases(9, stream_cases);

}  // namespace
}  // namespace quintain::conformance
