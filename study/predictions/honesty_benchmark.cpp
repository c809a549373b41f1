// How often the judge of recorded predictions flags honest forecasters (at most 5 %), and how many
// rows it takes to flag dishonest ones. These are counts and no times; they are the same on every
// machine. honesty_test.cpp plays a short version.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "study/testing/recorded_files.h"

namespace quintain::study {
namespace {

constexpr int kHonestFiles = 1000;
constexpr int kDishonestFiles = 100;
constexpr std::array kOrigins = {"sequential", "parallel", "queue"};

/// Arguments: origin, levels, rows.
void false_alarms(benchmark::State& state) {
  const auto origin = static_cast<Origin>(state.range(0));
  state.SetLabel(kOrigins[static_cast<std::size_t>(state.range(0))]);
  for (auto _ : state) {
    state.counters["false_alarms_percent"] =
        100 * flagged_share(origin, Fault::kNone, static_cast<int>(state.range(2)),
                            levels_of_file(static_cast<int>(state.range(1))), kHonestFiles);
  }
}
BENCHMARK(false_alarms)
    ->ArgsProduct({{0, 1, 2}, {1, 5, 19}, {10, 30, 100, 300, 1000, 3000}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

/// Arguments: origin, levels, fault. The smallest number of rows, from a ladder, with which at
/// least 80 % of the files are flagged; 0: none of them.
void rows_to_flag(benchmark::State& state) {
  constexpr std::array kFaults = {"honest", "bias 1.1", "bias 1.25", "half width", "peeking"};
  constexpr std::array kLadder = {20,  30,   50,   70,   100,  150,  200,  300,    500,
                                  700, 1000, 1500, 2000, 3000, 5000, 7000, 10'000, 20'000};
  const auto origin = static_cast<Origin>(state.range(0));
  const auto fault = static_cast<Fault>(state.range(2));
  state.SetLabel(std::string(kOrigins[static_cast<std::size_t>(state.range(0))]) + ", " +
                 kFaults[static_cast<std::size_t>(state.range(2))]);
  const auto levels = levels_of_file(static_cast<int>(state.range(1)));
  for (auto _ : state) {
    state.counters["rows"] = 0;
    for (const int rows : kLadder) {
      if (flagged_share(origin, fault, rows, levels, kDishonestFiles) < 0.8) continue;
      state.counters["rows"] = rows;
      break;
    }
  }
}
BENCHMARK(rows_to_flag)
    ->ArgsProduct({{0, 1, 2}, {5, 19}, {1, 2, 3, 4}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quintain::study
