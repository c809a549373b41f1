// spearlet.FunctionService over protobuf messages and callbacks, without a transport: the calls,
// and how each is answered exactly once.
#pragma once

#include <absl/status/status.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/time.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

/// What the transport knows about a call besides its request.
struct CallContext {
  /// When the caller stops waiting; never() if it set no deadline.
  Instant deadline = Instant::never();
  /// The size of the request on the wire; 0 if it was not on a wire.
  std::int64_t request_bytes = 0;
};

/// The transport's end of one call. It lives until the call is answered, even after the caller has
/// left: the core answers every call exactly once, and the transport drops an answer that is no
/// longer awaited. Serial context only.
class Caller {
 public:
  virtual ~Caller() = default;

  Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// Called by the transport when the caller stops waiting (cancelled, disconnected, deadline
  /// passed). Notifies the watcher of the answer once, unless the call has been answered.
  void leave() {
    if (gone_) return;
    gone_ = true;
    if (on_gone_ != nullptr) std::exchange(on_gone_, nullptr)(watcher_, target_);
  }

  bool gone() const { return gone_; }

 protected:
  /// Reuses this object for a new call. Requires: the previous call has been answered.
  void renew() { gone_ = false; }

  void notify_room() {
    if (on_room_ != nullptr) on_room_(watcher_, target_);
  }

 private:
  template <class>
  friend class AnswerHandle;

  bool gone_ = false;
  void (*on_gone_)(void* watcher, std::uint64_t target) = nullptr;
  void (*on_room_)(void* watcher, std::uint64_t target) = nullptr;
  void* watcher_ = nullptr;
  std::uint64_t target_ = 0;
};

/// The transport's end of a call that is answered by one message or refused.
template <class Response>
class UnaryCaller : public Caller {
 public:
  /// Answers the call. Exactly one of deliver() and refuse() is called, exactly once. The callee
  /// must not call the service before it returns, and may destroy itself.
  virtual void deliver(Response&& response) = 0;
  virtual void refuse(const absl::Status& status) = 0;
};

/// The transport's end of a call that is answered by any number of messages and a status.
template <class Message>
class StreamCaller : public Caller {
 public:
  virtual void write(Message&& message) = 0;

  /// Bytes that were written and still wait for the reader; 0 if the transport does not know.
  virtual std::size_t unsent_bytes() const { return 0; }

  /// Called exactly once, after the last write(). The callee is bound as for UnaryCaller.
  virtual void finish(const absl::Status& status) = 0;

 protected:
  /// Called by the transport when unsent_bytes() has become less, but not from within write().
  /// Notifies the watcher of the answer, unless the call has been answered.
  void made_room() { this->notify_room(); }
};

/// The core's end of one call. Move-only. Requires: the call is answered before the handle is
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

  /// Whether the caller still waits for this answer.
  bool awaited() const { return caller_ != nullptr && !caller_->gone(); }

  /// Calls on_gone(watcher, target) once if the caller leaves before it is answered. Requires:
  /// awaited(); a caller that has left already is not reported.
  void watch(void (*on_gone)(void* watcher, std::uint64_t target), void* watcher,
             std::uint64_t target) {
    caller_->on_gone_ = on_gone;
    caller_->watcher_ = watcher;
    caller_->target_ = target;
  }

 protected:
  CallerType& peek() { return *caller_; }
  const CallerType& peek() const { return *caller_; }

  void watch_room(void (*on_room)(void* watcher, std::uint64_t target)) {
    caller_->on_room_ = on_room;
  }

  // Detaches the caller for its final answer; leave() has no effect afterwards.
  CallerType& take() {
    assert(caller_ != nullptr && "a call was answered twice");
    caller_->on_gone_ = nullptr;
    caller_->on_room_ = nullptr;
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

/// The answer to a streaming call: messages, then a status.
template <class Message>
class StreamAnswer : public AnswerHandle<StreamCaller<Message>> {
 public:
  using AnswerHandle<StreamCaller<Message>>::AnswerHandle;

  void write(Message&& message) { this->peek().write(std::move(message)); }
  std::size_t unsent_bytes() const { return this->peek().unsent_bytes(); }

  /// Calls on_room() with the watcher and the target of watch() whenever unsent_bytes() has become
  /// less. Requires: watch() was called.
  using AnswerHandle<StreamCaller<Message>>::watch_room;
  void finish(const absl::Status& status) && { this->take().finish(status); }
};

/// The ten calls of the contract, as implemented by the node and by decorators of another service.
/// All clients use this interface: the gRPC binding, the simulator's clients and the conformance
/// suite's transports. Serial context only. A call may be answered before it returns or much later.
class FunctionService {
 public:
  virtual ~FunctionService() = default;

  virtual void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                              Answer<spearlet::InvokeFunctionResponse> answer) = 0;
  virtual void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                                  Answer<spearlet::GetExecutionStatusResponse> answer) = 0;
  virtual void CancelExecution(const spearlet::CancelExecutionRequest& request,
                               Answer<spearlet::CancelExecutionResponse> answer) = 0;
  virtual void StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                              StreamAnswer<spearlet::StreamExecutionResult> answer) = 0;
  virtual void ListTasks(const spearlet::ListTasksRequest& request,
                         Answer<spearlet::ListTasksResponse> answer) = 0;
  virtual void GetTask(const spearlet::GetTaskRequest& request,
                       Answer<spearlet::GetTaskResponse> answer) = 0;
  virtual void DeleteTask(const spearlet::DeleteTaskRequest& request,
                          Answer<spearlet::DeleteTaskResponse> answer) = 0;
  virtual void ListExecutions(const spearlet::ListExecutionsRequest& request,
                              Answer<spearlet::ListExecutionsResponse> answer) = 0;
  virtual void GetHealth(const spearlet::GetHealthRequest& request,
                         Answer<spearlet::GetHealthResponse> answer) = 0;
  virtual void GetStats(const spearlet::GetStatsRequest& request,
                        Answer<spearlet::GetStatsResponse> answer) = 0;
};

}  // namespace quintain::core
