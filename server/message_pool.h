// Reuse of the memory of requests and responses.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <grpcpp/support/message_allocator.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace quintain::server {

/// The allocator from which gRPC gets the messages of one method. Thread-safe. Must outlive the
/// server.
template <class Request, class Response>
class MessagePool final : public grpc::MessageAllocator<Request, Response> {
 public:
  /// The messages of one call. They have two holders, gRPC and the binding's call, and return to
  /// the pool when both have released them: the core may use a request after the answer.
  class Messages final : public grpc::MessageHolder<Request, Response> {
   public:
    explicit Messages(MessagePool& pool) : pool_(pool) {
      this->set_request(&request_);
      this->set_response(&response_);
    }

    void Release() override {
      if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) pool_.take_back(this);
    }

   private:
    friend class MessagePool;

    MessagePool& pool_;
    std::atomic<int> holders_ = 0;
    Request request_;
    Response response_;
  };

  struct Releaser {
    void operator()(Messages* messages) const { messages->Release(); }
  };
  /// The share of the binding's call.
  using Lease = std::unique_ptr<Messages, Releaser>;

  Messages* AllocateMessages() override {
    std::unique_ptr<Messages> messages = find_idle();
    if (messages == nullptr) messages = std::make_unique<Messages>(*this);
    messages->holders_.store(2, std::memory_order_relaxed);
    return messages.release();
  }

 private:
  // Messages beyond these limits are freed, so that neither a burst nor a large message occupies
  // memory forever. `kMaxBytes` applies to request and response together.
  static constexpr std::size_t kMaxIdle = 256;
  static constexpr std::size_t kMaxBytes = 4096;

  std::unique_ptr<Messages> find_idle() {
    const absl::MutexLock lock(&mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Messages> messages = std::move(idle_.back());
    idle_.pop_back();
    return messages;
  }

  void take_back(Messages* messages) {
    std::unique_ptr<Messages> back(messages);
    if (back->request_.ByteSizeLong() + back->response_.ByteSizeLong() > kMaxBytes) return;
    const absl::MutexLock lock(&mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(back));
  }

  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Messages>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quintain::server
