// How an answer finds its way back to whoever called: a promise that is kept exactly once.
#pragma once

#include <absl/status/status.h>

#include <cassert>
#include <cstdint>
#include <utility>

#include "core/base/time.h"

namespace quintain::core {

/// What the transport knows of a call besides its request.
struct CallContext {
  /// When the caller stops waiting. never() if it set no deadline.
  Instant deadline = Instant::never();
};

/// The transport's end of one call. It lives until the call is answered, even when the caller is
/// long gone: the core answers every call exactly once, and what is said to nobody is dropped here.
class Caller {
 public:
  virtual ~Caller() = default;

  Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// The transport says that nobody waits any more (cancelled, disconnected, deadline passed).
  /// Tells whoever holds the answer, once, unless the call has been answered.
  void leave() {
    if (gone_) return;
    gone_ = true;
    if (on_gone_ != nullptr) std::exchange(on_gone_, nullptr)(watcher_, subject_);
  }

  bool gone() const { return gone_; }

 protected:
  /// The object, whose call has been answered, stands for another call from now on.
  void renew() { gone_ = false; }

 private:
  template <class>
  friend class AnswerHandle;

  bool gone_ = false;
  void (*on_gone_)(void* watcher, std::uint64_t target) = nullptr;
  void* watcher_ = nullptr;
  std::uint64_t subject_ = 0;
};

/// The end of a call that is answered by one message or refused.
template <class Response>
class UnaryCaller : public Caller {
 public:
  virtual void deliver(Response&& response) = 0;
  virtual void refuse(const absl::Status& status) = 0;
  // Exactly one of the two is called, exactly once, in the serial context. The callee must not call
  // the service back before it returns, and may destroy itself.
};

/// The end of a call that is answered by any number of messages and a status.
template <class Message>
class StreamCaller : public Caller {
 public:
  virtual void write(Message&& message) = 0;
  virtual void finish(const absl::Status& status) = 0;
  // Exactly once, after the last write. The same rules as for UnaryCaller.
};

/// The core's end of one call, of whichever shape: move-only, and it must be used up before it is
/// destroyed.
template <class CallerType>
class AnswerHandle {
 public:
  explicit AnswerHandle(CallerType& caller) : caller_(&caller) {}
  ~AnswerHandle() { assert(caller_ == nullptr && "a call was never answered"); }

  AnswerHandle(AnswerHandle&& other) noexcept : caller_(std::exchange(other.caller_, nullptr)) {}
  AnswerHandle& operator=(AnswerHandle&& other) noexcept {
    assert(caller_ == nullptr && "a call was never answered");
    caller_ = std::exchange(other.caller_, nullptr);
    return *this;
  }

  /// Whether somebody still waits for this answer.
  bool awaited() const { return caller_ != nullptr && !caller_->gone(); }

  /// Calls on_gone(watcher, target) once if the caller leaves before it is answered. A caller that
  /// has left already is not told again: ask awaited() first.
  void watch(void (*on_gone)(void* watcher, std::uint64_t target), void* watcher,
             std::uint64_t target) {
    caller_->on_gone_ = on_gone;
    caller_->watcher_ = watcher;
    caller_->subject_ = target;
  }

 protected:
  CallerType& peek() { return *caller_; }

  // The caller, to be answered for good: from here on its leaving concerns nobody.
  CallerType& take() {
    assert(caller_ != nullptr && "a call was answered twice");
    caller_->on_gone_ = nullptr;
    return *std::exchange(caller_, nullptr);
  }

 private:
  CallerType* caller_;
};

/// The one answer to one call.
template <class Response>
class Answer : public AnswerHandle<UnaryCaller<Response>> {
 public:
  using AnswerHandle<UnaryCaller<Response>>::AnswerHandle;

  void send(Response&& response) && { this->take().deliver(std::move(response)); }
  void refuse(const absl::Status& status) && {
    assert(!status.ok());
    this->take().refuse(status);
  }
};

/// The answer to a call that is answered bit by bit.
template <class Message>
class StreamAnswer : public AnswerHandle<StreamCaller<Message>> {
 public:
  using AnswerHandle<StreamCaller<Message>>::AnswerHandle;

  void write(Message&& message) { this->peek().write(std::move(message)); }
  void finish(const absl::Status& status) && { this->take().finish(status); }
};

}  // namespace quintain::core
