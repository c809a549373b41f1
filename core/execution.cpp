#include "core/execution.h"

#include <cassert>

namespace quintain::core {

void LiveExecution::reset() {
  assert(!deadline.armed() && !pause.armed() && !queued() && !attempt_active);
  assert(!by_dispatch.is_linked());
  record = nullptr;
  request.Clear();
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
