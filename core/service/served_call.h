// The part of a call's life that unary and streaming calls have in common.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/environment.h"
#include "core/function_service.h"
#include "core/service/call_transport.h"
#include "core/service/service_port.h"

namespace quintain::core::service {

/// Decides whether a call is admitted and whether its answer can be sent, and obeys its deadline.
/// Serial context only, except the constructor, the destructor and watches(): the transport orders
/// these itself, before its first and after its last use of the call.
class ServedCall {
 public:
  ServedCall(const ServedCall&) = delete;
  ServedCall& operator=(const ServedCall&) = delete;

  /// The transport reports that the caller has cancelled or disconnected, or that the deadline has
  /// passed.
  ///
  /// Three timers implement a deadline: the core's, the transport's, and the client's, which
  /// cancels the call. The last two look alike and may fire first, although the call has not been
  /// abandoned but has timed out. So a call that is cancelled near its deadline, or after it,
  /// leaves the core only when the core has handled the deadline itself.
  void on_gone();

  /// Whether the call has its answer.
  bool answered() const { return answered_; }

  /// Whether a timer waits until the answer is sent. Such a call has to be told sent() before it is
  /// destroyed. May be called on any thread once the answer has been passed to the transport.
  bool watches() const { return watches_; }
  /// The transport has sent everything.
  void sent() { until_sent_.reset(); }

 protected:
  ServedCall(ServicePort& port, Caller& caller, CallTransport& transport, const Arrival& arrival)
      : port_(port), arrival_(arrival), caller_(caller), transport_(transport) {}
  ~ServedCall() { port_.unsent().add_unsent(-unsent_bytes_); }

  /// Why the request could not be decoded, or OK. Called before the call is admitted.
  void set_decoded(absl::Status status, std::size_t request_bytes) {
    decoded_ = std::move(status);
    request_bytes_ = static_cast<std::int64_t>(request_bytes);
  }

  CallContext context() const {
    return {.deadline = arrival_.deadline, .request_bytes = request_bytes_};
  }

  /// Returns why the call cannot be passed to the service, or OK.
  absl::Status admission();

  /// Whether the caller has stopped waiting: its deadline has passed.
  bool is_late() const { return port_.environment().now() >= arrival_.deadline; }

  /// Returns why a call whose answer may be large cannot be served now, or OK.
  absl::Status check_room_for_large_answer() const;
  /// Returns why a message of this size cannot be sent, or OK.
  absl::Status check_size(std::size_t size) const;

  /// Counts bytes that wait for the reader, until the call is destroyed.
  void add_unsent(std::int64_t bytes);

  /// Resets the connection unless the call is destroyed, or progress is made, in time.
  void watch_sending();
  /// The same if an answer of this size is worth watching.
  void watch_sending_of(std::size_t size);

  /// Records the end of the call. Must be called once, before the answer is passed to the
  /// transport.
  void record_end(const absl::Status& status, spearlet::ExecutionStatus outcome);

  /// Calls the service back about a caller that has left. Later than the present callback, within
  /// which the service must not be called.
  void leave_soon();

  ServicePort& port_;

 private:
  void leave_at(Instant when);

  const Arrival arrival_;
  Caller& caller_;
  CallTransport& transport_;
  absl::Status decoded_;
  std::int64_t request_bytes_ = 0;
  bool admitted_ = false;
  bool answered_ = false;
  std::int64_t unsent_bytes_ = 0;
  std::optional<Timer> until_leave_;
  bool watches_ = false;
  std::optional<Timer> until_sent_;
};

}  // namespace quintain::core::service
