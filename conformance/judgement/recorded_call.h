// One call as its client saw it.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace quintain::conformance {

/// The calls of the contract.
enum class Method : std::uint8_t {
  kInvokeFunction,
  kGetExecutionStatus,
  kCancelExecution,
  kStreamFunction,
  kListTasks,
  kGetTask,
  kDeleteTask,
  kListExecutions,
  kGetHealth,
  kGetStats,
};

inline constexpr std::size_t kMethods = 10;

/// "InvokeFunction".
std::string_view name_of(Method method);

/// A call, from its sending on. The messages are those of the contract, whatever profile the wire
/// used.
struct RecordedCall {
  /// Its place in the order of sending within the case, from 1.
  std::uint64_t number = 0;
  Method method{};
  std::shared_ptr<const google::protobuf::Message> request;

  core::Instant sent;
  /// When the client stops waiting; never() without a deadline.
  core::Instant deadline = core::Instant::never();
  /// When the end of the call arrived, or the client left it; never() while it is open.
  core::Instant returned = core::Instant::never();
  /// The number of the first call that was sent after this one had ended, or the next number if
  /// there was none: the order of events that bear the same time. 0: not known; then only a later
  /// time is later.
  std::uint64_t followed_by = 0;

  struct Received {
    core::Instant at;
    std::shared_ptr<const google::protobuf::Message> message;
  };
  /// A unary call that was answered has one.
  std::vector<Received> received;
  /// How the call ended; OK with `received` empty while it is open.
  absl::Status status;
  /// The client left before it was answered.
  bool abandoned = false;

  bool ended() const { return !returned.is_never(); }
  /// Whether a unary call got its answer.
  bool answered() const { return ended() && status.ok() && !received.empty(); }
  /// The call may have had its effect, and nobody knows when: it ended without an answer in a way
  /// that says nothing about the target's state (deadline, cancel, broken connection).
  bool ambiguous() const;

  template <class Request>
  const Request& request_as() const {
    return static_cast<const Request&>(*request);
  }
  /// The answer of a call that was answered().
  template <class Response>
  const Response& answer_as() const {
    return static_cast<const Response&>(*received.front().message);
  }
};

/// The call in one line: when, what was sent, when, what came back.
std::string describe(const RecordedCall& recorded);

/// The message as one line of JSON with the contract's names. Defaults are left out, but the flags
/// and statuses of an answer: `found` false is an answer. An Any of a type that is not known is
/// shown by its type URL and size; long texts and lists are cut.
std::string brief_json(const google::protobuf::Message& message);

}  // namespace quintain::conformance
