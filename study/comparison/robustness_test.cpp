// A search for workloads on which the default estimator is much worse than the best baseline.
//
// The search is short, so that it guards what has been reached. Longer ones find more: see
// docs/eta.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "core/base/random.h"
#include "study/comparison/cell.h"
#include "study/testing/small_study.h"

namespace quintain::study {
namespace {

constexpr std::array<std::string_view, 4> kBaselines = {"les", "queue-length", "queued-work",
                                                        "window-quantile"};
constexpr double kBound = 1.5;

/// A point of the search: each coordinate is in [0, 1).
using Point = std::array<double, 10>;

double between(double low, double high, double at) { return low * std::pow(high / low, at); }

std::string text_of(const Point& at) {
  const double slots = std::floor(between(1, 17, at[0]));
  const double quiet = std::floor(between(2, 40, at[3]));
  const double burst = between(1, 60, at[4]);
  const double stop = std::floor(between(50, 400, at[7]));
  return fmt::format(R"({{
    "about": "searched", "replications": 2,
    "node": {{
      "slots": {}, "queue_limit": 1000000, "timeout": {{"async_default": "2400h"}},
      "slowdowns": [{{"from": "{}s", "until": "{}s", "factor": {}}}]
    }},
    "population": {{
      "functions": {}, "zipf": {},
      "service": {{"lognormal": {{
        "median": {{"lognormal": {{"mu": -2, "sigma": {}}}}}, "sigma": [0.1, {}]
      }}}}
    }},
    "arrivals": 2500, "warm_up": 300,
    "workloads": [{{
      "name": "searched", "about": "searched",
      "traffic": {{
        "arrivals": {{"mmpp": [
          {{"rate": 4, "mean_sojourn": "{}s"}}, {{"rate": {}, "mean_sojourn": "5s"}}
        ]}},
        "load": {}
      }}
    }}]
  }})",
                     slots, stop, stop + 40, between(1, 64, at[8]),
                     std::floor(between(1, 300, at[1])), at[2], 3.5 * at[5], 0.2 + 1.8 * at[6],
                     quiet, 4 * burst, between(0.2, 1.1, at[9]));
}

/// The loss of the default estimator divided by that of the best baseline.
double ratio_at(const Point& at) {
  const Study study = study_of(text_of(at));
  if (study.workloads.empty()) return 0;
  CellOptions options;
  const std::string by_default = core::eta::EtaConfig().estimator;
  for (const std::string_view baseline : kBaselines) options.estimators.emplace_back(baseline);
  options.estimators.push_back(by_default);
  const auto cell = run_cell(study.workloads.front(), 1, options);
  if (!cell.ok()) {
    ADD_FAILURE() << cell.status();
    return 0;
  }
  double best = 0;
  double own = 0;
  for (const SeriesScores& scores : cell->estimators) {
    const double loss = scores.terminal.pinball;
    if (scores.estimator == by_default) own = loss;
    if (std::ranges::find(kBaselines, scores.estimator) == kBaselines.end()) continue;
    best = best == 0 ? loss : std::min(best, loss);
  }
  return own / best;
}

// Random points, then steps from the worst one: an evolution strategy with one parent
// (I. Rechenberg, Evolutionsstrategie, 1973).
TEST(Robustness, NoWorkloadIsFoundWhereABaselineIsMuchBetter) {
  core::RandomStream draws("robustness");
  const auto uniform = [&] { return core::to_unit_interval(draws.next(1)); };
  Point worst{};
  double worst_ratio = 0;
  constexpr int kPoints = 24;
  constexpr int kRandom = 16;
  for (int i = 0; i < kPoints; ++i) {
    Point at;
    for (std::size_t k = 0; k < at.size(); ++k) {
      at[k] = i < kRandom ? uniform() : std::clamp(worst[k] + 0.3 * (uniform() - 0.5), 0.0, 0.999);
    }
    const double ratio = ratio_at(at);
    if (ratio <= worst_ratio) continue;
    worst_ratio = ratio;
    worst = at;
  }
  EXPECT_GT(worst_ratio, 0.5) << "the search does not find anything hard";
  EXPECT_LT(worst_ratio, kBound) << text_of(worst);
}

}  // namespace
}  // namespace quintain::study
