// Reuse of the memory of requests.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace quintain::core::service {

/// Requests of one method, whose memory is used for later ones. Thread-safe if `Mutex` is a lock.
/// Must outlive its leases.
template <class Request, class Mutex>
class MessagePool {
 public:
  /// `on_release` is called with each request that has been used.
  explicit MessagePool(void (*on_release)(Request& request) = nullptr) : on_release_(on_release) {}

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
    const std::lock_guard<Mutex> lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Request> request = std::move(idle_.back());
    idle_.pop_back();
    return request;
  }

  void take_back(std::unique_ptr<Request> request, std::size_t wire_bytes) {
    if (on_release_ != nullptr) on_release_(*request);
    if (wire_bytes > kMaxBytes) return;
    const std::lock_guard<Mutex> lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(request));
  }

  void (*const on_release_)(Request&);
  // In the server not absl::Mutex, whose library is not compiled with the thread sanitizer: it
  // would not see that the lock orders the uses of a request by different threads.
  Mutex mutex_;
  std::vector<std::unique_ptr<Request>> idle_;  // guarded by mutex_
};

}  // namespace quintain::core::service
