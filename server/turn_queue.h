// The lock-free part of a serial context: who is in the context, and what waits for it.
#pragma once

#include <atomic>
#include <utility>

namespace quintain::server {

/// Turns that wait for a context which at most one thread is in. A thread that finds the context
/// free enters it; otherwise its turn waits, and the thread that is in the context takes it before
/// it leaves.
///
/// `Atomic` has the interface of std::atomic; threads_test.cpp explores all orders in which threads
/// can use the queue with an atomic of its own. Thread-safe, except where stated otherwise.
template <template <class> class Atomic>
class TurnQueue {
 public:
  /// A posted function.
  struct Turn {
    virtual ~Turn() = default;
    virtual void run() = 0;

    Turn* next = nullptr;
    bool needs_own_thread = false;
  };

  /// At first a thread is in the context: the one that makes it.
  TurnQueue() = default;
  TurnQueue(const TurnQueue&) = delete;
  TurnQueue& operator=(const TurnQueue&) = delete;

  /// Enters the context if it is free.
  bool try_enter() {
    Turn* expected = free_mark();
    return inbox_.compare_exchange_strong(expected, nullptr, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  /// Enters the context if it is free, and returns true: the turn is for the caller to run.
  /// Otherwise the turn waits and belongs to the queue.
  bool enter_or_wait(Turn& turn) {
    Turn* top = inbox_.load(std::memory_order_relaxed);
    for (;;) {
      if (top == free_mark()) {
        turn.next = nullptr;
        if (inbox_.compare_exchange_weak(top, nullptr, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
          return true;
        }
      } else {
        turn.next = top;
        if (inbox_.compare_exchange_weak(top, &turn, std::memory_order_release,
                                         std::memory_order_relaxed)) {
          return false;
        }
      }
    }
  }

  /// Runs the ready turns in their order and then those that arrive meanwhile, and leaves the
  /// context; or stops after `max` turns, or before a turn that needs the context's own thread,
  /// and returns the turns that are left: the caller is still in the context then. run_turn(turn)
  /// owns the turn. Requires: the caller is in the context.
  template <class RunTurn>
  Turn* run(Turn* ready, bool on_own_thread, int max, const RunTurn& run_turn) {
    for (int count = 0;; ++count) {
      if (ready == nullptr) {
        ready = leave_or_take();
        if (ready == nullptr) return nullptr;
      }
      if (count == max || (ready->needs_own_thread && !on_own_thread)) return ready;
      run_turn(*std::exchange(ready, ready->next));
    }
  }

  /// Leaves the context and returns nullptr, or returns the turns that wait, in the order in which
  /// they were posted. Requires: the caller is in the context.
  Turn* leave_or_take() {
    Turn* nothing = nullptr;
    if (inbox_.compare_exchange_strong(nothing, free_mark(), std::memory_order_release,
                                       std::memory_order_relaxed)) {
      return nullptr;
    }
    Turn* latest = inbox_.exchange(nullptr, std::memory_order_acquire);
    Turn* ready = nullptr;
    while (latest != nullptr) {
      Turn* const earlier = std::exchange(latest->next, ready);
      ready = std::exchange(latest, earlier);
    }
    return ready;
  }

  /// The turns that wait, the latest first. Requires: no other thread uses the queue any more.
  Turn* abandon() {
    Turn* const left = inbox_.load(std::memory_order_acquire);
    return left == free_mark() ? nullptr : left;
  }

 private:
  struct FreeMark final : Turn {
    void run() override {}
  };

  // The value of inbox_ while no thread is in the context.
  Turn* free_mark() { return &free_mark_; }

  FreeMark free_mark_;
  // free_mark(), or the list of waiting turns, the latest first. A thread that replaces free_mark()
  // is in the context until it stores free_mark() again.
  Atomic<Turn*> inbox_ = nullptr;
};

}  // namespace quintain::server
