#include "core/server/serial_context.h"

#include <pthread.h>
#include <boost/asio/executor_work_guard.hpp>

#include <cassert>

namespace quintain::server {

void SerialContext::start() {
  assert(!thread_.joinable());
  thread_ = std::thread([this] {
    const auto keep_running = boost::asio::make_work_guard(io_context_);
    pthread_setname_np(pthread_self(), "serial-context");
    while (io_context_.run_one() > 0) {
      if (listener_ != nullptr) listener_->after_turn();
    }
  });
}

void SerialContext::stop() {
  if (!thread_.joinable()) return;
  assert(std::this_thread::get_id() != thread_.get_id());
  io_context_.stop();
  thread_.join();
}

}  // namespace quintain::server
