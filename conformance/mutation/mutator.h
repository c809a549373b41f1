// Puts a generated fault between the clients and the target, on the wire.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "conformance/mutation/mutation.h"
#include "conformance/transport.h"
#include "core/base/time.h"

namespace quintain::conformance {

/// The connection to the target that a Mutator uses.
struct MutationHost {
  /// Sends a call to the target and returns its number there. May call the callbacks of the call.
  std::function<std::uint64_t(WireCall call)> start{};
  /// Cancels a call that has not ended.
  std::function<void(std::uint64_t number)> abandon{};
  /// Calls `action` after the delay, unless the Mutator has been destroyed.
  std::function<void(core::Duration delay, std::function<void()> action)> later{};
};

/// Forwards calls to a target and makes it look as if the target had one fault. Calls that the
/// mutation does not concern, and bytes that are no message of the contract, pass unchanged. It
/// remembers the latest messages, for values of earlier calls, and the ids that it has seen, within
/// fixed limits.
///
/// Serial: one call of a member function or of a callback at a time. The callbacks of the calls
/// must not come after its destruction.
class Mutator {
 public:
  Mutator(const Mutation& mutation, MutationHost host);

  /// Sends a call through the fault. Returns a number for abandon().
  std::uint64_t start(WireCall call);

  /// The client has cancelled the call; none of its callbacks is called any more. No effect on a
  /// call that has ended.
  void abandon(std::uint64_t number);

  /// How many messages, calls and answers it has changed so far.
  std::int64_t changes() const { return changes_; }

 private:
  struct Open;
  using OpenCall = std::shared_ptr<Open>;
  using MessagePtr = std::unique_ptr<google::protobuf::Message>;

  bool is(Change change) const { return mutation_.change == change; }
  MessagePtr parse(const google::protobuf::Descriptor& type, const std::string& bytes) const;

  // Requests.
  std::string edited_request(const google::protobuf::Message& request);
  std::string redirected_request(Open& open);
  bool answer_without_effect(const OpenCall& open);
  void repeat(const Open& open);
  void remember_ids(const WireCall& call);
  void send_to_target(const OpenCall& open, std::string request);

  // Answers.
  void on_message(const OpenCall& open, std::string bytes);
  void on_end(const OpenCall& open, absl::Status status);
  std::string edited_answer(const Open& open, std::string bytes);
  void reorder(const OpenCall& open, std::string bytes);
  void send(const OpenCall& open, std::string bytes);
  void end(const OpenCall& open, absl::Status status);

  const Mutation& mutation_;
  MutationHost host_;
  std::string path_;
  std::uint64_t last_call_ = 0;
  std::uint64_t last_id_ = 0;
  std::int64_t changes_ = 0;
  std::map<std::uint64_t, OpenCall> open_;
  MessagePtr previous_request_;
  MessagePtr previous_answer_;
  // The latest answers by what they are about, the latest last; at most one for each.
  std::deque<std::pair<std::string, MessagePtr>> answers_;
  // The latest answers by the request or its kind, for answers without an effect.
  std::deque<std::pair<std::string, std::string>> cache_;
  // Ids of executions and of tasks, the latest last.
  std::deque<std::string> executions_;
  std::deque<std::string> tasks_;
};

/// A transport to a target with one generated fault. Adds to `changes` what the Mutator has changed
/// when it is destroyed.
/// Requires: the mutation and `changes` outlive it.
std::unique_ptr<Transport> make_mutating_transport(std::unique_ptr<Transport> target,
                                                   const Mutation& mutation, std::int64_t& changes);

}  // namespace quintain::conformance
