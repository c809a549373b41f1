// The cost of the kernel: clock, digest, condition and standstill check. `fire/reference` fires the
// same events as `fire/kernel`, from the pending-event set without the kernel.
#include "sim/kernel.h"

#include <benchmark/benchmark.h>

#include <cstdint>

#include "core/base/pending_event_set.h"
#include "core/testing/delays.h"

namespace quintain::sim {
namespace {

using core::Instant;
using core::Precedence;
using core::testing::Delays;

// Events that each schedule a successor.
struct ByKernel {
  void schedule_next() {
    kernel.schedule(
        kernel.now() + delays.next(), Precedence::kOther,
        [](void* self) { static_cast<ByKernel*>(self)->schedule_next(); }, this);
  }
  void run(std::uint64_t events) {
    const std::uint64_t last = kernel.events() + events;
    kernel.run(Instant::never(), [&] { return kernel.events() >= last; });
  }

  Delays delays;
  Kernel kernel;
};

struct ByHand {
  void schedule_next() {
    pending.schedule(
        now + delays.next(), Precedence::kOther,
        [](void* self) { static_cast<ByHand*>(self)->schedule_next(); }, this);
  }
  void run(std::uint64_t events) {
    for (std::uint64_t i = 0; i < events; ++i) {
      const auto event = pending.pop();
      now = event.when;
      event.fire(event.self);
    }
  }

  Delays delays;
  core::PendingEventSet pending;
  Instant now;
};

template <class Events>
void fire(benchmark::State& state) {
  constexpr std::uint64_t kBatch = 1000;
  Events events;
  for (std::int64_t i = 0; i < state.range(0); ++i) events.schedule_next();
  for (auto _ : state) events.run(kBatch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(fire<ByKernel>)->Name("fire/kernel")->Arg(1'000)->Arg(100'000);
BENCHMARK(fire<ByHand>)->Name("fire/reference")->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace quintain::sim
