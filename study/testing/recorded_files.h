// Recorded predictions of forecasters whose honesty is known, to measure how often they are
// flagged.
#pragma once

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "study/predictions/honesty.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study {

/// Where the executions come from.
enum class Origin {
  kSequential,  ///< one after the other
  kParallel,    ///< independent of each other, about five at the same time
  kQueue,       ///< FIFO with one server and load 0.9, so that executions of one jam are alike
};

/// What is wrong with the forecasts.
enum class Fault { kNone, kBias110, kBias125, kHalfWidth, kPeeking };

/// The levels of a file: 50 %, five levels, or the 19 levels 5 to 95 %.
inline std::vector<double> levels_of_file(int count) {
  if (count == 1) return {0.5};
  if (count == 5) return {0.05, 0.25, 0.5, 0.75, 0.95};
  std::vector<double> levels;
  for (int i = 1; i < 20; ++i) levels.push_back(0.05 * i);
  return levels;
}

/// Whether the `number`-th file of this kind is flagged: of an honest forecaster that is a false
/// alarm. The forecaster knows the distribution of each execution given everything that had
/// happened when it was accepted.
inline bool is_flagged(Origin origin, Fault fault, int rows, const std::vector<double>& levels,
                       std::uint64_t number) {
  core::RandomStream draws("recorded-file", number + 1);
  const auto uniform = [&] { return core::to_unit_interval(draws.next(1)); };
  std::vector<PredictedExecution> executions;
  std::vector<double> accepted;
  Forecasts forecasts;
  double now = 0;
  std::vector<double> queue_ends;  // of the queue's executions that have not ended
  for (int i = 0; i < rows; ++i) {
    double time = 0;
    std::vector<double> quantiles;
    if (origin == Origin::kQueue) {
      now -= std::log(uniform()) / 0.9;
      std::erase_if(queue_ends, [&](double end) { return end <= now; });
      // Services are exponential, so the remaining time is the sum of as many of them as there
      // are executions, whatever has happened.
      const double start = queue_ends.empty() ? now : queue_ends.back();
      const auto ahead = static_cast<double>(queue_ends.size());
      queue_ends.push_back(start - std::log(uniform()));
      time = queue_ends.back() - now;
      for (const double level : levels) {
        quantiles.push_back(boost::math::gamma_p_inv(ahead + 1, level));
      }
    } else {
      const double median = std::exp(statistics::normal_quantile(uniform()));
      time = median * std::exp(0.8 * statistics::normal_quantile(uniform()));
      for (const double level : levels) {
        quantiles.push_back(median * std::exp(0.8 * statistics::normal_quantile(level)));
      }
    }
    const double middle = quantiles[quantiles.size() / 2];
    for (double& quantile : quantiles) {
      if (fault == Fault::kBias110) quantile *= 1.1;
      if (fault == Fault::kBias125) quantile *= 1.25;
      if (fault == Fault::kHalfWidth) quantile = middle + (quantile - middle) / 2;
      if (fault == Fault::kPeeking) quantile = (quantile + time) / 2;
    }
    executions.push_back({.arrival = i, .elapsed = time});
    accepted.push_back(now);
    forecasts.quantiles.insert(forecasts.quantiles.end(), quantiles.begin(), quantiles.end());
    if (origin == Origin::kSequential) now += time;
    if (origin == Origin::kParallel) now -= 0.45 * std::log(uniform());
  }
  const RecordedSeries series{executions, accepted, levels};
  const auto flags = honesty_flags(series, dependence_of(series), forecasts, 1);
  return !std::ranges::all_of(flags, &Flag::holds);
}

/// The share of `files` files that is flagged.
inline double flagged_share(Origin origin, Fault fault, int rows, const std::vector<double>& levels,
                            int files) {
  int flagged = 0;
  for (int i = 0; i < files; ++i) {
    flagged += is_flagged(origin, fault, rows, levels, static_cast<std::uint64_t>(i));
  }
  return static_cast<double>(flagged) / files;
}

}  // namespace quintain::study
