// The mode is read, and what it can't be is refused.
#include <fmt/format.h>

#include "conformance/cases/families.h"
#include "conformance/cases/scenes.h"
#include "conformance/trial.h"

namespace quintain::conformance {
namespace {

void judge_unspecified(Trial& trial, int mode) {
  const InvokeCall call =
      trial.call(trial.request("echo", static_cast<spearlet::ExecutionMode>(mode), {{"value", 1}}));
  if (trial.policies().mode_unspecified == Policies::ModeUnspecified::kRefused) {
    trial.check("MODE-1", call, refused(trial, call, absl::StatusCode::kInvalidArgument),
                fmt::format("mode {} is refused with INVALID_ARGUMENT", mode));
  } else {
    trial.check("MODE-1", call,
                call.answered() && is_terminal(call.answer().result().status()) &&
                    call.answer().status_endpoint().empty(),
                fmt::format("mode {} acts as SYNC, as the target declares", mode));
  }
}

void unspecified(Trial& trial) { judge_unspecified(trial, 0); }

void out_of_range(Trial& trial) {
  for (const int mode : {4, 99, -1}) judge_unspecified(trial, mode);
}

void stream_through_invoke(Trial& trial) {
  const InvokeCall call =
      trial.call(trial.request("echo", spearlet::EXECUTION_MODE_STREAM, {{"value", 1}}));
  const auto code = trial.policies().stream_via_invoke == Policies::StreamViaInvoke::kInvalid
                        ? absl::StatusCode::kInvalidArgument
                        : absl::StatusCode::kUnimplemented;
  trial.check("MODE-2", call, call.ended() && call.code() == code,
              fmt::format("STREAM through InvokeFunction is refused with {}",
                          absl::StatusCodeToString(code)));
}

void modes_differ(Trial& trial) {
  const InvokeCall waited = trial.call(trial.sync("sleep", {{"ms", 200}}));
  const InvokeCall accepted = trial.call(trial.async("sleep", {{"ms", 200}}));
  trial.check("MODE-3", waited, is_terminal(waited.answer().result().status()),
              "the same request in mode SYNC is answered with a terminal status");
  trial.check("MODE-3", accepted,
              accepted.answered() && !is_terminal(accepted.answer().result().status()),
              "the same request in mode ASYNC is answered before it has ended");
}

}  // namespace

std::vector<Case> mode_cases() {
  return {
      {.name = "mode/unspecified",
       .about = "mode 0 follows the declared policy",
       .clauses = {"MODE-1"},
       .fixtures = {"echo"},
       .run = unspecified},
      {.name = "mode/out-of-range",
       .about = "a mode that does not exist follows the declared policy",
       .clauses = {"MODE-1"},
       .fixtures = {"echo"},
       .run = out_of_range},
      {.name = "mode/stream-through-invoke",
       .about = "InvokeFunction does not stream",
       .clauses = {"MODE-2"},
       .fixtures = {"echo"},
       .run = stream_through_invoke},
      {.name = "mode/modes-differ",
       .about = "SYNC and ASYNC give answers of different shapes to the same request",
       .clauses = {"MODE-3"},
       .fixtures = {"sleep"},
       .run = modes_differ},
  };
}

}  // namespace quintain::conformance
