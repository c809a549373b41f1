// Compares the pending-event set with std::priority_queue. Benchmarks whose names differ only in
// `ladder` and `reference` do the same work; their ratio is the result.
#include "core/base/pending_event_set.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/testing/delays.h"

namespace quintain::core {
namespace {

// The reference: std::priority_queue with lazy withdrawal, without precedence.
class Reference {
 public:
  struct Event {
    Instant when;
    std::uint64_t sequence;
    void (*fire)(void*);
    void* self;
    bool operator>(const Event& other) const {
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };

  EventHandle schedule(Instant when, Precedence, void (*fire)(void*), void* self) {
    events_.push({when, ++scheduled_, fire, self});
    return scheduled_;
  }

  void withdraw(EventHandle handle) { withdrawn_[handle % kRemembered] = true; }

  /// pop() for models that withdraw events: skips withdrawn ones.
  Event pop_live() {
    for (;;) {
      const Event event = pop();
      if (!withdrawn_[event.sequence % kRemembered]) return event;
      withdrawn_[event.sequence % kRemembered] = false;
    }
  }

  Event pop() {
    const Event event = events_.top();
    events_.pop();
    return event;
  }

 private:
  // The cheapest record of withdrawals: one bit for each of the last 2^16 events. Requires: a model
  // has no older events pending.
  static constexpr std::size_t kRemembered = 1 << 16;

  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<bool> withdrawn_ = std::vector<bool>(kRemembered);
  std::uint64_t scheduled_ = 0;
};

class Ladder : public PendingEventSet {
 public:
  Event pop_live() { return pop(); }
};

// ---- Delays -------------------------------------------------------------------------------------

using testing::Delays;
using testing::exponential;

constexpr Duration kMean = Delays::kUnit;

// A distribution of delays with mean 1 or nearly 1.
struct Distribution {
  std::string_view name;
  double (*delay)(double u);    // from a uniform number in (0, 1)
  double (*initial)(double u);  // of the events that are pending at the start
};

constexpr Distribution kDistributions[] = {
    {"exponential", exponential, exponential},
    {"constant", [](double) { return 1.0; }, [](double u) { return u; }},
    {"bimodal", [](double u) { return u < 0.9 ? u / 9 : 9 + (u - 0.9) * 10; }, exponential},
    // Shape 1.2: infinite variance, and the sample mean hardly converges.
    {"pareto", [](double u) { return std::pow(u, -1 / 1.2) / 6; }, exponential},
    {"half-zero", [](double u) { return u < 0.5 ? 0 : 2 * exponential(2 * u - 1); }, exponential},
    // All events are at one instant, and so are their successors.
    {"ties", [](double) { return 1.0; }, [](double) { return 1.0; }},
};

void do_nothing(void*) {}

// ---- The hold model -----------------------------------------------------------------------------

// D. W. Jones, "An empirical comparison of priority-queue and event-set implementations", CACM
// 29(4), 1986: with n events pending, remove the first and schedule another.
template <typename Events>
void hold(benchmark::State& state, const Distribution& distribution, std::int64_t pending) {
  Delays initial(distribution.initial);
  Delays delays(distribution.delay);
  Events events;
  for (std::int64_t i = 0; i < pending; ++i) {
    events.schedule(Instant() + initial.next(), Precedence::kOther, &do_nothing, nullptr);
  }
  for (auto _ : state) {
    const auto event = events.pop();
    events.schedule(event.when + delays.next(), Precedence::kOther, event.fire, event.self);
  }
  state.SetItemsProcessed(state.iterations());
}

// ---- Schedule and withdraw ----------------------------------------------------------------------

// A timeout that is withdrawn before it becomes the first event, as almost all are. There is no
// reference: it would grow without bound.
void withdraw(benchmark::State& state, std::int64_t pending) {
  Delays delays(exponential);
  PendingEventSet events;
  for (std::int64_t i = 0; i < pending; ++i) {
    events.schedule(Instant() + delays.next(), Precedence::kOther, &do_nothing, nullptr);
  }
  for (auto _ : state) {
    events.withdraw(
        events.schedule(Instant() + delays.next(), Precedence::kTimeout, &do_nothing, nullptr));
  }
}

// ---- M/M/16 -------------------------------------------------------------------------------------

// Jobs arrive, wait for one of 16 servers and are served, at a load of 0.9. Each has a timeout that
// is withdrawn when it completes.
template <typename Events>
class Station {
 public:
  explicit Station(Duration timeout)
      : timeout_(timeout), gaps_(exponential, 1 / (0.9 * kServers)), services_(exponential) {
    arrive_later();
  }

  void run(std::int64_t jobs) {
    for (const std::int64_t until = left_ + jobs; left_ < until;) {
      const auto event = events_.pop_live();
      now_ = event.when;
      event.fire(event.self);
    }
  }

 private:
  static constexpr int kServers = 16;

  struct Job {
    Station* station = nullptr;
    EventHandle timeout = 0;
    EventHandle completion = 0;  // 0 while it waits
  };

  void arrive_later() {
    events_.schedule(
        now_ + gaps_.next(), Precedence::kOther,
        [](void* self) { static_cast<Station*>(self)->arrive(); }, this);
  }

  void arrive() {
    arrive_later();
    if (free_.empty()) free_.push_back(&jobs_.emplace_back());
    Job& job = *free_.back();
    free_.pop_back();
    job = {.station = this};
    job.timeout = events_.schedule(
        now_ + timeout_, Precedence::kTimeout,
        [](void* self) { static_cast<Job*>(self)->station->time_out(*static_cast<Job*>(self)); },
        &job);
    if (busy_ < kServers) {
      serve(job);
    } else {
      waiting_.push_back(&job);
    }
  }

  void serve(Job& job) {
    ++busy_;
    job.completion = events_.schedule(
        now_ + services_.next(), Precedence::kCompletion,
        [](void* self) { static_cast<Job*>(self)->station->complete(*static_cast<Job*>(self)); },
        &job);
  }

  void complete(Job& job) {
    events_.withdraw(job.timeout);
    leave(job);
  }

  void time_out(Job& job) {
    if (job.completion == 0) {
      waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &job));
      ++busy_;  // leave() releases a server that the job never had
    } else {
      events_.withdraw(job.completion);
    }
    leave(job);
  }

  void leave(Job& job) {
    --busy_;
    ++left_;
    free_.push_back(&job);
    if (waiting_.empty()) return;
    Job& next = *waiting_.front();
    waiting_.pop_front();
    serve(next);
  }

  const Duration timeout_;
  Events events_;
  Instant now_;
  Delays gaps_;
  Delays services_;
  int busy_ = 0;
  std::int64_t left_ = 0;
  std::deque<Job> jobs_;
  std::vector<Job*> free_;
  std::deque<Job*> waiting_;
};

template <typename Events>
void mm16(benchmark::State& state, int timeout) {
  constexpr std::int64_t kJobs = 1000;
  Station<Events> station(timeout * kMean);
  for (auto _ : state) station.run(kJobs);
  state.SetItemsProcessed(state.iterations() * kJobs);
}

// ---- Registration -------------------------------------------------------------------------------

void hold_both(const Distribution& distribution, std::int64_t pending) {
  // Enough steps for every key to pass through the whole queue, and for small queues to be timed.
  const auto steps = std::max<std::int64_t>(pending <= 1'000 ? 10'000'000 : 4'000'000, pending);
  const std::string suffix = "/" + std::string(distribution.name) + "/" + std::to_string(pending);
  benchmark::RegisterBenchmark(("hold/ladder" + suffix).c_str(), hold<Ladder>, distribution,
                               pending)
      ->Iterations(steps);
  benchmark::RegisterBenchmark(("hold/reference" + suffix).c_str(), hold<Reference>, distribution,
                               pending)
      ->Iterations(steps);
}

const bool kRegistered = [] {
  for (const Distribution& distribution : kDistributions) {
    for (const std::int64_t pending : {1'000, 100'000, 1'000'000}) hold_both(distribution, pending);
  }
  hold_both(kDistributions[0], 10'000'000);
  // In mean service times. The longer the timeout, the more withdrawn events are still in the
  // queue.
  for (const int timeout : {10, 600}) {
    const std::string suffix = "/" + std::to_string(timeout);
    benchmark::RegisterBenchmark(("mm16/ladder" + suffix).c_str(), mm16<Ladder>, timeout)
        ->Iterations(2'000);
    benchmark::RegisterBenchmark(("mm16/reference" + suffix).c_str(), mm16<Reference>, timeout)
        ->Iterations(2'000);
  }
  for (const std::int64_t pending : {1'000, 100'000, 1'000'000}) {
    benchmark::RegisterBenchmark(("withdraw/ladder/" + std::to_string(pending)).c_str(), withdraw,
                                 pending)
        ->Iterations(10'000'000);
  }
  return true;
}();

}  // namespace
}  // namespace quintain::core
