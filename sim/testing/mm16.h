// The benchmark load of the core: an M/M/16 queue at load 0.9, asynchronous calls with a timeout.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "sim/invariants/invariant.h"
#include "sim/load.h"
#include "sim/world.h"

namespace quintain::sim::testing {

inline constexpr int kSlots = 16;
inline constexpr double kUtilisation = 0.9;

/// Uses a cheap estimator, so that the rest of the core is measured.
inline NodeSpec mm16_node() {
  NodeSpec spec;
  spec.config.slots = kSlots;
  spec.config.eta.estimator = "queue-length";
  FunctionModel work;
  work.task = "work";
  work.service = distribution::Exponential{std::chrono::seconds(1)};
  spec.functions.push_back(std::move(work));
  return spec;
}

inline Load mm16_calls(std::int64_t count) {
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

/// The result of a run.
struct Played {
  std::uint64_t events;
  core::Instant end;
};

/// Runs until the last execution has ended. With recording, all invariants are checked, as
/// `quintain run` does.
inline Played play_mm16(const NodeSpec& node, std::int64_t count, World::Recording recording) {
  World world(/*seed=*/1, recording);
  world.add_node(node);
  InvariantSet invariants(world);
  if (recording == World::Recording::kOn) world.history().add_listener(invariants);
  LoadGenerator calls(world, mm16_calls(count), 0);
  world.kernel().run(core::Instant::never(),
                     [&] { return world.active_executions() == 0 && calls.finished(); });
  return {.events = world.kernel().events(), .end = world.now()};
}

}  // namespace quintain::sim::testing
