#include "server/context_watch.h"

#include <pthread.h>

namespace quintain::server {
namespace {

constexpr std::chrono::milliseconds kWatchInterval(25);

}  // namespace

ContextWatch::ContextWatch(const SerialContext& context, const Log& log)
    : context_(context), log_(log), thread_([this] { watch(); }) {}

ContextWatch::~ContextWatch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ContextWatch::watch() {
  using Clock = std::chrono::steady_clock;
  pthread_setname_np(pthread_self(), "context-watch");
  LogLimiter limiter;
  std::uint64_t seen = context_.turn_mark();
  Clock::time_point since = Clock::now();
  bool counted = false;
  std::unique_lock lock(mutex_);
  while (!over_) {
    changed_.wait_for(lock, kWatchInterval);
    const std::uint64_t mark = context_.turn_mark();
    const Clock::time_point now = Clock::now();
    if (mark != seen || !SerialContext::is_in_turn(mark)) {
      seen = mark;
      since = now;
      counted = false;
      continue;
    }
    if (counted || now - since < kLimit) continue;
    counted = true;
    held_.fetch_add(1, std::memory_order_relaxed);
    if (limiter.admit(log_, "context-held")) {
      log_.warn("context-held",
                {{"ms", std::chrono::duration_cast<std::chrono::milliseconds>(now - since).count()},
                 {"turn", mark / 2}});
    }
  }
}

}  // namespace quintain::server
