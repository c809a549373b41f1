#include "core/execution.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/invocation.h"

namespace quintain::core {

namespace {

// The capacity of a text that an object keeps for reuse.
constexpr std::size_t kMaxTextKept = 1024;

// A larger request is freed instead of being kept for reuse.
constexpr std::int64_t kMaxRequestKept = 4096;

// The object around a log line.
constexpr std::int64_t kLineBytes = 32;

void clear_or_free(std::string& text) {
  if (text.capacity() > kMaxTextKept) {
    text = {};
  } else {
    text.clear();
  }
}

}  // namespace

const ExecutionDetails AsyncExecution::kNoDetails;

std::int64_t LogLines::add(std::string line, std::size_t max_lines, std::size_t max_bytes) {
  const std::int64_t before = bytes_;
  if (max_lines == 0 || max_bytes == 0) {
    ++dropped_;
    return 0;
  }
  if (line.size() > max_bytes) line.resize(max_bytes);
  if (lines_.size() == max_lines) drop_oldest();
  if (lines_.full()) lines_.set_capacity(std::max<std::size_t>(4, 2 * lines_.capacity()));
  bytes_ += static_cast<std::int64_t>(line.size()) + kLineBytes;
  lines_.push_back(std::move(line));
  while (lines_.size() > 1 && std::cmp_greater(bytes_, max_bytes)) drop_oldest();
  return bytes_ - before;
}

void LogLines::drop_oldest() {
  bytes_ -= static_cast<std::int64_t>(lines_.front().size()) + kLineBytes;
  lines_.pop_front();
  ++dropped_;
}

void LogLines::reset() {
  lines_.set_capacity(0);
  bytes_ = 0;
  dropped_ = 0;
}

void ExecutionDetails::reset() {
  clear_or_free(error_code);
  clear_or_free(error_message);
  logs.reset();
  fingerprint.reset();
}

void LiveExecution::reset() {
  assert(!deadline.armed() && !pause.armed() && !queued() && !attempt_active);
  assert(!by_dispatch.is_linked() && !LiveOfTask::is_linked());
  record = nullptr;
  if (request_bytes > kMaxRequestKept) {
    request = {};
  } else {
    clear_keeping_memory(request);
  }
  request_bytes = 0;
  stream_bytes = 0;
  output_held = false;
  max_retries = 0;
  emitted_chunk = false;
  instance = nullptr;
  dispatched_at = Instant::never();
  cold = false;
  cancel_requested = false;
  cancel_reason.clear();
  waiting.clear();
  left = 0;
  stream.reset();
  cancels.clear();
}

}  // namespace quintain::core
