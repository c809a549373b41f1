// The cost of a prediction, and of learning from a completion: a node with 8 slots, all taken, and
// 60 functions that are well known. The argument is the number of waiting executions.
#include "core/eta/estimator.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/base/random.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;

constexpr int kSlots = 8;
constexpr FunctionIndex kFunctions = 60;
constexpr Instant kNow = Instant(24h);

Duration lognormal(RandomStream& draws, double median_seconds) {
  const double radius = std::sqrt(-2 * std::log(to_unit_interval(draws.next(1))));
  const double normal = radius * std::cos(6.283185307179586 * to_unit_interval(draws.next(1)));
  return Duration(static_cast<std::int64_t>(median_seconds * std::exp(0.8 * normal) * 1e9));
}

double median(FunctionIndex function) { return 0.1 * std::exp2(function % 6); }

Observation completion(std::uint64_t ordinal, FunctionIndex function, Duration time) {
  return {.function = function,
          .ordinal = ordinal,
          .accepted_at = kNow + -time,
          .deadline = Instant::never(),
          .dispatched_at = kNow + -time,
          .started_at = kNow + -time,
          .ended_at = kNow,
          .cold = false,
          .status = spearlet::EXECUTION_STATUS_COMPLETED};
}

std::unique_ptr<Estimator> experienced(const std::string& name) {
  EtaConfig config;
  config.estimator = name;
  auto estimator = make_estimator(config, 1);
  RandomStream draws("experience");
  for (std::uint64_t i = 0; i < 200 * kFunctions; ++i) {
    const auto function = static_cast<FunctionIndex>(i % kFunctions);
    estimator->observe_end(completion(i, function, lognormal(draws, median(function))));
  }
  return estimator;
}

Backlog backlog(std::size_t queued) {
  Backlog backlog;
  for (std::uint64_t i = 0; i < kSlots; ++i) {
    const Instant since = kNow + -Duration(1ms) * (100 * static_cast<int>(i) + 7);
    backlog.running.push_back({.ordinal = i,
                               .function = static_cast<FunctionIndex>(7 * i % kFunctions),
                               .task = 7 * i % kFunctions,
                               .dispatched_at = since,
                               .started_at = since,
                               .deadline = Instant::never(),
                               .cold = false});
  }
  for (std::uint64_t i = 0; i <= queued; ++i) {
    const auto function = static_cast<FunctionIndex>(13 * i % kFunctions);
    if (backlog.waiting.size() < Backlog::kMaxWaiting) {
      backlog.waiting.push_back({.ordinal = 100 + i,
                                 .function = function,
                                 .rank = 0,
                                 .deadline = kNow + 1h,
                                 .share = static_cast<std::uint32_t>(backlog.shares.size()),
                                 .fresh = false});
      // Every fourth has to make an instance.
      backlog.shares.push_back(
          {.task = function, .idle = i % 4 == 0 ? 0 : 1, .instances = 1, .limit = 1000});
    } else {
      ++backlog.hidden_count;
    }
  }
  return backlog;
}

void predict(benchmark::State& state, const std::string& name) {
  const auto estimator = experienced(name);
  const auto queued = static_cast<std::size_t>(state.range(0));
  const Backlog known = backlog(queued);
  const WaitingExecution& last = known.waiting.back();
  const NodeState node = {.now = kNow,
                          .slots = kSlots,
                          .busy = kSlots,
                          .queued = state.range(0),
                          .backlog = [&]() -> const Backlog& { return known; }};
  // Accepted a moment ago, so that nothing is remembered of it.
  const Target target = {.function = last.function,
                         .ordinal = last.ordinal,
                         .accepted_at = kNow + -1ns,
                         .dispatched_at = Instant::never(),
                         .ahead = state.range(0)};
  for (auto _ : state) benchmark::DoNotOptimize(estimator->predict(target, node));
  state.counters["bytes/function"] =
      static_cast<double>(estimator->bytes()) / static_cast<double>(kFunctions);
}

void learn(benchmark::State& state, const std::string& name) {
  const auto estimator = experienced(name);
  RandomStream draws("news");
  std::uint64_t ordinal = 1'000'000;
  for (auto _ : state) {
    const auto function = static_cast<FunctionIndex>(ordinal % kFunctions);
    estimator->observe_end(completion(++ordinal, function, lognormal(draws, median(function))));
  }
}

const int kRegistered = [] {
  for (const std::string_view name : estimator_names()) {
    const std::string text(name);
    benchmark::RegisterBenchmark(("predict/" + text).c_str(), predict, text)
        ->Arg(0)
        ->Arg(4)
        ->Arg(16)
        ->Arg(64)
        ->Arg(1000);
    benchmark::RegisterBenchmark(("learn/" + text).c_str(), learn, text);
  }
  return 0;
}();

}  // namespace
}  // namespace quintain::core::eta
