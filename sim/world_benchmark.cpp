// The speed of the real core in virtual time: M/M/16 at load 0.9, asynchronous invocations with a
// timeout, through FunctionService with protobuf messages. One thread.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "sim/load.h"
#include "sim/testing/mm16.h"
#include "sim/world.h"

namespace quintain::sim {
namespace {

using testing::kSlots;
using testing::mm16_calls;
using testing::mm16_node;

constexpr std::int64_t kDay = 24 * 3'600'000;  // ms

// The bytes allocated at this moment.
double heap_bytes() { return static_cast<double>(mallinfo2().uordblks); }

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void run(benchmark::State& state, World::Recording recording) {
  double events = 0;
  double virtual_seconds = 0;
  for (auto _ : state) {
    const auto played = testing::play_mm16(mm16_node(), state.range(0), recording);
    events += static_cast<double>(played.events);
    virtual_seconds += std::chrono::duration<double>(played.end.since_start()).count();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  using benchmark::Counter;
  state.counters["events/s"] = Counter(events, Counter::kIsRate);
  state.counters["virtual/real"] = Counter(virtual_seconds, Counter::kIsRate);
  state.counters["peak_MB"] = peak_megabytes();
}

void invocations(benchmark::State& state) { run(state, World::Recording::kOff); }
BENCHMARK(invocations)->Unit(benchmark::kMillisecond)->Apply([](auto* benchmark) {
  for (const std::int64_t count : {10'000, 100'000, 1'000'000}) benchmark->Arg(count);
  // Takes more than ten seconds, so it runs only on request.
  if (std::getenv("QUINTAIN_LONG_BENCHMARKS") != nullptr) benchmark->Arg(10'000'000);
});

// A queue of constant length. All waiting executions arrive at once. After that the arrival rate
// equals the service rate: a service takes a second, and kSlots executions arrive per second. An
// iteration is a second of virtual time.
void queued(benchmark::State& state) {
  const std::int64_t waiting = state.range(0);
  World world(/*seed=*/1, World::Recording::kOff);
  NodeSpec spec = mm16_node();
  spec.config.queue_limit = 200'000;
  spec.functions[0].service = distribution::Constant{std::chrono::seconds(1)};
  world.add_node(spec);
  Load first = mm16_calls(waiting + kSlots);
  first.request.mutable_context()->set_timeout_ms(kDay);
  Load then = first;
  first.arrivals = ArrivalSpec(
      arrivals::AtTimes{std::vector<core::Instant>(static_cast<std::size_t>(first.count))});
  then.arrivals = ArrivalSpec(arrivals::Deterministic{
      .interval = core::Duration(std::chrono::seconds(1)) / kSlots, .start = core::Instant()});
  then.count = std::numeric_limits<std::int64_t>::max();
  const double before = heap_bytes();
  LoadGenerator burst(world, std::move(first), 0);
  world.kernel().run_until(core::Instant());
  const double pending = heap_bytes() - before;
  LoadGenerator clients(world, std::move(then), 1);
  const core::Counters& counters = world.node(0).node().counters();
  // The warm-up ends when the whole queue has been replaced and some records exist.
  const std::int64_t warm_up = waiting + 20'000;
  world.kernel().run(core::Instant::never(), [&] { return counters.attempts > warm_up; });
  const std::int64_t attempts_before = counters.attempts;
  for (auto _ : state) world.kernel().run_until(world.now() + std::chrono::seconds(1));
  state.SetItemsProcessed(counters.attempts - attempts_before);
  const std::int64_t now_waiting = world.node(0).node().manager().queued();
  if (std::abs(now_waiting - waiting) > kSlots) state.SkipWithError("the queue is not as it was");
  state.counters["bytes/pending"] = pending / static_cast<double>(waiting + kSlots);
}
BENCHMARK(queued)->RangeMultiplier(10)->Range(10, 100'000);

// The heap memory of a finished record, in a node that keeps this many.
void remembered(benchmark::State& state) {
  for (auto _ : state) {
    World world(/*seed=*/1, World::Recording::kOff);
    world.add_node(mm16_node());
    LoadGenerator clients(world, mm16_calls(state.range(0)), 0);
    const core::Counters& counters = world.node(0).node().counters();
    const std::int64_t first = state.range(0) / 10;
    world.kernel().run(core::Instant::never(), [&] { return counters.accepted == first; });
    const double before = heap_bytes();
    world.kernel().run(core::Instant::never(), [&] { return counters.accepted == state.range(0); });
    state.counters["bytes/record"] =
        (heap_bytes() - before) / static_cast<double>(state.range(0) - first);
  }
}
BENCHMARK(remembered)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

// The same with a history and all invariants, as `quintain run` does it.
void judged_invocations(benchmark::State& state) { run(state, World::Recording::kOn); }
BENCHMARK(judged_invocations)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quintain::sim
