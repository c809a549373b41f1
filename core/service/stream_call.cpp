#include "core/service/stream_call.h"

#include <cstdint>
#include <utility>

#include "core/base/planted_fault.h"

namespace quintain::core::service {

void StreamCall::start() {
  if (const auto status = admission(); !status.ok()) return finish(status);
  port_.service()->StreamFunction(std::move(request_), context(), StreamAnswer<Message>(*this));
}

void StreamCall::write(Message&& message) {
  if (broken_ || abort_) return;
  outcome_ = message.status();
  const std::size_t size = message.ByteSizeLong();
  if (auto status = check_size(size); !status.ok()) return abort(std::move(status));
  waiting_bytes_ += size;
  add_unsent(static_cast<std::int64_t>(size));
  waiting_.push_back({.message = std::move(message), .size = size});
  if (!writing_) write_next();
}

void StreamCall::abort(absl::Status status) {
  abort_ = std::move(status);
  drop_waiting();
  leave_soon();
}

void StreamCall::finish(const absl::Status& status) {
  end_ = abort_ ? *abort_ : status;
  record_end(*end_, outcome_);
  if (!writing_) return transport_.finish(*end_);
  if (planted("last-write-lost")) drop_waiting();
  watch_sending();
}

void StreamCall::write_next() {
  writing_ = true;
  writing_bytes_ = waiting_.front().size;
  const Message message = std::move(waiting_.front().message);
  waiting_.pop_front();
  transport_.write(message);
}

void StreamCall::written(bool ok) {
  writing_ = false;
  no_longer_waits(writing_bytes_);
  if (!ok) {
    broken_ = true;
    drop_waiting();
  }
  if (!waiting_.empty()) {
    write_next();
    if (end_) watch_sending();
  } else if (end_) {
    return transport_.finish(*end_);
  }
  if (!answered()) made_room();
}

void StreamCall::no_longer_waits(std::size_t bytes) {
  waiting_bytes_ -= bytes;
  add_unsent(-static_cast<std::int64_t>(bytes));
}

void StreamCall::drop_waiting() {
  for (const Waiting& waiting : waiting_) no_longer_waits(waiting.size);
  waiting_.clear();
}

}  // namespace quintain::core::service
