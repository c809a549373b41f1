// Where a live node lives: one thing happens after the other, on whichever thread.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

namespace quintain::server {

/// Hears of the turns of a serial context. A turn is what one posted function or handler does.
class TurnListener {
 public:
  virtual void before_turn() = 0;
  virtual void after_turn() = 0;
  // Within the context. What they do has turns of its own.

 protected:
  ~TurnListener() = default;
};

/// What is posted happens one after the other, and each sees what those before it did. Everything
/// of the core is built, used and destroyed in here.
///
/// A function that is posted while the context is free runs at once, on the thread that posts it;
/// if it is not free, whoever is in it runs the function next. So no caller waits for the context,
/// and no thread is woken to serve a call. The context's own thread waits for the clock and for
/// descriptors, and it relieves a caller who would otherwise work for others for too long.
class SerialContext {
 public:
  SerialContext() = default;
  ~SerialContext();

  SerialContext(const SerialContext&) = delete;
  SerialContext& operator=(const SerialContext&) = delete;

  /// For what waits on descriptors, signals, clocks and processes: its handlers, and what is posted
  /// to it, run in the context and on the context's own thread, never before the caller has come
  /// back.
  boost::asio::any_io_executor executor();

  /// Before start(). The listener must live as long as anything is posted.
  void set_listener(TurnListener& listener) { listener_ = &listener; }

  /// Begins to run what was and will be posted.
  void start();

  /// Ends the context when what was posted before has run; what is posted later never runs. Not
  /// from within the context.
  void stop();

  /// Runs `function` in the context, after what was posted before: maybe before post() comes back,
  /// and never within the turn that posts it. From any thread. It must not throw.
  template <class Function>
  void post(Function&& function) {
    if (try_enter()) {
      take_turn(function);
      work(nullptr, Place::kCaller);
    } else {
      enqueue(std::make_unique<Posted<std::decay_t<Function>>>(std::forward<Function>(function)));
    }
  }

  /// Runs `function` in the context and gives what it returns. While the context is started; not
  /// from within.
  template <class Function>
  auto run(Function&& function) {
    using Result = std::invoke_result_t<Function>;
    std::packaged_task<Result()> task(std::forward<Function>(function));
    auto result = task.get_future();
    post(std::move(task));
    return result.get();
  }

 private:
  enum class Place : bool { kCaller, kHome };

  // A function that waits for its turn.
  struct Turn {
    virtual ~Turn() = default;
    virtual void take() = 0;

    Turn* next = nullptr;
    bool only_at_home = false;
  };

  template <class Function>
  struct Posted final : Turn {
    explicit Posted(Function its_function) : function(std::move(its_function)) {}
    void take() override { function(); }
    Function function;
  };

  // As Asio wants it.
  class Executor {
   public:
    explicit Executor(SerialContext& context) noexcept : context_(&context) {}

    template <class Function>
    void execute(Function&& function) const {
      auto turn =
          std::make_unique<Posted<std::decay_t<Function>>>(std::forward<Function>(function));
      turn->only_at_home = true;
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

  // What inbox_ holds while nobody is in the context.
  static Turn* nobody() { return &nobody_; }
  struct Nobody final : Turn {
    void take() override {}
  };
  static Nobody nobody_;

  bool try_enter() {
    Turn* expected = nobody();
    return inbox_.compare_exchange_strong(expected, nullptr, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void enqueue(std::unique_ptr<Turn> turn);

  // Within the context.
  template <class Function>
  void take_turn(Function& function) {
    if (stopped_) return;
    if (listener_ != nullptr) listener_->before_turn();
    function();
    if (listener_ != nullptr) listener_->after_turn();
  }
  void work(Turn* ready, Place place);
  void go_home(Turn* ready);

  // Whoever puts something in while it holds nobody() is in the context from then on, until it puts
  // nobody() back. Otherwise what waits, the latest first. Before start() the context is not free.
  std::atomic<Turn*> inbox_ = nullptr;

  // Within the context only.
  Turn* ready_ = nullptr;  // on the way to the context's own thread
  bool stopped_ = false;

  TurnListener* listener_ = nullptr;
  boost::asio::io_context io_context_;
  std::thread thread_;
};

}  // namespace quintain::server
