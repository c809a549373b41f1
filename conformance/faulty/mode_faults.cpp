// Faults in the treatment of the execution mode.
#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

// Streams whatever the mode of the request is.
class StreamTakesAnyMode final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    request.set_execution_mode(spearlet::EXECUTION_MODE_STREAM);
    inner().StreamFunction(std::move(request), call, std::move(answer));
  }
};

std::vector<FaultyCore> mode_faults() {
  return {
      {.name = "stream-takes-any-mode",
       .about = "StreamFunction does not read the mode.",
       .origin = "for MODE-4",
       .caught_by = {"MODE-4"},
       .decorate = decorated_by<StreamTakesAnyMode>()},
      {.name = "mode-not-read",
       .about = "InvokeFunction runs every request as SYNC, whatever its mode is.",
       .origin = "M4",
       .caught_by = {"MODE-1", "MODE-2", "MODE-3", "ASYNC-1"},
       .decorate = editing(
           {.invocation =
                [](auto& request) { request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC); }})},
      {.name = "unknown-mode-acts-as-async",
       .about = "A mode that is unspecified or unknown acts as ASYNC.",
       .origin = "for MODE-1",
       .caught_by = {"MODE-1"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  const auto mode = request.execution_mode();
                                  if (mode == spearlet::EXECUTION_MODE_UNSPECIFIED ||
                                      !spearlet::ExecutionMode_IsValid(mode)) {
                                    request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
                                  }
                                }})},
      {.name = "stream-runs-through-invoke",
       .about = "InvokeFunction accepts the mode STREAM and runs it as SYNC.",
       .origin = "for MODE-2",
       .caught_by = {"MODE-2"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.execution_mode() != spearlet::EXECUTION_MODE_STREAM) {
                                    return;
                                  }
                                  request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
                                }})},
  };
}

const RegisterFaults kModeFaults(3, mode_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
