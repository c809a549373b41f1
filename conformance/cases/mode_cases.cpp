// MODE cases: the mode is read, and modes that InvokeFunction cannot serve are refused.
#include <fmt/format.h>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

void check_unspecified(CaseRun& run, int mode) {
  const InvokeCall call =
      run.call(run.request("echo", static_cast<spearlet::ExecutionMode>(mode), {{"value", 1}}));
  if (run.policies().mode_unspecified == Policies::ModeUnspecified::kRefused) {
    run.check("MODE-1", call, refused(run, call, absl::StatusCode::kInvalidArgument),
              fmt::format("mode {} is refused with INVALID_ARGUMENT", mode));
  } else {
    run.check("MODE-1", call,
              is_terminal(status_of(call)) && call.answer().status_endpoint().empty(),
              fmt::format("mode {} acts as SYNC, as the target declares", mode));
  }
}

void unspecified(CaseRun& run) {
  check_unspecified(run, 0);
  call_accepted(run, run.sync("echo", {{"value", 1}}));
}

void out_of_range(CaseRun& run) {
  for (const int mode : {4, 99, -1}) check_unspecified(run, mode);
  call_accepted(run, run.async("echo", {{"value", 1}}));
}

void stream_through_invoke(CaseRun& run) {
  const InvokeCall call =
      run.call(run.request("echo", spearlet::EXECUTION_MODE_STREAM, {{"value", 1}}));
  // Some targets refuse every request that they cannot serve in the body of an OK answer.
  const auto code = run.policies().stream_via_invoke == Policies::StreamViaInvoke::kInvalid
                        ? absl::StatusCode::kInvalidArgument
                        : absl::StatusCode::kUnimplemented;
  run.check("MODE-2", call, refused(run, call, code),
            fmt::format("STREAM through InvokeFunction is refused with {}",
                        absl::StatusCodeToString(code)));
  call_accepted(run, run.sync("echo", {{"value", 1}}));
}

void other_modes_through_stream(CaseRun& run) {
  for (const int mode : {1, 2, 0, 4, -1}) {
    const StreamCall call = run.wait(run.send_stream(
        run.request("echo", static_cast<spearlet::ExecutionMode>(mode), {{"value", 1}})));
    run.check("MODE-4", call,
              call.code() == absl::StatusCode::kInvalidArgument && call.recorded().received.empty(),
              fmt::format("mode {} through StreamFunction is refused with INVALID_ARGUMENT", mode));
  }
  const StreamCall stream = run.wait(
      run.send_stream(run.request("echo", spearlet::EXECUTION_MODE_STREAM, {{"value", 1}})));
  run.check("MODE-4", stream, stream.recorded().status.ok(),
            "the same request in the mode STREAM is served");
}

void modes_differ(CaseRun& run) {
  const InvokeCall sync = run.call(run.sync("sleep", {{"ms", at_least(200)}}));
  const InvokeCall async = run.call(run.async("sleep", {{"ms", at_least(200)}}));
  run.check("MODE-3", sync, is_terminal(status_of(sync)),
            "the request in mode SYNC is answered with a terminal status");
  run.check("MODE-3", async, async.answered() && !is_terminal(status_of(async)),
            "the same request in mode ASYNC is answered before the execution has ended");
}

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
       .about = "InvokeFunction refuses the mode STREAM",
       .clauses = {"MODE-2"},
       .fixtures = {"echo"},
       .run = stream_through_invoke},
      {.name = "mode/other-modes-through-stream",
       .about = "StreamFunction refuses every mode but STREAM",
       .clauses = {"MODE-4"},
       .fixtures = {"echo"},
       .run = other_modes_through_stream},
      {.name = "mode/modes-differ",
       .about = "SYNC and ASYNC answers to the same request have different shapes",
       .clauses = {"MODE-3"},
       .fixtures = {"sleep"},
       .run = modes_differ},
  };
}

const RegisterCases kModeCases(3, mode_cases);

}  // namespace
}  // namespace quintain::conformance
