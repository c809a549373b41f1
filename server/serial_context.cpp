#include "server/serial_context.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cassert>

namespace quintain::server {
namespace {

// A caller does not work for others any longer than this; nor does the context's own thread, which
// looks at its descriptors then.
constexpr int kMaxInARow = 64;

}  // namespace

SerialContext::Nobody SerialContext::nobody_;

SerialContext::~SerialContext() {
  stop();
  // Nobody else is left to post.
  Turn* left[] = {ready_, inbox_.load(std::memory_order_acquire)};
  for (Turn* turn : left) {
    while (turn != nullptr && turn != nobody()) delete std::exchange(turn, turn->next);
  }
}

boost::asio::any_io_executor SerialContext::executor() { return Executor(*this); }

void SerialContext::start() {
  assert(!thread_.joinable());
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "serial-context");
    const auto keep_running = boost::asio::make_work_guard(io_context_);
    work(nullptr, Place::kHome);
    io_context_.run();
  });
}

void SerialContext::stop() {
  if (!thread_.joinable()) return;
  assert(std::this_thread::get_id() != thread_.get_id());
  run([this] { stopped_ = true; });
  io_context_.stop();
  thread_.join();
}

void SerialContext::enqueue(std::unique_ptr<Turn> turn) {
  Turn* top = inbox_.load(std::memory_order_relaxed);
  for (;;) {
    if (top == nobody()) {
      turn->next = nullptr;
      if (inbox_.compare_exchange_weak(top, nullptr, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return work(turn.release(), Place::kCaller);
      }
    } else {
      turn->next = top;
      if (inbox_.compare_exchange_weak(top, turn.get(), std::memory_order_release,
                                       std::memory_order_relaxed)) {
        static_cast<void>(turn.release());  // it is in the inbox
        return;
      }
    }
  }
}

// Runs what is ready, in that order, and what comes meanwhile, and leaves the context; or gives it
// over to the context's own thread.
void SerialContext::work(Turn* ready, Place place) {
  for (int taken = 0;; ++taken) {
    if (ready == nullptr) {
      Turn* nothing = nullptr;
      if (inbox_.compare_exchange_strong(nothing, nobody(), std::memory_order_release,
                                         std::memory_order_relaxed)) {
        return;
      }
      Turn* latest = inbox_.exchange(nullptr, std::memory_order_acquire);
      while (latest != nullptr) {
        Turn* const earlier = std::exchange(latest->next, ready);
        ready = std::exchange(latest, earlier);
      }
    }
    if (taken == kMaxInARow || (ready->only_at_home && place != Place::kHome)) {
      return go_home(ready);
    }
    const std::unique_ptr<Turn> turn(std::exchange(ready, ready->next));
    const auto take = [&turn] { turn->take(); };
    take_turn(take);
  }
}

void SerialContext::go_home(Turn* ready) {
  ready_ = ready;
  boost::asio::post(io_context_, [this] { work(std::exchange(ready_, nullptr), Place::kHome); });
}

}  // namespace quintain::server
