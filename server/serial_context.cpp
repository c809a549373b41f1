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

SerialContext::~SerialContext() {
  stop();
  // No other thread may post any more.
  for (Turn* turn : {ready_, turns_.abandon()}) {
    while (turn != nullptr) delete std::exchange(turn, turn->next);
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
  Turn& posted = *turn.release();  // the queue's, or this thread's
  if (turns_.enter_or_wait(posted)) run_turns(&posted, OnThread::kCaller);
}

// Runs turns, and leaves the context or hands it over to the context's own thread.
void SerialContext::run_turns(Turn* ready, OnThread thread) {
  const auto run_one = [this](Turn& posted) {
    const std::unique_ptr<Turn> turn(&posted);
    const auto run = [&turn] { turn->run(); };
    run_turn(run);
  };
  Turn* const left = turns_.run(ready, thread == OnThread::kOwn, kMaxTurnsInARow, run_one);
  if (left != nullptr) move_to_own_thread(left);
}

void SerialContext::move_to_own_thread(Turn* ready) {
  ready_ = ready;
  boost::asio::post(io_context_,
                    [this] { run_turns(std::exchange(ready_, nullptr), OnThread::kOwn); });
}

}  // namespace quintain::server
