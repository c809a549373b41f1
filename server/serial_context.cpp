#include "server/serial_context.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cassert>

namespace quintain::server {
namespace {

// The number of turns after which a caller hands the context over to the context's own thread, and
// after which that thread checks its descriptors.
constexpr int kMaxTurnsInARow = 64;

}  // namespace

SerialContext::FreeMark SerialContext::free_mark_;

SerialContext::~SerialContext() {
  stop();
  // No other thread may post any more.
  Turn* left[] = {ready_, inbox_.load(std::memory_order_acquire)};
  for (Turn* turn : left) {
    while (turn != nullptr && turn != free_mark()) delete std::exchange(turn, turn->next);
  }
}

boost::asio::any_io_executor SerialContext::executor() { return Executor(*this); }

void SerialContext::start() {
  assert(!thread_.joinable());
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "serial-context");
    const auto keep_running = boost::asio::make_work_guard(io_context_);
    run_turns(nullptr, OnThread::kOwn);
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
    if (top == free_mark()) {
      turn->next = nullptr;
      if (inbox_.compare_exchange_weak(top, nullptr, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return run_turns(turn.release(), OnThread::kCaller);
      }
    } else {
      turn->next = top;
      if (inbox_.compare_exchange_weak(top, turn.get(), std::memory_order_release,
                                       std::memory_order_relaxed)) {
        static_cast<void>(turn.release());  // the inbox owns it
        return;
      }
    }
  }
}

// Runs the ready turns in their order and then those that arrive meanwhile, and leaves the context;
// or hands it over to the context's own thread.
void SerialContext::run_turns(Turn* ready, OnThread thread) {
  for (int count = 0;; ++count) {
    if (ready == nullptr) {
      Turn* nothing = nullptr;
      if (inbox_.compare_exchange_strong(nothing, free_mark(), std::memory_order_release,
                                         std::memory_order_relaxed)) {
        return;
      }
      Turn* latest = inbox_.exchange(nullptr, std::memory_order_acquire);
      while (latest != nullptr) {
        Turn* const earlier = std::exchange(latest->next, ready);
        ready = std::exchange(latest, earlier);
      }
    }
    if (count == kMaxTurnsInARow || (ready->needs_own_thread && thread != OnThread::kOwn)) {
      return move_to_own_thread(ready);
    }
    const std::unique_ptr<Turn> turn(std::exchange(ready, ready->next));
    const auto run = [&turn] { turn->run(); };
    run_turn(run);
  }
}

void SerialContext::move_to_own_thread(Turn* ready) {
  ready_ = ready;
  boost::asio::post(io_context_,
                    [this] { run_turns(std::exchange(ready_, nullptr), OnThread::kOwn); });
}

}  // namespace quintain::server
