// Answers that pass through a decorator: what a decorator needs to see, change, delay or discard
// what the inner service answers.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "core/function_service.h"

namespace quintain::conformance::faulty {

/// Whether the inner service is notified when the outer caller leaves.
enum class Leaving { kPassedOn, kWithheld };

/// Makes the inner service's caller leave when the outer caller leaves, or at once if it has left.
template <class Answer>
void pass_leaving_on(Answer& outer, core::Caller& inner_caller) {
  if (!outer.awaited()) return inner_caller.leave();
  outer.watch([](void* caller, std::uint64_t) { static_cast<core::Caller*>(caller)->leave(); },
              &inner_caller, 0);
}

/// The caller that an inner service sees in place of the outer one. It destroys itself once it is
/// answered, which every service does before it is destroyed itself.
template <class Response>
class Relay final : public core::UnaryCaller<Response> {
 public:
  /// Gets the inner service's answer and must answer the outer caller, now or later. Must not call
  /// the inner service (core/function_service.h).
  using Take = std::function<void(absl::StatusOr<Response>, core::Answer<Response>)>;

  /// An answer for the inner service, which ends in `take`.
  static core::Answer<Response> between(core::Answer<Response> outer, Leaving leaving, Take take) {
    auto* const relay = new Relay(std::move(outer), std::move(take));
    if (leaving == Leaving::kPassedOn) pass_leaving_on(relay->outer_, *relay);
    return core::Answer<Response>(*relay);
  }

  void deliver(Response&& response) override { end(std::move(response)); }
  void refuse(const absl::Status& status) override { end(status); }

 private:
  Relay(core::Answer<Response> outer, Take take)
      : outer_(std::move(outer)), take_(std::move(take)) {}

  void end(absl::StatusOr<Response> reply) {
    const std::unique_ptr<Relay> self(this);
    outer_.watch(nullptr, nullptr, 0);
    take_(std::move(reply), std::move(outer_));
  }

  core::Answer<Response> outer_;
  Take take_;
};

/// Answers the outer caller with the inner service's reply.
template <class Response>
void pass_on(absl::StatusOr<Response> reply, core::Answer<Response> outer) {
  if (reply.ok()) {
    std::move(outer).send(*std::move(reply));
  } else {
    std::move(outer).refuse(reply.status());
  }
}

/// An answer for the inner service whose reply, a response or a refusal, reaches the outer caller
/// after `edit(reply)`.
template <class Response, class Edit>
core::Answer<Response> reply_edited(core::Answer<Response> outer, Edit edit,
                                    Leaving leaving = Leaving::kPassedOn) {
  return Relay<Response>::between(
      std::move(outer), leaving,
      [edit = std::move(edit)](absl::StatusOr<Response> reply, core::Answer<Response> to) mutable {
        edit(reply);
        pass_on(std::move(reply), std::move(to));
      });
}

/// The same for a response: `edit(response)`. A refusal passes unchanged.
template <class Response, class Edit>
core::Answer<Response> edited(core::Answer<Response> outer, Edit edit,
                              Leaving leaving = Leaving::kPassedOn) {
  return reply_edited(
      std::move(outer),
      [edit = std::move(edit)](absl::StatusOr<Response>& reply) mutable {
        if (reply.ok()) edit(*reply);
      },
      leaving);
}

/// A relay for a stream: calls `edit(message)` for each message and `end(outer, status)` at the
/// end. Either may be empty.
template <class Message>
class StreamRelay final : public core::StreamCaller<Message> {
 public:
  using Edit = std::function<void(Message&)>;
  using End = std::function<void(core::StreamAnswer<Message>, const absl::Status&)>;

  static core::StreamAnswer<Message> between(core::StreamAnswer<Message> outer, Leaving leaving,
                                             Edit edit, End end) {
    auto* const relay = new StreamRelay(std::move(outer), std::move(edit), std::move(end));
    if (leaving == Leaving::kPassedOn) pass_leaving_on(relay->outer_, *relay);
    return core::StreamAnswer<Message>(*relay);
  }

  void write(Message&& message) override {
    if (edit_) edit_(message);
    outer_.write(std::move(message));
  }
  void finish(const absl::Status& status) override {
    const std::unique_ptr<StreamRelay> self(this);
    outer_.watch(nullptr, nullptr, 0);
    if (end_) return end_(std::move(outer_), status);
    std::move(outer_).finish(status);
  }

 private:
  StreamRelay(core::StreamAnswer<Message> outer, Edit edit, End end)
      : outer_(std::move(outer)), edit_(std::move(edit)), end_(std::move(end)) {}

  core::StreamAnswer<Message> outer_;
  Edit edit_;
  End end_;
};

/// An answer that is sent later. If it is destroyed unsent, the call is refused with UNAVAILABLE.
template <class Response>
class PostponedAnswer {
 public:
  explicit PostponedAnswer(core::Answer<Response> answer) : answer_(std::move(answer)) {}
  ~PostponedAnswer() {
    if (answer_) std::move(*answer_).refuse(absl::UnavailableError("the node was shut down"));
  }
  PostponedAnswer(const PostponedAnswer&) = delete;
  PostponedAnswer& operator=(const PostponedAnswer&) = delete;

  /// Requires: not sent yet.
  void send(Response&& response) {
    core::Answer<Response> answer = *std::move(answer_);
    answer_.reset();
    std::move(answer).send(std::move(response));
  }

 private:
  std::optional<core::Answer<Response>> answer_;
};

/// An answer that is discarded.
template <class Response>
core::Answer<Response> discarded_answer() {
  struct Discard final : core::UnaryCaller<Response> {
    void deliver(Response&&) override { delete this; }
    void refuse(const absl::Status&) override { delete this; }
  };
  return core::Answer<Response>(*new Discard);
}

/// Calls a method that a core answers before it returns, and returns the response: an empty one if
/// the call was refused, or if the node answers later, because it has many records. Not from within
/// an answer.
template <class Request, class Response>
Response ask(core::FunctionService& service,
             void (core::FunctionService::*method)(const Request&, core::Answer<Response>),
             const Request& request) {
  struct Asker final : core::UnaryCaller<Response> {
    void deliver(Response&& response) override { end(std::move(response)); }
    void refuse(const absl::Status&) override { end({}); }
    void end(Response&& response) {
      answer = std::move(response);
      if (is_late) delete this;
    }
    std::optional<Response> answer;
    bool is_late = false;
  };
  auto asker = std::make_unique<Asker>();
  (service.*method)(request, core::Answer<Response>(*asker));
  if (asker->answer) return *std::move(asker->answer);
  asker.release()->is_late = true;  // its answer deletes it
  return {};
}

}  // namespace quintain::conformance::faulty
