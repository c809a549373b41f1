// The mode is read, and what it can't be is refused.
#include <fmt/format.h>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

void judge_unspecified(CaseRun& run, int mode) {
  const InvokeCall call =
      run.call(run.request("echo", static_cast<spearlet::ExecutionMode>(mode), {{"value", 1}}));
  if (run.policies().mode_unspecified == Policies::ModeUnspecified::kRefused) {
    run.check("MODE-1", call, refused(run, call, absl::StatusCode::kInvalidArgument),
              fmt::format("mode {} is refused with INVALID_ARGUMENT", mode));
  } else {
    run.check("MODE-1", call,
              call.answered() && is_terminal(call.answer().result().status()) &&
                  call.answer().status_endpoint().empty(),
              fmt::format("mode {} acts as SYNC, as the target declares", mode));
  }
}

void unspecified(CaseRun& run) { judge_unspecified(run, 0); }

void out_of_range(CaseRun& run) {
  for (const int mode : {4, 99, -1}) judge_unspecified(run, mode);
}

void stream_through_invoke(CaseRun& run) {
  const InvokeCall call =
      run.call(run.request("echo", spearlet::EXECUTION_MODE_STREAM, {{"value", 1}}));
  const auto code = run.policies().stream_via_invoke == Policies::StreamViaInvoke::kInvalid
                        ? absl::StatusCode::kInvalidArgument
                        : absl::StatusCode::kUnimplemented;
  run.check("MODE-2", call, call.ended() && call.code() == code,
            fmt::format("STREAM through InvokeFunction is refused with {}",
                        absl::StatusCodeToString(code)));
}

void modes_differ(CaseRun& run) {
  const InvokeCall waited = run.call(run.sync("sleep", {{"ms", 200}}));
  const InvokeCall accepted = run.call(run.async("sleep", {{"ms", 200}}));
  run.check("MODE-3", waited, is_terminal(waited.answer().result().status()),
            "the same request in mode SYNC is answered with a terminal status");
  run.check("MODE-3", accepted,
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
