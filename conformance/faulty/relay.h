// Standing between a caller and the service that answers it.
#pragma once

#include <absl/status/statusor.h>

#include <cassert>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "core/answer.h"
#include "core/function_service.h"

namespace quintain::conformance::faulty {

/// Whether the inner service hears that the outer caller has left.
enum class Leaving { kPassedOn, kKept };

/// The caller that an inner service sees in place of the outer one. It destroys itself once it is
/// answered, which every service does before it is gone.
template <class Response>
class Relay final : public core::UnaryCaller<Response> {
 public:
  /// Gets the inner service's answer and the duty to answer the outer caller, now or later. May not
  /// call the inner service (core/answer.h).
  using Take = std::function<void(absl::StatusOr<Response>, core::Answer<Response>)>;

  static core::Answer<Response> between(core::Answer<Response> outer, Leaving leaving, Take take) {
    auto* const relay = new Relay(std::move(outer), std::move(take));
    if (leaving == Leaving::kPassedOn) relay->pass_leaving_on();
    return core::Answer<Response>(*relay);
  }

  void deliver(Response&& response) override { end(std::move(response)); }
  void refuse(const absl::Status& status) override { end(status); }

 private:
  Relay(core::Answer<Response> outer, Take take)
      : outer_(std::move(outer)), take_(std::move(take)) {}

  void pass_leaving_on() {
    if (!outer_.awaited()) return this->leave();
    outer_.watch([](void* self, std::uint64_t) { static_cast<Relay*>(self)->leave(); }, this, 0);
  }

  void end(absl::StatusOr<Response> reply) {
    const std::unique_ptr<Relay> self(this);
    outer_.watch(nullptr, nullptr, 0);
    take_(std::move(reply), std::move(outer_));
  }

  core::Answer<Response> outer_;
  Take take_;
};

/// Gives the outer caller what the inner service answered.
template <class Response>
void pass_on(absl::StatusOr<Response> reply, core::Answer<Response> outer) {
  if (reply.ok()) {
    std::move(outer).send(*std::move(reply));
  } else {
    std::move(outer).refuse(reply.status());
  }
}

/// An answer for an inner service whose response reaches the outer caller after `edit(response)`; a
/// refusal passes unchanged.
template <class Response, class Edit>
core::Answer<Response> edited(core::Answer<Response> outer, Edit edit,
                              Leaving leaving = Leaving::kPassedOn) {
  return Relay<Response>::between(
      std::move(outer), leaving,
      [edit = std::move(edit)](absl::StatusOr<Response> reply, core::Answer<Response> to) mutable {
        if (reply.ok()) edit(*reply);
        pass_on(std::move(reply), std::move(to));
      });
}

/// The same for a stream: `edit(message)` of each message, `end(outer, status)` at the end.
template <class Message>
class StreamRelay final : public core::StreamCaller<Message> {
 public:
  using Edit = std::function<void(Message&)>;
  using End = std::function<void(core::StreamAnswer<Message>, const absl::Status&)>;

  static core::StreamAnswer<Message> between(core::StreamAnswer<Message> outer, Leaving leaving,
                                             Edit edit, End end) {
    auto* const relay = new StreamRelay(std::move(outer), std::move(edit), std::move(end));
    if (leaving == Leaving::kPassedOn) relay->pass_leaving_on();
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

  void pass_leaving_on() {
    if (!outer_.awaited()) return this->leave();
    outer_.watch([](void* self, std::uint64_t) { static_cast<StreamRelay*>(self)->leave(); }, this,
                 0);
  }

  core::StreamAnswer<Message> outer_;
  Edit edit_;
  End end_;
};

/// An answer that is kept for later; refused with UNAVAILABLE if its keeper goes away before.
template <class Response>
class Held {
 public:
  explicit Held(core::Answer<Response> answer) : answer_(std::move(answer)) {}
  ~Held() {
    if (answer_) std::move(*answer_).refuse(absl::UnavailableError("the node was shut down"));
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  void send(Response&& response) {
    std::move(*std::exchange(answer_, {})).send(std::move(response));
  }

 private:
  std::optional<core::Answer<Response>> answer_;
};

/// An answer that nobody hears.
template <class Response>
core::Answer<Response> unheard() {
  struct Nobody final : core::UnaryCaller<Response> {
    void deliver(Response&&) override { delete this; }
    void refuse(const absl::Status&) override { delete this; }
  };
  return core::Answer<Response>(*new Nobody);
}

/// What the service says to one of the calls that a core answers before it returns. Not from within
/// an answer.
template <class Request, class Response>
Response ask(core::FunctionService& service,
             void (core::FunctionService::*method)(const Request&, core::Answer<Response>),
             const Request& request) {
  struct Asker final : core::UnaryCaller<Response> {
    void deliver(Response&& response) override { answer = std::move(response); }
    void refuse(const absl::Status&) override { answer.emplace(); }
    std::optional<Response> answer;
  } asker;
  (service.*method)(request, core::Answer<Response>(asker));
  assert(asker.answer && "the service did not answer at once");
  return *std::move(asker.answer);
}

}  // namespace quintain::conformance::faulty
