// A call of StreamFunction, from its bytes to its end.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <deque>
#include <optional>

#include "core/function_service.h"
#include "core/service/decoding.h"
#include "core/service/served_call.h"

namespace quintain::core::service {

/// Its life is that of a UnaryCall, with writes of the transport between start() and finish(), each
/// followed by written(). A transport takes one message at a time; others wait in a queue, whose
/// length the core sees (StreamCaller::unsent_bytes).
class StreamCall final : public ServedCall, private StreamCaller<spearlet::StreamExecutionResult> {
 public:
  StreamCall(ServicePort& port, StreamTransport& transport, const Arrival& arrival)
      : ServedCall(port, *this, transport, arrival), transport_(transport) {}

  /// Decodes the request. Called once, before start(), on any thread.
  void decode(RequestBytes& bytes) { set_decoded(service::decode(bytes, request_), bytes.size()); }

  /// Serial context only.
  void start();

  /// The transport has taken the message of its last write(), or has found that the reader has
  /// gone. Serial context only; not within write().
  void written(bool ok);

 private:
  using Message = spearlet::StreamExecutionResult;
  struct Waiting {
    Message message;
    std::size_t size = 0;
  };

  void write(Message&& message) override;
  std::size_t unsent_bytes() const override { return waiting_bytes_; }
  void finish(const absl::Status& status) override;

  // Ends the call because of a message that cannot be sent.
  void abort(absl::Status status);
  void write_next();
  void no_longer_waits(std::size_t bytes);
  void drop_waiting();

  StreamTransport& transport_;
  spearlet::InvokeFunctionRequest request_;
  spearlet::ExecutionStatus outcome_ = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  std::deque<Waiting> waiting_;
  std::size_t writing_bytes_ = 0;
  bool writing_ = false;
  std::size_t waiting_bytes_ = 0;      // of what is being written and what waits
  bool broken_ = false;                // a write has failed: the reader has gone
  std::optional<absl::Status> abort_;  // why this layer has ended the call
  std::optional<absl::Status> end_;
};

}  // namespace quintain::core::service
