// The one thread in which a live node lives.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <thread>
#include <type_traits>
#include <utility>

namespace quintain::server {

/// Hears of the turns of a serial context. A turn is what one handler does.
class TurnListener {
 public:
  virtual void before_posted() = 0;
  // A posted function is about to run; what is done here has turns of its own.

  virtual void after_turn() = 0;

 protected:
  ~TurnListener() = default;
};

/// An io_context that one thread runs: what is posted to it happens one after the other. Everything
/// of the core is built, used and destroyed in here.
class SerialContext {
 public:
  SerialContext() = default;
  ~SerialContext() { stop(); }

  SerialContext(const SerialContext&) = delete;
  SerialContext& operator=(const SerialContext&) = delete;

  /// For what waits on descriptors, signals and processes. Its handlers run in the context.
  boost::asio::io_context& io_context() { return io_context_; }

  /// Before start(). The listener must outlive the thread.
  void set_listener(TurnListener& listener) { listener_ = &listener; }

  /// Begins to run what was and will be posted.
  void start();

  /// Ends the thread after the handler that runs now; what is posted later never runs. Not from
  /// within the context.
  void stop();

  /// Runs `function` in the context, after what was posted before. From any thread. It must not
  /// throw.
  template <class Function>
  void post(Function&& function) {
    boost::asio::post(io_context_, [this, function = std::forward<Function>(function)]() mutable {
      if (listener_ != nullptr) listener_->before_posted();
      function();
    });
  }

  /// Runs `function` in the context and gives what it returns. From any other thread, while the
  /// context is started.
  template <class Function>
  auto run(Function&& function) {
    using Result = std::invoke_result_t<Function>;
    std::packaged_task<Result()> task(std::forward<Function>(function));
    auto result = task.get_future();
    post(std::move(task));
    return result.get();
  }

 private:
  // One thread runs it, but any may post.
  boost::asio::io_context io_context_;
  TurnListener* listener_ = nullptr;
  std::thread thread_;
};

}  // namespace quintain::server
