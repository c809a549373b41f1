// In a world that has run for a while, an execution allocates no memory.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "sim/load.h"
#include "sim/world.h"

namespace {
std::int64_t allocations = 0;

void* allocate(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
}  // namespace

// Counts all allocations of this program, including those in the protobuf library.
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kSlots = 16;
constexpr std::int64_t kExecutions = 50'000;

// Returns the allocations of kExecutions executions, after as many for warm-up, without recording.
std::int64_t allocations_of(FunctionModel work, spearlet::ExecutionMode mode,
                            std::int64_t timeout_ms = 600'000) {
  World world(/*seed=*/1, World::Recording::kOff);
  NodeSpec spec;
  spec.config.slots = kSlots;
  spec.config.eta.estimator = "queue-length";
  spec.config.retention.count = 1000;
  work.task = "work";
  spec.functions.push_back(std::move(work));
  world.add_node(spec);
  Load load;
  load.request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  load.request.set_task_id("work");
  load.request.set_function_name("work");
  load.request.set_execution_mode(mode);
  load.request.mutable_context()->set_timeout_ms(timeout_ms);
  if (mode == spearlet::EXECUTION_MODE_ASYNC) {
    load.arrivals = ArrivalSpec(arrivals::Poisson{0.8 * kSlots});
  } else {
    load.arrivals = ClosedLoop{.clients = 2 * kSlots, .think = distribution::Exponential{1s}};
  }
  load.count = 2 * kExecutions;
  LoadGenerator calls(world, load, 0);
  const core::Counters& counters = world.node(0).node().counters();
  world.kernel().run(core::Instant::never(), [&] { return counters.accepted == kExecutions; });
  const std::int64_t before = allocations;
  world.kernel().run(core::Instant::never(), [&] { return counters.accepted == 2 * kExecutions; });
  return allocations - before;
}

FunctionModel exponential() {
  FunctionModel work;
  work.service = distribution::Exponential{1s};
  return work;
}

// Not 0, because a queue that is longer than ever before allocates memory.
constexpr std::int64_t kMaxForNewPeaks = kExecutions / 1000;

TEST(Allocations, NoneForAnAsynchronousExecution) {
  EXPECT_LT(allocations_of(exponential(), spearlet::EXECUTION_MODE_ASYNC), kMaxForNewPeaks);
}

TEST(Allocations, NoneForASynchronousExecution) {
  EXPECT_LT(allocations_of(exponential(), spearlet::EXECUTION_MODE_SYNC), kMaxForNewPeaks);
}

TEST(Allocations, NoneForALongResult) {
  FunctionModel work = exponential();
  work.result = std::string(100, 'x');
  EXPECT_LT(allocations_of(work, spearlet::EXECUTION_MODE_SYNC), kMaxForNewPeaks);
}

TEST(Allocations, NoneForAFailure) {
  FunctionModel work = exponential();
  work.failure_probability = 1;
  EXPECT_LT(allocations_of(work, spearlet::EXECUTION_MODE_SYNC), kMaxForNewPeaks);
}

// The error text is allocated, and a killed instance frees its memory.
TEST(Allocations, AFewForATimeout) {
  FunctionModel work = exponential();
  work.service = distribution::Constant{10s};
  const std::int64_t all = allocations_of(work, spearlet::EXECUTION_MODE_SYNC, /*timeout_ms=*/500);
  EXPECT_GT(all, kExecutions);
  EXPECT_LT(all, 12 * kExecutions);
}

}  // namespace
}  // namespace quintain::sim
