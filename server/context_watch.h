// Notices when one function holds the serial context for long.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "server/log.h"
#include "server/serial_context.h"

namespace quintain::server {

/// Looks at a serial context on a thread of its own. A turn that takes 100 ms or more delays every
/// caller: it is logged as `context-held` while it lasts, and counted. Times are exact to 25 ms.
class ContextWatch {
 public:
  static constexpr std::chrono::milliseconds kLimit{100};

  /// Requires: the context outlives the watch.
  ContextWatch(const SerialContext& context, const Log& log);
  ~ContextWatch();

  ContextWatch(const ContextWatch&) = delete;
  ContextWatch& operator=(const ContextWatch&) = delete;

  /// The number of such turns so far. Thread-safe.
  std::int64_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  void watch();

  const SerialContext& context_;
  const Log log_;
  std::atomic<std::int64_t> held_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace quintain::server
