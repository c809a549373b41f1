// The hold model (D. W. Jones, "An empirical comparison of priority-queue and event-set
// implementations", CACM 29(4), 1986): with n pending, take out the first and schedule another.
#include "core/pending_event_set.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <vector>

#include "core/random.h"

namespace quintain::core {
namespace {

void nothing(void*) {}

// Exponential delays of mean 1 ms, drawn beforehand: their cost is not what is measured.
class Delays {
 public:
  Delays() {
    RandomStream stream("hold");
    for (Duration& delay : delays_) {
      delay =
          Duration(static_cast<std::int64_t>(-1e6 * std::log(to_unit_interval(stream.next(1)))));
    }
  }
  Duration next() { return delays_[position_++ % kCount]; }

 private:
  static constexpr std::size_t kCount = 1 << 16;
  std::vector<Duration> delays_ = std::vector<Duration>(kCount);
  std::size_t position_ = 0;
};

void HoldPendingEventSet(benchmark::State& state) {
  Delays delays;
  PendingEventSet events;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    events.schedule(Instant() + delays.next(), Precedence::kOther, &nothing, nullptr);
  }
  for (auto _ : state) {
    const PendingEventSet::Event event = events.pop();
    events.schedule(event.when + delays.next(), event.precedence, event.fire, event.self);
  }
}
BENCHMARK(HoldPendingEventSet)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// As a timeout does that is almost always withdrawn: it never surfaces.
void ScheduleAndWithdraw(benchmark::State& state) {
  Delays delays;
  PendingEventSet events;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    events.schedule(Instant() + delays.next(), Precedence::kOther, &nothing, nullptr);
  }
  for (auto _ : state) {
    events.withdraw(
        events.schedule(Instant() + delays.next(), Precedence::kTimeout, &nothing, nullptr));
  }
}
BENCHMARK(ScheduleAndWithdraw)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// The yardstick: the same total order, without withdrawal.
void HoldStdPriorityQueue(benchmark::State& state) {
  struct Event {
    Instant when;
    Precedence precedence;
    std::uint64_t sequence;
    void (*fire)(void*);
    void* self;
    bool operator>(const Event& other) const {
      return std::tie(when, precedence, sequence) >
             std::tie(other.when, other.precedence, other.sequence);
    }
  };
  Delays delays;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  std::uint64_t sequence = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    events.push({Instant() + delays.next(), Precedence::kOther, ++sequence, &nothing, nullptr});
  }
  for (auto _ : state) {
    Event event = events.top();
    events.pop();
    event.when = event.when + delays.next();
    event.sequence = ++sequence;
    events.push(event);
  }
}
BENCHMARK(HoldStdPriorityQueue)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace quintain::core
