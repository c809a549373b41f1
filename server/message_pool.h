// Reuse of the memory of requests.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace quintain::server {

/// Requests of one method, whose memory is used for later ones. Thread-safe. Must outlive its
/// leases.
template <class Request>
class MessagePool {
 public:
  /// Returns the request to the pool, unless it is large.
  struct Releaser {
    MessagePool* pool = nullptr;
    std::size_t wire_bytes = 0;
    void operator()(Request* request) const {
      pool->take_back(std::unique_ptr<Request>(request), wire_bytes);
    }
  };
  using Lease = std::unique_ptr<Request, Releaser>;

  /// Returns a request with unspecified contents. `wire_bytes`: the size of the message that will
  /// be parsed into it.
  Lease lease(std::size_t wire_bytes) {
    std::unique_ptr<Request> request = find_idle();
    if (request == nullptr) request = std::make_unique<Request>();
    return Lease(request.release(), Releaser{this, wire_bytes});
  }

 private:
  // Requests beyond these limits are freed, so that neither a burst nor a large message occupies
  // memory forever.
  static constexpr std::size_t kMaxIdle = 256;
  static constexpr std::size_t kMaxBytes = 4096;

  std::unique_ptr<Request> find_idle() {
    const absl::MutexLock lock(&mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Request> request = std::move(idle_.back());
    idle_.pop_back();
    return request;
  }

  void take_back(std::unique_ptr<Request> request, std::size_t wire_bytes) {
    if (wire_bytes > kMaxBytes) return;
    const absl::MutexLock lock(&mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(request));
  }

  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Request>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quintain::server
