// A search for workloads on which the default estimator is much worse than the best baseline.
//
// The search is short, so that it guards what has been reached. Longer ones find more: see
// docs/eta.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

struct Searched {
  double slots;
  double functions;
  double zipf;
  double quiet;
  double burst;
  double between;
  double sigma;
  double stop;
  double factor;
  double load;
};

Searched workload_at(const Point& at) {
  return {.slots = std::floor(between(1, 17, at[0])),
          .functions = std::floor(between(1, 300, at[1])),
          .zipf = at[2],
          .quiet = std::floor(between(2, 40, at[3])),
          .burst = between(1, 60, at[4]),
          .between = 3.5 * at[5],
          .sigma = 0.2 + 1.8 * at[6],
          .stop = std::floor(between(50, 400, at[7])),
          .factor = between(1, 64, at[8]),
          .load = between(0.2, 1.1, at[9])};
}

std::string text_of(const Point& at) {
  const Searched w = workload_at(at);
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
                     w.slots, w.stop, w.stop + 40, w.factor, w.functions, w.zipf, w.between,
                     w.sigma, w.quiet, 4 * w.burst, w.load);
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

/// The worst points as a Markdown table.
std::string table_of(std::vector<std::pair<double, Point>> points) {
  std::ranges::sort(points, std::greater<>(), [](const auto& found) { return found.first; });
  points.resize(std::min<std::size_t>(points.size(), 10));
  std::string text =
      "| ratio | slots | functions, zipf | medians' and largest sigma | load | quiet, burst | "
      "slower from | by |\n|---|---|---|---|---|---|---|---|\n";
  for (const auto& [ratio, at] : points) {
    const Searched w = workload_at(at);
    text += fmt::format(
        "| {:.2f} | {} | {}, {:.1f} | {:.1f}, {:.1f} | {:.2f} | {} s, {:.0f} times | {} s | {:.1f} "
        "|\n",
        ratio, w.slots, w.functions, w.zipf, w.between, w.sigma, w.load, w.quiet, w.burst, w.stop,
        w.factor);
  }
  return text;
}

// Random points, then steps from the worst one: an evolution strategy with one parent
// (I. Rechenberg, Evolutionsstrategie, 1973). QUINTAIN_SEARCH=POINTS searches longer and prints the
// worst ten points (docs/eta.md).
TEST(Robustness, NoWorkloadIsFoundWhereABaselineIsMuchBetter) {
  core::RandomStream draws("robustness");
  const auto uniform = [&] { return core::to_unit_interval(draws.next(1)); };
  const char* longer = std::getenv("QUINTAIN_SEARCH");
  const int points = longer != nullptr ? std::atoi(longer) : 24;
  const int random = points * 2 / 3;
  std::vector<std::pair<double, Point>> found;
  Point worst{};
  double worst_ratio = 0;
  for (int i = 0; i < points; ++i) {
    Point at;
    for (std::size_t k = 0; k < at.size(); ++k) {
      at[k] = i < random ? uniform() : std::clamp(worst[k] + 0.3 * (uniform() - 0.5), 0.0, 0.999);
    }
    const double ratio = ratio_at(at);
    found.emplace_back(ratio, at);
    if (ratio <= worst_ratio) continue;
    worst_ratio = ratio;
    worst = at;
  }
  if (longer != nullptr) fmt::print("{}", table_of(found));
  EXPECT_GT(worst_ratio, 0.5) << "the search does not find anything hard";
  EXPECT_LT(worst_ratio, kBound) << text_of(worst);
}

}  // namespace
}  // namespace quintain::study
