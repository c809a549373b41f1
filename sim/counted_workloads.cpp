// Small fixed workloads whose instructions are counted. `counted_workloads NAME COUNT` makes COUNT
// operations of one kind, always the same ones; everything else is independent of COUNT. So the
// difference between two runs is the cost of the operations alone.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "core/base/pending_event_set.h"
#include "core/eta/estimator.h"
#include "core/testing/delays.h"
#include "sim/kernel.h"
#include "sim/testing/mm16.h"
#include "sim/world.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Duration;
using core::Instant;
using core::testing::Delays;

void nothing(void*) {}

// The hold model with 1000 pending events; every other event is withdrawn before it fires, as
// timeouts are.
void queue(std::int64_t count) {
  Delays delays;
  core::PendingEventSet events;
  for (int i = 0; i < 1000; ++i) {
    events.schedule(Instant() + delays.next(), core::Precedence::kOther, &nothing, nullptr);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto event = events.pop();
    events.schedule(event.when + delays.next(), event.precedence, event.fire, event.self);
    events.withdraw(
        events.schedule(event.when + delays.next(), core::Precedence::kTimeout, &nothing, nullptr));
  }
}

// 1000 chains of events that each schedule a successor.
void kernel(std::int64_t count) {
  struct Chain {
    Delays delays;
    Kernel kernel;
    void schedule_next() {
      kernel.schedule(
          kernel.now() + delays.next(), core::Precedence::kOther,
          [](void* self) { static_cast<Chain*>(self)->schedule_next(); }, this);
    }
  } chain;
  for (int i = 0; i < 1000; ++i) chain.schedule_next();
  chain.kernel.run(Instant::never(),
                   [&] { return chain.kernel.events() >= static_cast<std::uint64_t>(count); });
}

// Executions of the whole core.
void play(std::int64_t count, World::Recording recording) {
  NodeSpec node = testing::mm16_node();
  // Small, so that records are dropped in every run, not only in the longer ones.
  node.config.retention.count = 500;
  testing::play_mm16(node, count, recording);
}

void core_in_virtual_time(std::int64_t count) { play(count, World::Recording::kOff); }
void core_judged(std::int64_t count) { play(count, World::Recording::kOn); }

// Predictions for a new execution behind eight running and sixteen waiting ones, all of one
// function with a long history.
void predict(const char* name, std::int64_t count) {
  constexpr Instant kNow(24h);
  constexpr std::uint64_t kSlots = 8;
  constexpr std::uint64_t kAhead = 16;
  core::eta::EtaConfig config;
  config.estimator = name;
  const auto estimator = core::eta::make_estimator(config, 1);
  Delays delays;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Duration time = 1000 * delays.next();
    estimator->observe_end({.function = 0,
                            .ordinal = i,
                            .accepted_at = kNow + -time,
                            .deadline = Instant::never(),
                            .dispatched_at = kNow + -time,
                            .started_at = kNow + -time,
                            .ended_at = kNow,
                            .cold = false,
                            .status = spearlet::EXECUTION_STATUS_COMPLETED});
  }
  core::eta::Backlog backlog;
  for (std::uint64_t i = 0; i < kSlots; ++i) {
    const Instant since = kNow + -Duration(1ms) * static_cast<int>(10 * i + 7);
    backlog.running.push_back({.ordinal = 1000 + i,
                               .function = 0,
                               .task = 0,
                               .dispatched_at = since,
                               .started_at = since,
                               .deadline = Instant::never(),
                               .cold = false});
  }
  for (std::uint64_t i = 0; i <= kAhead; ++i) {
    backlog.waiting.push_back({.ordinal = 2000 + i,
                               .function = 0,
                               .rank = 0,
                               .deadline = kNow + 1h,
                               .share = 0,
                               .fresh = false});
  }
  backlog.shares.push_back({.task = 0, .idle = 0, .instances = 8, .limit = 1000});
  const core::eta::NodeState node = {
      .now = kNow,
      .slots = static_cast<int>(kSlots),
      .busy = static_cast<int>(kSlots),
      .queued = static_cast<std::int64_t>(kAhead),
      .backlog = [&]() -> const core::eta::Backlog& { return backlog; }};
  for (std::int64_t i = 0; i < count; ++i) {
    // A new target every time, so that no earlier prediction can be reused.
    const core::eta::Target target = {.function = 0,
                                      .ordinal = backlog.waiting.back().ordinal,
                                      .accepted_at = kNow + -Duration(i),
                                      .dispatched_at = Instant::never(),
                                      .ahead = static_cast<std::int64_t>(kAhead)};
    [[maybe_unused]] const auto forecast = estimator->predict(target, node);
  }
}

void prediction(std::int64_t count) { predict("queue-length", count); }
// Rolls forward the distributions of all running and waiting executions.
void prediction_by_state(std::int64_t count) { predict("state", count); }

constexpr std::pair<std::string_view, void (*)(std::int64_t)> kWorkloads[] = {
    {"queue", queue},
    {"kernel", kernel},
    {"core", core_in_virtual_time},
    {"core-judged", core_judged},
    {"prediction", prediction},
    {"prediction-by-state", prediction_by_state}};

int run(std::string_view name, std::string_view count_text) {
  std::int64_t count = 0;
  std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
  for (const auto& [its_name, workload] : kWorkloads) {
    if (its_name != name) continue;
    workload(count);
    return 0;
  }
  fmt::print(stderr, "counted_workloads: there is no '{}'\n", name);
  return 2;
}

}  // namespace
}  // namespace quintain::sim

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "counted_workloads NAME COUNT\n");
    return 2;
  }
  return quintain::sim::run(argv[1], argv[2]);
}
