// The executor in which a served node runs.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

#include "server/turn_queue.h"

namespace quintain::server {

/// Is called around each turn of a serial context. A turn is the execution of one posted function
/// or handler.
class TurnListener {
 public:
  /// Called within the context. Functions that they post get turns of their own.
  virtual void before_turn() = 0;
  virtual void after_turn() = 0;

 protected:
  ~TurnListener() = default;
};

/// An executor that runs posted functions one at a time, in the order of posting; each sees the
/// effects of all earlier ones. The core is constructed, used and destroyed within a serial
/// context, so it needs no lock.
///
/// A function that is posted while the context is free runs at once on the posting thread.
/// Otherwise the thread that is in the context runs it later. So no caller waits for the context,
/// and no thread is woken to serve a call. The context's own thread waits for the clock and for
/// descriptors, and takes over from a caller that has run 64 functions in a row.
///
/// Thread-safe, except where stated otherwise.
class SerialContext {
 public:
  SerialContext() = default;
  ~SerialContext();

  SerialContext(const SerialContext&) = delete;
  SerialContext& operator=(const SerialContext&) = delete;

  /// Returns an executor for objects that wait for descriptors, signals, clocks and processes.
  /// Their handlers, and functions posted to it, run in the context and on the context's own
  /// thread, never before the call that posts them has returned.
  boost::asio::any_io_executor executor();

  /// Not thread-safe. Requires: start() has not been called; the listener outlives all turns.
  void set_listener(TurnListener& listener) { listener_ = &listener; }

  /// Starts to run functions, including those that have already been posted.
  void start();

  /// Stops the context after the functions posted so far. Functions posted later never run.
  /// Requires: the caller is not within the context.
  void stop();

  /// Runs `function` in the context, after the functions posted before: possibly before post()
  /// returns, but never within the turn that posts it. `function` must not throw.
  template <class Function>
  void post(Function&& function) {
    if (turns_.try_enter()) {
      run_turn(function);
      run_turns(nullptr, OnThread::kCaller);
    } else {
      enqueue(std::make_unique<Posted<std::decay_t<Function>>>(std::forward<Function>(function)));
    }
  }

  /// Runs `function` in the context, waits for it and returns its result. Requires: the context is
  /// started; the caller is not within it.
  template <class Function>
  auto run(Function&& function) {
    using Result = std::invoke_result_t<Function>;
    std::packaged_task<Result()> task(std::forward<Function>(function));
    auto result = task.get_future();
    post(std::move(task));
    return result.get();
  }

  /// A number that changes at the start and at the end of each turn. Thread-safe.
  std::uint64_t turn_mark() const { return turn_mark_.load(std::memory_order_relaxed); }

  /// Whether the context was in a turn when it had this mark.
  static bool is_in_turn(std::uint64_t mark) { return mark % 2 == 1; }

 private:
  enum class OnThread : bool { kCaller, kOwn };

  using Turn = TurnQueue<std::atomic>::Turn;

  template <class Function>
  struct Posted final : Turn {
    explicit Posted(Function its_function) : function(std::move(its_function)) {}
    void run() override { function(); }
    Function function;
  };

  // Meets Asio's executor requirements.
  class Executor {
   public:
    explicit Executor(SerialContext& context) noexcept : context_(&context) {}

    template <class Function>
    void execute(Function&& function) const {
      auto turn =
          std::make_unique<Posted<std::decay_t<Function>>>(std::forward<Function>(function));
      turn->needs_own_thread = true;
      context_->enqueue(std::move(turn));
    }

    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
      return context_->io_context_;
    }
    static constexpr boost::asio::execution::blocking_t::never_t query(
        boost::asio::execution::blocking_t) noexcept {
      return {};
    }

    bool operator==(const Executor& other) const noexcept { return context_ == other.context_; }
    bool operator!=(const Executor& other) const noexcept { return !(*this == other); }

   private:
    SerialContext* context_;
  };

  void enqueue(std::unique_ptr<Turn> turn);

  // Within the context.
  template <class Function>
  void run_turn(Function& function) {
    if (stopped_) return;
    mark_turn();
    if (listener_ != nullptr) listener_->before_turn();
    function();
    if (listener_ != nullptr) listener_->after_turn();
    mark_turn();
  }
  // Only the thread in the context writes, so no atomic increment is needed.
  void mark_turn() {
    turn_mark_.store(turn_mark_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void run_turns(Turn* ready, OnThread thread);
  void move_to_own_thread(Turn* ready);

  // Odd within a turn; increases at the start and at the end of each.
  std::atomic<std::uint64_t> turn_mark_ = 0;

  // Before start() the context is not free.
  TurnQueue<std::atomic> turns_;

  // Within the context only.
  Turn* ready_ = nullptr;  // turns that are being moved to the context's own thread
  bool stopped_ = false;

  TurnListener* listener_ = nullptr;
  boost::asio::io_context io_context_;
  std::thread thread_;
};

}  // namespace quintain::server
