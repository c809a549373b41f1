// Faults in telling the modes apart.
#include "conformance/faulty/edits.h"
#include "conformance/faulty/families.h"

namespace quintain::conformance::faulty {
namespace {

using core::CallContext;
using spearlet::InvokeFunctionRequest;

bool is_unknown(spearlet::ExecutionMode mode) {
  return mode == spearlet::EXECUTION_MODE_UNSPECIFIED || !spearlet::ExecutionMode_IsValid(mode);
}

}  // namespace

std::vector<FaultyCore> mode_faults() {
  return {
      {.name = "mode-not-read",
       .about = "InvokeFunction runs everything as SYNC, whatever the mode says.",
       .origin = "M4",
       .caught_by = {"MODE-1", "MODE-2", "MODE-3", "ASYNC-1"},
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
                                }})},
      {.name = "unknown-mode-acts-as-async",
       .about = "A mode that is unspecified or unknown is taken for ASYNC.",
       .origin = "for MODE-1",
       .caught_by = {"MODE-1"},
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  if (!is_unknown(request.execution_mode())) return;
                                  request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
                                }})},
      {.name = "stream-runs-through-invoke",
       .about = "InvokeFunction takes the mode STREAM and runs it as SYNC.",
       .origin = "for MODE-2",
       .caught_by = {"MODE-2"},
       .decorate = editing({.invocation =
                                [](InvokeFunctionRequest& request, CallContext&) {
                                  if (request.execution_mode() != spearlet::EXECUTION_MODE_STREAM)
                                    return;
                                  request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
                                }})},
  };
}

}  // namespace quintain::conformance::faulty
