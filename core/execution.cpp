#include "core/execution.h"

#include <cassert>

#include "core/invocation.h"

namespace quintain::core {

const ExecutionDetails AsyncExecution::kNoDetails;

void ExecutionDetails::reset() {
  error_code.clear();
  error_message.clear();
  logs.clear();
  fingerprint.reset();
}

void LiveExecution::reset() {
  assert(!deadline.armed() && !pause.armed() && !queued() && !attempt_active);
  assert(!by_dispatch.is_linked());
  record = nullptr;
  clear_keeping_memory(request);
  max_retries = 0;
  emitted_chunk = false;
  instance = nullptr;
  dispatched_at = Instant::never();
  cold = false;
  cancel_requested = false;
  cancel_reason.clear();
  waiting.clear();
  stream.reset();
  cancels.clear();
}

}  // namespace quintain::core
