// A load of calls: as soon as one is answered, the next one is made.
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

/// So many calls are outstanding at any time, all on one connection, by gRPC's callback API.
template <class Request, class Response>
class ClosedLoop {
 public:
  /// Makes a call, as the stub's asynchronous methods do.
  using Call = std::function<void(grpc::ClientContext*, const Request*, Response*,
                                  std::function<void(grpc::Status)>)>;

  /// `request` is what every call asks.
  ClosedLoop(int outstanding, Call call, const Request& request)
      : call_(std::move(call)), running_(outstanding) {
    for (int i = 0; i < outstanding; ++i) {
      slots_.push_back(std::make_unique<Slot>(*this, request));
    }
    for (const auto& slot : slots_) slot->go();
  }

  /// What is outstanding is waited for.
  ~ClosedLoop() { stop(); }

  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  /// Answers that come between the two are written down.
  void begin_recording() { recording_.store(true); }
  void end_recording() { recording_.store(false); }

  void stop() {
    if (!stopping_.exchange(true)) running_.Wait();
  }

  /// Once it is stopped: how long each recorded answer took.
  std::vector<std::chrono::nanoseconds> latencies() const {
    std::vector<std::chrono::nanoseconds> all;
    for (const auto& slot : slots_) {
      all.insert(all.end(), slot->latencies.begin(), slot->latencies.end());
    }
    return all;
  }

  /// Once it is stopped: the calls that were not answered well.
  std::int64_t failed() const {
    std::int64_t failed = 0;
    for (const auto& slot : slots_) failed += slot->failed;
    return failed;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Calls that are made one after the other. Shared with nobody while they go on.
  struct Slot {
    Slot(ClosedLoop& its_loop, const Request& its_request) : loop(its_loop), request(its_request) {
      latencies.reserve(1 << 16);
    }

    void go() {
      context.emplace();
      began = Clock::now();
      loop.call_(&*context, &request, &response,
                 [this](const grpc::Status& status) { done(status); });
    }

    void done(const grpc::Status& status) {
      if (!status.ok()) ++failed;
      if (loop.recording_.load(std::memory_order_relaxed)) {
        latencies.push_back(Clock::now() - began);
      }
      if (!loop.stopping_.load(std::memory_order_relaxed)) return go();
      loop.running_.DecrementCount();
    }

    ClosedLoop& loop;
    const Request request;
    std::optional<grpc::ClientContext> context;
    Response response;
    Clock::time_point began;
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
