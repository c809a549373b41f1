// StreamFunction: pieces, and one end.
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using Chunk = spearlet::StreamExecutionResult;

const Chunk& chunk(const StreamCall& call, std::size_t i) {
  return static_cast<const Chunk&>(*call.recorded().received[i].message);
}

std::size_t count(const StreamCall& call) { return call.recorded().received.size(); }

spearlet::InvokeFunctionRequest streaming(CaseRun& run, std::string_view fixture,
                                          Parameters parameters = {}) {
  return run.request(fixture, spearlet::EXECUTION_MODE_STREAM, parameters);
}

void chunks(CaseRun& run) {
  const auto request = streaming(run, "stream", {{"chunks", 4}, {"ms", 20}});
  const StreamCall call = run.wait(run.send_stream(request));
  run.require("STREAM-1", count(call) > 0, "the stream has messages", describe(call.recorded()));
  int finals = 0;
  for (std::size_t i = 0; i < count(call); ++i) {
    finals += chunk(call, i).is_final() ? 1 : 0;
    run.check("STREAM-2", call,
              chunk(call, i).execution_id() == chunk(call, 0).execution_id() &&
                  !chunk(call, i).execution_id().empty(),
              "one execution_id throughout");
  }
  const Chunk& last = chunk(call, count(call) - 1);
  run.check("STREAM-1", call, finals == 1 && last.is_final(),
            "exactly one message is final, and it is the last");
  run.check("STREAM-2", call, last.status() == spearlet::EXECUTION_STATUS_COMPLETED,
            "the final status is that of the execution, COMPLETED");
  // A target may join pieces that come close together.
  std::string pieces;
  for (std::size_t i = 0; i < count(call); ++i) pieces += text_of(chunk(call, i).chunk_data());
  run.check("STREAM-1", call, pieces.starts_with("chunk 0chunk 1chunk 2chunk 3"),
            "all pieces come, in order");
}

void client_leaves(CaseRun& run) {
  const auto request = streaming(run, "stream", {{"chunks", 1000}, {"ms", 50}});
  const StreamCall call = run.send_stream(request);
  run.wait_until([&] { return count(call) > 0; });
  run.abandon(call);
  const auto end = run.await_end(request.execution_id(), 5s + run.slack());
  if (run.policies().sync_caller_gone == Policies::SyncCallerGone::kCancelled) {
    run.check("STREAM-3", end == spearlet::EXECUTION_STATUS_CANCELLED,
              "the client's leaving ends the execution as CANCELLED", "it was " + status_name(end));
  }
}

void cancelled(CaseRun& run) {
  const auto request = streaming(run, "stream", {{"chunks", 1000}, {"ms", 50}});
  const StreamCall call = run.send_stream(request);
  run.wait_until([&] { return count(call) > 0; });
  run.cancel(request.execution_id());
  run.wait_until([&] { return call.ended(); });
  run.check("STREAM-3", call,
            call.ended() && count(call) > 0 && chunk(call, count(call) - 1).is_final() &&
                chunk(call, count(call) - 1).status() == spearlet::EXECUTION_STATUS_CANCELLED,
            "a cancelled stream ends with one message that says CANCELLED, and nothing follows");
}

void error_once(CaseRun& run) {
  const StreamCall call = run.wait(run.send_stream(streaming(run, "fail", {{"ms", 20}})));
  int errors = 0;
  for (std::size_t i = 0; i < count(call); ++i) {
    errors += chunk(call, i).error_message().empty() ? 0 : 1;
  }
  run.check("STREAM-4", call, call.recorded().status.ok(),
            "a function that fails ends the stream well: the failure is in its last message");
  run.check("STREAM-4", call, errors == 1, "the error is reported once");
  run.check(
      "STREAM-2", call,
      count(call) > 0 && chunk(call, count(call) - 1).status() == spearlet::EXECUTION_STATUS_FAILED,
      "the final status is FAILED");
}

}  // namespace

std::vector<Case> stream_cases() {
  return {
      {.name = "stream/chunks",
       .about = "the pieces come in order, and the end comes last",
       .clauses = {"STREAM-1", "STREAM-2"},
       .fixtures = {"stream"},
       .run = chunks},
      {.name = "stream/client-leaves",
       .about = "the client goes away in the middle of a stream",
       .clauses = {"STREAM-3"},
       .fixtures = {"stream"},
       .run = client_leaves},
      {.name = "stream/cancelled",
       .about = "another client cancels a stream",
       .clauses = {"STREAM-3"},
       .fixtures = {"stream"},
       .run = cancelled},
      {.name = "stream/error-once",
       .about = "a function that fails in the middle of a stream",
       .clauses = {"STREAM-4", "STREAM-2"},
       .fixtures = {"fail"},
       .run = error_once},
  };
}

}  // namespace quintain::conformance
