// Admission, budgets and deadlines of calls: everything of a call that its transport does not
// decide.
#include "core/service/served_call.h"

#include <fmt/format.h>

#include <chrono>

#include "core/base/planted_fault.h"
#include "core/refusal.h"

namespace quintain::core::service {
namespace {

// The time until answers of this size are sent is watched, and that of smaller ones while many
// bytes wait for their readers.
constexpr std::int64_t kLargeAnswer = 64 << 10;

// Answers below this size are sent even when too many bytes wait: the number of open calls bounds
// them.
constexpr std::int64_t kSmallAnswer = 1 << 10;

// Even when too many calls are open, a peer may have this many of its own: clients that reset calls
// faster than the transport can forget them do not shut others out.
constexpr std::int64_t kCallsOfAnyone = 16;

absl::Status too_many_unsent(std::int64_t unsent, std::int64_t limit) {
  return refusal(
      RefusalReason::kMemory,
      fmt::format("{} bytes of answers wait for their readers; at most {} may", unsent, limit),
      ReachedLimit{"unsent_bytes", limit}, std::chrono::seconds(1));
}

}  // namespace

absl::Status ServedCall::admission() {
  if (port_.service() == nullptr) return absl::UnavailableError("the server is shut down");
  if (auto status = transport_.admit(); !status.ok()) return status;
  admitted_ = true;
  const CallLimits& limits = port_.limits();
  if (arrival_.metadata_bytes > limits.metadata_bytes) {
    return absl::ResourceExhaustedError(
        fmt::format("the call has {} bytes of metadata; at most {} are allowed",
                    arrival_.metadata_bytes, limits.metadata_bytes));
  }
  if (arrival_.open_calls > limits.open_calls && arrival_.calls_of_peer > kCallsOfAnyone) {
    return refusal(
        RefusalReason::kMemory,
        fmt::format("{} calls are open; at most {} may be", arrival_.open_calls, limits.open_calls),
        ReachedLimit{"open_calls", limits.open_calls}, std::chrono::seconds(1));
  }
  return decoded_;
}

absl::Status ServedCall::check_room_for_large_answer() const {
  const std::int64_t unsent = port_.unsent().unsent_bytes();
  const std::int64_t limit = port_.limits().unsent_bytes;
  return unsent > limit - kLargeAnswer ? too_many_unsent(unsent, limit) : absl::OkStatus();
}

absl::Status ServedCall::check_size(std::size_t size) const {
  const std::size_t max = port_.limits().answer_bytes;
  if (size > max && !planted("answers-of-any-size")) {
    return absl::ResourceExhaustedError(
        fmt::format("the answer has {} bytes; at most {} are allowed", size, max));
  }
  const auto bytes = static_cast<std::int64_t>(size);
  if (bytes < kSmallAnswer) return absl::OkStatus();
  const std::int64_t unsent = port_.unsent().unsent_bytes();
  const std::int64_t limit = port_.limits().unsent_bytes;
  return unsent + bytes > limit ? too_many_unsent(unsent, limit) : absl::OkStatus();
}

void ServedCall::add_unsent(std::int64_t bytes) {
  unsent_bytes_ += bytes;
  if (planted("unsent-bytes-not-released") && bytes < 0) return;
  port_.unsent().add_unsent(bytes);
}

void ServedCall::watch_sending_of(std::size_t size) {
  if (static_cast<std::int64_t>(size) >= kLargeAnswer ||
      port_.unsent().unsent_bytes() > port_.limits().unsent_bytes / 2) {
    watch_sending();
  }
}

void ServedCall::watch_sending() {
  watches_ = true;
  Environment& environment = port_.environment();
  if (!until_sent_) {
    until_sent_.emplace(
        environment, [](void* self) { static_cast<ServedCall*>(self)->transport_.reset(); }, this);
  }
  until_sent_->arm(environment.now() + port_.limits().send_time, Precedence::kOther);
}

void ServedCall::record_end(const absl::Status& status, spearlet::ExecutionStatus outcome) {
  answered_ = true;
  until_leave_.reset();
  transport_.on_end({.status = status,
                     .left = status.ok() && caller_.gone(),
                     .outcome = outcome,
                     .admitted = admitted_});
}

void ServedCall::on_gone() {
  if (answered_) return;
  if (!arrival_.deadline.is_never() && !planted("deadline-is-a-departure")) {
    const Duration remaining = arrival_.deadline - port_.environment().now();
    const Duration total = arrival_.deadline - arrival_.at;
    // A transport rounds a deadline up by at most 1 %, and the request takes some time to arrive.
    if (remaining < port_.limits().deadline_margin + total / 64) return leave_at(arrival_.deadline);
  }
  caller_.leave();
}

void ServedCall::leave_soon() { leave_at(port_.environment().now()); }

void ServedCall::leave_at(Instant when) {
  until_leave_.emplace(
      port_.environment(), [](void* self) { static_cast<ServedCall*>(self)->caller_.leave(); },
      this);
  until_leave_->arm(when, Precedence::kOther);
}

}  // namespace quintain::core::service
