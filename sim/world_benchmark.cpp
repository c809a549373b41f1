// How fast the real core runs in virtual time: M/M/16 at load 0.9, asynchronous invocations with a
// timeout each, through FunctionService with protobuf messages in and out. One thread.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <chrono>

#include "sim/invariants/invariant.h"
#include "sim/load.h"
#include "sim/world.h"

namespace quintain::sim {
namespace {

constexpr int kSlots = 16;
constexpr double kUtilisation = 0.9;

NodeSpec node() {
  NodeSpec spec;
  spec.config.slots = kSlots;
  spec.config.eta.estimator = "queue-length";
  FunctionModel work;
  work.task = "work";
  work.service = law::Exponential{std::chrono::seconds(1)};
  spec.functions.push_back(std::move(work));
  return spec;
}

Load load(std::int64_t count) {
  Load load;
  load.name = "load";
  load.request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  load.request.set_task_id("work");
  load.request.set_function_name("work");
  load.request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  load.request.mutable_context()->set_timeout_ms(600'000);
  load.arrivals = ArrivalSpec(arrivals::Poisson{kSlots * kUtilisation});
  load.count = count;
  return load;
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void run(benchmark::State& state, World::Recording recording) {
  double events = 0;
  double virtual_seconds = 0;
  for (auto _ : state) {
    World world(/*seed=*/1, recording);
    world.add_node(node());
    InvariantSet invariants(world);
    if (recording == World::Recording::kOn) world.history().add_listener(invariants);
    LoadGenerator calls(world, load(state.range(0)), 0);
    world.kernel().run(core::Instant::never(),
                       [&] { return world.active_executions() == 0 && calls.finished(); });
    events += static_cast<double>(world.kernel().events());
    virtual_seconds += std::chrono::duration<double>(world.now().since_start()).count();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  using benchmark::Counter;
  state.counters["events/s"] = Counter(events, Counter::kIsRate);
  state.counters["virtual/real"] = Counter(virtual_seconds, Counter::kIsRate);
  state.counters["peak_MB"] = peak_megabytes();
}

void invocations(benchmark::State& state) { run(state, World::Recording::kOff); }
BENCHMARK(invocations)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// The same with a history and all invariants, as `quintain run` does it.
void judged_invocations(benchmark::State& state) { run(state, World::Recording::kOn); }
BENCHMARK(judged_invocations)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quintain::sim
