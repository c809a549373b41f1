// StreamFunction: pieces, and one end.
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "conformance/cases/families.h"
#include "conformance/cases/scenes.h"
#include "conformance/trial.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using Chunk = spearlet::StreamExecutionResult;

const Chunk& chunk(const StreamCall& call, std::size_t i) {
  return static_cast<const Chunk&>(*call.exchange().received[i].message);
}

std::size_t count(const StreamCall& call) { return call.exchange().received.size(); }

spearlet::InvokeFunctionRequest streaming(Trial& trial, std::string_view fixture,
                                          Parameters parameters = {}) {
  return trial.request(fixture, spearlet::EXECUTION_MODE_STREAM, parameters);
}

void chunks(Trial& trial) {
  const auto request = streaming(trial, "stream", {{"chunks", 4}, {"ms", 20}});
  const StreamCall call = trial.wait(trial.send_stream(request));
  trial.require("STREAM-1", count(call) > 0, "the stream has messages", describe(call.exchange()));
  int finals = 0;
  for (std::size_t i = 0; i < count(call); ++i) {
    finals += chunk(call, i).is_final() ? 1 : 0;
    trial.check("STREAM-2", call,
                chunk(call, i).execution_id() == chunk(call, 0).execution_id() &&
                    !chunk(call, i).execution_id().empty(),
                "one execution_id throughout");
  }
  const Chunk& last = chunk(call, count(call) - 1);
  trial.check("STREAM-1", call, finals == 1 && last.is_final(),
              "exactly one message is final, and it is the last");
  trial.check("STREAM-2", call, last.status() == spearlet::EXECUTION_STATUS_COMPLETED,
              "the final status is that of the execution, COMPLETED");
  // A target may join pieces that come close together.
  std::string pieces;
  for (std::size_t i = 0; i < count(call); ++i) pieces += text_of(chunk(call, i).chunk_data());
  trial.check("STREAM-1", call, pieces.starts_with("chunk 0chunk 1chunk 2chunk 3"),
              "all pieces come, in order");
}

void client_leaves(Trial& trial) {
  const auto request = streaming(trial, "stream", {{"chunks", 1000}, {"ms", 50}});
  const StreamCall call = trial.send_stream(request);
  trial.wait_until([&] { return count(call) > 0; });
  trial.abandon(call);
  const auto end = trial.await_end(request.execution_id(), 5s + trial.slack());
  if (trial.policies().sync_caller_gone == Policies::SyncCallerGone::kCancelled) {
    trial.check("STREAM-3", end == spearlet::EXECUTION_STATUS_CANCELLED,
                "the client's leaving ends the execution as CANCELLED",
                "it was " + status_name(end));
  }
}

void cancelled(Trial& trial) {
  const auto request = streaming(trial, "stream", {{"chunks", 1000}, {"ms", 50}});
  const StreamCall call = trial.send_stream(request);
  trial.wait_until([&] { return count(call) > 0; });
  trial.cancel(request.execution_id());
  trial.wait_until([&] { return call.ended(); });
  trial.check("STREAM-3", call,
              call.ended() && count(call) > 0 && chunk(call, count(call) - 1).is_final() &&
                  chunk(call, count(call) - 1).status() == spearlet::EXECUTION_STATUS_CANCELLED,
              "a cancelled stream ends with one message that says CANCELLED, and nothing follows");
}

void error_once(Trial& trial) {
  const StreamCall call = trial.wait(trial.send_stream(streaming(trial, "fail", {{"ms", 20}})));
  int errors = 0;
  for (std::size_t i = 0; i < count(call); ++i) {
    errors += chunk(call, i).error_message().empty() ? 0 : 1;
  }
  trial.check("STREAM-4", call, call.exchange().status.ok(),
              "a function that fails ends the stream well: the failure is in its last message");
  trial.check("STREAM-4", call, errors == 1, "the error is reported once");
  trial.check(
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
