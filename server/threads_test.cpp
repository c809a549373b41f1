// Explores the orders in which threads can use the parts of the server that more than one thread
// uses: the queue of a serial context, its own thread and its shutdown, and the pool of requests.
// Relacy runs small programs under all orders with a bound on preemptions, and larger ones under
// random orders, with the memory model of C++, so that a load may return an old value.
//
// Three planted races prove that it would find one.
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/service/message_pool.h"
#include "server/turn_queue.h"

// Relacy's header redefines keywords and names of the standard library.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <relacy/relacy.hpp>
#pragma GCC diagnostic pop
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

namespace quintain::server {
namespace {

rl::memory_order to_relacy(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    default:
      return rl::mo_seq_cst;
  }
}

// An atomic whose operations are explored.
template <class T>
class ExploredAtomic {
 public:
  ExploredAtomic(T value) { atomic_.store(value, rl::mo_relaxed, $); }  // NOLINT

  T load(std::memory_order order) { return atomic_.load(to_relacy(order), $); }
  void store(T value, std::memory_order order) { atomic_.store(value, to_relacy(order), $); }
  T exchange(T value, std::memory_order order) {
    return atomic_.exchange(value, to_relacy(order), $);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
    return atomic_.compare_exchange_strong(expected, desired, to_relacy(success), $,
                                           to_relacy(failure), $);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) {
    return compare_exchange_strong(expected, desired, success, failure);
  }

 private:
  rl::atomic<T> atomic_;
};

class ExploredMutex {
 public:
  void lock() { mutex_.lock($); }
  void unlock() { mutex_.unlock($); }

 private:
  rl::mutex mutex_;
};

// A planted race in the queue: a thread leaves the context whatever waits.
template <class T>
class CarelessAtomic : public ExploredAtomic<T> {
 public:
  using ExploredAtomic<T>::ExploredAtomic;
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
    if (expected != nullptr) {
      return ExploredAtomic<T>::compare_exchange_strong(expected, desired, success, failure);
    }
    this->store(desired, success);
    return true;
  }
};

enum class Planted : std::uint8_t { kNothing, kLostAtStop };

// Threads post turns, some of which need the context's own thread; the last thread is that thread,
// which also ends on request. As in SerialContext, but Asio is replaced by a queue of one element
// with a lock.
template <template <class> class Atomic, int kPosters, int kPosts, Planted kFault>
struct ContextProgram
    : rl::test_suite<ContextProgram<Atomic, kPosters, kPosts, kFault>, kPosters + 1> {
  using Queue = TurnQueue<Atomic>;
  using Turn = typename Queue::Turn;

  struct Post final : Turn {
    void run() override {}
  };

  Queue queue;
  rl::var<int> turns_run;  // only the thread in the context may use it
  Post posts[static_cast<std::size_t>(kPosters * kPosts)];
  Post stop;
  bool stopped = false;
  rl::mutex mutex;
  rl::condition_variable wake;
  rl::var<Turn*> handed_over;
  rl::var<bool> ending;

  void before() {
    turns_run($) = 0;
    handed_over($) = nullptr;
    ending($) = false;
    // The context is free after start().
    queue.leave_or_take();
  }

  void run_turns(Turn* ready, bool on_own_thread) {
    Turn* const left = queue.run(ready, on_own_thread, /*max=*/2, [this](Turn& turn) {
      if (stopped) return;
      if (&turn == &stop) {
        stopped = true;
        end_own_thread();
        return;
      }
      turns_run($) = turns_run($) + 1;
    });
    if (left == nullptr) return;
    mutex.lock($);
    RL_ASSERT(handed_over($) == nullptr);
    handed_over($) = left;
    wake.notify_one($);
    mutex.unlock($);
  }

  void end_own_thread() {
    mutex.lock($);
    ending($) = true;
    wake.notify_one($);
    mutex.unlock($);
  }

  void post(Turn& turn) {
    if (queue.enter_or_wait(turn)) run_turns(&turn, false);
  }

  void thread(unsigned index) {
    if (index < kPosters) {
      for (int i = 0; i < kPosts; ++i) {
        Post& turn = posts[static_cast<int>(index) * kPosts + i];
        turn.needs_own_thread = index == 0 && i == 0;
        post(turn);
      }
      // Each poster has its posts run before the stop, which the last one posts.
      if (index == kPosters - 1) {
        if (kFault == Planted::kLostAtStop) {
          end_own_thread();
        } else {
          stop.needs_own_thread = true;
          post(stop);
        }
      }
      return;
    }
    for (;;) {
      mutex.lock($);
      while (handed_over($) == nullptr && !ending($)) wake.wait(mutex, $);
      Turn* const ready = handed_over($);
      handed_over($) = nullptr;
      mutex.unlock($);
      if (ready == nullptr) return;
      run_turns(ready, true);
    }
  }

  void after() {
    // All posts of the thread that stops the context precede the stop.
    RL_ASSERT(turns_run($) >= kPosts);
  }
};

// Two threads lease a request, use it and give it back.
template <bool kReleasesTwice>
struct PoolProgram : rl::test_suite<PoolProgram<kReleasesTwice>, 2> {
  struct Request {
    rl::var<int> user;
  };
  using Pool = core::service::MessagePool<Request, ExploredMutex>;

  // Made and destroyed within the run, whose memory Relacy owns.
  std::optional<Pool> pool;

  void before() { pool.emplace(); }
  void after() { pool.reset(); }

  void thread(unsigned index) {
    for (int i = 0; i < 2; ++i) {
      typename Pool::Lease lease = pool->lease(10);
      lease->user($) = static_cast<int>(index);
      if (kReleasesTwice && i == 0) typename Pool::Releaser{&*pool, 10}(lease.get());
      RL_ASSERT(lease->user($) == static_cast<int>(index));
    }
  }
};

enum class Search : std::uint8_t { kAll, kRandom };

// Whether all runs were right. What was wrong is printed if the program is expected to be right.
template <class Program>
bool explore(Search search, rl::iteration_t iterations, bool expected_right = true) {
  std::ostream silent(nullptr);
  rl::test_params parameters;
  parameters.output_stream = expected_right ? &std::cout : &silent;
  parameters.progress_stream = &silent;
  parameters.search_type =
      search == Search::kAll ? rl::fair_context_bound_scheduler_type : rl::random_scheduler_type;
  parameters.context_bound = 2;
  parameters.iteration_count = iterations;
  return rl::simulate<Program>(parameters);
}

constexpr rl::iteration_t kRandomRuns = 20'000;

TEST(Threads, ASmallContextIsRightInEveryOrder) {
  using Program = ContextProgram<ExploredAtomic, 2, 1, Planted::kNothing>;
  EXPECT_TRUE(explore<Program>(Search::kAll, 1'000'000));
}

TEST(Threads, ALargerContextIsRightInRandomOrders) {
  using Program = ContextProgram<ExploredAtomic, 3, 4, Planted::kNothing>;
  EXPECT_TRUE(explore<Program>(Search::kRandom, kRandomRuns));
}

TEST(Threads, ThePoolIsRightInEveryOrder) {
  EXPECT_TRUE(explore<PoolProgram<false>>(Search::kAll, 1'000'000));
}

TEST(Threads, AMissedWakeUpIsFound) {
  using Program = ContextProgram<CarelessAtomic, 2, 1, Planted::kNothing>;
  EXPECT_FALSE(explore<Program>(Search::kAll, 1'000'000, false));
}

TEST(Threads, APostThatIsLostAtTheStopIsFound) {
  using Program = ContextProgram<ExploredAtomic, 2, 2, Planted::kLostAtStop>;
  EXPECT_FALSE(explore<Program>(Search::kRandom, kRandomRuns, false));
}

TEST(Threads, ADoubleReleaseIsFound) {
  EXPECT_FALSE(explore<PoolProgram<true>>(Search::kAll, 1'000'000, false));
}

}  // namespace
}  // namespace quintain::server
