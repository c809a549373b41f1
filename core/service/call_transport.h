// A call on a transport, as the service layer sees it.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core::service {

/// What a transport knows of a call whose request has arrived. Plain data.
struct Arrival {
  Instant at{};
  /// When the caller stops waiting; never() if it set no deadline.
  Instant deadline = Instant::never();
  /// The names and values of its metadata, and 32 bytes for each entry, as HTTP/2 counts them.
  std::size_t metadata_bytes = 0;
  /// Calls that are open, this one included; those of its peer only if many are (CallLoad).
  std::int64_t open_calls = 0;
  std::int64_t calls_of_peer = 0;
};

/// How a call has ended, for logs and metrics.
struct CallEnd {
  /// The answer. The caller may have left meanwhile, and then does not get it.
  absl::Status status{};
  bool left = false;
  /// The status of the execution in the answer; UNSPECIFIED if there is none.
  spearlet::ExecutionStatus outcome = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  /// Whether admit() returned OK.
  bool admitted = false;
};

/// A transport's end of one call: gRPC in the server, a simulated connection in a world. It
/// belongs to a call of this room, which calls it in the serial context only, and passes events of
/// the wire back to that call: see UnaryCall and StreamCall.
class CallTransport {
 public:
  /// Returns whether this caller may make this call now, or why not. Called at most once, first.
  virtual absl::Status admit() = 0;

  /// The answer is known. Called once, before it is sent.
  virtual void on_end(const CallEnd& end) = 0;

  /// Ends the call with a status: that of a stream, or why a unary call gets no answer. The last
  /// function that is called, except reset(); the transport may destroy the call at once.
  virtual void finish(const absl::Status& status) = 0;

  /// Ends the connection of a reader that does not read. The transport destroys the call soon.
  virtual void reset() = 0;

 protected:
  ~CallTransport() = default;
};

/// A call with one answer.
class UnaryTransport : public CallTransport {
 public:
  /// Encodes and sends the answer, instead of finish().
  virtual void reply(const google::protobuf::MessageLite& response) = 0;

 protected:
  ~UnaryTransport() = default;
};

/// A call with many answers.
class StreamTransport : public CallTransport {
 public:
  /// Encodes a message and sends it. Calls StreamCall::written() when the next one can be taken,
  /// but not before this returns. One message is under way at a time.
  virtual void write(const google::protobuf::MessageLite& message) = 0;

 protected:
  ~StreamTransport() = default;
};

}  // namespace quintain::core::service
