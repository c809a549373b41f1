// One call as its client saw it.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/method.h"

namespace quintain::conformance {

using core::Method;

/// One call as its client saw it, from the time it was sent. Its messages are those of the
/// contract, whichever wire profile carried them.
struct RecordedCall {
  /// Position in the order of sending within the case, from 1.
  std::uint64_t number = 0;
  Method method{};
  std::shared_ptr<const google::protobuf::Message> request;

  core::Instant sent;
  /// The wall-clock time of `sent`, by the client's clock; nullopt: not known.
  std::optional<core::WallTime> wall_sent{};
  /// How much the target's wall clock may differ from the client's.
  core::Duration clock_tolerance{0};
  /// The RPC's deadline; never() without one.
  core::Instant deadline = core::Instant::never();
  /// When the client saw the call end, or abandoned it; never() while it is open.
  core::Instant returned = core::Instant::never();
  /// The number that the next call after the end of this one had, or would have had. It orders
  /// events of equal times. 0: unknown, and then equal times are unordered.
  std::uint64_t followed_by = 0;

  struct Received {
    core::Instant at;
    std::shared_ptr<const google::protobuf::Message> message;
  };
  /// The messages that arrived: one for an answered unary call.
  std::vector<Received> received;
  /// How the call ended; OK while it is open.
  absl::Status status;
  /// The client abandoned the call before it was answered.
  bool abandoned = false;

  bool ended() const { return !returned.is_never(); }
  /// Whether a unary call was answered with a message.
  bool answered() const { return ended() && status.ok() && !received.empty(); }
  /// Whether the call may take effect at an unknown time, even later: it ended without an answer,
  /// in a way that says nothing about the target's state (deadline, cancel, lost connection).
  bool ambiguous() const;

  /// Requires: the request has this type.
  template <class Request>
  const Request& request_as() const {
    return static_cast<const Request&>(*request);
  }
  /// Requires: answered(), and the answer has this type.
  template <class Response>
  const Response& answer_as() const {
    return static_cast<const Response&>(*received.front().message);
  }
};

/// The call in one line of at most some 12 KiB: when it was sent, the request, when it returned,
/// the answer. The text is not escaped for a terminal.
std::string describe(const RecordedCall& recorded);

/// The message as one line of JSON with the contract's field names. Default values are left out,
/// except the flags and statuses of an answer, where `found` = false is information. An Any of an
/// unknown type is shown by its type URL and size, as is one that is long or within several others.
/// Long strings and lists are truncated, and the whole is at most some 4 KiB. Never fails, whatever
/// the content.
std::string brief_json(const google::protobuf::Message& message);

}  // namespace quintain::conformance
