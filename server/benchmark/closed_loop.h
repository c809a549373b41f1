// A closed-loop load generator.
#pragma once

#include <absl/synchronization/blocking_counter.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace quintain::server::bench {

/// Keeps a fixed number of calls outstanding, all on one connection, by gRPC's callback API: each
/// answered call is followed by the next one. The public functions must be called from one thread;
/// the calls are made on gRPC's threads.
template <class Request, class Response>
class ClosedLoop {
 public:
  /// Starts a call, like the asynchronous methods of a stub.
  using Call = std::function<void(grpc::ClientContext*, const Request*, Response*,
                                  std::function<void(grpc::Status)>)>;

  /// Starts the load. Every call sends `request`.
  ClosedLoop(int outstanding, Call call, const Request& request)
      : call_(std::move(call)), running_(outstanding) {
    for (int i = 0; i < outstanding; ++i) {
      slots_.push_back(std::make_unique<Slot>(*this, request));
    }
    for (const auto& slot : slots_) slot->go();
  }

  /// Waits for the outstanding calls.
  ~ClosedLoop() { stop(); }

  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  /// The latencies of answers that arrive between these two calls are recorded.
  void start_recording() { recording_.store(true); }
  void stop_recording() { recording_.store(false); }

  void stop() {
    if (!stopping_.exchange(true)) running_.Wait();
  }

  /// Returns the recorded latencies. Requires: stop() has returned.
  std::vector<std::chrono::nanoseconds> latencies() const {
    std::vector<std::chrono::nanoseconds> all;
    for (const auto& slot : slots_) {
      all.insert(all.end(), slot->latencies.begin(), slot->latencies.end());
    }
    return all;
  }

  /// Returns the number of calls that failed. Requires: stop() has returned.
  std::int64_t failed() const {
    std::int64_t failed = 0;
    for (const auto& slot : slots_) failed += slot->failed;
    return failed;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // A sequence of calls, one at a time. Touched only by the thread that handles the current one.
  struct Slot {
    Slot(ClosedLoop& its_loop, const Request& its_request) : loop(its_loop), request(its_request) {
      latencies.reserve(1 << 16);
    }

    void go() {
      context.emplace();
      started_at = Clock::now();
      loop.call_(&*context, &request, &response,
                 [this](const grpc::Status& status) { done(status); });
    }

    void done(const grpc::Status& status) {
      if (!status.ok()) ++failed;
      if (loop.recording_.load(std::memory_order_relaxed)) {
        latencies.push_back(Clock::now() - started_at);
      }
      if (!loop.stopping_.load(std::memory_order_relaxed)) return go();
      loop.running_.DecrementCount();
    }

    ClosedLoop& loop;
    const Request request;
    std::optional<grpc::ClientContext> context;
    Response response;
    Clock::time_point started_at;
    std::vector<std::chrono::nanoseconds> latencies;
    std::int64_t failed = 0;
  };

  const Call call_;
  std::vector<std::unique_ptr<Slot>> slots_;
  absl::BlockingCounter running_;
  std::atomic<bool> recording_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace quintain::server::bench
